/** Pauses between attempts that fail: longer and longer, and not the same for all who failed together. */
import type { Chance } from "../ports.ts";

export class BackOff {
  readonly #chance: Chance;
  readonly #pauses: readonly number[];
  #failures = 0;

  /** `pauses` in ms; the last one holds from there on. */
  constructor(chance: Chance, pauses: readonly number[]) {
    this.#chance = chance;
    this.#pauses = pauses;
  }

  /** An attempt failed. The answer is when the next may be, in ms: a quarter more or less than its turn says. */
  failed(): number {
    const pause = this.#pauses[Math.min(this.#failures, this.#pauses.length - 1)] ?? 0;
    this.#failures++;
    return this.spread(pause);
  }

  spread(pause: number): number {
    return Math.round(pause * (0.75 + Number(this.#chance.text(3, "0123456789")) / 2000));
  }

  succeeded(): void {
    this.#failures = 0;
  }
}
