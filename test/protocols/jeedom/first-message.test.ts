import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { readFirstMessage } from "../../../src/protocols/jeedom/first-message.ts";
import { hostNamed } from "../../../src/protocols/jeedom/hosts.ts";

const key = "k".repeat(64);
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("The first message", () => {
  test("is a key, as text or as bytes, and what it says besides does not matter", () => {
    const text = JSON.stringify({ apiKey: key, version: 3 });
    expect(readFirstMessage(text)).toEqual({ apiKey: key });
    expect(readFirstMessage(bytes(` ${text}\n`))).toEqual({ apiKey: key });
  });

  test("may say since when the peer wants to be told, as a number or a text; what is no time says nothing", () => {
    const since = (value: unknown) => readFirstMessage(JSON.stringify({ apiKey: key, since: value }));
    expect(since(1700000003.4721)).toEqual({ apiKey: key, since: 1700000003.4721 });
    expect(since("1700000003.4721")).toEqual({ apiKey: key, since: 1700000003.4721 });
    for (const odd of ["", "yesterday", null, [], {}, true]) expect(since(odd)).toEqual({ apiKey: key });
  });

  for (const [said, fault] of [
    ["1", "it has no apiKey"],
    ["[]", "it has no apiKey"],
    ['"x"', "it has no apiKey"],
    ["null", "it has no apiKey"],
    ["true", "it has no apiKey"],
    ["{}", "it has no apiKey"],
    ['{"apiKey":{}}', "its apiKey is no text"],
    ['{"apiKey":null}', "its apiKey is no text"],
    ['{"apiKey":""}', "its apiKey is none of Jeedom's"],
    ['{"apiKey":"short"}', "its apiKey is none of Jeedom's"],
    ["", "it is no JSON"],
    ["GET / HTTP/1.1", "it is no JSON"],
    ["[".repeat(4096), "it is no JSON"],
    ["x".repeat(1_000_000), "it is longer than 4096 bytes"],
  ] as const) {
    test(`of ${said.length > 40 ? `${said.length} times ${said[0]}` : said} has a fault: ${fault}`, () => {
      expect(readFirstMessage(said)).toEqual({ fault });
      expect(readFirstMessage(bytes(said))).toEqual({ fault });
    });
  }

  test("of anything else has a fault, and is never thrown at", () => {
    const anything = fc.oneof(
      fc.string(),
      fc.uint8Array({ maxLength: 200 }),
      fc.json(),
      fc.json().map(bytes),
      fc.jsonValue().map((value) => JSON.stringify({ apiKey: value })),
    );
    fc.assert(
      fc.property(anything, (data) => {
        const read = readFirstMessage(data);
        if ("fault" in read) expect(read.fault).toMatch(/^it/);
        else expect(read.apiKey.length).toBeGreaterThanOrEqual(16);
      }),
      { numRuns: 2000 },
    );
  });

  test("reads every key that it is given", () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 16, maxLength: 64 }),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        (apiKey, since) => {
          expect(readFirstMessage(JSON.stringify({ apiKey, since }))).toEqual({
            apiKey,
            since: since === 0 ? 0 : since,
          });
        },
      ),
    );
  });
});

describe("The host of an Origin", () => {
  test("is its host, in small letters, without scheme and port; its whole text where it has none", () => {
    expect(hostNamed("https://MyJeedom.example:8443")).toBe("myjeedom.example");
    expect(hostNamed("http://10.0.0.42")).toBe("10.0.0.42");
    expect(hostNamed("http://[fd00::1]:80")).toBe("[fd00::1]");
    expect(hostNamed("null")).toBe("null");
    expect(hostNamed("Espruino")).toBe("espruino");
  });

  test("may be written with blanks, a port, or as a whole URL where it is allowed", () => {
    for (const written of [" MyJeedom.example ", "myjeedom.example:8443", "https://myjeedom.example/"]) {
      expect(hostNamed(written)).toBe("myjeedom.example");
    }
  });
});
