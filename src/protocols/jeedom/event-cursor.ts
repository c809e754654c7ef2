/**
 * Where we are in Jeedom's events. Pure.
 *
 * The time that an answer tells is the newest event's until 4.4.9 and the present since then, in which case events that
 * were written meanwhile are lost to who goes on from it. An event at the cursor itself is given again, or not. And an
 * event is dated before it is written, so that a newer one may be read first. Hence: the cursor is the newest event's own
 * time, a little more for a long poll (or it would be answered at once by the event at the cursor), and a little less for
 * a look back, as long as something may still turn up there. What was seen is remembered, so nothing comes twice.
 */
import { createHash } from "node:crypto";
import type { JeedomEvent } from "./upstream.ts";

export interface Question {
  /** In seconds. */
  readonly datetime: number;
  /** How long the answer may be waited for, in seconds; 0: it is to come at once. */
  readonly longPolling: number;
}

export interface Taken {
  /** What had not been seen, in order. */
  readonly fresh: readonly JeedomEvent[];
  /** Something in it is about as new as all before, or newer: Jeedom's clock goes on. */
  readonly goesOn: boolean;
  /** Jeedom keeps 250 events: there may have been more. */
  readonly mayLack: boolean;
}

/** How far an event may be written behind its date, in seconds. */
const overlap = 2;
/** Less than two events can be apart, and more than what a number of this size is rounded by. */
const hair = 1e-6;
/** While events come, it is looked back so often, and once more when so long nothing came, in ms. */
const settling = 1000;
/** How long a poll waits while a look back is due soon, and otherwise, in seconds. */
const shortPoll = 1;
const longPoll = 15;
/** As many events as Jeedom keeps, but for one that it may count otherwise. */
const full = 249;
/** More than Jeedom keeps several times over. */
const remembered = 2000;
/** Longer texts are remembered by their digest. */
const longText = 256;

export class EventCursor {
  /** The newest event's time, or when it began. */
  #newest: number | undefined;
  readonly #seen = new Set<string>();
  /** Of our own clock: when something new came last, and when it was looked back last. */
  #stirred: number | undefined;
  #looked = 0;

  /** From now on; later on it goes on where it was. The answer is whether it is the first time. */
  begin(jeedomNow: number, now: number): boolean {
    this.#stirred = now;
    if (this.#newest !== undefined) return false;
    this.#newest = jeedomNow;
    return true;
  }

  /** What is there already: known, and not to be told. */
  passOver(events: readonly JeedomEvent[]): void {
    const newest = this.#newest ?? 0;
    for (const event of events) if (event.datetime < newest) this.#remember(event);
  }

  /** All that is there, from a little before the cursor. */
  lookBack(now: number): Question {
    this.#looked = now;
    if (this.#stirred !== undefined && now - this.#stirred >= settling) this.#stirred = undefined;
    return { datetime: (this.#newest ?? 0) - overlap, longPolling: 0 };
  }

  next(now: number): Question {
    const stirred = this.#stirred !== undefined;
    if (stirred && now - this.#looked >= settling) return this.lookBack(now);
    return { datetime: (this.#newest ?? 0) + hair, longPolling: stirred ? shortPoll : longPoll };
  }

  take(events: readonly JeedomEvent[], now: number): Taken {
    const before = this.#newest ?? 0;
    const fresh = events.filter((event) => this.#remember(event));
    const goesOn = fresh.some(({ datetime }) => datetime > before - overlap);
    for (const { datetime } of fresh) this.#newest = Math.max(this.#newest ?? 0, datetime);
    if (fresh.length > 0) this.#stirred = now;
    return { fresh, goesOn, mayLack: events.length >= full && fresh.length === events.length };
  }

  /** Jeedom's clock was put back: nothing would be newer than the cursor for long. */
  isAheadOf(jeedomNow: number): boolean {
    return (this.#newest ?? 0) > jeedomNow + settling / 1000;
  }

  /** Goes on by another clock, from so many seconds ago. */
  putBack(jeedomNow: number, seconds: number, now: number): void {
    this.#newest = jeedomNow - seconds;
    this.#stirred = now;
    this.#looked = 0;
  }

  /** Whether it is new. What is seen again is remembered for longer. */
  #remember({ text }: JeedomEvent): boolean {
    const name = text.length > longText ? createHash("sha256").update(text).digest("base64") : text;
    const isNew = !this.#seen.delete(name);
    this.#seen.add(name);
    if (this.#seen.size > remembered) for (const oldest of this.#seen.values().take(1)) this.#seen.delete(oldest);
    return isNew;
  }
}
