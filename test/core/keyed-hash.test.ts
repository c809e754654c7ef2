import { expect, test } from "bun:test";
import { KeyedHash } from "../../src/core/keyed-hash.ts";

const keys = Array.from({ length: 200 }, (_, number) => new KeyedHash(`key ${number}`));

test.each([
  ["aaab", "a\u8061a\u8063"],
  ["aaabaaab", "aaaba\u8061a\u8063"],
  ["house/1", "house/2"],
  ["ab", "ba"],
  ["abcd", "cdab"],
  ["a", "a\u0000"],
])("%j and %j do not meet whatever the key is", (one, other) => {
  expect(keys.filter((hash) => hash.of(one) === hash.of(other)).length).toBeLessThan(3);
});

test("a text has one hash by each key, and another by another", () => {
  const hashes = keys.map((hash) => hash.of("house/kitchen/lamp"));
  expect(keys.map((hash) => hash.of("house/kitchen/lamp"))).toEqual(hashes);
  expect(new Set(hashes).size).toBeGreaterThan(190);
});

test("of a hundred thousand names that count up hardly two meet", () => {
  for (const hash of keys.slice(0, 5)) {
    const hashes = new Set<number>();
    for (let number = 0; number < 100_000; number++) hashes.add(hash.of(`house/${number}`));
    // Of a random function: 1.2 on average.
    expect(hashes.size).toBeGreaterThan(99_900);
  }
});

test("names that count up are spread evenly over a table, by their lowest bits", () => {
  for (const hash of keys.slice(0, 5)) {
    const taken = new Set<number>();
    for (let number = 0; number < 16_384; number++) taken.add(hash.of(`house/thermometer-${number}`) & 16_383);
    // Of a random function: 1 - 1/e, 63 %.
    expect(taken.size / 16_384).toBeGreaterThan(0.55);
  }
});
