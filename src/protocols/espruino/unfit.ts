/**
 * Publications that boards cannot take: nothing is cut, so they are left out, and it is said where somebody can see it. Those
 * that are large for a board are sent, and advised against once.
 */
import type { Hub } from "../../core/hub.ts";
import { Refused } from "../../core/refusals.ts";
import type { Publication } from "../../ports.ts";
import { bareText, type RoomForm, type SizeWatch } from "./form.ts";

/** A channel is not complained of again for so many ms. */
const quiet = 60_000;
const mostComplaints = 1000;

export class Unfit implements SizeWatch {
  readonly #hub: Hub;
  /** When each channel was complained of. */
  readonly #complaints = new Map<string, number>();
  #advised = false;

  constructor(hub: Hub) {
    this.#hub = hub;
  }

  /** A value of a map, or of a `latest` channel, is replaced by the next one that fits. */
  cannotTake(form: RoomForm, { channel, data, key }: Publication): void {
    if (key !== undefined || this.#hub.policyOf(channel) === "latest") return;
    const bytes = Buffer.byteLength(bareText(data));
    const refused = new Refused("limitExceeded", `Cannot send ${bytes} bytes of ${channel} to boards of ${form.id}`);
    let missed = 0;
    for (const session of this.#hub.sessions) {
      if (session.form !== form || this.#hub.subscriptionTo(channel, session) === undefined) continue;
      session.note(refused);
      missed++;
    }
    if (missed > 0 && this.#isNews(channel)) this.#hub.log.warn({ channel, bytes, boards: missed }, refused.message);
  }

  hardlyTakes(_: RoomForm, { channel, data }: Publication): void {
    if (this.#advised) return;
    this.#advised = true;
    const bytes = Buffer.byteLength(bareText(data));
    const advice = "keep what boards hear to 1,024 bytes, for which they have the memory (this is said once)";
    this.#hub.log.warn({ channel, bytes }, `A message of ${bytes} bytes went to boards on ${channel}: ${advice}`);
  }

  #isNews(channel: string): boolean {
    const { now } = this.#hub;
    const last = this.#complaints.get(channel);
    if (last !== undefined && now - last < quiet) return false;
    if (this.#complaints.size >= mostComplaints) this.#complaints.clear();
    this.#complaints.set(channel, now);
    return true;
  }
}
