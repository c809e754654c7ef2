import { expect, test } from "bun:test";
import type { Clock } from "../../../src/ports.ts";
import { Recoveries } from "../../../src/protocols/centrifuge/recoveries.ts";

test("recoveries of little wait for nothing; when much was told, others go on ten at a time, in their order", async () => {
  const due: (() => void)[] = [];
  const after = (_: number, task: () => void): (() => void) => {
    due.push(task);
    return () => undefined;
  };
  const clock: Clock = { now: () => 0, after, atEndOfTurn: () => undefined };
  const recoveries = new Recoveries(clock);
  for (let n = 0; n < 10; n++) {
    expect(recoveries.turn()).toBeUndefined();
    recoveries.told(1000);
  }
  const begun: number[] = [];
  const waiting = Array.from({ length: 25 }, (_, n) => recoveries.turn()?.then(() => begun.push(n)));
  expect(waiting.every((one) => one instanceof Promise)).toBe(true);
  for (const all of [10, 20, 25]) {
    expect(due).toHaveLength(1);
    due.shift()?.();
    await Promise.resolve();
    expect(begun).toEqual(Array.from({ length: all }, (_, n) => n));
  }
  expect([recoveries.turn(), due.length]).toEqual([undefined, 0]);
});
