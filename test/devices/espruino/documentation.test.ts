// The examples of the documentation of Espruino's own module, in which "ws" has become "hearthwire" and nothing else has changed.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { TestGateway } from "../../http/gateway.ts";
import { Board } from "./board.ts";
import { packaged, packagedServer } from "./peers.ts";

const connecting = `
  var host = "192.168.0.10";
  var WebSocket = require("hearthwire");
  var ws = new WebSocket(host, {
    port: 8080,
    protocolVersion: 13,
    origin: 'Espruino',
    keepAlive: 60
  });`;

const clientExample = `${connecting}
  ws.on('open', function() { console.log("Connected to server"); });
  ws.on('message', function(msg) { console.log("MSG: " + msg); });`;

/** At the main listener, where a board is a peer like any other. */
const atMain = clientExample.replace("port: 8080,", `port: 8080, path: "/espruino",`);

const callbacksExample = `
  ws.on('open', function() { console.log("Connected to server"); });
  ws.on('message', function(msg) { console.log("MSG: " + msg); });
  ws.on('close', function() { console.log("Connection closed"); });
  ws.on('handshake', function() { console.log("Handshake Success"); });
  ws.on('ping', function() { console.log("Got a ping"); });
  ws.on('pong', function() { console.log("Got a pong"); });
  ws.on('rawData', function(msg) { console.log("RAW: " + msg); });`;

const serverExample = `
  var page = "<html><body></body></html>";
  function onPageRequest(req, res) {
    res.writeHead(200, {'Content-Type': 'text/html'});
    res.end(page);
  }
  var server = require('hearthwire').createServer(onPageRequest);
  server.listen(8000);
  server.on("websocket", function(ws) {
    ws.on('message', function(msg) { print("[WS] " + JSON.stringify(msg)); });
    ws.send("Hello from Espruino!");
  });`;

let gateway: TestGateway;
const boards: Board[] = [];
beforeAll(async () => {
  gateway = await TestGateway.start("listeners: [{ listen: 127.0.0.1:0, protocol: espruino }]\n");
});
afterAll(() => gateway.stop());
afterEach(() => {
  expect(boards.flatMap(({ uncaught }) => uncaught)).toEqual([]);
  for (const board of boards.splice(0)) board.stop();
});

function board(port: number): Board {
  const made = new Board({ routes: { "192.168.0.10:8080": port } });
  boards.push(made);
  return made;
}

/** The room server on the listener for boards, and on the main one. */
const rooms = (): number[] => gateway.gateway.addresses.map(({ url }) => Number(new URL(url).port));
const boardsListener = (): number => rooms()[1] ?? 0;

describe("The examples of the documentation run with one word changed:", () => {
  test("the client", async () => {
    const chip = board(boardsListener());
    chip.run(clientExample);
    await chip.prints("MSG: User Joined");
    expect(chip.printed).toEqual(["Connected to server", "MSG: User Joined"]);
  });

  test("the callbacks", async () => {
    const { port, server } = await packagedServer((ws) => {
      ws.send("User Joined");
      ws.ping();
      ws.pong();
      ws.on("message", () => ws.close());
    });
    const chip = board(port);
    chip.run(connecting + callbacksExample);
    await chip.prints("Got a pong");
    chip.run(`ws.send("enough")`);
    await chip.prints("Connection closed");
    server.close();
    expect(chip.printed.filter((line) => !line.startsWith("RAW"))).toEqual([
      "Handshake Success",
      "Connected to server",
      "MSG: User Joined",
      "Got a ping",
      "Got a pong",
      "Connection closed",
    ]);
    expect(chip.printed.join()).toContain("RAW: \x81\x0bUser Joined");
  });

  test("the server, and its page", async () => {
    const chip = board(0);
    chip.run(serverExample);
    const port = await chip.port(8000);
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe("<html><body></body></html>");
    const ws = new packaged.WebSocket(`ws://127.0.0.1:${port}/my_websocket`, "protocolOne");
    const hello = new Promise((resolve) => ws.on("message", (data) => resolve(`${data}`)));
    await new Promise((resolve) => ws.on("open", resolve));
    expect(ws.protocol).toBe("protocolOne");
    ws.send("Hello to Espruino!");
    await chip.prints('[WS] "Hello to Espruino!"');
    expect(await hello).toBe("Hello from Espruino!");
    ws.terminate();
  });

  test("sending a message, which the room server takes", async () => {
    const inbox = (query: string) => gateway.ask(`/channels/espruino/inbox?${query}`, { key: gateway.admin });
    const { cursor } = (await inbox("")).body as { cursor: string };
    const chip = board(boardsListener());
    chip.run(`${clientExample} ws.on('open', function() { var message = "hello world"; ws.send(message); });`);
    expect((await inbox(`since=${cursor}&wait=5`)).body).toMatchObject({ publications: [{ data: "hello world" }] });
  });

  test("broadcasting to all, to a room, and joining one", async () => {
    const talker = board(boardsListener());
    const neighbour = board(boardsListener());
    talker.run(`${clientExample} ws.on('open', function() { var room = "Espruino"; ws.join(room); });`);
    neighbour.run(clientExample);
    await Promise.all([talker.prints("MSG: User Joined"), neighbour.prints("MSG: User Joined")]);
    talker.run(`var message = "hello world"; ws.broadcast(message);`);
    await Promise.all([talker.prints("MSG: hello world"), neighbour.prints("MSG: hello world")]);
    talker.run(`var message = "hello room"; var room = "Espruino"; ws.broadcast(message, room);`);
    await talker.prints("MSG: hello room");
    talker.run(`ws.broadcast("end");`);
    await neighbour.prints("MSG: end");
    expect(neighbour.printed).not.toContain("MSG: hello room");
  });
});

test("Rooms are the same at /espruino, for boards that name the path, and with the room server of the documentation", async () => {
  const main = board(rooms()[0] ?? 0);
  main.run(atMain);
  const other = board(boardsListener());
  other.run(clientExample);
  await Promise.all([main.prints("MSG: User Joined"), other.prints("MSG: User Joined")]);
  main.run(`ws.broadcast("caf\\xe9 " + Array(301).join("x"))`);
  await other.prints(`MSG: caf\xe9 ${"x".repeat(300)}`);

  const { port, server } = await packagedServer((ws) => {
    ws.send("User Joined");
    ws.on("message", (data) => {
      const message = JSON.parse(`${data}`) as { room?: string; msg?: string };
      if (message.room === "all") for (const client of server.clients) client.send(`${message.msg}`);
    });
  });
  const sample = board(port);
  sample.run(`${clientExample} ws.on('open', function() { ws.broadcast("hi all"); });`);
  await sample.prints("MSG: hi all");
  server.close();
});

test("A board's key goes with its handshake: it may what the key may, and is told what it may not", async () => {
  const { key } = await gateway.newKey({ subscribe: ["room/**"], publish: ["room/attic"] });
  for (const port of rooms()) {
    const chip = board(port);
    chip.run(`${atMain.replace("keepAlive: 60", `key: "${key}"`)}
      ws.on("open", function () { ws.join("attic"); ws.broadcast("not allowed", "cellar"); ws.broadcast("allowed", "attic"); });`);
    await chip.prints("MSG: allowed");
    expect(chip.printed.join("\n")).toContain('"name":"permission_denied"');
  }
});
