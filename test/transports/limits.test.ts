/** What ends or refuses peers before they are anybody's session. */
import { afterAll, describe, expect, test } from "bun:test";
import { Refused } from "../../src/core/refusals.ts";
import { thrownResponse } from "../../src/http/answers.ts";
import type { Answer, OpenPeer, Visit } from "../../src/ports.ts";
import { type HttpListener, listenHttp } from "../../src/transports/http-server.ts";
import { FakeLog } from "../fakes/log.ts";
import { httpAnswer, opcodes, RawClient, serverFrames, until, upgradeHead } from "./raw-client.ts";

const listeners: HttpListener[] = [];
afterAll(async () => {
  await Promise.all(listeners.map((listener) => listener.stop(true)));
});

function listen(visit: (visit: Visit) => Answer | Promise<Answer>, accept?: () => void): HttpListener {
  const listener = listenHttp({
    at: { hostname: "127.0.0.1", port: 0 },
    maxMessage: 1000,
    bodyTime: 4000,
    log: new FakeLog(),
    ...(accept === undefined ? {} : { accept }),
    visit: async (one) => {
      try {
        return await visit(one);
      } catch (thrown) {
        return thrownResponse(thrown);
      }
    },
  });
  listeners.push(listener);
  return listener;
}

/** Begins each transport, where the path names it. */
function begin(open: OpenPeer): (visit: Visit) => Answer | Promise<Answer> {
  return (visit) => {
    if (visit.path === "/websocket") return visit.webSocket(open);
    if (visit.path === "/sse") return visit.sse(open);
    if (visit.path === "/json-lines") return visit.jsonLines(open);
    return visit.longPoll(open, () => "[]");
  };
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;

async function answerTo(port: number, request: string): Promise<ReturnType<typeof httpAnswer>> {
  const client = await RawClient.connect(port);
  await client.send(request);
  await until(() => httpAnswer(client.bytes)?.complete === true, "an answer");
  client.reset();
  return httpAnswer(client.bytes);
}

describe("a connection that is not accepted", () => {
  const refuse = (): never => {
    throw new Refused("connectionRate", undefined, 7);
  };
  const unopened: OpenPeer = () => {
    throw new Error("Cannot be opened");
  };

  test.each([
    ["a WebSocket", upgradeHead("/websocket")],
    ["server-sent events", get("/sse")],
    ["JSON lines", get("/json-lines")],
    ["a poll", get("/poll")],
  ])("is answered with 503 and Retry-After: %s", async (_what, request) => {
    const { port } = listen(begin(unopened), refuse);
    const answer = await answerTo(port, request);
    expect(answer?.status).toBe(503);
    expect(answer?.headers.get("retry-after")).toBe("7");
  });
});

describe("a session that is refused when it is opened", () => {
  const tooMany: OpenPeer = () => {
    throw new Refused("connectionLimit", "Cannot have more than 3 connections");
  };

  test("is told so by the close code of its WebSocket", async () => {
    const { port } = listen(begin(tooMany));
    const client = await RawClient.connect(port);
    await client.send(upgradeHead("/websocket"));
    const closes = () =>
      serverFrames(httpAnswer(client.bytes)?.rest ?? Buffer.alloc(0)).filter(({ opcode }) => opcode === opcodes.close);
    await until(() => closes().length > 0, "a close frame");
    const payload = closes()[0]?.payload ?? Buffer.alloc(2);
    expect(payload.readUInt16BE(0)).toBe(3504);
    expect(payload.subarray(2).toString()).toBe("Cannot have more than 3 connections");
    client.reset();
  });

  test.each(["/sse", "/json-lines", "/poll"])("is told so by the status of %s", async (path) => {
    const { port } = listen(begin(tooMany));
    expect(await answerTo(port, get(path))).toMatchObject({ status: 429 });
  });
});

test("who brings head or body too slowly is cut off: nothing at all, a head or a body a byte at a time", async () => {
  const { port } = listen(async (visit) => Response.json({ size: (await visit.body(1000)).length }));
  const [silent, head, body] = await Promise.all([1, 2, 3].map(() => RawClient.connect(port)));
  if (silent === undefined || head === undefined || body === undefined) throw new Error("Cannot connect");
  const begun = performance.now();
  await head.send("GET / HTTP/1.1\r\nX-Slow: ");
  await body.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n");
  const dribble = setInterval(() => {
    for (const client of [head, body]) if (!client.closed) void client.send("x");
  }, 500);
  await until(() => body.closed, "the end of the one with a slow body", 12_000);
  const bodyTook = performance.now() - begun;
  await until(() => silent.closed && head.closed, "the end of those without a head", 20_000);
  clearInterval(dribble);
  expect(bodyTook).toBeGreaterThan(4000);
  expect(performance.now() - begun).toBeGreaterThan(6000);
}, 40_000);

test("a head of more than 16 KiB is refused with 431", async () => {
  const { port } = listen(() => new Response("all"));
  const head = (size: number): string => `GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${"x".repeat(size)}\r\n\r\n`;
  expect(await answerTo(port, head(15_000))).toMatchObject({ status: 200 });
  expect(await answerTo(port, head(17_000))).toMatchObject({ status: 431 });
});
