/**
 * How many recoveries one turn of the event loop may hold. A crowd that comes back at once, each for much, would else be
 * told all of it in one turn, in which nobody else hears anything.
 */
import type { Clock } from "../../ports.ts";

/** Publications that are told before others have to wait, and how many are let through then in each turn. */
const room = 10_000;
const atOnce = 10;

export class Recoveries {
  readonly #clock: Clock;
  readonly #waiting: (() => void)[] = [];
  #told = 0;
  #due = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** To be awaited before one begins; nothing where there is room. */
  turn(): Promise<void> | undefined {
    if (this.#told < room) return undefined;
    this.#goOnSoon();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  told(publications: number): void {
    this.#told += publications;
  }

  #goOnSoon(): void {
    if (this.#due) return;
    this.#due = true;
    this.#clock.after(0, () => {
      this.#due = false;
      for (const go of this.#waiting.splice(0, atOnce)) go();
      if (this.#waiting.length > 0) this.#goOnSoon();
      else this.#told = 0;
    });
  }
}
