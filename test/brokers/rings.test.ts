import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Rings } from "../../src/brokers/embedded/rings.ts";

describe("Rings of numbers", () => {
  const size = fc.constantFrom(2, 4, 8, 2 ** 13, 2 ** 14, 2 ** 16);
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant("take" as const), size, turn: fc.maxSafeNat() }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant("set" as const), which: fc.nat() }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("give" as const), which: fc.nat() }) },
  );

  test("keep each the numbers of its last turns, whoever takes and gives others (property)", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const rings = new Rings();
        const taken: { ring: number; size: number; turn: number; list: number[] }[] = [];
        for (const [number, one] of steps.entries()) {
          if (one.do === "take") {
            const ring = rings.take(one.size);
            expect(rings.sizeOf(ring)).toBe(one.size);
            // Room for some turns more.
            taken.push({ ring, size: one.size, turn: Math.max(0, one.turn - 1000), list: [] });
            continue;
          }
          const at = one.which % Math.max(1, taken.length);
          const held = taken[at];
          if (held === undefined) continue;
          if (one.do === "give") {
            rings.give(held.ring);
            taken.splice(at, 1);
          } else {
            held.turn++;
            rings.set(held.ring, held.turn, number);
            held.list = [...held.list, number].slice(-held.size);
          }
        }
        expect(new Set(taken.map(({ ring }) => ring)).size).toBe(taken.length);
        for (const { ring, turn, list } of taken) {
          const first = turn - list.length + 1;
          expect(list.map((_, at) => rings.at(ring, first + at))).toEqual(list);
        }
      }),
    );
  });

  test("take no memory when they are given back, but for a block of small ones", () => {
    const rings = new Rings();
    const block = 2 ** 14;
    for (let round = 0; round < 3; round++) {
      const small = Array.from({ length: 100_000 }, () => rings.take(2));
      const large = Array.from({ length: 3 }, () => rings.take(2 ** 16));
      expect(rings.room).toBe(Math.ceil(200_000 / block) * block + 3 * 2 ** 16);
      for (const ring of [...large, ...small]) rings.give(ring);
      expect(rings.room).toBe(block);
    }
  });

  test("of which few are left of many say so, and take as little memory as these when they have been taken anew", () => {
    const rings = new Rings();
    const all = Array.from({ length: 1_000_000 }, () => rings.take(4));
    expect(rings.sparse).toBe(false);
    const left = all.filter((ring, number) => {
      if (number % 100 > 0) rings.give(ring);
      else rings.set(ring, number, number);
      return number % 100 === 0;
    });
    expect(rings.room).toBeGreaterThan(3_900_000);
    expect(rings.sparse).toBe(true);
    rings.leave();
    const [others, block] = [rings.take(4), 2 ** 14];
    const anew = left.map((ring, at) => {
      expect(rings.settled(ring)).toBe(false);
      expect(rings.at(ring, 100 * at)).toBe(100 * at);
      const next = rings.take(4);
      rings.give(ring);
      return next;
    });
    expect(rings.settled(others)).toBe(true);
    expect(anew.every((ring) => rings.settled(ring))).toBe(true);
    expect(rings.room).toBe(Math.ceil(40_004 / block) * block);
    expect(rings.sparse).toBe(false);
    for (const ring of [others, ...anew]) rings.give(ring);
    expect(rings.room).toBe(block);
    rings.leave();
    expect(rings.room).toBe(0);
  });
});
