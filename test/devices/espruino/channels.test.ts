// Publish, subscribe and call from a board, with the gateway itself.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { TestGateway } from "../../http/gateway.ts";
import { Board, type BoardOptions } from "./board.ts";
import { RawServer } from "./peers.ts";

let gateway: TestGateway;
let port: number;
let key: string;
const boards: Board[] = [];

beforeAll(async () => {
  gateway = await TestGateway.start(`
anonymous: { subscribe: [], publish: [] }
channels: { "maps/**": { kind: map } }
`);
  port = Number(new URL(gateway.url).port);
  ({ key } = await gateway.newKey({
    subscribe: ["home/**", "maps/**"],
    publish: ["home/**", "maps/**"],
    call: ["time"],
  }));
});
afterAll(() => gateway.stop());
afterEach(() => {
  expect(boards.flatMap(({ uncaught }) => uncaught)).toEqual([]);
  expect(gateway.errors).toEqual([]);
  for (const board of boards.splice(0)) board.stop();
});

/** A board whose `hub` is connected, and prints all that happens to it. */
function chip(program: string, options = "{}", boardOptions?: BoardOptions): Board {
  const board = new Board(boardOptions);
  boards.push(board);
  board.run(`var options = ${options};
    if (!("key" in options)) options.key = "${key}";
    if (!options.port) options.port = ${port};
    var hub = require("hearthwire-channels").connect("127.0.0.1", options);
    hub.on("live", function () { print("live"); });
    hub.on("gap", function (channels) { print("gap " + channels); });
    hub.on("error", function (error) { print("error " + (error.name || error.message || error)); });
    hub.on("close", function (code) { print("close " + code); });
    function told(error, result) { print((error ? "refused " + (error.name || error.message) : "done ") + JSON.stringify(result)); }
    function heard(data, publication) { print(publication.channel + " " + JSON.stringify(data)); }
    ${program}`);
  return board;
}

const publish = (path: string, body: unknown): Promise<unknown> =>
  gateway.ask(`/channels/${path}`, {
    method: "POST",
    key: gateway.admin,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });

/** What the gateway keeps of a channel, without places and times. */
async function keptIn(channel: string): Promise<unknown[]> {
  const { body } = await gateway.ask(`/channels/${channel}?history=100`, { key: gateway.admin });
  const { publications } = body as { publications: Record<string, unknown>[] };
  return publications.map(({ data, key: name, tags }) => ({
    data,
    ...(name === undefined ? {} : { key: name }),
    ...(tags === undefined ? {} : { tags }),
  }));
}

