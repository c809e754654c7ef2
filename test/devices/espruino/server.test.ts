// The board as server: pages and WebSockets on one port.
import { afterEach, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import type { Board, BoardOptions } from "./board.ts";
import { acceptOf, packaged, RawPeer } from "./peers.ts";
import { atEnd, board, cleanUp } from "./setting.ts";

afterEach(cleanUp);

const program = (options: string): string => `
  var server = require("hearthwire").createServer(function (req, res) {
    res.writeHead(200, { "Content-Type": "text/html" });
    res.end("page " + req.url);
  }${options});
  server.listen(8000);
  var sockets = [];
  server.on("websocket", function (ws) {
    sockets.push(ws);
    ws.on("message", function (text) { print("message " + text); ws.send("echo " + text); });
    ws.on("close", function (code) { print("close " + code); });
    ws.on("error", function (error) { print("error " + error); });
    ws.send("welcome");
  });`;

async function serving(options = "", boardOptions?: BoardOptions): Promise<{ chip: Board; port: number }> {
  const chip = board(boardOptions);
  chip.run(program(options));
  return { chip, port: await chip.port(8000) };
}

const key = "dGhlIHNhbXBsZSBub25jZQ==";
const upgrade = {
  Upgrade: "websocket",
  Connection: "Upgrade",
  "Sec-WebSocket-Key": key,
  "Sec-WebSocket-Version": "13",
};

/** Sends a request as it is told, and reads the head of the answer. */
async function asking(
  port: number,
  headers: Record<string, string>,
  after = "",
): Promise<{ peer: RawPeer; line: string; fields: Headers }> {
  const peer = new RawPeer(connect({ host: "127.0.0.1", port }));
  atEnd(() => peer.socket.destroy());
  const lines = Object.entries({ Host: `127.0.0.1:${port}`, ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  await peer.send(`GET /my_websocket HTTP/1.1\r\n${lines.join("")}\r\n${after}`);
  const { line, headers: fields } = await peer.request();
  return { peer, line, fields };
}

describe("A server on the board", () => {
  test("serves pages to who wants no WebSocket", async () => {
    const { port } = await serving();
    expect(await (await fetch(`http://127.0.0.1:${port}/lamp`)).text()).toBe("page /lamp");
  });

  test.each([64, 268, 536])("talks with npm's ws in chunks of %i bytes, also of long messages", async (chunk) => {
    const { chip, port } = await serving("", { chunk });
    const ws = new packaged.WebSocket(`ws://127.0.0.1:${port}/`);
    const heard: string[] = [];
    ws.on("message", (data) => heard.push(`${data}`));
    const done = new Promise((resolve) => ws.on("close", (code, reason) => resolve(`${code} ${reason}`)));
    await new Promise((resolve) => ws.on("open", resolve));
    ws.send("x".repeat(1000));
    ws.send("é");
    await chip.prints("message \xe9");
    while (heard.length < 3) await new Promise((resolve) => ws.once("message", resolve));
    expect(heard).toEqual(["welcome", `echo ${"x".repeat(1000)}`, "echo é"]);
    chip.run(`sockets[0].close(4001, "enough")`);
    expect(await done).toBe("4001 enough");
  });

  test("answers 101 with the proof, in one write with nothing that need not be there", async () => {
    const { port } = await serving();
    const { line, fields } = await asking(port, upgrade);
    expect(line).toBe("HTTP/1.1 101 OK");
    expect(Object.fromEntries(fields)).toEqual({
      server: "Espruino 2v25",
      upgrade: "websocket",
      connection: "Upgrade",
      "sec-websocket-accept": acceptOf(key),
    });
  });

  const spellings: [string, Record<string, string>][] = [
    ["in lower case", Object.fromEntries(Object.entries(upgrade).map(([name, value]) => [name.toLowerCase(), value]))],
    ["in upper case", Object.fromEntries(Object.entries(upgrade).map(([name, value]) => [name.toUpperCase(), value]))],
    ["as Go writes them", { ...upgrade, "Sec-Websocket-Key": key, "Sec-WebSocket-Key": "" }],
    ["as Firefox writes them", { ...upgrade, Connection: "keep-alive, Upgrade" }],
    ["with WebSocket in capitals", { ...upgrade, Upgrade: "WebSocket" }],
  ];
  test.each(spellings)("knows the headers %s", async (_, headers) => {
    const kept = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== ""));
    const { port } = await serving();
    const { line, fields } = await asking(port, kept);
    expect([line, fields.get("sec-websocket-accept")]).toEqual(["HTTP/1.1 101 OK", acceptOf(key)]);
  });

  test("names the first protocol of those that are offered, and none where none is", async () => {
    const { port } = await serving();
    const offer = async (protocols: string) =>
      (await asking(port, { ...upgrade, "sec-websocket-protocol": protocols })).fields.get("sec-websocket-protocol");
    expect(await offer("protocolOne")).toBe("protocolOne");
    expect(await offer("one , two")).toBe("one");
  });

  test("lets in every page where it is told none, else only its own or the one that is named, and programs", async () => {
    const from = async (options: string, origin?: string) => {
      const { port } = await serving(options);
      const own = origin === "own" ? `http://127.0.0.1:${port}` : origin;
      const { line } = await asking(port, { ...upgrade, ...(own === undefined ? {} : { Origin: own }) });
      return line.split(" ")[1];
    };
    expect(await from("", "http://evil.example")).toBe("101");
    expect(await from(", { origin: true }", "http://evil.example")).toBe("403");
    expect(await from(", { origin: true }", "own")).toBe("101");
    expect(await from(", { origin: true }")).toBe("101");
    expect(await from(`, { origin: "http://house.local" }`, "http://house.local")).toBe("101");
    expect(await from(`, { origin: "http://house.local" }`, "own")).toBe("403");
  });

  test("hears what came in the segment of the request", async () => {
    const { chip, port } = await serving();
    const { peer } = await asking(port, upgrade, "\x81\x82\x01\x02\x03\x04ik");
    await chip.prints("message hi");
    await peer.until(({ received }) => received.includes("echo hi"));
    expect(peer.received).toBe("\x81\x07welcome\x81\x07echo hi");
  });

  test("understands boards of 2015, which do not mask", async () => {
    const { chip, port } = await serving();
    const { peer } = await asking(port, upgrade);
    await peer.send("\x81\x02hi");
    await chip.prints("message hi");
  });

  test("pings, and gives up who is silent for two intervals", async () => {
    const { chip, port } = await serving(", { keepAlive: 30 }");
    const { peer } = await asking(port, upgrade);
    await peer.until(({ received }) => received.length >= 9);
    await chip.advance(30_500);
    await peer.until(({ received }) => received.length >= 15);
    expect(peer.frames().map(({ opcode, payload }) => [opcode, payload])).toEqual([
      [1, "welcome"],
      [9, "ping"],
    ]);
    await chip.advance(30_500);
    await chip.prints("close 1006");
    await peer.until(({ ended }) => ended);
  });

  test("notices who goes without a word", async () => {
    const { chip, port } = await serving();
    const { peer } = await asking(port, upgrade);
    await chip.until(() => chip.run("sockets.length") === 1);
    peer.socket.destroy();
    await chip.prints("close 1006");
    expect(chip.run("sockets[0].send('x')")).toBe(false);
    expect(chip.timers).toEqual([]);
    expect(chip.uncaught).toEqual([]);
  });

  test.each(["1.0", "1.1"] as const)(
    "serves a board that has the module too, with firmware that says HTTP/%s",
    async (http) => {
      const { port } = await serving("", { http });
      const client = board({ chunk: 64 });
      client.run(`var ws = new (require("hearthwire"))("127.0.0.1", { port: ${port}, protocol: "one" });
      ws.on("message", print); ws.on("open", function () { ws.send("hello"); });`);
      await client.prints("echo hello");
      expect(client.printed).toEqual(["welcome", "echo hello"]);
    },
  );
});
