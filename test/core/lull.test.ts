import { expect, test } from "bun:test";
import { Lull } from "../../src/core/lull.ts";
import { Setting } from "./setting.ts";

/** How often a lull began, while each second brings so many sessions and publications. */
function lulls(...seconds: readonly (readonly [sessions: number, publications: number])[]): number[] {
  let began = 0;
  const lull = new Lull(() => began++);
  let [opened, published] = [0, 0];
  return seconds.map(([sessions, publications]) => {
    opened += sessions;
    published += publications;
    lull.look(opened, published);
    return began;
  });
}

test("a lull is the first second without newcomers and publications after a crowd has come", () => {
  expect(lulls([600, 0], [400, 0], [0, 0], [0, 0])).toEqual([0, 0, 1, 1]);
  expect(lulls([1000, 0], [1, 0], [0, 1], [0, 0])).toEqual([0, 0, 0, 1]);
});

test("a few who come are no crowd, until there have been enough of them since the last", () => {
  expect(lulls([999, 0], [0, 0], [0, 0])).toEqual([0, 0, 0]);
  expect(lulls([999, 0], [0, 0], [1, 0], [0, 0], [999, 0], [0, 0], [1, 0], [0, 0])).toEqual([0, 0, 0, 1, 1, 1, 1, 2]);
});

test("while something is published every second there is none", () => {
  expect(lulls([5000, 1], [0, 1], [0, 1])).toEqual([0, 0, 0]);
});

test("the lull of a crowd that has gone again still comes", () => {
  let rests = 0;
  const setting = new Setting({ rest: () => rests++ });
  const { timers } = setting.clock;
  const peers = Array.from({ length: 1000 }, () => setting.connect());
  for (let second = 0; second < 3; second++) {
    setting.publish("house");
    setting.clock.advance(1000);
  }
  for (const { outlet } of peers) outlet.inlet?.ended(1000, "");
  setting.publish("house");
  setting.clock.advance(1000);
  expect(rests).toBe(0);
  setting.clock.advance(1000);
  expect(rests).toBe(1);
  expect(setting.clock.timers).toBe(timers);
});

test("the hub rests once when a thousand have come and nothing is published for a second", () => {
  let rests = 0;
  const setting = new Setting({ rest: () => rests++ });
  for (let come = 0; come < 1000; come++) setting.connect();
  setting.publish("house");
  setting.clock.advance(1000);
  expect(rests).toBe(0);
  setting.clock.advance(1000);
  expect(rests).toBe(1);
  setting.clock.advance(5000);
  expect(rests).toBe(1);
});
