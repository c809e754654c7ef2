/** What boards cannot take, who may come, and what is refused: on the room server at both of its places. */
import { describe, expect, test } from "bun:test";
import { errorText, Refused } from "../../../src/core/refusals.ts";
import type { AnySession } from "../../../src/core/session.ts";
import { endedAfterEach } from "../../ended-after-each.ts";
import { httpAnswer, opcodes, serverFrames, until } from "../../transports/raw-client.ts";
import { Board, frameOf2015 } from "./boards.ts";
import { currentRequest, requestOf2015, Stage } from "./stage.ts";

const open = endedAfterEach(Stage.open, (stage) => stage.stopWithoutErrors());

function sessionsOf(stage: Stage): AnySession[] {
  return [...stage.hub.sessions];
}

function said(stage: Stage, level: "warn" | "info"): string[] {
  return stage.log.lines.filter((line) => line.level === level).map(({ text }) => text);
}

describe("What does not fit", () => {
  test("is left out whole, and stands in log and session; the others get it", async () => {
    const stage = await open({ largest: 1000 });
    const old = await Board.open(stage, "2015");
    const current = await Board.open(stage, "current");
    const away = await Board.open(stage, "2015");
    for (const board of [old, current]) await board.send('{"join":"a"}');
    await until(() => stage.hub.listeners("room/a") === 2, "both in the room");
    const [fits, medium, large] = ["x".repeat(125), "y".repeat(126), "z".repeat(1001)];
    for (const text of [medium, fits, large, "end"]) stage.publish("room/a", text);
    await old.hears(fits, "end");
    await current.hears(medium, fits, "end");
    expect(sessionsOf(stage).map(({ refusals, lastRefusal }) => [refusals, lastRefusal?.refusal.name])).toEqual([
      [2, "limit_exceeded"],
      [1, "limit_exceeded"],
      [0, undefined],
    ]);
    expect([...stage.hub.figures.refused]).toEqual([["limit_exceeded", 3]]);
    expect(said(stage, "warn")).toEqual([
      "Cannot send 126 bytes of room/a to boards of espruino/lenient-websocket/2015",
    ]);
    await away.hears();
    await stage.clock.advance(60_000);
    stage.publish("room/a", large);
    await until(() => said(stage, "warn").length === 2, "another line");
  });

  test("on a map or `latest` channel is passed over in silence: the next value that fits is what counts", async () => {
    const stage = await open();
    const board = await Board.open(stage, "2015");
    stage.publish("room/map", "there before", "lamp");
    stage.publish("room/map", "x".repeat(200), "door");
    await board.send('{"join":"map"}', '{"join":"latest"}');
    await board.hears("there before");
    stage.publish("room/map", "y".repeat(200), "lamp");
    stage.publish("room/latest", "y".repeat(200));
    stage.publish("room/map", "on", "lamp");
    stage.publish("room/latest", "warm");
    await board.hears("there before", "on", "warm");
    expect(sessionsOf(stage)[0]?.refusals).toBe(0);
    expect(said(stage, "warn")).toEqual([]);
  });

  test("in time: a board of 2015 hears the latest of a `latest` channel, not what it has missed", async () => {
    const stage = await open();
    const board = await Board.open(stage, "2015");
    await board.send('{"join":"latest"}');
    await until(() => stage.hub.listeners("room/latest") === 1, "the room");
    await stage.clock.advance(100);
    for (let value = 1; value <= 50; value++) {
      stage.publish("room/latest", `value ${value}`);
      await new Promise(setImmediate);
    }
    await until(() => board.texts.length === 2, "the first value");
    await stage.clock.advance(70);
    await board.hears("value 1", "value 50");
  });

  test("with ease, because it has more than 1,024 bytes, is sent to a current board and advised against once", async () => {
    const stage = await open();
    const board = await Board.open(stage, "current");
    await board.send('{"join":"a"}');
    await until(() => stage.hub.listeners("room/a") === 1, "the room");
    const [small, large] = ["x".repeat(1024), "y".repeat(1025)];
    stage.publish("room/a", small);
    expect(said(stage, "warn")).toEqual([]);
    for (const text of [large, large, "end"]) stage.publish("room/a", text);
    await board.hears(small, large, large, "end");
    expect(said(stage, "warn")).toEqual([
      expect.stringMatching(/^A message of 1025 bytes went to boards on room\/a: keep .* to 1,024 bytes/),
    ]);
    expect(sessionsOf(stage)[0]?.refusals).toBe(0);
  });

  test("of 65,535 bytes still goes both ways to a current board", async () => {
    const stage = await open();
    const board = await Board.open(stage, "current");
    const most = "x".repeat(65_535 - '{"room":"a","msg":""}'.length);
    await board.send('{"join":"a"}', `{"room":"a","msg":"${most}"}`);
    await until(() => board.texts.length === 2, "the message");
    expect(board.texts[1]).toBe(most);
    stage.publish("room/a", "y".repeat(65_535));
    stage.publish("room/a", "y".repeat(65_536));
    stage.publish("room/a", "end");
    await until(() => board.texts.length === 4, "the end");
    expect(board.texts.slice(2).map((text) => text.length)).toEqual([65_535, 3]);
  });
});

