/** One-time tickets: what stands in a URL where a key must not. */
import type { Chance, Clock } from "../ports.ts";
import { Refused } from "./refusals.ts";
import type { Principal } from "./session.ts";

export const ticketLifetime = 30_000;
const most = 100_000;

export class Tickets {
  readonly #clock: Clock;
  readonly #chance: Chance;
  /** Oldest first. */
  readonly #open = new Map<string, { readonly principal: Principal; readonly until: number }>();

  constructor(clock: Clock, chance: Chance) {
    this.#clock = clock;
    this.#chance = chance;
  }

  /** A ticket that stands for the principal, once, for 30 s. */
  issue(principal: Principal): string {
    const now = this.#clock.now();
    for (const [ticket, { until }] of this.#open) {
      if (until > now && this.#open.size < most) break;
      this.#open.delete(ticket);
    }
    const ticket = `hwt_${this.#chance.text(secretLength)}`;
    this.#open.set(ticket, { principal, until: now + ticketLifetime });
    return ticket;
  }

  redeem(ticket: string): Principal {
    const found = this.#open.get(ticket);
    this.#open.delete(ticket);
    const now = this.#clock.now();
    if (found === undefined || found.until <= now) {
      throw new Refused("unauthorized", "Cannot use the ticket: it is unknown, used or older than 30 s");
    }
    const { principal } = found;
    if (principal.expires !== undefined && principal.expires <= now) {
      throw new Refused("expired", `Cannot use the ticket: key ${principal.id} has expired`);
    }
    return principal;
  }

  /** Tickets of a key that is no more go with it. */
  revoke(keyId: string): void {
    for (const [ticket, { principal }] of this.#open) if (principal.id === keyId) this.#open.delete(ticket);
  }
}

const secretLength = 28;
