/**
 * Arbitrary bytes and arbitrary JSON at every entry over HTTP, while a witness listens. Whatever comes in: the process lives,
 * the witness hears its publications in order, nothing is logged as an error, and every no is the one error object.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import fc from "fast-check";
import { refusals } from "../../src/core/refusals.ts";
import { clients, type Listening, publish } from "../protocols/channel-url/clients.ts";
import { openGateway, type TestGateway } from "../protocols/channel-url/gateway.ts";
import {
  clientFrame,
  httpAnswer,
  opcodes,
  RawClient,
  serverFrames,
  until,
  upgradeHead,
} from "../transports/raw-client.ts";

const long = process.env["HEARTHWIRE_LONG"] === "1";
/** Of each property, in ms. */
const time = long ? 120_000 : 900;
const patience = time + 20_000;

let gateway: TestGateway;
let witness: Listening;
let key: string;
let told = 0;

beforeAll(async () => {
  gateway = await openGateway({ limits: { publication: 4096 } });
  key = gateway.key({ subscribe: ["**"], publish: ["**"] });
  const [client] = clients;
  if (client === undefined) throw new Error("no client");
  witness = await (
    await client.listen(gateway, "/channels/$witness", { headers: { "x-api-key": witnessKey() } })
  ).isLive();
});

beforeEach(() => {
  told = witness.data.length;
});

afterAll(async () => {
  witness.leave();
  await gateway.stop();
});

/** Nobody else can reach its channel, whatever they come up with. */
function witnessKey(): string {
  return gateway.key({ subscribe: ["$witness"], publish: ["$witness"] });
}

/** Runs a property for its time, with a publication to the witness after each case. */
async function survives(
  arbitrary: fc.Arbitrary<readonly unknown[]>,
  run: (values: never) => Promise<void>,
): Promise<void> {
  const publisher = { "x-api-key": witnessKey() };
  let last: Promise<void> = Promise.resolve();
  const property = fc.asyncProperty(arbitrary, (values) => {
    last = (async () => {
      await run(values as never);
      expect(gateway.errors).toEqual([]);
      await publish(gateway, "$witness", told++, publisher);
    })();
    return last;
  });
  await fc.assert(property, {
    numRuns: long ? 1_000_000 : 2000,
    interruptAfterTimeLimit: time,
    markInterruptAsFailure: false,
    endOnFailure: !long,
  });
  // The interruption does not wait for the case that it interrupts.
  await last;
  await witness.hearsPublications(told);
  expect(witness.data).toEqual(Array.from({ length: told }, (_, at) => at));
  expect(witness.has("gap")).toBe(false);
  await until(() => gateway.hub.sessions.size === 1, "nobody left but the witness");
}

const codes = new Map<number, string>(Object.values(refusals).map(({ code, name }) => [code, name]));

/** The one error object, and never the one that says that we are at fault. */
function expectError(value: unknown): void {
  const { error } = value as { error: { code: number; name: string; message: string; doc: string } };
  const { code, name, message, doc, ...rest } = error;
  expect([codes.get(code), doc, rest]).toEqual([name, `/docs/codes#${code}`, {}]);
  expect(message).not.toBe("");
  expect(code).not.toBe(refusals.internal.code);
}

async function expectGoodAnswer(client: RawClient, method: string): Promise<void> {
  const status = httpAnswer(client.bytes)?.status ?? 0;
  expect(status).toBeOneOf([101, 200, 204, 400, 401, 403, 404, 409, 413, 426, 429, 431, 503]);
  if (status < 400 || method === "HEAD") return;
  await until(
    () => httpAnswer(client.bytes)?.complete === true || client.closed,
    `the whole answer to ${method}; received ${JSON.stringify(client.text)}`,
  );
  const body = httpAnswer(client.bytes)?.body.toString() ?? "";
  // What is no HTTP is answered by the runtime, whose answers have no body.
  if (body !== "") expectError(JSON.parse(body));
}

const token = fc.constantFrom(
  "GET",
  "POST",
  "DELETE",
  "/channels/a",
  "/channels",
  " ",
  "HTTP/1.1",
  "HTTP/1.0",
  "\r\n",
  "\n",
  "\r\n\r\n",
  "Host: a",
  "Host: ",
  "Content-Length: 5",
  "Content-Length: -1",
  "Content-Length: 99999999999999999999",
  "Transfer-Encoding: chunked",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Accept: text/event-stream",
  "Expect: 100-continue",
  "5\r\nhello\r\n",
  "0\r\n\r\n",
  "ffffffffffffffff\r\n",
  "\0",
  "\xff",
  "[]",
  "{}",
  "?since=",
  "%",
  "Authorization: Bearer ",
  ":",
  "GET / HTTP/2.0",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "\x16\x03\x01\x02\x00\x01\x00",
);

