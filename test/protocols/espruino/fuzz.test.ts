/**
 * Arbitrary bytes at the lenient listener, before and after the handshake, while a witness listens. Whatever comes in: the
 * process lives, the witness hears its publications in order, and nothing is logged as an error.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import { until } from "../../transports/raw-client.ts";
import { Board, currentFrame, frameOf2015 } from "./boards.ts";
import { currentRequest, requestOf2015, Stage } from "./stage.ts";

/** Of each property, in ms. */
const time = process.env["HEARTHWIRE_LONG"] === "1" ? 120_000 : 1500;

let stage: Stage;
let witness: Board;
let told = 0;

beforeAll(async () => {
  stage = await Stage.open();
  witness = await Board.open(stage, "current");
});
afterAll(() => stage.stop());

const bytes = fc.uint8Array({ maxLength: 100 });
const json = fc.oneof(
  fc.json(),
  fc
    .record(
      {
        join: fc.jsonValue(),
        room: fc.jsonValue(),
        msg: fc.jsonValue(),
        leave: fc.jsonValue(),
        apiKey: fc.jsonValue(),
      },
      { requiredKeys: [] },
    )
    .map((members) => JSON.stringify(members)),
);
const frame = json.map((text) => Buffer.concat(currentFrame(Buffer.from(text).subarray(0, 60_000))));
const oldFrame = json.map((text) => frameOf2015(text.slice(0, 125)));
const header = fc.constantFrom(
  "Host: x",
  "Upgrade: websocket",
  "Sec-WebSocket-Key: a",
  "Origin: Espruino",
  "Origin: http://[",
  "Sec-WebSocket-Protocol: ,",
  "Authorization: Bearer hw_",
  "X-API-Key: \u00e9",
  ": ",
  "a\u0000b: c",
  "Content-Length: -1",
);
const line = fc.constantFrom(
  "GET / HTTP/1.1",
  "GET //a?b#c HTTP/1.1",
  "TRACE / HTTP/1.1",
  "CONNECT a:1 HTTP/1.1",
  "OPTIONS * HTTP/1.1",
  "POST http://x:y@[/ HTTP/1.1",
  "GET /%00%zz HTTP/1.0",
  "GET \u0000 HTTP/1.1",
);
const request = fc
  .tuple(line, fc.array(header, { maxLength: 8 }))
  .map(([first, headers]) => Buffer.from([first, ...headers, "", ""].join("\r\n"), "latin1"));

const beginnings = fc.constantFrom<readonly string[]>([], requestOf2015, [currentRequest()]);
const rest = fc.array(fc.oneof(bytes, frame, oldFrame, request), { maxLength: 6 });

test("arbitrary bytes, requests and frames harm nobody", async () => {
  const begin = performance.now();
  await fc.assert(
    fc.asyncProperty(beginnings, rest, fc.boolean(), async (beginning, pieces, reset) => {
      if (performance.now() - begin > time) return;
      const client = await stage.connect();
      for (const piece of [...beginning, ...pieces]) await client.send(piece);
      const text = `told ${++told}`;
      stage.publish("room/all", text);
      await until(() => witness.texts.at(-1) === text || witness.texts.includes(text), "what the witness hears");
      if (reset) client.reset();
      else client.finish();
      expect(stage.log.errors).toEqual([]);
    }),
    { numRuns: 5000, endOnFailure: true },
  );
  expect(told).toBeGreaterThan(50);
  await stage.clock.advance(15_000);
  await until(() => stage.hub.sessions.size === 1, "the ends of the others");
  expect(witness.texts.filter((text) => /^told \d+$/.test(text)).length).toBe(told);
}, 150_000);
