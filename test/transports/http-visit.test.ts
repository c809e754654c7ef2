/** What a protocol is told of a request, over real sockets. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { Refused } from "../../src/core/refusals.ts";
import { thrownResponse } from "../../src/http/answers.ts";
import type { Answer, Inlet, Visit } from "../../src/ports.ts";
import { type HttpListener, listenHttp } from "../../src/transports/http-server.ts";
import { type HttpAnswer, httpAnswer, RawClient, until, upgradeHead } from "./raw-client.ts";

const bodyLimit = 1000;
const silent: Inlet = {
  message: () => undefined,
  alive: () => undefined,
  drained: () => undefined,
  ended: () => undefined,
};

const errors: object[] = [];
const note = (): void => undefined;
const log = { debug: note, info: note, warn: note, error: (fields: object) => void errors.push(fields) };
let listener: HttpListener;
/** Believes 127.0.0.1 and 10.0.0.1 as proxies. */
let behindProxy: HttpListener;

/** Tells what it sees as JSON; takes a WebSocket, reads a body, or throws, where the path says so. */
async function visited(visit: Visit): Promise<Answer> {
  try {
    switch (visit.path) {
      case "/text":
        return Response.json({ text: await visit.text(bodyLimit) });
      case "/bytes":
        return Response.json({ size: (await visit.body(bodyLimit)).length });
      case "/websocket":
        return visit.webSocket(() => silent);
      case "/websocket/hearthwire":
        return visit.webSocket(() => silent, { subprotocol: "hearthwire" });
      case "/throws":
        throw new Error("a secret");
    }
  } catch (thrown) {
    if (thrown instanceof Refused) return thrownResponse(thrown);
    throw thrown;
  }
  return Response.json({
    method: visit.request.method,
    path: visit.path,
    query: [...visit.query],
    address: visit.address,
    secure: visit.secure,
    owner: visit.owner,
    wantsWebSocket: visit.wantsWebSocket,
  });
}

beforeAll(() => {
  const common = { at: { hostname: "127.0.0.1", port: 0 }, maxMessage: 1000, log, visit: visited };
  listener = listenHttp(common);
  const proxies = new Set(["127.0.0.1", "10.0.0.1"]);
  behindProxy = listenHttp({ ...common, trusts: (address) => proxies.has(address) });
});

afterAll(async () => {
  await listener.stop(true);
  await behindProxy.stop(true);
});

afterEach(() => {
  expect(errors.splice(0)).toEqual([]);
});

/** Sends each request on one connection, when the one before it was answered whole. */
async function ask(at: HttpListener, ...requests: (string | Uint8Array)[]): Promise<HttpAnswer[]> {
  const client = await RawClient.connect(at.port);
  const answers: HttpAnswer[] = [];
  for (const request of requests) {
    client.chunks.length = 0;
    await client.send(request);
    await until(() => httpAnswer(client.bytes)?.complete === true, `an answer to ${String(request).slice(0, 60)}`);
    const answer = httpAnswer(client.bytes);
    if (answer !== undefined) answers.push(answer);
  }
  client.reset();
  return answers;
}

function request(line: string, headers: readonly string[] = [], body = ""): string {
  return [`${line} HTTP/1.1`, "Host: 127.0.0.1", ...headers, "", body].join("\r\n");
}

function json(answer: HttpAnswer | undefined): Record<string, unknown> {
  return JSON.parse(answer?.body.toString("utf8") ?? "null") as Record<string, unknown>;
}

function errorOf(answer: HttpAnswer | undefined): unknown {
  const { code, name } = (json(answer)["error"] ?? {}) as { code?: number; name?: string };
  return [answer?.status, code, name];
}