describe("Listening", () => {
  test.each([64, 268, 536])("hears channels and patterns over one connection, in chunks of %i bytes", async (chunk) => {
    const board = chip(
      `hub.subscribe("home/lamp${chunk}", heard);
      hub.subscribe("home/x${chunk}/*", function (data) { print("one level " + data); });
      hub.subscribe("home/x${chunk}/**", function (data) { print("all levels " + data); });`,
      "{}",
      { chunk },
    );
    await board.prints("live");
    await publish(`home/lamp${chunk}`, { on: true, note: "é".repeat(100) });
    await publish(`home/x${chunk}/a/b`, 1);
    await publish(`home/x${chunk}/a`, 2);
    await board.prints("all levels 2");
    const note = "\\u00e9".repeat(100);
    expect(board.printed).toEqual([
      "live",
      `home/lamp${chunk} {"on":true,"note":"${note}"}`,
      "all levels 1",
      "one level 2",
      "all levels 2",
    ]);
  });

  test("goes on where it was when the connection broke: nothing is missed, nothing comes twice", async () => {
    const board = chip(`hub.subscribe("home/doors", heard);`);
    await board.prints("live");
    await publish("home/doors", "first");
    await board.prints('home/doors "first"');
    board.network.sockets.cut();
    await board.prints("close 1006");
    await publish("home/doors", "while away");
    await board.advance(2000);
    await board.prints('home/doors "while away"');
    expect(board.printed).toEqual(["live", 'home/doors "first"', "close 1006", 'home/doors "while away"', "live"]);
  });

  test("goes on after a sleep with the cursor that was kept", async () => {
    const before = chip(`hub.subscribe("home/mail", heard);`);
    await before.prints("live");
    await publish("home/mail", "one");
    await before.prints('home/mail "one"');
    const cursor = before.run("hub.close(); hub.cursor");
    await publish("home/mail", "two");
    const after = chip(`hub.subscribe("home/mail", heard);`, `{ cursor: "${cursor}" }`);
    await after.prints("live");
    expect(after.printed).toEqual(['home/mail "two"', "live"]);
  });

  test("is told of a gap where the gateway cannot go on", async () => {
    const board = chip(`hub.subscribe("home/hall", heard);`, '{ cursor: "gone.1" }');
    await board.prints("live");
    expect(board.printed).toEqual(["gap home/hall", "live"]);
  });

  test("gets a map whole, also when it is subscribed to later, then its changes and removals", async () => {
    await publish("maps/sensors?key=hall", 21);
    await publish("maps/sensors?key=cellar", 12);
    const board = chip(`hub.subscribe("home/other", heard);`);
    await board.prints("live");
    board.run(
      `hub.subscribe("maps/sensors", function (data, p) { print(p.key + (p.removed ? " removed" : " " + data)); });`,
    );
    await board.prints("cellar 12");
    await board.until(() => board.printed.filter((line) => line === "live").length === 2);
    await gateway.ask("/channels/maps/sensors?key=hall", { method: "DELETE", key: gateway.admin });
    await board.prints("hall removed");
    expect(board.printed).toEqual(["live", "close 1000", "hall 21", "cellar 12", "live", "hall removed"]);
  });

  test("hears no more of a channel that it unsubscribed from, nor of any after close()", async () => {
    const board = chip(`hub.subscribe("home/a", heard); hub.subscribe("home/b", heard);`);
    await board.prints("live");
    board.run(`hub.unsubscribe("home/a");`);
    await board.until(() => board.printed.filter((line) => line === "live").length === 2);
    await publish("home/a", 1);
    await publish("home/b", 2);
    await board.prints("home/b 2");
    board.run("hub.close()");
    await board.until(() => board.printed.filter((line) => line === "close 1000").length === 2);
    expect(board.printed).not.toContain("home/a 1");
    expect(board.timers).toEqual([]);
  });

  test("says so where the key is none, and tries again, ever more seldom", async () => {
    const board = chip(`hub.subscribe("home/a", heard);`, '{ key: "hw_none_aaaaaaaaaaaaaaaaaaaaaaaa" }');
    await board.prints("close 1006");
    expect(board.printed[0]).toBe("error Cannot open the WebSocket: HTTP/1.1 401 Unauthorized");
    expect(board.timers).toHaveLength(1);
  });

  test("takes names with any characters", async () => {
    const board = chip(`hub.subscribe("home/caf\\xe9#1?%", heard);`);
    await board.prints("live");
    await publish(`home/${encodeURIComponent("café#1?%")}`, 1);
    await board.until(() => board.printed.length === 2);
    expect(board.printed[1]).toBe("home/caf\xe9#1?% 1");
  });

  test("passes over what is too long for the board, tells it, and hears the next", async () => {
    const board = chip(`hub.subscribe("home/long", heard);`, "{ limit: 500 }");
    await board.prints("live");
    await publish("home/long", "x".repeat(500));
    await publish("home/long", "short");
    await board.prints('home/long "short"');
    expect(board.printed[1]).toBe("error Cannot take so long a message");
  });
});

