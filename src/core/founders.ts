/** How many channels that hold something a key may bring into being. */
import type { Clock } from "../ports.ts";
import type { Rights } from "./access.ts";
import { Refused } from "./refusals.ts";

/** What one key has founded, as far as it is known to hold something. */
interface Founded {
  readonly channels: Set<string>;
  lookedAt: number;
  /** With so many it is looked at which still hold something: so it grows with those, and not with all that ever were. */
  dueAt: number;
}

/** Who is over the limit is looked at that often at most: each look asks for every channel. In ms. */
const lookInterval = 10_000;
const leastDue = 1000;

export class Founders {
  readonly #clock: Clock;
  readonly #holds: (channel: string) => boolean;
  /** All sessions of a key share their rights. */
  readonly #founded = new WeakMap<Rights, Founded>();

  readonly #limit: () => number;

  /** `holds`: whether there is something in a channel; `limit`: how many of them one key may have founded, 0 for any. */
  constructor(clock: Clock, holds: (channel: string) => boolean, limit: () => number) {
    this.#clock = clock;
    this.#holds = holds;
    this.#limit = limit;
  }

  /** Somebody publishes. Refused where that would be one channel too many; those that hold nothing do not count. */
  publish(channel: string, by: Rights): void {
    const limit = this.#limit();
    if (limit === 0 || this.#holds(channel)) return;
    let founded = this.#founded.get(by);
    if (founded === undefined) {
      founded = { channels: new Set(), lookedAt: Number.NEGATIVE_INFINITY, dueAt: leastDue };
      this.#founded.set(by, founded);
    }
    const { channels } = founded;
    if (channels.size >= Math.min(limit, founded.dueAt) && !channels.has(channel)) {
      this.#look(founded);
      if (channels.size >= limit) {
        throw new Refused("limitExceeded", `Cannot publish on ${channel}: the key began ${limit} channels already`);
      }
    }
    channels.add(channel);
  }

  #look(founded: Founded): void {
    const now = this.#clock.now();
    if (now - founded.lookedAt < lookInterval) return;
    founded.lookedAt = now;
    for (const channel of founded.channels) if (!this.#holds(channel)) founded.channels.delete(channel);
    founded.dueAt = 2 * founded.channels.size + leastDue;
  }
}
