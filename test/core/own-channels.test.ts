import { expect, test } from "bun:test";
import { inboxOf, personalChannel } from "../../src/core/own-channels.ts";

test.each([
  ["kitchen", "kitchen"],
  ["living room", "living%20room"],
  ["a/b", "a%2Fb"],
  ["$x", "%24x"],
  ["50%25", "50%2525"],
])("what belongs to %j is one level below $device or $user, encoded once", (name, level) => {
  expect([inboxOf(name), personalChannel(name)]).toEqual([`$device/${level}`, `$user/${level}`]);
});
