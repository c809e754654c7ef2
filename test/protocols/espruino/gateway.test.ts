/** The gateway as it is configured: a board, a browser, an SSE reader and a PHP-like backend talk in the same room. */
import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseConfig } from "../../../src/config/load.ts";
import { espruinoPolicy } from "../../../src/config/policies.ts";
import { startGateway } from "../../../src/gateway.ts";
import { FakeLog } from "../../fakes/log.ts";
import { TestGateway } from "../../http/gateway.ts";
import { httpAnswer, RawClient, serverFrames, until } from "../../transports/raw-client.ts";
import { BackendPeer } from "../unix-socket/peers.ts";
import { currentFrame, frameOf2015 } from "./boards.ts";
import { currentRequest, requestOf2015 } from "./stage.ts";

const gateways: TestGateway[] = [];
afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.stop();
});

async function start(yaml = ""): Promise<{ gateway: TestGateway; port: number }> {
  const gateway = await TestGateway.start(`listeners: [{ listen: "127.0.0.1:0", protocol: espruino }]\n${yaml}`);
  gateways.push(gateway);
  const url = gateway.gateway.addresses[1]?.url ?? "";
  expect(url).toStartWith("ws://localhost:");
  return { gateway, port: Number(new URL(url).port) };
}

function texts(client: RawClient): string[] {
  return serverFrames(httpAnswer(client.bytes)?.rest ?? Buffer.alloc(0)).map(({ payload }) => payload.toString());
}

test("boards of both generations, a browser, an SSE reader and a backend hear each other in a room", async () => {
  const { gateway, port } = await start();
  const { key } = await gateway.newKey({ subscribe: ["room/**", "espruino/**"], publish: ["room/**"] });
  const old = await RawClient.connect(port);
  const current = await RawClient.connect(port);
  for (const line of requestOf2015) await old.send(line);
  await old.send(frameOf2015('{"join":"kitchen"}'));
  await current.send(currentRequest());
  for (const piece of currentFrame('{"join":"kitchen"}')) await current.send(piece);
  const heard: string[] = [];
  const browser = new WebSocket(`${gateway.url.replace("http", "ws")}/espruino`);
  browser.onmessage = ({ data }) => heard.push(String(data));
  await until(() => heard.length === 1, "the welcome");
  browser.send('{"join":"kitchen"}');
  const reader = await fetch(`${gateway.url}/channels/room/kitchen`, {
    headers: { accept: "text/event-stream", authorization: `Bearer ${key}` },
  });
  let stream = "";
  void (async () => {
    for await (const part of reader.body as ReadableStream<Uint8Array>) stream += new TextDecoder().decode(part);
  })().catch(() => undefined);
  await until(() => texts(old).length === 1 && texts(current).length === 1, "the welcomes");
  await until(() => stream.includes("live"), "the reader");
  await old.send(frameOf2015('{"room":"kitchen","msg":"from 2015"}'));
  await until(() => heard.includes("from 2015"), "the browser");
  browser.send('{"room":"kitchen","msg":"from the browser"}');
  const posted = await gateway.ask("/channels/room/kitchen", { method: "POST", key, body: { from: "a backend, é" } });
  expect(posted.status).toBe(200);
  const expected = ["User Joined", "from 2015", "from the browser", '{"from":"a backend, \\u00e9"}'];
  for (const client of [old, current]) {
    await until(() => texts(client).length === 4, `all: ${JSON.stringify(texts(client))}`);
    expect(texts(client)).toEqual(expected);
    client.reset();
  }
  await until(() => stream.includes("a backend"), "the reader");
  expect(heard.slice(1)).toEqual(["from 2015", "from the browser", '{"from":"a backend, é"}']);
  const inbox = await gateway.ask("/channels/espruino/inbox?history=10", { key });
  const { publications } = inbox.body as { publications: { data: unknown; tags: unknown }[] };
  expect(publications.map(({ data, tags }) => [data, tags])).toEqual([
    ["from 2015", { room: "kitchen" }],
    ["from the browser", { room: "kitchen" }],
  ]);
  browser.close();
});

