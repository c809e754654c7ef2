import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { nameFault } from "../../../src/core/channels.ts";
import { Refused } from "../../../src/core/refusals.ts";
import { type Wish, wishesOf } from "../../../src/protocols/espruino/message.ts";

function obeyed(text: string): (Wish | string)[] {
  return wishesOf(text).map((wish) => {
    try {
      return wish();
    } catch (thrown) {
      if (thrown instanceof Refused) return thrown.refusal.name;
      throw thrown;
    }
  });
}

describe("A message", () => {
  test("is a list of wishes in the order join, room, msg, leave, whatever the order of its members", () => {
    expect(obeyed('{"leave":"d","msg":"hi","room":"b","join":"a"}')).toEqual([
      { kind: "join", channel: "room/a" },
      { kind: "room", channel: "room/b", data: '"hi"' },
      { kind: "inbox", data: '"hi"', room: "b" },
      { kind: "leave", channel: "room/d" },
    ]);
  });

  test("has its value as it was written: numbers keep their digits", () => {
    expect(obeyed('{"room":1,"msg":{"n":1.50}}')[0]).toEqual({ kind: "room", channel: "room/1", data: '{"n":1.50}' });
  });

  test("that is bad in one wish is good in the others", () => {
    expect(obeyed('{"join":["a"],"room":{},"msg":"x","leave":true}')).toEqual([
      "bad_request",
      "bad_request",
      { kind: "inbox", data: '"x"' },
      "bad_request",
    ]);
    expect(obeyed('{"room":"a"}')).toEqual(["bad_request"]);
    expect(obeyed(`{"join":"${"x".repeat(300)}"}`)).toEqual(["limit_exceeded"]);
  });

  test("whatever its text is never more than a refusal, and names channels that can be", () => {
    const part = fc.oneof(fc.jsonValue(), fc.string());
    const members = fc.record({ join: part, room: part, msg: part, leave: part }, { requiredKeys: [] });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          members.map((value) => JSON.stringify(value)),
          fc.json(),
        ),
        (text) => {
          for (const wish of obeyed(text)) {
            if (typeof wish === "string") continue;
            if ("channel" in wish) expect([wish.channel, nameFault(wish.channel)]).toEqual([wish.channel, undefined]);
            if ("data" in wish) expect(() => JSON.parse(wish.data)).not.toThrow();
            if ("data" in wish) expect(wish.data).not.toContain("\n");
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});
