// The board as client, against a strict server and byte by byte.
import { afterEach, describe, expect, test } from "bun:test";
import { Board, type BoardOptions } from "./board.ts";
import { packagedServer, RawServer, switching } from "./peers.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0)) clean();
});

function board(options?: BoardOptions): Board {
  const made = new Board(options);
  cleanups.push(() => made.stop());
  return made;
}

async function rawServer(): Promise<RawServer> {
  const server = await RawServer.listen();
  cleanups.push(() => server.stop());
  return server;
}

const logging = `
  "open handshake message close ping pong error".split(" ").forEach(function (event) {
    ws.on(event, function (a, b) { print(event + (a === undefined ? "" : " " + a) + (b ? " " + b : "")); });
  });`;

/** A board whose `ws` prints its events, and what it is connected to. */
async function connected(options = "{}", boardOptions?: BoardOptions) {
  const server = await rawServer();
  const chip = board(boardOptions);
  chip.run(`var options = ${options}; options.port = ${server.port};
    var WebSocket = require("hearthwire"); var ws = new WebSocket("127.0.0.1", options); ${logging}`);
  const peer = await server.open();
  await chip.prints("open");
  return { server, chip, peer };
}

/** Characters in all texts that an object of the module keeps; its sockets are the firmware's. */
function kept(value: unknown, seen = new Set<unknown>()): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null || seen.has(value) || "write" in value) return 0;
  seen.add(value);
  return Object.values(value).reduce((sum: number, member) => sum + kept(member, seen), 0);
}

describe("The request", () => {
  test("has a key of 16 bytes, the origin Espruino, and is written at once", async () => {
    const server = await rawServer();
    const chip = board();
    chip.run(`var ws = new (require("hearthwire"))("127.0.0.1", { port: ${server.port} });`);
    const { line, headers, raw } = await (await server.accept()).request();
    expect(line).toBe("GET / HTTP/1.1");
    expect(Buffer.from(headers.get("sec-websocket-key") ?? "", "base64").length).toBe(16);
    expect(
      raw
        .replace(/Key: .*/, "Key: …")
        .split("\r\n")
        .slice(1),
    ).toEqual([
      `Host: 127.0.0.1:${server.port}`,
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Key: …",
      "Sec-WebSocket-Version: 13",
      "Origin: Espruino",
    ]);
  });

  test("has the path, protocol, origin, headers and key of the options", async () => {
    const server = await rawServer();
    board().run(`new (require("hearthwire"))("127.0.0.1", { port: ${server.port}, path: "/espruino?x=1", protocol: "one",
      protocolVersion: 8, origin: "http://chip", headers: { "X-Room": "attic" }, key: "hw_abcd_secret" });`);
    const { line, headers } = await (await server.accept()).request();
    expect(line).toBe("GET /espruino?x=1 HTTP/1.1");
    expect(Object.fromEntries(headers)).toMatchObject({
      "sec-websocket-protocol": "one",
      "sec-websocket-version": "8",
      origin: "http://chip",
      "x-room": "attic",
      authorization: "Bearer hw_abcd_secret",
    });
  });

  test("goes to port 80 where none is named, then without a port in Host", async () => {
    const server = await rawServer();
    board({ routes: { "gateway.local:80": server.port } }).run(`new (require("hearthwire"))("gateway.local");`);
    expect((await (await server.accept()).request()).headers.get("host")).toBe("gateway.local");
  });
});

