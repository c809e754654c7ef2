import { expect, test } from "bun:test";
import type { Publication } from "../../../src/ports.ts";
import { ListTexts } from "../../../src/protocols/centrifuge/list-texts.ts";

const all = Array.from({ length: 40 }, (_, n): Publication => {
  return { channel: "a", offset: n + 1, seq: n + 1, time: 0, data: `${n}` };
});

test("what several clients missed is worded once, and whatever differs is worded anew", () => {
  const texts = new ListTexts();
  let worded = 0;
  const textOf = ({ data }: Publication): string => {
    worded++;
    return data;
  };
  const missed = all.slice(0, 30);
  const text = missed.map(({ data }) => data).join(",");
  expect(texts.of(missed, "", textOf)).toBe(text);
  expect(texts.of([...missed], "", textOf)).toBe(text);
  expect(worded).toBe(30);
  // As long, with the same ends: a filter took out another one.
  const other = [...missed.slice(0, 10), ...missed.slice(11), ...all.slice(30, 31)];
  const another = [...missed.slice(0, 12), ...missed.slice(13), ...all.slice(30, 31)];
  expect(texts.of(other, "", textOf).split(",")).not.toContain("10");
  expect(texts.of(another, "", textOf).split(",")).toContain("10");
  expect(texts.of(missed, "whole", textOf)).toBe(text);
  expect(worded).toBe(120);
});
