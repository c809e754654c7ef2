/** A rate limit per subject: so many per second, with bursts of up to a second's worth. */
import type { Clock } from "../ports.ts";
import { Refused } from "./refusals.ts";
import type { Principal } from "./session.ts";

const mostSubjects = 100_000;

export class RateLimit {
  readonly #clock: Clock;
  readonly #interval: number;
  /** When each subject's allowance would be full again (generic cell rate algorithm). */
  readonly #fullAt = new Map<string, number>();

  /** `perSecond` 0 means no limit. */
  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock;
    this.#interval = perSecond > 0 ? 1000 / perSecond : 0;
  }

  /** Counts `count` of `subject`, or refuses with the seconds after which it is welcome again. */
  take(subject: string, what: string, count = 1): void {
    if (this.#interval === 0) return;
    const now = this.#clock.now();
    const from = Math.max(now, this.#fullAt.get(subject) ?? 0);
    // More at once than the whole allowance is let through when nothing else was taken: it could never come otherwise.
    const wait = Math.min(from - now + count * this.#interval - 1000, from - now);
    if (wait > 0) {
      throw new Refused("tooManyRequests", `Cannot take more ${what} now: over the rate limit`, Math.ceil(wait / 1000));
    }
    if (this.#fullAt.size >= mostSubjects) this.#forget(now);
    this.#fullAt.set(subject, from + count * this.#interval);
  }

  #forget(now: number): void {
    for (const [subject, fullAt] of this.#fullAt) if (fullAt <= now) this.#fullAt.delete(subject);
    if (this.#fullAt.size >= mostSubjects) this.#fullAt.clear();
  }
}

/** How fast may be published: by all who use one key, and from one address without a key. */
export class PublishRate {
  readonly #byKey: RateLimit;
  readonly #byAddress: RateLimit;

  /** Both per second; 0 means no limit. */
  constructor(clock: Clock, { key, address }: { readonly key: number; readonly address: number }) {
    this.#byKey = new RateLimit(clock, key);
    this.#byAddress = new RateLimit(clock, address);
  }

  take(principal: Principal, address: string): void {
    if (principal.id === "anonymous") this.#byAddress.take(address, "publications");
    else this.#byKey.take(principal.id, "publications");
  }
}