describe("A silent board", () => {
  test("of 2015 is given up after two of its keepalive intervals without a byte; each byte counts", async () => {
    const stage = await open({ keepAlive: 60_000 });
    const board = await Board.open(stage, "2015");
    for (let minute = 0; minute < 5; minute++) {
      await stage.clock.advance(60_000);
      await board.client.send(frameOf2015('{"msg":"ping"}', opcodes.ping));
      await until(() => (sessionsOf(stage)[0]?.lastIn ?? 0) === stage.clock.now(), "the sign");
    }
    await stage.clock.advance(119_000);
    expect(stage.hub.sessions.size).toBe(1);
    await stage.clock.advance(3000);
    expect(stage.hub.sessions.size).toBe(0);
    await until(() => board.client.closed, "the end");
    expect(board.frames.filter(({ opcode }) => opcode === opcodes.ping)).toEqual([]);
  });

  test("of today is asked, and given up when it does not answer", async () => {
    const stage = await open();
    const board = await Board.open(stage, "current");
    await stage.clock.advance(26_000);
    await until(() => board.frames.some(({ opcode }) => opcode === opcodes.ping), "the ping");
    await stage.clock.advance(60_000);
    expect(stage.hub.sessions.size).toBe(0);
  });

  test("that stops reading is dropped as slow, and delays nobody", async () => {
    const stage = await open();
    const stopped = await Board.open(stage, "current");
    const reading = await Board.open(stage, "current");
    stopped.client.stopReading();
    const text = "x".repeat(60_000);
    for (let count = 1; stage.hub.sessions.size === 2; count++) {
      stage.publish("room/all", text);
      await until(() => reading.texts.length === count + 1, "what the other hears");
    }
    expect(stage.hub.sessions.size).toBe(1);
    await until(() => !stopped.client.held, "the end of its connection");
  });
});