describe("The answer", () => {
  const answers: [string, (key: string) => string][] = [
    ["another proof", (key) => switching(`${key}x`)],
    ["no proof", () => "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"],
    ["another status with the right proof", (key) => switching(key).replace("101", "200")],
    ["a proof that is only in some other header", (key) => switching(key).replace("Sec-WebSocket-Accept", "X-Proof")],
    ["another protocol than asked for", (key) => switching(key, "Sec-WebSocket-Protocol: other\r\n")],
    ["an extension that nobody asked for", (key) => switching(key, "Sec-WebSocket-Extensions: permessage-deflate\r\n")],
    ["no Upgrade", (key) => switching(key).replace("Upgrade: websocket\r\n", "")],
    ["a refusal", () => "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n{}"],
    ["no end", () => `HTTP/1.1 101 x\r\nX: ${"y".repeat(1100)}`],
  ];
  test.each(answers)("with %s opens nothing, is told as an error, and ends the connection", async (_, answer) => {
    const server = await rawServer();
    const chip = board();
    chip.run(`var ws = new (require("hearthwire"))("127.0.0.1", { port: ${server.port} }); ${logging}`);
    const peer = await server.accept();
    const { headers } = await peer.request();
    await peer.send(answer(headers.get("sec-websocket-key") ?? ""));
    await peer.until(({ ended }) => ended);
    await chip.prints("close 1006");
    expect(chip.printed[0]).toStartWith("error Cannot open the WebSocket: HTTP/1.1 ");
    expect(chip.printed).not.toContain("open");
    expect(chip.uncaught).toEqual([]);
  });

  test("may come in single bytes, with header names in any case and frames in its last segment", async () => {
    const server = await rawServer();
    const chip = board();
    chip.run(`var ws = new (require("hearthwire"))("127.0.0.1", { port: ${server.port} }); ${logging}`);
    const peer = await server.accept();
    const { headers } = await peer.request();
    const head = switching(headers.get("sec-websocket-key") ?? "").replace(/^[A-Z][\w-]+:/gm, (name) =>
      name.toLowerCase(),
    );
    for (const byte of head.slice(0, -1)) await peer.send(byte);
    await peer.send("\n\x81\x0bUser Joined\x81\x02hi");
    await chip.prints("message hi");
    expect(chip.printed).toEqual(["handshake", "open", "message User Joined", "message hi"]);
  });

  test("is waited for 10 s", async () => {
    const server = await rawServer();
    const chip = board();
    chip.run(`var ws = new (require("hearthwire"))("127.0.0.1", { port: ${server.port} }); ${logging}`);
    const peer = await server.accept();
    await peer.request();
    await chip.advance(9000);
    expect(chip.printed).toEqual([]);
    await chip.advance(1500);
    await chip.prints("close 1006");
    await peer.until(({ ended }) => ended);
  });
});

describe("Messages", () => {
  test.each([64, 268, 536])("arrive whole in chunks of %i bytes: several in one, one in several", async (chunk) => {
    const { chip, peer } = await connected("{ limit: 70000 }", { chunk });
    const texts = [
      "",
      "a",
      "b".repeat(125),
      "c".repeat(126),
      "d".repeat(127),
      "e".repeat(1000),
      "f".repeat(65_535),
      "g",
    ];
    const header = ({ length }: string): string =>
      length < 126 ? String.fromCharCode(length) : `\x7e${String.fromCharCode(length >> 8, length & 255)}`;
    await peer.send(texts.map((text) => `\x81${header(text)}${text}`).join(""));
    await chip.prints("message g");
    expect(chip.printed.filter((line) => line.startsWith("message"))).toEqual(texts.map((text) => `message ${text}`));
    expect(Math.max(...chip.network.chunks)).toBeLessThanOrEqual(chunk);
  });

  test("in pieces become one, with pings between them", async () => {
    const { chip, peer } = await connected();
    await peer.send("\x01\x02he\x89\x01!\x00\x02ll\x80\x01o");
    await chip.prints("message hello");
    expect(chip.printed).toEqual(["handshake", "open", "ping !", "message hello"]);
  });

  test("over the limit are passed over and told, and the next one comes", async () => {
    const { chip, peer } = await connected("{ limit: 200 }");
    await peer.send(`\x81\x7e\x00\xc9${"x".repeat(201)}\x81\x02ok`);
    await peer.send(`\x01\x7e\x00\xc8${"x".repeat(200)}\x00\x01y\x80\x01z\x81\x04fine`);
    await chip.prints("message fine");
    const told = "error Cannot take so long a message";
    expect(chip.printed.slice(2)).toEqual([told, "message ok", told, "message fine"]);
  });

  test("that claim 2 GB cost no memory", async () => {
    const { chip, peer } = await connected();
    await peer.send("\x81\x7f\x00\x00\x00\x00\x80\x00\x00\x00");
    for (let i = 0; i < 50; i++) await peer.send("x".repeat(1000));
    await chip.until(() => chip.network.chunks.reduce((sum, size) => sum + size, 0) > 50_000);
    expect(kept(chip.run("ws"))).toBeLessThan(100);
  });

  test("are text in UTF-8; what a byte has no room for is a question mark, what is no UTF-8 stays", async () => {
    const { chip, peer } = await connected();
    await peer.send("\x81\x0aCaf\xc3\xa9 \xe2\x82\xac\x80");
    await chip.prints("message Caf\xe9 ?\x80");
    chip.run(`ws.send("Caf\\xe9")`);
    await peer.until(({ received }) => received.length >= 11);
    expect(peer.frames().map(({ payload }) => payload)).toEqual(["Caf\xc3\xa9"]);
  });

  test("are sent masked with a new mask each, in one write, as text or the JSON of an object", async () => {
    const { chip, peer } = await connected();
    chip.run(`ws.send("hello world"); ws.send({ a: [1, null] }); ws.send(0);
      ws.broadcast("hi"); ws.broadcast("hi", "Espruino"); ws.join('a "room"');`);
    const frames = peer.frames();
    await peer.until(() => frames.push(...peer.frames()) >= 6);
    expect(frames.map(({ opcode, payload }) => [opcode, payload])).toEqual([
      [1, "hello world"],
      [1, '{"a":[1,null]}'],
      [1, "0"],
      [1, '{"room":"all","msg":"hi"}'],
      [1, '{"room":"Espruino","msg":"hi"}'],
      [1, '{"join":"a \\"room\\""}'],
    ]);
    expect(new Set(frames.map(({ mask }) => mask)).size).toBe(frames.length);
  });

  test("are sent unmasked where masking is off", async () => {
    const { chip, peer } = await connected("{ masking: false }");
    chip.run(`ws.send("hi")`);
    await peer.until(({ received }) => received.length > 0);
    expect(peer.received).toBe("\x81\x02hi");
  });

  test("that cannot be sent are told: before it is open, after its end, too long, or when the board has not sent the last ones", async () => {
    const { chip, peer } = await connected("{ limit: 300 }");
    expect(
      chip.run(
        `[ws.send(Array(65537).join("x")), ws.send(Array(201).join("a")), ws.send(Array(201).join("b"))].join()`,
      ),
    ).toBe("false,true,false");
    await peer.until(({ received }) => received.length >= 208);
    await chip.until(() => chip.run(`ws.send("c")`) === true);
    chip.run("ws.close()");
    expect(chip.run(`ws.send("late")`)).toBe(false);
    expect(chip.run(`new (require("hearthwire"))("127.0.0.1").send("early")`)).toBe(false);
  });

  test("come as raw bytes too", async () => {
    const { chip, peer } = await connected();
    chip.run(`ws.on("rawData", function (bytes) { print(btoa(bytes)); })`);
    await peer.send("\x81\x01x");
    await chip.prints(btoa("\x81\x01x"));
  });
});

