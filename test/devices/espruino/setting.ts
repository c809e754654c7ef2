/** Boards and peers of one test, which end with it. */
import { Board, type BoardOptions } from "./board.ts";
import { type RawPeer, RawServer } from "./peers.ts";

const cleanups: (() => void)[] = [];

/** For `afterEach`. */
export function cleanUp(): void {
  for (const clean of cleanups.splice(0)) clean();
}

export function atEnd(clean: () => void): void {
  cleanups.push(clean);
}

export function board(options?: BoardOptions): Board {
  const made = new Board(options);
  atEnd(() => made.stop());
  return made;
}

export async function rawServer(): Promise<RawServer> {
  const server = await RawServer.listen();
  atEnd(() => server.stop());
  return server;
}

/** Prints all events of `ws`, with their values. */
export const logging = `
  "open handshake message close ping pong error".split(" ").forEach(function (event) {
    ws.on(event, function (a, b) { print(event + (a === undefined ? "" : " " + a) + (b ? " " + b : "")); });
  });`;

export interface Connected {
  readonly server: RawServer;
  readonly chip: Board;
  readonly peer: RawPeer;
}

/** A board whose `ws` prints its events, and what it is connected to. */
export async function connected(options = "{}", boardOptions?: BoardOptions): Promise<Connected> {
  const server = await rawServer();
  const chip = board(boardOptions);
  chip.run(`var options = ${options}; options.port = ${server.port};
    var WebSocket = require("hearthwire"); var ws = new WebSocket("127.0.0.1", options); ${logging}`);
  const peer = await server.open();
  await chip.prints("open");
  return { server, chip, peer };
}