test(
  "any bytes as a connection",
  async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 500 }),
      fc.array(token, { maxLength: 20 }).map((tokens) => Buffer.from(tokens.join(""), "latin1")),
    );
    await survives(fc.tuple(bytes, fc.boolean()), async ([sent, reset]: [Uint8Array, boolean]) => {
      const client = await RawClient.connect(gateway.port);
      await client.send(sent);
      const end = performance.now() + 5;
      while (!client.closed && client.chunks.length === 0 && performance.now() < end) await Bun.sleep(1);
      const status = httpAnswer(client.bytes)?.status;
      if (status !== undefined) expect(status).not.toBe(500);
      if (reset) client.reset();
      else client.finish();
    });
  },
  patience,
);

const odd = fc.constantFrom(
  "*",
  "**",
  "/",
  "//",
  ",",
  "%",
  "%2F",
  "%00",
  "%ff",
  "$",
  "..",
  "é",
  "%C3%A9",
  "\\",
  ";",
  "channels",
  "+",
  "'",
  '"',
  "<",
  "{",
  "\x7f",
);
const path = fc.oneof(
  fc.array(fc.oneof(odd, fc.string({ maxLength: 8 })), { maxLength: 8 }).map((parts) => `/channels/${parts.join("")}`),
  fc.webPath(),
  fc.string({ maxLength: 400 }).map((text) => `/channels/${encodeURIComponent(text.toWellFormed())}`),
  fc.constantFrom(
    "/",
    "/channels",
    "/channels/",
    "/tickets",
    "/presence/a",
    "/health",
    "/docs/codes",
    "/openapi.json",
    "/admin/keys",
    "*",
    "/channels/a,b,c",
    "/devices",
  ),
);
const parameter = fc.tuple(
  fc.constantFrom(
    "since",
    "last_event_id",
    "lastEventId",
    "history",
    "wait",
    "heartbeat",
    "key",
    "presence",
    "ticket",
    "x",
  ),
  fc.oneof(
    fc.string({ maxLength: 12 }),
    fc.integer().map(String),
    fc.double().map(String),
    fc.constantFrom("", "0", "1", "true", "a.1", "é", "1e3", "Infinity", "NaN", "0x1"),
  ),
);
const query = fc
  .array(parameter, { maxLength: 4 })
  .map((pairs) => pairs.map(([name, value]) => `${name}=${encodeURIComponent(value.toWellFormed())}`).join("&"));
const headerValue = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.constantFrom(
    "application/json",
    "text/event-stream",
    "application/x-ndjson",
    "websocket",
    "bearer x",
    "a=b",
    "a=b=c,,",
    "%",
    "\xff\xfe",
    "null",
    "https://evil",
    "*/*",
    "hearthwire",
    "hearthwire.key.x, hearthwire",
    "hearthwire_key=x",
  ),
);
const header = fc.tuple(
  fc.constantFrom(
    "Accept",
    "Content-Type",
    "Authorization",
    "X-API-Key",
    "Cookie",
    "Origin",
    "Last-Event-ID",
    "Idempotency-Key",
    "Hearthwire-Tags",
    "Hearthwire-Map-Key",
    "X-Forwarded-For",
    "Sec-WebSocket-Protocol",
    "Upgrade",
    "Access-Control-Request-Method",
  ),
  headerValue,
);
const json = fc.oneof(
  fc.json({ maxDepth: 4 }),
  fc
    .array(
      fc.record(
        {
          channel: fc.oneof(fc.string(), fc.constantFrom("a", "maps/a", "$x")),
          data: fc.jsonValue(),
          key: fc.string(),
          removed: fc.boolean(),
          tags: fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 }),
          id: fc.jsonValue(),
        },
        { requiredKeys: [] },
      ),
      { maxLength: 5 },
    )
    .map((items) => JSON.stringify(items)),
);
const body = fc.oneof(
  json.map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 300 }),
  fc.constant(Buffer.alloc(5000, 0x31)),
);
const clean = (text: string): string => text.replaceAll(/[\0-\x1f\x7f]|[^\0-\xff]/g, "");

