/** Chance that is none: every text is new, and the same in every run of a test. */
import type { Chance } from "../../src/ports.ts";

export class FakeChance implements Chance {
  #drawn = 0;

  text(length: number): string {
    return (++this.#drawn).toString(36).padStart(length, "0").slice(-length);
  }
}
