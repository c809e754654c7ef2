// How long a board's connection lasts, and what comes after it.
import { afterEach, describe, expect, test } from "bun:test";
import { RawServer } from "./peers.ts";
import { board, cleanUp, connected, logging } from "./setting.ts";

afterEach(cleanUp);

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

  test("to a peer that asks and asks, and does not read, costs no more than the limit, and is given up", async () => {
    const { chip, peer } = await connected("{ limit: 1000, keepAlive: 30 }");
    chip.network.sockets.stall = true;
    for (let i = 0; i < 40; i++) await peer.send(`\x89\x7d${"p".repeat(125)}`);
    await chip.until(() => chip.printed.filter((line) => line.startsWith("ping")).length === 40);
    expect(chip.network.sockets.sending).toBeLessThanOrEqual(1000);
    await chip.advance(30_100);
    await chip.advance(30_100);
    await chip.prints("close 1006");
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
