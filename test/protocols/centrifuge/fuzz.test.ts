import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { methods } from "../../../src/protocols/centrifuge/wire.ts";
import { Bare, connect, type Json, until } from "./clients.ts";
import { openGateway, type TestGateway } from "./gateway.ts";

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await openGateway({ anonymous: { subscribe: ["open/**"], publish: ["open/**"] } });
});
afterAll(async () => {
  expect(gateway.log.errors).toEqual([]);
  await gateway.stop();
});

/** Codes that a command may be refused with, and that a connection may be ended with. */
const refusals = [101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113];
const ends = [3500, 3501];

const channel = fc.oneof(
  fc.constantFrom("open/a", "open/*", "maps/a", "$device/x", "", "*", "a//b", "open/**", "__proto__", "constructor"),
  fc.string(),
);
const field = fc.oneof(fc.jsonValue(), fc.constantFrom(null, -1, 0, 1e300, "", "x", true, [], {}), channel);
const names = [
  ["channel", "token", "recover", "epoch", "offset", "data", "join_leave", "delta", "tf", "type", "phase", "cursor"],
  ["limit", "flag", "since", "reverse", "key", "removed", "method", "subs", "headers", "__proto__", "pattern"],
].flat();
const params = fc.oneof(
  fc.dictionary(fc.constantFrom(...names), field, { maxKeys: 8 }),
  fc.record({ channel, data: fc.jsonValue(), type: fc.constantFrom(0, 1, 2) }, { requiredKeys: ["channel"] }),
);
const command = fc.tuple(fc.constantFrom(...methods.filter((name) => name !== "connect")), params);

/** Connects, says something, and asks whether it is still heard. */
async function say(first: Json, text: string): Promise<{ replies: Json[]; closed: number | undefined }> {
  const bare = await Bare.open(gateway.ws);
  bare.send(first);
  bare.socket.send(text);
  bare.send({ id: 999, ping: {} });
  const refused = (): boolean => bare.replies.some(({ id, error }) => id === 999 || (id === 1 && error !== undefined));
  await until(() => bare.closed !== undefined || refused(), "an answer or the end");
  bare.close();
  return { replies: bare.replies, closed: bare.closed?.code };
}

describe("Whatever is said", () => {
  test("as commands is answered or refused by its code, each by its id, and nothing breaks", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 6 }), async (commands) => {
        const lines = commands.map(([method, fields], at) => JSON.stringify({ id: at + 2, [method]: fields }));
        const { replies, closed } = await say({ id: 1, connect: {} }, lines.join("\n"));
        if (closed !== undefined && closed !== 1005) return void expect(ends).toContain(closed);
        const answered = replies.filter(({ id }) => typeof id === "number" && id > 1 && id < 999);
        const expected = commands.flatMap(([method], at) => (method === "send" ? [] : [at + 2]));
        expect(answered.map(({ id }) => id).filter((id) => expected.includes(id as number))).toEqual(expected);
        for (const { error } of answered as { error?: { code: number; message: string } }[]) {
          if (error !== undefined) expect(refusals).toContain(error.code);
        }
      }),
      { numRuns: 300 },
    );
  }, 60_000);

  test("as connect is answered, refused, or the end", async () => {
    await fc.assert(
      fc.asyncProperty(params, async (fields) => {
        const { replies, closed } = await say({ id: 1, connect: fields as Json }, "{}");
        if (closed !== undefined && closed !== 1005) return void expect(ends).toContain(closed);
        const [first] = replies as [{ id: number; error?: { code: number } }];
        expect(first.id).toBe(1);
        if (first.error !== undefined) expect(refusals).toContain(first.error.code);
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  test("as text ends the connection with 3501, unless it happens to make sense", async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), fc.json()), async (text) => {
        const { closed } = await say({ id: 1, connect: {} }, text);
        const lines = text.split("\n").filter((line) => line.trim() !== "");
        const pong = lines.length > 0 && lines.every((line) => /^\s*\{\s*\}\s*$/.test(line));
        expect(closed === undefined || closed === 1005 ? pong : closed).toBe(pong ? true : 3501);
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  test("as bytes in Protobuf is answered, or ends the connection with 3501", async () => {
    const ping = new Uint8Array([5, 0x08, 0xe7, 0x07, 0x5a, 0x00]);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
        const bare = await Bare.open(gateway.ws, "centrifuge-protobuf");
        bare.socket.send(new Uint8Array([4, 0x08, 0x01, 0x22, 0x00]));
        bare.socket.send(new Uint8Array(bytes));
        bare.socket.send(ping);
        const answered = (): boolean =>
          bare.binary.some((reply) => Buffer.from(reply).includes(Buffer.from([0x08, 0xe7, 0x07])));
        await until(() => bare.closed !== undefined || answered(), "an answer or the end");
        if (bare.closed !== undefined) expect(bare.closed.code).toBe(3501);
        bare.close();
      }),
      { numRuns: 300 },
    );
  }, 60_000);
});

test("Nobody is told of what others do where it may not listen, however it asks", async () => {
  const secret = "what only its owner may know";
  const insider = await connect(gateway, { token: gateway.key({ subscribe: ["**"], publish: ["**"] }) });
  await insider.publish("home/safe", secret);
  const asks = [
    { subscribe: { channel: "home/safe", recover: true, offset: 0, epoch: "" } },
    { subscribe: { channel: "home/*" } },
    { subscribe: { channel: "**", recover: true, offset: 0, epoch: gateway.hub.run } },
    { history: { channel: "home/safe", limit: -1 } },
    { subscribe: { channel: "home/safe", token: "x" } },
    { sub_refresh: { channel: "home/safe", token: "x" } },
  ];
  const bare = await Bare.connected(gateway, { subs: { "home/safe": { recover: true, offset: 0, epoch: "" } } });
  for (const [at, ask] of asks.entries())
    expect(await bare.ask({ id: at + 2, ...ask })).toMatchObject({ error: { code: 103 } });
  await insider.publish("home/safe", secret);
  await bare.ask({ id: 50, ping: {} });
  expect(JSON.stringify(bare.replies)).not.toContain(secret);
  bare.close();
  insider.disconnect();
});
