import { describe, expect, test } from "bun:test";
import { BackOff } from "../../src/core/back-off.ts";

/** Draws these numbers, one after the other. */
function chanceOf(...drawn: readonly string[]): { text(length: number, alphabet?: string): string } {
  let at = 0;
  return {
    text(length, alphabet = "") {
      const text = drawn[at++ % drawn.length] ?? "";
      if (text.length !== length || ![...text].every((letter) => alphabet.includes(letter))) {
        throw new Error(`${length} letters of ${alphabet} were asked for`);
      }
      return text;
    },
  };
}

describe("Pauses between attempts", () => {
  test("grow while they fail, stay at the longest, and begin anew after a success", () => {
    const backOff = new BackOff(chanceOf("500"), [250, 1000, 20_000]);
    expect([1, 2, 3, 4].map(() => backOff.failed())).toEqual([250, 1000, 20_000, 20_000]);
    backOff.succeeded();
    expect(backOff.failed()).toBe(250);
  });

  test("are a quarter more or less than that, as chance will have it, so that not all come back together", () => {
    const backOff = new BackOff(chanceOf("000", "500", "999"), [1000]);
    expect([backOff.failed(), backOff.failed(), backOff.failed()]).toEqual([750, 1000, 1250]);
    expect(backOff.spread(10_000)).toBe(7500);
  });
});