describe("The connection", () => {
  test("answers a ping with the same payload, and tells of pings and pongs", async () => {
    const { chip, peer } = await connected();
    await peer.send("\x89\x03abc\x8a\x03xyz");
    await chip.prints("pong xyz");
    expect(chip.printed).toContain("ping abc");
    await peer.until(({ received }) => received.length >= 9);
    expect(peer.frames()).toMatchObject([{ opcode: 10, payload: "abc" }]);
  });

  test("answers a close frame, and tells its code", async () => {
    const { chip, peer } = await connected();
    await peer.send("\x88\x05\x0b\xb8bye");
    await chip.prints("close 3000 bye");
    await peer.until(({ ended }) => ended);
    expect(peer.frames()).toMatchObject([{ opcode: 8, payload: "\x0b\xb8bye" }]);
  });

  test("says goodbye with a close frame, and once", async () => {
    const { chip, peer } = await connected();
    chip.run(`ws.close(); ws.close();`);
    await peer.until(({ ended }) => ended);
    expect(peer.frames()).toMatchObject([{ opcode: 8, payload: "\x03\xe8" }]);
    await chip.prints("close 1000");
    expect(chip.printed.filter((line) => line.startsWith("close"))).toHaveLength(1);
    expect(chip.timers).toEqual([]);
  });

  const faults: [string, string][] = [
    ["a reserved bit", "\xc1\x01x"],
    ["an unknown opcode", "\x83\x01x"],
    ["the rest of no message", "\x80\x01x"],
    ["a message in a message", "\x01\x01x\x01\x01y"],
    ["a ping in pieces", "\x09\x01x"],
    ["a ping of 126 bytes", `\x89\x7e\x00\x7e${"x".repeat(126)}`],
  ];
  test.each(faults)("is closed with 1002 by %s", async (_, bytes) => {
    const { chip, peer } = await connected();
    await peer.send(bytes);
    await chip.prints("close 1002");
    await peer.until(({ ended }) => ended);
    expect(peer.frames()).toMatchObject([{ opcode: 8, payload: "\x03\xea" }]);
    expect(chip.uncaught).toEqual([]);
  });

  test("pings every keepAlive seconds, and is given up after two without a byte", async () => {
    const { chip, peer } = await connected("{ keepAlive: 60 }");
    await chip.advance(60_500);
    await peer.until(({ received }) => received.length >= 10);
    expect(peer.frames()).toMatchObject([{ opcode: 9, payload: "ping" }]);
    await peer.send("\x8a\x00");
    await chip.until(() => chip.printed.includes("pong "));
    await chip.advance(60_500);
    expect(chip.printed).not.toContain("close 1006");
    await chip.advance(60_500);
    await chip.prints("close 1006");
    await peer.until(({ ended }) => ended);
  });

  test("does not ping where keepAlive is 0", async () => {
    const { chip } = await connected("{ keepAlive: 0 }");
    expect(chip.timers).toEqual([]);
  });

  test("that breaks stays broken, unless it is to come back", async () => {
    const { chip, peer } = await connected();
    peer.socket.destroy();
    await chip.until(() => chip.printed.some((line) => line.startsWith("close 1006")));
    expect(chip.timers).toEqual([]);
  });

  test("comes back with growing pauses, and at once again after a connection that held", async () => {
    const { server, chip, peer } = await connected("{ reconnect: true }");
    peer.socket.destroy();
    const pauses = [];
    for (let i = 0; i < 8; i++) {
      await chip.until(() => chip.printed.filter((line) => line === "close 1006").length > i);
      pauses.push(...chip.timers);
      const next = server.accept();
      await chip.advance(Math.max(0, ...chip.timers) + 1);
      (await next).socket.destroy();
    }
    expect(pauses).toHaveLength(8);
    for (const [i, pause] of pauses.entries()) {
      const middle = Math.min(60, 2 ** i) * 1000;
      expect(pause).toBeWithin(middle * 0.4, middle * 1.6);
    }
    await chip.until(() => chip.printed.filter((line) => line === "close 1006").length > 8);
    const again = server.open();
    await chip.advance(Math.max(...chip.timers) + 1);
    const held = await again;
    await chip.until(() => chip.printed.filter((line) => line === "open").length === 2);
    await chip.advance(60_500);
    await held.until(({ received }) => received.length > 0);
    held.socket.destroy();
    await chip.until(() => chip.printed.filter((line) => line === "close 1006").length > 9);
    expect(Math.max(...chip.timers)).toBeLessThan(1600);
  });

  test("does not come back after a close code that says so, nor after close()", async () => {
    const first = await connected("{ reconnect: true }");
    await first.peer.send("\x88\x02\x0d\xac");
    await first.chip.prints("close 3500");
    expect(first.chip.timers).toEqual([]);
    const second = await connected("{ reconnect: true }");
    second.peer.socket.destroy();
    await second.chip.prints("close 1006");
    expect(second.chip.timers).toHaveLength(1);
    second.chip.run("ws.close()");
    expect(second.chip.timers).toEqual([]);
  });

  test("to a host without an address is told, and tried again", async () => {
    const chip = board();
    chip.run(`var ws = new (require("hearthwire"))("nowhere.local", { reconnect: true }); ${logging}`);
    await chip.prints("close 1006");
    expect(chip.printed[0]).toContain("Unable to locate host");
    expect(chip.timers).toHaveLength(1);
    expect(chip.uncaught).toEqual([]);
  });

  test("to a port that nobody listens on is told", async () => {
    const server = await RawServer.listen();
    const { port } = server;
    server.stop();
    const chip = board();
    chip.run(`var ws = new (require("hearthwire"))("127.0.0.1", { port: ${port} }); ${logging}`);
    await chip.prints("close 1006");
    expect(chip.printed[0]).toStartWith("error ");
  });
});