describe("Who may come", () => {
  test("has a key in a header, or as the first message, and hears what is refused", async () => {
    const stage = await open({ anonymous: {} });
    const key = stage.house.key({ subscribe: ["room/**"], publish: ["room/mine"] });
    const board = await Board.open(stage, "current", `Authorization: Bearer ${key}\r\n`);
    await board.send('{"room":"other","msg":"x"}', '{"room":"mine","join":"mine","msg":"x"}');
    const other = errorText(new Refused("permissionDenied", "Cannot publish on room/other: no such grant"));
    const bad = errorText(new Refused("badRequest", "Cannot find the room: its name is a text"));
    await board.hears(other, "x");
    await board.send('{"join":{}}');
    await board.hears(other, "x", bad);
    const second = await Board.open(stage, "2015");
    expect(second.texts).toEqual([]);
    await second.send(JSON.stringify({ apiKey: key }), '{"join":"mine"}', '{"room":"other","msg":"x"}');
    const short = '{"error":{"code":103,"name":"permission_denied"}}';
    await second.hears(short);
    stage.publish("room/mine", "y");
    await second.hears(short, "y");
  });

  test("and sends no key in time, or a wrong one, is sent away", async () => {
    const stage = await open({ anonymous: {} });
    const silent = await Board.open(stage, "2015");
    const talking = await Board.open(stage, "current");
    await talking.send('{"join":"a"}');
    await until(() => said(stage, "info").length === 1, "the refusal in the log");
    await stage.clock.advance(4000);
    await until(() => silent.client.closed && talking.client.closed, "the ends");
    expect(talking.frames.map(({ opcode }) => opcode)).toEqual([opcodes.close]);
    expect(talking.frames[0]?.payload.readUInt16BE()).toBe(3502);
    const wrong = await Board.open(stage, "current");
    await wrong.send('{"apiKey":"hw_wrong_0123456789abcdef"}');
    await until(() => wrong.client.closed, "the end");
    expect(wrong.texts).toEqual([errorText(new Refused("unauthorized"))]);
    const header = await stage.connect();
    await header.send(currentRequest(undefined, "/", "X-API-Key: hw_wrong_0123456789abcdef\r\n"));
    await until(() => header.closed, "the end");
    expect(httpAnswer(header.bytes)?.status).toBe(401);
  });

  test("and sends a wrong key right after the 101 is sent away, and hears why behind what waits for it", async () => {
    const stage = await open();
    const hasty = await stage.connect();
    for (const piece of requestOf2015) await hasty.send(piece);
    await stage.sessions(1);
    await until(() => [...stage.hub.sessions].every(({ queue }) => queue !== undefined), "the welcome on its way");
    await hasty.send(frameOf2015('{"apiKey":"hw_wrong_0123456789abcdef"}'));
    await stage.sessions(0);
    for (let spaced = 0; spaced < 4; spaced++) await stage.clock.advance(100);
    await until(() => hasty.closed, "the end");
    const heard = serverFrames(httpAnswer(hasty.bytes)?.rest ?? Buffer.alloc(0)).map(({ payload }) => String(payload));
    expect(heard).toEqual(["User Joined", errorText(new Refused("unauthorized"))]);
  });

  test("has given no key, and hears nothing of refusals; log and session tell", async () => {
    const stage = await open({ anonymous: { subscribe: ["room/**"] } });
    const board = await Board.open(stage, "current");
    await board.send('{"room":"a","msg":"x"}', '{"room":"a","msg":"x"}', "hello", '{"join":"a"}');
    await until(() => stage.hub.listeners("room/a") === 1, "the room");
    expect(sessionsOf(stage)[0]).toMatchObject({ refusals: 3, lastRefusal: { refusal: { code: 103 } } });
    expect(said(stage, "info")).toEqual(["Cannot publish on room/a: no such grant"]);
    await board.send('{"leave":"a"}', "hello");
    await until(() => board.texts.length === 2, "the error");
    expect(JSON.parse(board.texts[1] ?? "")).toMatchObject({ error: { name: "permission_denied" } });
  });

  test("calls itself Espruino, file:// as Arduino's library does, or nothing; no page of a stranger", async () => {
    const stage = await open();
    const asked = async (origin: string): Promise<number | undefined> => {
      const client = await stage.connect();
      await client.send(currentRequest().replace("Origin: Espruino\r\n", origin));
      await until(() => httpAnswer(client.bytes)?.complete === true, "the answer");
      const status = httpAnswer(client.bytes)?.status;
      client.reset();
      return status;
    };
    for (const origin of ["", "Origin: Espruino\r\n", "Origin: file://\r\n"]) expect(await asked(origin)).toBe(101);
    for (const origin of ["Origin: https://evil.example\r\n", "Origin: null\r\n"])
      expect(await asked(origin)).toBe(403);
  });

  test("may be in so many rooms as there are subscriptions", async () => {
    const stage = await open({ subscriptions: 2 });
    const board = await Board.open(stage, "current");
    await board.send('{"join":"a"}', '{"join":"b"}', '{"leave":"a"}', '{"join":"b"}');
    await until(() => stage.hub.listeners("room/b") === 1, "the second room");
    expect(stage.hub.listeners("room/a")).toBe(0);
  });
});

describe("A small stack", () => {
  const small = (...lines: string[]): string => ["GET /any HTTP/1.1", ...lines, "", ""].join("\r\n");
  test.each([
    [
      "header names in any case, a list of connections",
      small("HOST: x", "UPGRADE: WebSocket", "connection: keep-alive, Upgrade", "SEC-WEBSOCKET-KEY: abc"),
    ],
    [
      "no version, no connection header, a key of no 16 bytes",
      small("Host: x", "Upgrade: websocket", "Sec-Websocket-Key: 1"),
    ],
    ["line feeds alone, HTTP/1.0", "GET / HTTP/1.0\nHost: x\nUpgrade: websocket\nSec-WebSocket-Key: abcdefgh\n\n"],
    [
      "a subprotocol, and Arduino's origin",
      small(
        "Host: x:8080",
        "Upgrade: websocket",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Protocol: arduino",
        "Origin: file://",
        "User-Agent: arduino-WebSocket-Client",
      ),
    ],
  ])("is welcome with %s", async (_, request) => {
    const stage = await open();
    const client = await stage.connect();
    await client.send(request);
    await until(() => client.text.includes("\r\n\r\n"), "the answer");
    expect(client.text).toStartWith("HTTP/1.1 101 ");
    await stage.clock.advance(150);
    await client.receives((text) => text.includes("User Joined"), "the welcome");
  });
});
