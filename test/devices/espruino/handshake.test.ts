// What a board as client asks for, and what it takes for an answer.
import { afterEach, describe, expect, test } from "bun:test";
import { switching } from "./peers.ts";
import { board, cleanUp, logging, rawServer } from "./setting.ts";

afterEach(cleanUp);

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