test.each([64, 268, 536])("npm's ws and a board with chunks of %i bytes understand each other", async (chunk) => {
  const { port, server } = await packagedServer((ws) => {
    ws.send("User Joined");
    ws.on("message", (data) => {
      for (let i = 0; i < 3; i++) ws.send(`${data}`);
    });
    ws.on("close", (code, reason) => closed.push(`${code} ${reason}`));
  });
  const closed: string[] = [];
  cleanups.push(() => server.close());
  const chip = board({ chunk });
  chip.run(`var ws = new (require("hearthwire"))("127.0.0.1", { port: ${port} }); ${logging}
    ws.on("open", function () { ws.send("caf\\xe9"); ws.send(Array(1001).join("x")); });`);
  await chip.until(() => chip.printed.filter((line) => line === `message ${"x".repeat(1000)}`).length === 3);
  expect(chip.printed.slice(0, 6)).toEqual([
    "handshake",
    "open",
    "message User Joined",
    "message caf\xe9",
    "message caf\xe9",
    "message caf\xe9",
  ]);
  for (const ws of server.clients) ws.ping("are you there");
  await chip.prints("ping are you there");
  chip.run(`ws.close(4000, "bye")`);
  await chip.until(() => closed.length > 0);
  expect(closed).toEqual(["4000 bye"]);
  expect(chip.uncaught).toEqual([]);
});