describe("Publishing", () => {
  test("goes through the WebSocket where that is open, and its refusal is told", async () => {
    const board = chip(`hub.subscribe("home/me", heard);
      hub.on("live", function () { hub.publish("home/me", { pressed: true, by: "caf\\xe9" }); hub.publish("other/x", 1); });`);
    await board.prints("error permission_denied");
    await board.until(() => board.printed.length === 3);
    expect(board.printed).toContain('home/me {"pressed":true,"by":"caf\\u00e9"}');
    expect(await keptIn("home/me")).toEqual([{ data: { pressed: true, by: "café" } }]);
  });

  test("is a request of its own where nothing is subscribed to, or where its end is to be told", async () => {
    const board = chip(`hub.publish("home/button", 1);
      hub.publish("home/button", 2, told);
      hub.publish("maps/lamps", { on: true }, { key: "attic", tags: { room: "attic" } }, told);`);
    await board.until(() => board.printed.length === 2);
    expect(board.printed.toSorted()).toEqual([
      expect.stringMatching(/^done \{"channel":"home\/button","offset":\d,/),
      expect.stringMatching(/^done \{"channel":"maps\/lamps","offset":1,/),
    ]);
    while ((await keptIn("home/button")).length < 2) await board.until(() => true);
    expect(await keptIn("maps/lamps")).toEqual([{ data: { on: true }, key: "attic", tags: { room: "attic" } }]);
    expect(board.timers).toEqual([]);
  });

  test("that is refused is told with the gateway's reason", async () => {
    const board = chip(
      `hub.publish("other/x", 1, told); hub.publish("other/x", 1); hub.publish("home/no name", 1, told);`,
    );
    await board.until(() => board.printed.length === 3);
    expect(board.printed.map((line) => line.replace(/\{.*/, "")).toSorted()).toEqual([
      "error permission_denied",
      "refused bad_request",
      "refused permission_denied",
    ]);
  });

  test("without a key is refused as a whole", async () => {
    const board = chip(`hub.publish("home/x", 1, told);`, "{ key: undefined }");
    await board.until(() => board.printed.length === 1);
    expect(board.printed[0]).toStartWith("refused unauthorized");
  });

  test("to where nobody is tells so: no address, no server, no answer", async () => {
    const server = await RawServer.listen();
    const silent = chip("hub.publish('home/x', 1, told);", `{ port: ${server.port} }`);
    const peer = await server.accept();
    await peer.request();
    await silent.advance(30_100);
    await silent.prints("refused No answerundefined");
    const { port: closed } = server;
    server.stop();
    const nobody = chip("hub.publish('home/x', 1, told);", `{ port: ${closed} }`);
    await nobody.until(() => nobody.printed.length === 1);
    expect(nobody.printed[0]).toStartWith("refused ");
    expect([silent.timers, nobody.timers]).toEqual([[], []]);
    const nowhere = new Board();
    boards.push(nowhere);
    nowhere.run(
      `require("hearthwire-channels").connect("nowhere.local").publish("home/x", 1, function (error) { print(error.message); });`,
    );
    expect(nowhere.printed[0]).toContain("Unable to locate host");
  });

  test("whose answer is no JSON, or more than the board takes, is told", async () => {
    const server = await RawServer.listen();
    const board = chip(
      "hub.publish('home/x', 1, told); hub.call('time', null, told)",
      `{ port: ${server.port}, limit: 100 }`,
    );
    for (const body of ["<html>", JSON.stringify("x".repeat(1000))]) {
      const peer = await server.accept();
      await peer.request();
      await peer.send(`HTTP/1.1 200 OK\r\n\r\n${body}`);
      peer.socket.end();
    }
    await board.until(() => board.printed.length === 2);
    server.stop();
    expect(board.printed).toEqual(Array(2).fill("refused Cannot read the answer, 200undefined"));
  });
});

describe("Calling", () => {
  test("gets the answer, or the reason why there is none", async () => {
    const board = chip(`hub.call("time", undefined, told); hub.call("devices", {}, told); hub.call("devices");`);
    await board.until(() => board.printed.length === 3);
    expect(board.printed.map((line) => line.replace(/\{.*/, "")).toSorted()).toEqual([
      "done ",
      "error permission_denied",
      "refused permission_denied",
    ]);
    expect(board.printed.find((line) => line.startsWith("done "))).toMatch(/^done \{"time":\d+/);
  });
});
