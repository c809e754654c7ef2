import { expect, test } from "bun:test";
import type { Clock } from "../../../src/ports.ts";
import { Readings } from "../../../src/protocols/centrifuge/readings.ts";

/** Readings that each tell so much, and their names as they begin. */
function telling(publications: number) {
  let due: (() => void)[] = [];
  const clock: Clock = { now: () => 0, after: () => () => undefined, atEndOfTurn: (task) => due.push(task) };
  const readings = new Readings(clock);
  const begun: number[] = [];
  const begin = (name: number): unknown =>
    readings.begin(() => {
      begun.push(name);
      readings.told(publications);
      return name;
    });
  const turn = (): void => {
    const tasks = due;
    due = [];
    expect(tasks.length).toBeLessThan(2);
    for (const task of tasks) task();
  };
  return { readings, begun, begin, turn };
}

const upTo = (count: number) => Array.from({ length: count }, (_, name) => name);

test("Who wants little waits for nothing, turn after turn", () => {
  const { begin, turn } = telling(1);
  for (let count = 0; count < 5; count++) {
    expect(upTo(45).map(begin)).toEqual(upTo(45));
    turn();
  }
});

test("A turn tells so much and no more; who waits goes on in its order, also before who comes later", async () => {
  const { begun, begin, turn } = telling(1000);
  const done = upTo(10).map(begin);
  expect([begun.length, done[2], done[3] instanceof Promise]).toEqual([3, 2, true]);
  turn();
  expect(begun).toHaveLength(6);
  done.push(begin(10));
  expect(begun).toHaveLength(6);
  turn();
  turn();
  expect(begun).toEqual(upTo(11));
  expect(await Promise.all(done)).toEqual(upTo(11));
  turn();
  expect(begin(11)).toBe(11);
});

test("Of readings that take their time, whose size nobody knows yet, a turn begins a bounded number", () => {
  const { begun, begin, turn } = telling(0);
  upTo(200).map(begin);
  const counts = [begun.length];
  for (let count = 0; count < 2; count++) {
    turn();
    counts.push(begun.length);
  }
  expect(counts).toEqual([50, 100, 150]);
});

test("A reading that fails costs those behind it nothing", async () => {
  const { readings, turn } = telling(0);
  readings.told(2500);
  const failed = readings.begin(() => {
    throw new Error("no");
  });
  const next = readings.begin(() => "next");
  turn();
  expect(await Promise.allSettled([failed, next])).toMatchObject([
    { status: "rejected" },
    { status: "fulfilled", value: "next" },
  ]);
});
