/** Who may: keys in each of their forms, tickets, WebSockets that show theirs later, and web pages of other origins. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import {
  clientFrame,
  httpAnswer,
  opcodes,
  RawClient,
  serverFrames,
  until,
  upgradeHead,
} from "../../transports/raw-client.ts";
import { clients, openWs, publish, refusalOf } from "./clients.ts";
import { openGateway, type TestGateway } from "./gateway.ts";

let gateway: TestGateway;
let listener: string;
let publisher: string;
const wrong = `hw_abcdefghij_${"A".repeat(24)}`;

beforeAll(async () => {
  gateway = await openGateway({
    anonymous: { subscribe: ["open/**"], publish: ["open/**"] },
    origins: ["https://home.example", "https://*.house.example"],
    publicUrl: "https://hearth.example",
  });
  listener = gateway.key({ subscribe: ["**"] });
  publisher = gateway.key({ publish: ["**"] });
});
afterAll(() => gateway.stop());
afterEach(() => {
  expect(gateway.errors).toEqual([]);
  // Invariant 9: whatever was tried, no secret stands in the log.
  expect(
    gateway.logged.filter((line) => /hw_[A-Za-z0-9]{4,}_[A-Za-z0-9]{8}/.test(line) || line.includes("hwt_")),
  ).toEqual([]);
});

const streams = { accept: "text/event-stream" };

async function ask(path: string, headers: Readonly<Record<string, string>> = {}, method = "GET"): Promise<Response> {
  const abort = new AbortController();
  const response = await fetch(`${gateway.url}${path}`, {
    method,
    headers,
    signal: abort.signal,
    ...(method === "POST" ? { body: "x" } : {}),
  });
  if (response.headers.get("content-type")?.startsWith("text/event-stream")) {
    await response.body?.cancel();
    abort.abort();
  }
  return response;
}

async function ticketOf(key: string): Promise<string> {
  const response = await fetch(`${gateway.url}/tickets`, { method: "POST", headers: { "x-api-key": key } });
  const { ticket, expires_in } = (await response.json()) as { ticket: string; expires_in: number };
  expect([response.status, expires_in]).toEqual([200, 30]);
  return ticket;
}

describe("a key", () => {
  const forms: readonly [string, (key: string) => Record<string, string>][] = [
    ["Authorization: Bearer", (key) => ({ authorization: `Bearer ${key}` })],
    ["authorization: bearer", (key) => ({ authorization: `bearer   ${key}` })],
    ["X-API-Key", (key) => ({ "x-api-key": key })],
    ["a cookie", (key) => ({ cookie: `theme=dark; hearthwire_key=${key}` })],
  ];

  describe.each(forms)("in %s", (_, form) => {
    test("lets its owner listen and publish as it says", async () => {
      for (const accept of ["text/event-stream", "application/x-ndjson", "application/json"]) {
        expect((await ask("/channels/closed", { ...form(listener), accept })).status).toBe(200);
      }
      expect((await ask("/channels/closed", form(publisher), "POST")).status).toBe(200);
      expect(await refusalOf(ask("/channels/closed", { ...form(publisher), ...streams }))).toEqual([
        403,
        103,
        "permission_denied",
      ]);
      expect(await refusalOf(ask("/channels/closed", form(listener), "POST"))).toEqual([403, 103, "permission_denied"]);
    });

    test("that is wrong is refused with 401, also where nobody would need one", async () => {
      for (const key of [wrong, `${listener}x`, listener.slice(0, -1), "hw_", "x"]) {
        const refused = await ask("/channels/open/a", { ...form(key), ...streams });
        expect(refused.headers.get("www-authenticate")).toBe("Bearer");
        expect(await refusalOf(refused)).toEqual([401, 101, "unauthorized"]);
        expect(await refusalOf(ask("/channels/open/a", form(key), "POST"))).toEqual([401, 101, "unauthorized"]);
      }
    });

    test("that has expired is refused with 401", async () => {
      const key = gateway.key({ subscribe: ["**"] }, { expires: gateway.clock.now() + 1000 });
      expect((await ask("/channels/closed", form(key))).status).toBe(200);
      await gateway.clock.advance(1000);
      expect(await refusalOf(ask("/channels/closed", form(key)))).toEqual([401, 110, "expired"]);
    });

    test("opens a WebSocket", async () => {
      const { listening } = await openWs(gateway, "/channels/closed", { headers: form(listener) });
      await listening.isLive();
      listening.leave();
    });
  });

  test("is asked of whoever has none, with 401, on every form of GET and for publishing", async () => {
    for (const accept of ["text/event-stream", "application/x-ndjson", "application/json"]) {
      expect(await refusalOf(ask("/channels/closed", { accept }))).toEqual([401, 101, "unauthorized"]);
    }
    expect(await refusalOf(ask("/channels/closed", {}, "POST"))).toEqual([401, 101, "unauthorized"]);
    expect((await ask("/channels/open/a", streams)).status).toBe(200);
    expect((await ask("/channels/open/a", {}, "POST")).status).toBe(200);
  });

  test("must cover all of a pattern, and every channel of several", async () => {
    const key = gateway.key({ subscribe: ["room/*", "hall"] });
    const headers = { "x-api-key": key, ...streams };
    expect((await ask("/channels/room/*,hall", headers)).status).toBe(200);
    for (const path of ["room/**", "*", "room/a,garage", "$devices"]) {
      expect(await refusalOf(ask(`/channels/${path}`, headers))).toEqual([403, 103, "permission_denied"]);
    }
  });

  test("in the URL is no key of ours", async () => {
    for (const name of ["apiKey", "api_key", "key", "token", "access_token"]) {
      expect(await refusalOf(ask(`/channels/closed?${name}=${listener}`))).toEqual([401, 101, "unauthorized"]);
    }
  });

  test.each(clients)("that is revoked ends what lives by it: $name", async (client) => {
    const key = gateway.key({ subscribe: ["**"] });
    const listening = await (
      await client.listen(gateway, "/channels/closed", { headers: { "x-api-key": key } })
    ).isLive();
    gateway.revoke(key);
    await listening.isEnded();
    if (client.oneWay) expect(listening.notice("end")).toMatchObject({ end: true, error: { code: 3500 } });
    else expect(listening.ended).toMatchObject({ code: 3500 });
    expect(await refusalOf(ask("/channels/closed", { "x-api-key": key, ...streams }))).toEqual([
      401,
      101,
      "unauthorized",
    ]);
  });

  test.each(clients)("that expires ends what lives by it within a second or so: $name", async (client) => {
    const key = gateway.key({ subscribe: ["**"] }, { expires: gateway.clock.now() + 5000 });
    const listening = await (
      await client.listen(gateway, "/channels/closed", { headers: { "x-api-key": key } })
    ).isLive();
    await gateway.clock.advance(4000);
    expect(listening.ended).toBeUndefined();
    await gateway.clock.advance(2000);
    await listening.isEnded();
    if (client.oneWay) expect(listening.notice("end")).toMatchObject({ end: true, error: { code: 3005 } });
    else expect(listening.ended).toMatchObject({ code: 3005 });
  });
});

describe("a WebSocket without rights", () => {
  const stranger = (path = "/channels/closed"): ReturnType<typeof openWs> => openWs(gateway, path);

  test("that sends its key first hears what it asked for", async () => {
    await publish(gateway, "closed/first", 1, { "x-api-key": publisher });
    const { listening, send } = await stranger("/channels/closed/first?history=1");
    send({ apiKey: listener });
    await listening.isLive();
    expect(listening.messages[0]).toEqual({ hello: true, heartbeat: 25 });
    expect(listening.data).toEqual([1]);
    listening.leave();
  });

  test("hears nothing until it does, and is closed with 3502 after `unauthenticated`", async () => {
    const { listening } = await stranger();
    await gateway.clock.advance(2000);
    expect([listening.messages, listening.ended]).toEqual([[], undefined]);
    await gateway.clock.advance(2000);
    await listening.isEnded();
    expect(listening.ended).toEqual({ code: 3502, reason: "No key came in time" });
    expect(listening.messages).toEqual([]);
  });

  test.each([
    ["a wrong key", { apiKey: wrong }, 3500],
    ["no key at all", { apiKey: "" }, 3500],
    ["a key that is no text", { apiKey: 1 }, 3500],
    ["something else", { channel: "open/a", data: 1 }, 3500],
    ["nonsense", "what", 3500],
  ])("that first sends %s is closed with 3500", async (_, message, code) => {
    const { listening, send } = await stranger();
    send(message);
    await listening.isEnded();
    expect(listening.ended?.code).toBe(code);
    expect(listening.ended?.reason).not.toBe("");
    expect(listening.messages).toEqual([]);
  });

  test("whose key may not listen is closed with 3507", async () => {
    const { listening, send } = await stranger();
    send({ apiKey: publisher });
    await listening.isEnded();
    expect(listening.ended).toEqual({ code: 3507, reason: "Cannot subscribe to closed: no such grant" });
    expect(listening.messages).toEqual([]);
  });

  test("whose key in the head may not listen is refused before the upgrade", async () => {
    const opened = openWs(gateway, "/channels/closed", { headers: { "x-api-key": publisher } });
    expect(await opened.catch((error: Error) => error.message)).toContain("403");
  });

  test("may send its key in the packet of the request", async () => {
    const client = await RawClient.connect(gateway.port);
    const key = clientFrame(opcodes.text, JSON.stringify({ apiKey: listener }));
    await client.send(Buffer.concat([Buffer.from(upgradeHead("/channels/closed")), key]));
    await client.receives((text) => text.includes('"live"'), "`live`");
    client.reset();
  });

  test("may ask for the right to publish while it listens to what everybody may", async () => {
    const { listening, send } = await stranger("/channels/open/a");
    await listening.isLive();
    send({ id: 1, channel: "closed", data: 1 });
    await listening.hears(() => listening.has("error"), "the refusal");
    expect(listening.notice("error")).toMatchObject({ id: 1, error: { code: 101 } });
    send({ apiKey: publisher });
    send({ id: 2, channel: "closed", data: 1 });
    await listening.hears(() => listening.has("epoch"), "the receipt");
    expect(listening.notice("epoch")).toMatchObject({ id: 2, channel: "closed" });
    listening.leave();
  });
});

describe("the subprotocol pair", () => {
  test("lets a browser's WebSocket in, and is answered with `hearthwire`", async () => {
    for (const protocols of [
      ["hearthwire", `hearthwire.key.${listener}`],
      [`hearthwire.key.${listener}`, "hearthwire"],
    ]) {
      const { listening, socket } = await openWs(gateway, "/channels/closed", {}, protocols);
      expect(socket.protocol).toBe("hearthwire");
      await listening.isLive();
      listening.leave();
    }
  });

  test("with a wrong key is refused with 401, and a key alone with 400: neither is told again", async () => {
    for (const [offered, status] of [
      [`hearthwire, hearthwire.key.${wrong}`, 401],
      [`hearthwire.key.${listener}`, 400],
      ["graphql-ws", 400],
    ] as const) {
      const client = await RawClient.connect(gateway.port);
      await client.send(upgradeHead("/channels/closed", [`Sec-WebSocket-Protocol: ${offered}`]));
      await until(() => httpAnswer(client.bytes)?.complete === true, "the answer");
      expect(httpAnswer(client.bytes)?.status).toBe(status);
      expect(client.text).not.toContain("hearthwire.key.");
      expect(client.text).not.toContain("hw_");
      client.reset();
    }
  });

  test("of `hearthwire` alone waits for the key", async () => {
    const { listening, socket, send } = await openWs(gateway, "/channels/closed", {}, ["hearthwire"]);
    expect(socket.protocol).toBe("hearthwire");
    send({ apiKey: listener });
    await listening.isLive();
    listening.leave();
  });
});

describe("a ticket", () => {
  test("stands for its key once, in the URL of any form of GET", async () => {
    const ticket = await ticketOf(listener);
    expect((await ask(`/channels/closed?ticket=${ticket}`, streams)).status).toBe(200);
    expect(await refusalOf(ask(`/channels/closed?ticket=${ticket}`, streams))).toEqual([401, 101, "unauthorized"]);
    const { listening } = await openWs(gateway, `/channels/closed?ticket=${await ticketOf(listener)}`);
    await listening.isLive();
    listening.leave();
  });

  test("may do what its key may, and no more", async () => {
    const asked = ask(`/channels/closed?ticket=${await ticketOf(publisher)}`, streams);
    expect(await refusalOf(asked)).toEqual([403, 103, "permission_denied"]);
  });

  test("is over after 30 s", async () => {
    const [early, late] = [await ticketOf(listener), await ticketOf(listener)];
    await gateway.clock.advance(29_999);
    expect((await ask(`/channels/closed?ticket=${early}`)).status).toBe(200);
    await gateway.clock.advance(1);
    expect(await refusalOf(ask(`/channels/closed?ticket=${late}`))).toEqual([401, 101, "unauthorized"]);
  });

  test("goes with its key", async () => {
    const key = gateway.key({ subscribe: ["**"] });
    const ticket = await ticketOf(key);
    gateway.revoke(key);
    expect(await refusalOf(ask(`/channels/closed?ticket=${ticket}`))).toEqual([401, 101, "unauthorized"]);
  });

  test("is not given to whoever has no key", async () => {
    const response = fetch(`${gateway.url}/tickets`, { method: "POST" });
    expect(await refusalOf(response)).toEqual([401, 101, "unauthorized"]);
  });

  test("of a session that opened with it ends with its key", async () => {
    const key = gateway.key({ subscribe: ["**"] });
    const { listening } = await openWs(gateway, `/channels/closed?ticket=${await ticketOf(key)}`);
    await listening.isLive();
    gateway.revoke(key);
    await listening.isEnded();
    expect(listening.ended?.code).toBe(3500);
  });
});

describe("a web page", () => {
  const own = (): string => gateway.url;
  const welcome = (): string[] => [own(), "https://home.example", "https://a.house.example", "https://hearth.example"];
  const foreign = [
    "https://evil.example",
    "http://home.example",
    "https://house.example",
    "https://evilhouse.example",
    "https://home.example.evil.example",
    "http://127.0.0.1:1",
    "null",
    "Espruino",
  ];

  test("of a known origin may read every answer, refusals too", async () => {
    for (const origin of welcome()) {
      for (const [path, status] of [
        ["/channels/open/a", 200],
        ["/channels/closed", 401],
        ["/channels/a%20b", 400],
      ] as const) {
        const response = await ask(path, { origin });
        expect(response.status).toBe(status);
        expect(response.headers.get("access-control-allow-origin")).toBe(origin);
        expect(response.headers.get("vary")).toContain("Origin");
        expect(response.headers.has("access-control-allow-credentials")).toBe(false);
      }
      const stream = await ask("/channels/open/a", { origin, ...streams });
      expect(stream.headers.get("access-control-allow-origin")).toBe(origin);
    }
  });

  test("of a known origin may ask beforehand for what it will send", async () => {
    const response = await fetch(`${gateway.url}/channels/open/a`, {
      method: "OPTIONS",
      headers: {
        origin: "https://home.example",
        "access-control-request-method": "DELETE",
        "access-control-request-headers": "authorization,content-type,last-event-id,idempotency-key",
      },
    });
    expect([response.status, await response.text()]).toEqual([204, ""]);
    const allowed = (name: string): string[] => (response.headers.get(name) ?? "").toLowerCase().split(/, */);
    expect(allowed("access-control-allow-origin")).toEqual(["https://home.example"]);
    expect(allowed("access-control-allow-methods")).toEqual(expect.arrayContaining(["get", "post", "delete"]));
    expect(allowed("access-control-allow-headers")).toEqual(
      expect.arrayContaining([
        "authorization",
        "x-api-key",
        "content-type",
        "last-event-id",
        "idempotency-key",
        "hearthwire-map-key",
        "hearthwire-tags",
      ]),
    );
  });

  test("of any other origin is refused, asks in vain beforehand, and changes nothing", async () => {
    for (const origin of foreign) {
      const [method, headers] = ["POST", { origin, "content-type": "text/plain" }];
      const channel = "open/by-a-foreign-page";
      for (const response of [
        await ask("/channels/open/a", { origin }),
        await ask("/channels/open/a", { origin, ...streams }),
        await ask(`/channels/${channel}`, headers, method),
        await fetch(`${gateway.url}/channels/${channel}`, {
          method: "OPTIONS",
          headers: { origin, "access-control-request-method": "POST" },
        }),
      ]) {
        expect(response.headers.has("access-control-allow-origin")).toBe(false);
        expect(await refusalOf(response)).toEqual([403, 103, "permission_denied"]);
      }
      expect(await gateway.hub.channels(channel)).toEqual([]);
    }
  });

  test("opens a WebSocket by the same list", async () => {
    for (const origin of welcome()) {
      const { listening } = await openWs(gateway, "/channels/open/a", { headers: { origin } });
      await listening.isLive();
      listening.leave();
    }
    for (const origin of foreign) {
      const opened = openWs(gateway, "/channels/open/a", { headers: { origin } });
      expect(await opened.catch((error: Error) => error.message)).toContain("403");
    }
  });

  test("of a public name that points at this machine is not taken for ours", async () => {
    const headers = { origin: "http://rebound.example:80", host: "rebound.example:80" };
    const client = await RawClient.connect(gateway.port);
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
    await client.send(`GET /channels/open/a HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
    await until(() => httpAnswer(client.bytes)?.complete === true, "the answer");
    expect(httpAnswer(client.bytes)?.status).toBe(403);
    client.reset();
  });

  test("of any origin comes in where `origins` has `*`", async () => {
    const open = await openGateway({ origins: ["*"] });
    for (const origin of foreign) {
      const response = await fetch(`${open.url}/channels/a`, { headers: { origin } });
      expect([response.status, response.headers.get("access-control-allow-origin")]).toEqual([200, origin]);
    }
    await open.stop();
  });
});

describe("the network place of a peer", () => {
  test("decides what it may do without a key", async () => {
    const elsewhere = await openGateway({ openTo: ["10.0.0.0/8"] });
    const asked = fetch(`${elsewhere.url}/channels/open/a`, { headers: streams });
    expect(await refusalOf(asked)).toEqual([401, 101, "unauthorized"]);
    await elsewhere.stop();
  });
});

describe("a second key in the same WebSocket", () => {
  test("is refused, so that what listens by the first ends with the first", async () => {
    const [first, second] = [gateway.key({ subscribe: ["**"] }), gateway.key({ publish: ["open/**"] })];
    const { listening, send } = await openWs(gateway, "/channels/closed", { headers: { "x-api-key": first } });
    await listening.isLive();
    send({ apiKey: first });
    send({ apiKey: second });
    await listening.hears(() => listening.has("error"), "the refusal");
    expect(listening.notice("error")).toMatchObject({ error: { code: 107 } });
    gateway.revoke(first);
    await listening.isEnded();
    expect(listening.ended?.code).toBe(3500);
  });

  test("that is wrong closes it", async () => {
    const { listening, send } = await openWs(gateway, "/channels/closed", { headers: { "x-api-key": listener } });
    send({ apiKey: wrong });
    await listening.isEnded();
    expect(listening.ended?.code).toBe(3500);
  });
});

test("frames of a refused WebSocket's close carry the table's code and a reason", async () => {
  const client = await RawClient.connect(gateway.port);
  await client.send(Buffer.concat([Buffer.from(upgradeHead("/channels/closed")), clientFrame(opcodes.text, "what")]));
  const frames = (): ReturnType<typeof serverFrames> => serverFrames(httpAnswer(client.bytes)?.rest ?? Buffer.alloc(0));
  await until(() => frames().length > 0, "the close frame");
  expect(frames()[0]?.opcode).toBe(opcodes.close);
  expect(frames()[0]?.payload.readUInt16BE(0)).toBe(3500);
  client.reset();
});
