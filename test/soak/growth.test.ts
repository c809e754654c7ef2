import { expect, test } from "bun:test";
import { growth, type Sample } from "./growth.ts";

const samples = (figure: (at: number) => Partial<Sample>): Sample[] =>
  Array.from({ length: 40 }, (_, at) => ({ at, rss: 100, handles: 50, lag: 5, ...figure(at) }));

test("what begins small, and what goes up and down, does not grow", () => {
  expect(growth(samples((at) => ({ rss: Math.min(60 + 8 * at, 140) + (at % 3) * 5 })))).toEqual([]);
  expect(growth(samples((at) => ({ handles: 50 + (at % 7), lag: at === 35 ? 900 : 5 })))).toEqual([]);
});

test("memory, handles or lag that grow to the end are told of, each", () => {
  expect(growth(samples((at) => ({ rss: 100 + 2 * at })))).toEqual([
    expect.stringMatching(/^rss grows: 130 MB .* 170 MB/),
  ]);
  expect(growth(samples((at) => ({ handles: 50 + 3 * at })))).toEqual([expect.stringContaining("handles grows")]);
  expect(growth(samples((at) => ({ lag: at > 25 ? 400 : 5 })))).toEqual([expect.stringContaining("lag grows")]);
});

test("too few samples are no sign of anything", () => {
  expect(growth(samples(() => ({})).slice(0, 3))).toEqual(["there are too few samples to tell"]);
});
