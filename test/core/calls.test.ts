import { expect, test } from "bun:test";
import { Rights } from "../../src/core/access.ts";
import { Calls } from "../../src/core/calls.ts";
import { PairingWindow } from "../../src/core/pairing-window.ts";
import { FakeClock } from "../fakes/clock.ts";
import { outcome, principal } from "./setting.ts";

const may = (...patterns: string[]) => principal("app", new Rights({ call: patterns }));

test("A method is called with its parameters, by whoever has the grant for its name or a pattern of it", async () => {
  const calls = new Calls();
  calls.register("house.set", (params, by) => `{"got":${params},"by":"${by.id}"}`);
  expect(await calls.call("house.set", "[1]", may("house.*"))).toBe('{"got":[1],"by":"app"}');
  expect(await calls.call("house.set", "[1]", may("house.set"))).toBe('{"got":[1],"by":"app"}');
  expect(calls.methods(may("house.*"))).toEqual(["house.set"]);
});

test("Without the grant nothing is told of what there is; with it a missing method is", async () => {
  const calls = new Calls();
  calls.register("house.set", () => "{}");
  const ask = (method: string, ...grants: string[]) => outcome(() => calls.call(method, "{}", may(...grants)));
  expect(await ask("house.set", "other.*")).toBe("permission_denied");
  expect(await ask("house.none", "other.*")).toBe("permission_denied");
  expect(await ask("house.none", "house.*")).toBe("method_not_found");
  expect(await ask("house/../set", "**")).toBe("method_not_found");
});

test("A method is registered once, and can be taken back", async () => {
  const calls = new Calls();
  const takeBack = calls.register("house.set", () => "1");
  expect(() => calls.register("house.set", () => "2")).toThrow("already");
  takeBack();
  calls.register("house.set", () => "2");
  takeBack();
  expect(await calls.call("house.set", "{}", may("**"))).toBe("2");
});

test("A pairing window is open for its time, or until it is closed", () => {
  const clock = new FakeClock();
  const window = new PairingWindow(clock);
  expect(window.open).toBe(false);
  window.openFor(60_000);
  clock.advance(59_000);
  expect([window.open, window.left]).toEqual([true, 1000]);
  clock.advance(1000);
  expect(window.open).toBe(false);
  window.openFor(1000);
  window.close();
  expect(window.open).toBe(false);
});
