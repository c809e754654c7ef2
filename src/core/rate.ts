/** A rate limit per subject: so many per second, with bursts of up to a second's worth. */
import type { Clock } from "../ports.ts";
import { type Figure, readerOf } from "./figure.ts";
import { Refused } from "./refusals.ts";
import type { Principal } from "./session.ts";

const mostSubjects = 100_000;

export class RateLimit {
  readonly #clock: Clock;
  readonly #perSecond: () => number;
  /** When each subject's allowance would be full again (generic cell rate algorithm). */
  readonly #fullAt = new Map<string, number>();

  /** `perSecond` 0 means no limit. */
  constructor(clock: Clock, perSecond: Figure) {
    this.#clock = clock;
    this.#perSecond = readerOf(perSecond);
  }

  /** Whether there is a limit now. */
  get holds(): boolean {
    return this.#perSecond() > 0;
  }

  /** ms. */
  get #interval(): number {
    return 1000 / this.#perSecond();
  }

  /** Counts `count` of `subject`, or refuses with the seconds after which it is welcome again. */
  take(subject: string, what: string, count = 1): void {
    if (!this.holds) return;
    const now = this.#clock.now();
    const from = this.#require(subject, what, count, now);
    if (this.#fullAt.size >= mostSubjects) this.#forget(now);
    this.#fullAt.set(subject, from + count * this.#interval);
  }

  /** Refuses like `take`, and counts nothing. */
  require(subject: string, what: string): void {
    if (this.holds) this.#require(subject, what, 1, this.#clock.now());
  }

  #require(subject: string, what: string, count: number, now: number): number {
    const from = Math.max(now, this.#fullAt.get(subject) ?? 0);
    // More at once than the whole allowance is let through when nothing else was taken: it could never come otherwise.
    const wait = Math.min(from - now + count * this.#interval - 1000, from - now);
    if (wait > 0) {
      throw new Refused("tooManyRequests", `Cannot take more ${what} now: over the rate limit`, Math.ceil(wait / 1000));
    }
    return from;
  }

  #forget(now: number): void {
    for (const [subject, fullAt] of this.#fullAt) if (fullAt <= now) this.#fullAt.delete(subject);
    if (this.#fullAt.size >= mostSubjects) this.#fullAt.clear();
  }
}

/** Per second, of all who use one key, and from one address without a key; 0 means no limit. */
interface BySubject {
  readonly key: number;
  readonly address: number;
}

const unlimited: BySubject = { key: 0, address: 0 };

/** How fast may be published: so many publications, and so many bytes of them. */
export class PublishRate {
  readonly #byKey: RateLimit;
  readonly #byAddress: RateLimit;
  readonly #bytesByKey: RateLimit;
  readonly #bytesByAddress: RateLimit;

  constructor(clock: Clock, publications: BySubject, bytes = unlimited) {
    this.#byKey = new RateLimit(clock, () => publications.key);
    this.#byAddress = new RateLimit(clock, () => publications.address);
    this.#bytesByKey = new RateLimit(clock, () => bytes.key);
    this.#bytesByAddress = new RateLimit(clock, () => bytes.address);
  }

  /** `text`: what is published. */
  take({ id }: Principal, address: string, text: string): void {
    const stranger = id === "anonymous";
    const subject = stranger ? address : id;
    (stranger ? this.#byAddress : this.#byKey).take(subject, "publications");
    const bytes = stranger ? this.#bytesByAddress : this.#bytesByKey;
    if (bytes.holds) bytes.take(subject, "bytes", Buffer.byteLength(text));
  }
}

/** How many connections are taken; who comes above it is told when to come back, so that a storm is spread out. */
export class AcceptRate {
  readonly #limit: RateLimit;
  readonly #perSecond: () => number;
  /** Refused, less those that were taken since. */
  #refused = 0;

  /** `perSecond` 0 means no limit. */
  constructor(clock: Clock, perSecond: Figure) {
    this.#limit = new RateLimit(clock, perSecond);
    this.#perSecond = readerOf(perSecond);
  }

  take(): void {
    try {
      this.#limit.take("", "connections");
      this.#refused = Math.max(0, this.#refused - 1);
    } catch {
      // Each second has room for so many of those who were refused.
      const after = 1 + Math.floor(this.#refused++ / this.#perSecond());
      throw new Refused("connectionRate", "Cannot take more connections now: too many come at once", after);
    }
  }
}
