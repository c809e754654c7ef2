import { expect, test } from "bun:test";
import fc from "fast-check";
import { Ring } from "../../src/brokers/embedded/ring.ts";

test("a ring is a list that lets go of its oldest when it is full", () => {
  const steps = fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant("push") }, fc.constant("shift")), {
    maxLength: 200,
  });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), steps, (most, taken) => {
      const ring = new Ring(most);
      let list: number[] = [];
      for (const [number, step] of taken.entries()) {
        if (step === "push") {
          ring.push(number);
          list = [...list, number].slice(-most);
        } else {
          ring.shift();
          list = list.slice(1);
        }
        expect(ring.length).toBe(list.length);
        expect(ring.full).toBe(list.length === most);
        expect([...ring]).toEqual(list);
        expect(ring.countUpTo(number - 3)).toBe(list.filter((item) => item <= number - 3).length);
        expect(ring.at(list.length - 1)).toBe(list.at(-1));
        expect(ring.at(list.length)).toBeUndefined();
        expect(ring.at(-1)).toBeUndefined();
      }
    }),
  );
});
