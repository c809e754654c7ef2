import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Command, commandOf } from "../../../src/protocols/unix-socket/command.ts";
import { plainCommand } from "../../../src/protocols/unix-socket/plain-command.ts";

/** What the parser makes of it; undefined where that is no command. */
function parsed(text: string): Command | undefined {
  try {
    return commandOf(JSON.parse(text), text);
  } catch {
    return undefined;
  }
}

const data = '{"on":true,"text":"a \\"b\\", }{"}';

describe("A command that is written plainly", () => {
  test.each([
    `{"action":"sendToChannel","channel":"rooms/hall","data":${data}}`,
    `{"action":"sendToChannel","data":${data},"channel":"rooms/hall"}`,
    `{"data":${data},"channel":"rooms/hall","action":"sendToChannel"}`,
    '{"action":"sendToChannel","channel":"$devices/x","data":[1.50, {}]}',
    '{"action":"sendToChannel","channel":"a","data": "text" }',
    '{"action":"sendToChannel","channel":"a","data":{\n"a":\r\n1}}',
  ])("is read as the parser reads it: %s", (text) => {
    const plain = plainCommand(text);
    expect(plain).toBeDefined();
    expect(plain).toEqual(parsed(text));
  });

  test.each([
    '{"action":"sendToChannel","channel":"a b","data":1}',
    '{"action":"sendToChannel","channel":"a\\u0062","data":1}',
    '{"action":"sendToChannel","channel":"","data":1}',
    '{"action":"sendToChannel","channel":"a","data":null}',
    '{"action":"sendToChannel","channel":"a","data":1,"data":2}',
    '{"action":"sendToChannel","channel":"a","channel":"b","data":2}',
    '{"action":"sendToChannel","channel":"a","data":1,"id":7}',
    '{"action":"sendToChannel","channel":"a","data":1,"tags":{}}',
    '{"action":"multicast","data":1}',
    '{"action":"sendToChannel","channel":"a"}',
    '{"action":"sendToChannel","channel":"a","data":tru}',
    '{"action":"sendToChannel","channel":"a","data":[}]}',
    '{"action":"sendToChannel","channel":"a","data":1} ',
    '{"action":"sendToChannel","channel":"a","data":1}}',
    '{"action":"sendToChannel","channel":"a","data":"',
    '{"action":"sendToChannel","channel":"a","data":"\\"',
    '{"action":"sendToChannel","channel":"a',
    '{"action":"sendToChannel","channel":"a","data":',
    "{",
    "",
    "{}",
  ])("is left to the parser where it says more, or is none: %s", (text) => {
    expect(plainCommand(text)).toBeUndefined();
  });

  const usual = [
    fc.constant('"action":"sendToChannel"'),
    fc.constantFrom("rooms/hall", "a", "a//b", "ü", "x\u0001").map((name) => `"channel":"${name}"`),
    fc.json().map((value) => `"data":${value}`),
  ];
  const rare = fc.constantFrom('"id":1', '"key":"k"', '"data" :1', ' "data":1', '"data":null', '"a":1', "");
  const members = fc
    .tuple(fc.tuple(...usual), fc.option(rare, { freq: 1 }))
    .map(([three, more]) => (more === null ? three : [...three, more]))
    .chain((all) => fc.shuffledSubarray(all, { minLength: all.length }));
  const slip = fc.constantFrom('"', "}", "{", "\\", ",", "\n");
  const written = members
    .map((all) => `{${all.join(",")}}`)
    .chain((text) => fc.tuple(fc.constant(text), fc.nat({ max: text.length }), fc.option(slip, { freq: 1 })))
    .map(([text, place, more]) => (more === null ? text : text.slice(0, place) + more + text.slice(place)));

  test("is never read otherwise than by the parser (property)", () => {
    let plainly = 0;
    fc.assert(
      fc.property(fc.oneof({ weight: 4, arbitrary: written }, fc.string(), fc.json()), (text) => {
        const plain = plainCommand(text);
        if (plain === undefined) return;
        plainly++;
        expect(parsed(text)).toEqual(plain);
      }),
      { numRuns: 1000 },
    );
    expect(plainly).toBeGreaterThan(50);
  });
});
