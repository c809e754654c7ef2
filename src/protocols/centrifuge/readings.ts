/**
 * How much of the past one turn of the event loop may tell. A crowd that comes at once, each for much, would else be told
 * all of it in one turn, in which nobody else hears anything.
 */
import type { Clock, MaybePromise } from "../../ports.ts";

/** Publications that are told in one turn before others have to wait for the next. */
const room = 2500;
/** What a reading costs besides, in publications. */
const each = 50;

export class Readings {
  readonly #clock: Clock;
  #waiting: (() => void)[] = [];
  #told = 0;
  #due = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Begins a reading in a turn that has room for it, in their order: at once where there is. */
  begin<T>(reading: () => MaybePromise<T>): MaybePromise<T> {
    if (this.#waiting.length === 0 && this.#told < room) {
      this.told(each);
      return reading();
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => {
        this.told(each);
        try {
          resolve(reading());
        } catch (thrown) {
          reject(thrown);
        }
      });
    });
  }

  told(publications: number): void {
    this.#told += publications;
    if (this.#due) return;
    this.#due = true;
    this.#clock.atEndOfTurn(() => this.#goOn());
  }

  #goOn(): void {
    this.#due = false;
    this.#told = 0;
    let begun = 0;
    while (this.#told < room && begun < this.#waiting.length) this.#waiting[begun++]?.();
    this.#waiting = this.#waiting.slice(begun);
  }
}
