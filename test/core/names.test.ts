/** Names of channels that come and go: who remembers them forgets them too. */
import { expect, test } from "bun:test";
import { Rights } from "../../src/core/access.ts";
import { select } from "../../src/core/channels.ts";
import { Founders } from "../../src/core/founders.ts";
import { Routes } from "../../src/core/routes.ts";
import { FakeClock } from "../fakes/clock.ts";
import { PlainForm } from "./setting.ts";

test("of channels that hold nothing any more a key's founder remembers few", () => {
  const clock = new FakeClock();
  let asked = 0;
  let limit = 100_000;
  const holds = (channel: string): boolean => {
    asked++;
    return channel === "stays";
  };
  const founders = new Founders(clock, holds, () => limit);
  const by = new Rights({ publish: ["**"] });
  for (let room = 0; room < 20_000; room++) {
    founders.publish(`rooms/${room}`, by);
    clock.advance(20);
  }
  clock.advance(10_000);
  asked = 0;
  limit = 1;
  founders.publish("one/more", by);
  expect(asked).toBeGreaterThan(1);
  expect(asked).toBeLessThan(3000);
});

test("the route of a channel that patterns reach is remembered for as long as it is used, and found anew after that", () => {
  const clock = new FakeClock();
  const routes = new Routes(clock);
  const audience = routes.audience(new PlainForm(), select(["rooms/*"]));
  const [used, left] = [routes.of("rooms/used"), routes.of("rooms/left")];
  for (let minute = 0; minute < 3; minute++) {
    clock.advance(60_000);
    expect(routes.of("rooms/used")).toBe(used);
    expect(routes.of(`rooms/${minute}`)).toEqual([audience]);
  }
  expect(routes.of("rooms/left")).not.toBe(left);
  expect(routes.of("rooms/left")).toEqual([audience]);
  const other = routes.audience(new PlainForm("other"), select(["**"]));
  clock.advance(60_000);
  expect(routes.of("rooms/used")).toEqual([audience, other]);
  routes.dissolve(audience);
  expect(routes.of("rooms/used")).toEqual([other]);
});

test("somebody listens to a channel by its name until its last audience is dissolved; by a pattern nobody does", () => {
  const routes = new Routes(new FakeClock());
  const audience = routes.audience(new PlainForm(), select(["rooms/a", "house/**"]));
  expect(["rooms/a", "house/a"].map((channel) => routes.named(channel))).toEqual([true, false]);
  routes.dissolve(audience);
  expect(routes.named("rooms/a")).toBe(false);
});