test(
  "any path, query, headers and body as a request",
  async () => {
    const method = fc.constantFrom("GET", "GET", "POST", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE");
    const request = fc.tuple(method, path, query, fc.array(header, { maxLength: 5 }), body);
    await survives(
      request,
      async ([verb, target, search, headers, content]: [string, string, string, [string, string][], Uint8Array]) => {
        const lines = headers.map(([name, value]) => `${name}: ${clean(value)}`);
        const line = `${verb} ${clean(target).replaceAll(" ", "%20")}?${search} HTTP/1.1`;
        const head = [line, "Host: 127.0.0.1", `Content-Length: ${content.length}`, ...lines, "", ""].join("\r\n");
        const client = await RawClient.connect(gateway.port);
        await client.send(Buffer.concat([Buffer.from(head, "latin1"), content]));
        const come = (): boolean => client.closed || httpAnswer(client.bytes) !== undefined;
        // A poll may wait for as long as it said; everything else is answered or closed at once.
        if (search.includes("wait=")) await Bun.sleep(2);
        else await until(come, `an answer to ${head}`);
        if (httpAnswer(client.bytes) !== undefined) await expectGoodAnswer(client, verb);
        client.reset();
      },
    );
  },
  patience,
);

test(
  "any body as a batch",
  async () => {
    await survives(fc.tuple(body), async ([content]: [Uint8Array]) => {
      const response = await fetch(`${gateway.url}/channels`, {
        method: "POST",
        headers: { "x-api-key": key },
        body: content as Uint8Array<ArrayBuffer>,
      });
      const answer: unknown = await response.json();
      if (response.status !== 200) {
        expect(response.status).toBeOneOf([400, 413]);
        expectError(answer);
        return;
      }
      const items: unknown = JSON.parse(Buffer.from(content).toString());
      expect((answer as unknown[]).length).toBe((items as unknown[]).length);
      for (const result of answer as object[]) if (!("offset" in result)) expectError(result);
    });
  },
  patience,
);

/** Sends it after the upgrade, then a last message where the WebSocket still lives, and reads what came. */
async function afterUpgrade(bytes: Uint8Array): Promise<void> {
  const client = await RawClient.connect(gateway.port);
  await client.send(Buffer.concat([Buffer.from(upgradeHead("/channels/a", [`X-API-Key: ${key}`])), bytes]));
  await client.send(clientFrame(opcodes.text, '{"id":"last","channel":"b","data":1}'));
  const frames = (): ReturnType<typeof serverFrames> => serverFrames(httpAnswer(client.bytes)?.rest ?? Buffer.alloc(0));
  const done = (): boolean =>
    client.closed ||
    frames().some(({ opcode, payload }) => opcode === opcodes.close || payload.includes('"id":"last"'));
  await until(() => httpAnswer(client.bytes) !== undefined, "the answer to the upgrade");
  // What was sent may be the beginning of a frame that swallows the last message.
  const end = performance.now() + 10;
  while (!done() && performance.now() < end) await Bun.sleep(1);
  expect(httpAnswer(client.bytes)?.status).toBe(101);
  for (const { opcode, payload } of frames()) {
    if (opcode === opcodes.close) expect(payload.length === 0 || closeIsKnown(payload.readUInt16BE(0))).toBe(true);
    if (opcode !== opcodes.text) continue;
    const message = JSON.parse(payload.toString("utf8")) as object;
    if ("error" in message) expectError({ error: message.error });
  }
  client.reset();
}

function closeIsKnown(code: number): boolean {
  return (
    codes.has(code) ||
    [1000, 1002, 1005, 1006, 1007, 1009].includes(code) ||
    code < 1000 ||
    (code >= 3000 && code < 5000)
  );
}

test(
  "any bytes after the upgrade to WebSocket",
  async () => {
    await survives(fc.tuple(fc.uint8Array({ maxLength: 200 })), ([bytes]: [Uint8Array]) => afterUpgrade(bytes));
  },
  patience,
);

test(
  "any frames of a WebSocket",
  async () => {
    const frame = fc
      .tuple(
        fc.oneof(
          { weight: 6, arbitrary: fc.constant(opcodes.text) },
          fc.constantFrom(...Object.values(opcodes)),
          fc.integer({ min: 0, max: 15 }),
        ),
        fc.oneof(
          json,
          fc.string(),
          fc.uint8Array({ maxLength: 140 }),
          fc.record({ apiKey: fc.jsonValue() }).map((message) => JSON.stringify(message)),
          fc
            .record(
              {
                id: fc.jsonValue(),
                channel: fc.constantFrom("a", "maps/a", "a b"),
                data: fc.jsonValue(),
                key: fc.string(),
              },
              { requiredKeys: [] },
            )
            .map((message) => JSON.stringify(message)),
        ),
        fc.boolean(),
      )
      .map(([opcode, payload, final]) => clientFrame(opcode, payload, final));
    await survives(
      fc.array(frame, { maxLength: 8 }).map((frames) => [frames]),
      ([frames]: [Buffer[]]) => afterUpgrade(Buffer.concat(frames)),
    );
  },
  patience,
);

test(
  "any first message of a WebSocket without rights",
  async () => {
    const guarded = await openGateway({ anonymous: {} });
    const message = fc.oneof(
      fc.string(),
      json,
      fc.record({ apiKey: fc.jsonValue() }).map((value) => JSON.stringify(value)),
    );
    await survives(fc.tuple(message), async ([text]: [string]) => {
      const client = await RawClient.connect(guarded.port);
      await client.send(Buffer.concat([Buffer.from(upgradeHead("/channels/a")), clientFrame(opcodes.text, text)]));
      await until(() => serverFrames(httpAnswer(client.bytes)?.rest ?? Buffer.alloc(0)).length > 0, "the close frame");
      const [first] = serverFrames(httpAnswer(client.bytes)?.rest ?? Buffer.alloc(0));
      expect([first?.opcode, first?.payload.readUInt16BE(0)]).toEqual([opcodes.close, 3500]);
      client.reset();
    });
    expect(guarded.errors).toEqual([]);
    await guarded.stop();
  },
  patience,
);
