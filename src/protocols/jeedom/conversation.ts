/**
 * One conversation with Jeedom: `event::changes` again and again, and the house as a whole in between. One request after
 * the other, so that never two ask for events, and a reading is not older than what was heard before it.
 */
import type { Clock } from "../../ports.ts";
import type { EventCursor, Question } from "./event-cursor.ts";
import { readChanges } from "./events.ts";
import type { HouseReader } from "./house-reader.ts";
import type { JsonRpc } from "./json-rpc.ts";
import type { JeedomEvent } from "./upstream.ts";

export interface ConversationParts {
  readonly rpc: JsonRpc;
  readonly cursor: EventCursor;
  readonly house: HouseReader;
  readonly clock: Clock;
  /** Between polls that are answered at once, in ms, for Jeedoms that are not to be kept waiting; absent: long polls. */
  readonly readDelay: number | undefined;
}

export interface ConversationEars {
  /** Jeedom is there. Whatever was missed is missing before what is told from now on. */
  began(): void;
  /** Jeedom answered: all until now was heard. */
  answered(): void;
  /** The answer is whether the house has to be read again to know what it is about. */
  heard(events: readonly JeedomEvent[]): boolean;
  /** Events may be missing here. */
  missed(): void;
  /** The house was read: all that is known is true now. */
  read(): void;
  /** Something is not as it should be, which ends nothing. */
  noticed(trouble: string): void;
  /** Asked between requests: nobody wants it any more. */
  mayRest(): boolean;
}

/** The house is read again so often, since not everything has an event, in ms. */
const rereading = 300_000;
/** And not more often than this, however much is asked for it. */
const leastSpacing = 2000;
const leastSpacingWhenFull = 10_000;
/** A long poll that was answered with nothing new in less than this, in ms, is not repeated before. */
const leastRound = 100;
/** How much longer than a long poll takes it may take, in ms. */
const morePatience = 20_000;
/** Until 4.4.9 a long poll takes several times as long as it was told to: taken to be so until it was seen. */
const mostStretched = 30;
/** So long after it was known how Jeedom's clock goes, it is looked at: after long polls, and after others, in ms. */
const leastDoubt = 1000;
const leastDoubtOfPolls = 15_000;
/** After so much silence, values that changed should have had an event, in ms. */
const silence = 60_000;
/** How much further it is looked back after Jeedom's clock was put back, in seconds. */
const margin = 3;

export class Conversation {
  readonly #parts: ConversationParts;
  readonly #ears: ConversationEars;
  #over = false;
  #wake: (() => void) | undefined;
  #readingDue = 0;
  #lastReading = 0;
  /** How many times longer than told a long poll takes, as the last one did that brought nothing. */
  #stretch = mostStretched;
  /** When something new came last. */
  #lastFresh: number;
  /** Until when Jeedom's clock is known to have gone on: what it told was newer, or it was looked at. */
  #sure: number;

  /** `heard`: when Jeedom answered an earlier conversation last, or now. */
  constructor(parts: ConversationParts, ears: ConversationEars, heard: number) {
    this.#parts = parts;
    this.#ears = ears;
    this.#lastFresh = heard;
    this.#sure = heard;
  }

  /** Nothing is told any more; what was asked for is not waited for. */
  end(): void {
    this.#over = true;
    this.#wake?.();
  }

  /** Until it is ended or may rest. Rejects when Jeedom cannot be had. */
  async run(): Promise<void> {
    const { rpc, cursor, clock } = this.#parts;
    const jeedomNow = await rpc.time();
    if (this.#over) return;
    const isFirst = cursor.begin(jeedomNow, clock.now());
    if (cursor.isAheadOf(jeedomNow)) this.#putBack(jeedomNow);
    this.#ears.began();
    await this.#poll(cursor.lookBack(clock.now()), isFirst);
    while (!this.#over && !this.#ears.mayRest()) {
      if (clock.now() >= this.#readingDue) await this.#readHouse();
      else await this.#listen();
    }
  }

  async #listen(): Promise<void> {
    const { cursor, clock, readDelay } = this.#parts;
    const before = clock.now();
    const question = readDelay === undefined ? cursor.next(before) : cursor.lookBack(before);
    const left = Math.max(1, Math.ceil((this.#readingDue - before) / 1000));
    const fresh = await this.#poll({ ...question, longPolling: Math.min(question.longPolling, left) });
    if (this.#over) return;
    const now = clock.now();
    if (now - this.#sure >= (readDelay === undefined ? leastDoubt : leastDoubtOfPolls)) await this.#lookAtClock();
    if (readDelay !== undefined) await this.#pause(readDelay);
    else if (fresh === 0 && now - before < leastRound && question.longPolling > 0) {
      await this.#pause(leastRound - (now - before));
    }
  }

  /** The answer is how many events were new. */
  async #poll({ datetime, longPolling }: Question, isFirst = false): Promise<number> {
    const { rpc, cursor, clock } = this.#parts;
    const told = longPolling / this.#stretch;
    const params = { datetime, ...(told > 0 ? { longPolling: told } : {}) };
    const patience = longPolling * 1000 + morePatience;
    const asked = clock.now();
    const { text } = await rpc.ask("event::changes", { params, patience });
    if (this.#over) return 0;
    const events = readChanges(text);
    if (events.length === 0 && told > 0) {
      this.#stretch = Math.min(mostStretched, Math.max(1, (clock.now() - asked) / 1000 / told));
    }
    if (isFirst) cursor.passOver(events);
    const now = clock.now();
    const { fresh, goesOn, mayLack } = cursor.take(events, now);
    if (mayLack) {
      this.#ears.missed();
      this.#wantHouse(leastSpacingWhenFull);
    }
    this.#ears.answered();
    if (goesOn) this.#sure = now;
    if (fresh.length === 0) return 0;
    this.#lastFresh = now;
    if (this.#ears.heard(fresh)) this.#wantHouse(leastSpacing);
    return fresh.length;
  }

  /** Where it was put back, nothing would be newer than the cursor. */
  async #lookAtClock(): Promise<void> {
    const jeedomNow = await this.#parts.rpc.time();
    if (this.#over) return;
    if (this.#parts.cursor.isAheadOf(jeedomNow)) {
      this.#putBack(jeedomNow);
      this.#ears.missed();
      this.#ears.noticed("Jeedom's clock was put back");
      this.#wantHouse(0);
    }
    this.#sure = this.#parts.clock.now();
  }

  #putBack(jeedomNow: number): void {
    const { cursor, clock } = this.#parts;
    const now = clock.now();
    cursor.putBack(jeedomNow, (now - this.#sure) / 1000 + margin, now);
  }

  async #readHouse(): Promise<void> {
    const { house, clock, cursor, rpc } = this.#parts;
    const isFirst = this.#lastReading === 0;
    const changed = await house.read(() => !this.#over);
    if (this.#over) return;
    const now = clock.now();
    this.#lastReading = now;
    this.#readingDue = now + rereading;
    this.#ears.read();
    if (isFirst || changed === 0 || now - this.#lastFresh < silence) return;
    if ((await this.#poll(cursor.lookBack(now))) > 0 || this.#over) return;
    this.#ears.noticed(`Jeedom changed ${changed} values and told no event of it`);
    this.#putBack(await rpc.time());
  }

  #wantHouse(spacing: number): void {
    this.#readingDue = Math.min(this.#readingDue, this.#lastReading + spacing);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#parts.clock.after(ms, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}
