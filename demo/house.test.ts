import { expect, test } from "bun:test";
import { House } from "./house.ts";

test("The same seed lives the same day, another seed another", () => {
  const day = (seed: number): string => {
    const house = new House(seed);
    return JSON.stringify(Array.from({ length: 500 }, () => house.next()));
  };
  expect(day(1)).toBe(day(1));
  expect(day(1)).not.toBe(day(2));
});

test("A house has twelve lights and ten sensors, each with a key of its own", () => {
  const all = new House().everything();
  expect(all.filter(({ channel }) => channel === "home/lights")).toHaveLength(12);
  expect(all.filter(({ channel }) => channel === "home/sensors")).toHaveLength(10);
  expect(new Set(all.map(({ key }) => key)).size).toBe(22);
});

test("What was told one by one adds up to what everything says", () => {
  const house = new House();
  const told = new Map(house.everything().map(({ key, data }) => [key, data]));
  for (let step = 0; step < 2000; step++) {
    const { channel, key, data } = house.next();
    if (channel === "home/events") expect(key).toBeUndefined();
    else told.set(key, data);
  }
  expect(told.size).toBe(22);
});

test("A day brings all kinds of events, at one to three a second, and readings stay believable", () => {
  const house = new House();
  const types = new Set<unknown>();
  for (let step = 0; step < 5000; step++) {
    const { data } = house.next();
    if (data["type"] !== undefined) types.add(data["type"]);
    if (data["unit"] === "°C") expect(Math.abs(Number(data["value"]) - 15)).toBeLessThan(15);
    if (data["unit"] === "%") expect(Number(data["value"])).toBeWithin(20, 90);
    expect(house.pause()).toBeWithin(330, 1001);
  }
  expect([...types].sort()).toEqual(["button", "door", "motion"]);
});
