import { expect, test } from "bun:test";
import { Batch } from "../../src/core/form.ts";
import { handOut, type Listener } from "../../src/core/hand-out.ts";
import { lineFraming } from "../fakes/outlet.ts";

const batch = new Batch(lineFraming, ["1"], []);
const outlet = { hears: true, queued: () => 0 };

/** Listeners by number, and who was handed what, in order. `then` is told of each. */
function crowd(
  size: number,
  then: (number: number) => void = () => undefined,
): { readonly listeners: Listener[]; readonly heard: number[] } {
  const heard: number[] = [];
  const listeners = Array.from({ length: size }, (_, number): Listener => {
    return {
      outlet,
      owe(handed) {
        expect(handed).toBe(batch);
        heard.push(number);
        then(number);
      },
    };
  });
  return { listeners, heard };
}

test.each([0, 1, 2, 31, 32, 33, 100, 1000])("each of %d is handed it once, in their order", (size) => {
  const { listeners, heard } = crowd(size);
  handOut(new Set(listeners), batch);
  expect(heard).toEqual(listeners.map((_, number) => number));
});

test("who leaves while others are handed it gets nothing, whether it would come soon or late", () => {
  const gone = [6, 20, 40, 99];
  const { listeners, heard } = crowd(100, (number) => {
    if (number === 5) for (const each of gone) there.delete(listeners[each] as Listener);
  });
  const there = new Set(listeners);
  handOut(there, batch);
  expect(heard).toEqual([...listeners.keys()].filter((number) => !gone.includes(number)));
});

test("what went wrong in one turn leaves nothing behind for the next", () => {
  const { listeners, heard } = crowd(40, (number) => {
    if (number === 3) throw new Error("of the test");
  });
  const there = new Set(listeners);
  expect(() => handOut(there, batch)).toThrow("of the test");
  there.delete(listeners[3] as Listener);
  heard.length = 0;
  handOut(there, batch);
  expect(heard).toEqual([...listeners.keys()].filter((number) => number !== 3));
});