describe("the path and the query", () => {
  test.each([
    ["/channels/room/kitchen", "/channels/room/kitchen", []],
    [
      "/channels/a%2Cb%20c?x=1&x=2&y=%C3%A4+b",
      "/channels/a%2Cb%20c",
      [
        ["x", "1"],
        ["x", "2"],
        ["y", "ä b"],
      ],
    ],
    ["/channels/**?a=b?c=d", "/channels/**", [["a", "b?c=d"]]],
    ["//double//slash", "//double//slash", []],
    ["/", "/", []],
    ["/?", "/", []],
    [
      "/?=&&a",
      "/",
      [
        ["", ""],
        ["a", ""],
      ],
    ],
    ["/%zz%", "/%zz%", []],
  ])("of %s are as they stood in the request line", async (target, path, query) => {
    const [answer] = await ask(listener, request(`GET ${target}`));
    expect(json(answer)).toMatchObject({ method: "GET", path, query });
  });

  test.each(["a/channels/b?c", "a b", "%", "@", "a:b:c", "[::", "user:pass@a", ""])(
    "are the same with the Host %j",
    async (host) => {
      const [answer] = await ask(listener, `GET /real/path?x=1 HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      if (answer?.status !== 400) expect(json(answer)).toMatchObject({ path: "/real/path", query: [["x", "1"]] });
    },
  );

  test("are those of a request line with a whole URL", async () => {
    const [answer] = await ask(listener, request("GET http://elsewhere/real/path?x=1"));
    if (answer?.status !== 400) expect(json(answer)).toMatchObject({ path: "/real/path", query: [["x", "1"]] });
  });
});

describe("the body", () => {
  const over = "x".repeat(bodyLimit + 1);

  test("of exactly the limit is taken", async () => {
    const body = "x".repeat(bodyLimit);
    const [answer] = await ask(listener, request("POST /bytes", [`Content-Length: ${bodyLimit}`], body));
    expect(json(answer)).toEqual({ size: bodyLimit });
  });

  test("that is announced as too large is refused with the error object, and the connection serves the next", async () => {
    const [refused, next] = await ask(
      listener,
      request("POST /bytes", [`Content-Length: ${over.length}`], over),
      request("GET /next"),
    );
    expect(errorOf(refused)).toEqual([413, 106, "limit_exceeded"]);
    expect(json(next)).toMatchObject({ path: "/next" });
  });

  test("that is announced as too large is refused before it comes", async () => {
    const client = await RawClient.connect(listener.port);
    await client.send(request("POST /bytes", ["Content-Length: 100000000"], "first bytes"));
    await until(() => httpAnswer(client.bytes)?.complete === true, "the answer");
    expect(errorOf(httpAnswer(client.bytes))).toEqual([413, 106, "limit_exceeded"]);
    client.reset();
  });

  test("in chunks that grow too large is refused with the error object, and the connection serves the next", async () => {
    const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
    const chunks = chunk("x".repeat(600)) + chunk("y".repeat(600)) + chunk("");
    const [refused, next] = await ask(
      listener,
      request("POST /text", ["Transfer-Encoding: chunked"], chunks),
      request("GET /next"),
    );
    expect(errorOf(refused)).toEqual([413, 106, "limit_exceeded"]);
    expect(json(next)).toMatchObject({ path: "/next" });
  });

  test("in chunks within the limit is taken whole", async () => {
    const [answer] = await ask(
      listener,
      request("POST /text", ["Transfer-Encoding: chunked"], "4\r\nK\u00fcc\r\n3\r\nhe!\r\n0\r\n\r\n"),
    );
    expect(json(answer)).toEqual({ text: "Küche!" });
  });

  test("that is not UTF-8 is refused, and the connection serves the next", async () => {
    const bad = Buffer.concat([
      Buffer.from(request("POST /text", ["Content-Length: 3"])),
      Buffer.from([0x61, 0xff, 0x62]),
    ]);
    const [refused, next] = await ask(listener, bad, request("GET /next"));
    expect(errorOf(refused)).toEqual([400, 107, "bad_request"]);
    expect(json(next)).toMatchObject({ path: "/next" });
  });

  test("may be missing", async () => {
    const answers = await ask(listener, request("POST /text"), request("POST /text", ["Content-Length: 0"]));
    expect(answers.map(json)).toEqual([{ text: "" }, { text: "" }]);
  });
});

describe("the peer's address", () => {
  const asked = async (at: HttpListener, ...headers: string[]): Promise<Record<string, unknown>> =>
    json((await ask(at, request("GET /", headers)))[0]);

  test("is the connection's, whatever a peer that is no trusted proxy says", async () => {
    const answer = await asked(listener, "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https");
    expect(answer).toMatchObject({ address: "127.0.0.1", secure: false });
  });

  test.each([
    ["1.2.3.4", "1.2.3.4"],
    ["6.6.6.6, 1.2.3.4", "1.2.3.4"],
    ["6.6.6.6, 1.2.3.4, 10.0.0.1", "1.2.3.4"],
    ["10.0.0.1, 127.0.0.1", "10.0.0.1"],
  ])("behind a trusted proxy that says %s is %s", async (told, address) => {
    expect(await asked(behindProxy, `X-Forwarded-For: ${told}`)).toMatchObject({ address });
  });

  test("is the proxy's own where it tells nothing", async () => {
    expect(await asked(behindProxy)).toMatchObject({ address: "127.0.0.1", secure: false });
  });

  test("came over TLS when a trusted proxy says so", async () => {
    expect(await asked(behindProxy, "X-Forwarded-Proto: https")).toMatchObject({ secure: true });
  });
});

describe("the upgrade to WebSocket", () => {
  const upgrade = async (path: string, ...headers: string[]): Promise<HttpAnswer | undefined> =>
    (await ask(listener, upgradeHead(path, headers)))[0];
  const key = "hearthwire.key.hw_abcd_0123456789abcdef01234567";

  test("is answered without a subprotocol where none was offered, and without compression", async () => {
    const answer = await upgrade("/websocket", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits");
    expect(answer?.status).toBe(101);
    expect(answer?.headers.has("sec-websocket-protocol")).toBe(false);
    expect(answer?.headers.has("sec-websocket-extensions")).toBe(false);
  });

  test.each([`${key}, hearthwire`, `hearthwire, ${key}`])(
    "of %s is answered with `hearthwire` alone",
    async (offered) => {
      const answer = await upgrade("/websocket/hearthwire", `Sec-WebSocket-Protocol: ${offered}`);
      expect(answer?.status).toBe(101);
      expect(answer?.headers.get("sec-websocket-protocol")).toBe("hearthwire");
    },
  );

  test.each([key, "graphql-ws", `${key}, graphql-ws`])(
    "of subprotocols that nobody chose is refused, and none of them is told again: %s",
    async (offered) => {
      const answer = await upgrade("/websocket", `Sec-WebSocket-Protocol: ${offered}`);
      expect(errorOf(answer)).toEqual([400, 107, "bad_request"]);
      expect(answer?.body.toString()).not.toContain("hw_");
      expect([...(answer?.headers.values() ?? [])].join()).not.toContain("hw_");
    },
  );

  test("that is not complete is refused with the error object or closed by the server", async () => {
    const [answer] = await ask(listener, request("GET /websocket", ["Upgrade: websocket", "Connection: Upgrade"]));
    expect(answer?.status).toBe(400);
  });

  test("is seen whatever the spelling of the header's value", async () => {
    const [answer] = await ask(listener, request("GET /", ["Upgrade: WebSocket", "Connection: Upgrade"]));
    expect(json(answer)).toMatchObject({ wantsWebSocket: true });
  });
});

describe("methods", () => {
  test.each(["PUT", "PATCH", "DELETE", "OPTIONS"])("%s comes through", async (method) => {
    const [answer] = await ask(listener, request(`${method} /x`));
    expect(json(answer)).toMatchObject({ method, path: "/x" });
  });

  test("HEAD comes through, and is answered without a body", async () => {
    const client = await RawClient.connect(listener.port);
    await client.send(request("HEAD /x"));
    await until(() => httpAnswer(client.bytes) !== undefined, "the head");
    const { rest, body, status } = httpAnswer(client.bytes) ?? {};
    expect([status, body?.length, rest?.length]).toEqual([200, 0, 0]);
    client.reset();
  });
});

test("what a protocol throws by mistake is a 500 with the error object, logged, without its text", async () => {
  const [answer, next] = await ask(listener, request("GET /throws"), request("GET /next"));
  expect(errorOf(answer)).toEqual([500, 100, "internal"]);
  expect(answer?.body.toString()).not.toContain("secret");
  expect(errors.splice(0)).toHaveLength(1);
  expect(json(next)).toMatchObject({ path: "/next" });
});

test("requests that come in one packet are answered in order", async () => {
  const client = await RawClient.connect(listener.port);
  await client.send(request("GET /1") + request("GET /2") + request("GET /3"));
  await client.receives((text) => text.includes('"/3"'), "three answers");
  expect([...client.text.matchAll(/"path":"\/(\d)"/g)].map(([, number]) => number)).toEqual(["1", "2", "3"]);
  client.reset();
});