test("a backend at the Unix socket is heard by a board", async () => {
  const folder = mkdtempSync(join(tmpdir(), "hearthwire-boards-"));
  const path = join(folder, "push.sock");
  const text = `listen: 127.0.0.1:0\ndata: ${folder}\nunix_socket: { path: ${path} }\nlisteners: [{ listen: "127.0.0.1:0", protocol: espruino }]\n`;
  const gateway = await startGateway(parseConfig({ text }), { log: new FakeLog() });
  try {
    const board = await RawClient.connect(Number(new URL(gateway.addresses[1]?.url ?? "").port));
    await board.send(currentRequest());
    await until(() => texts(board).length === 1, "the welcome");
    const backend = await BackendPeer.open(path);
    backend.send({ action: "sendToChannel", channel: "room/all", data: "from PHP" });
    await until(() => texts(board).length === 2, "the message");
    expect(texts(board)[1]).toBe("from PHP");
    backend.socket.destroy();
    board.reset();
  } finally {
    await gateway.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});

test("what a board cannot take stands in metrics and in its session's entry", async () => {
  const { gateway, port } = await start();
  const board = await RawClient.connect(port);
  await board.send(requestOf2015.join(""));
  await until(() => texts(board).length === 1, "the welcome");
  const key = gateway.admin;
  await gateway.ask("/channels/room/all", { method: "POST", key, body: "x".repeat(200) });
  expect((await gateway.ask("/metrics")).text).toContain('hearthwire_refusals_total{refusal="limit_exceeded"} 1\n');
  const { body } = await gateway.ask("/sessions", { key });
  const { sessions } = body as { sessions: { transport: string }[] };
  expect(sessions.find(({ transport }) => transport === "lenient-websocket/2015")).toMatchObject({
    protocol: "espruino",
    refusals: 1,
    last_refusal: { name: "limit_exceeded", message: expect.stringContaining("bytes of room/all") },
  });
  expect(gateway.warnings).toEqual([expect.stringContaining("bytes of room/all")]);
  board.reset();
});

test("when the gateway stops, boards are told in their own way", async () => {
  const { gateway, port } = await start();
  const old = await RawClient.connect(port);
  const current = await RawClient.connect(port);
  await old.send(requestOf2015.join(""));
  await current.send(currentRequest());
  await until(() => texts(old).length === 1 && texts(current).length === 1, "the welcomes");
  await gateway.gateway.stop();
  await until(() => old.closed && current.closed, "the ends");
  expect(texts(old)).toEqual(["User Joined"]);
  expect(texts(current)[1]?.slice(2)).toBe("The gateway is stopping");
});

test("a web page of a stranger may not speak in the rooms, here nor there", async () => {
  const { gateway, port } = await start();
  const client = await RawClient.connect(port);
  await client.send(currentRequest().replace("Origin: Espruino", "Origin: https://evil.example"));
  await until(() => client.closed, "the end");
  expect(httpAnswer(client.bytes)?.status).toBe(403);
  const page = await fetch(`${gateway.url}/espruino`, {
    headers: { origin: "https://evil.example", upgrade: "websocket" },
  });
  expect(page.status).toBe(403);
  const board = await RawClient.connect(Number(new URL(gateway.url).port));
  await board.send(currentRequest(undefined, "/espruino"));
  await until(() => texts(board).length === 1, "the welcome");
  board.reset();
  expect(await fetch(`${gateway.url}/espruino`).then(({ status }) => status)).toBe(400);
});

test("who comes from elsewhere than the house needs a key", () => {
  const parse = (yaml: string) => parseConfig({ text: `data: /tmp/hearthwire\nunix_socket: false\n${yaml}` });
  const config = parse("");
  const policy = espruinoPolicy(config, config.protocols.espruino);
  expect(policy.openTo).toContain("192.168.0.0/16");
  expect(policy.openTo).not.toContain("0.0.0.0/0");
  expect(policy.anonymous).toEqual({ subscribe: ["room/**"], publish: ["room/**", "espruino/inbox"] });
  expect(policy.origins).toEqual(["Espruino"]);
  const own = parse(
    'protocols: { espruino: { open_to: ["::1"], anonymous: { subscribe: ["room/hall"] }, origins: ["https://a.example"] } }\n',
  );
  expect(espruinoPolicy(own, own.protocols.espruino, true)).toMatchObject({
    openTo: ["::1"],
    anonymous: { subscribe: ["room/hall"] },
    origins: ["https://a.example", "Espruino", "file://"],
  });
});

test("a listener for boards takes their limits, and a certificate", () => {
  const parse = (more: string) =>
    parseConfig({ text: `data: /tmp/hearthwire\nlisteners: [{ listen: ":8080", protocol: espruino, ${more} }]\n` });
  expect(parse("largest_message: 1KB, spacing: 100ms, keep_alive: 5m").listeners[0]).toMatchObject({
    largest_message: 1000,
    spacing: 100,
    keep_alive: 300_000,
  });
  expect(() => parse("spacing: 20ms")).toThrow("spacing");
  expect(() => parse("largest_message: 70000")).toThrow("largest_message");
  expect(parse("tls: { cert: /a.pem, key: /b.pem }").listeners[0]).toMatchObject({
    tls: { cert: "/a.pem", key: "/b.pem" },
  });
});
