/** The one contract of the transports that speak with peers, run by each of them over real sockets. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Answer, Inlet, OpenPeer, Outlet, Payload, Visit } from "../../src/ports.ts";
import { type HttpListener, listenHttp } from "../../src/transports/http-server.ts";
import { type LenientListener, listenLeniently } from "../../src/transports/lenient-websocket.ts";
import { systemClock } from "../../src/transports/system.ts";
import { certificateOf } from "../tls.ts";
import { clientFrame, httpAnswer, opcodes, RawClient, serverFrames, until, upgradeHead } from "./raw-client.ts";

/** What a transport tells and is told of one peer. */
class Peer implements Inlet {
  readonly outlet: Outlet;
  readonly messages: (string | Uint8Array)[] = [];
  readonly ends: { code: number; reason: string }[] = [];
  signs = 0;
  drains = 0;

  constructor(outlet: Outlet) {
    this.outlet = outlet;
  }

  message(data: string | Uint8Array): void {
    this.messages.push(data);
  }
  alive(): void {
    this.signs++;
  }
  drained(): void {
    this.drains++;
  }
  ended(code: number, reason: string): void {
    this.ends.push({ code, reason });
  }

  payload(...texts: string[]): Payload {
    const { framing } = this.outlet;
    return framing.join(texts.map((text) => framing.frame(text)));
  }

  write(...texts: string[]): boolean {
    return this.outlet.write(this.payload(...texts));
  }
}

interface Transport {
  readonly name: string;
  readonly path: string;
  /** The request that opens it. */
  readonly head: string;
  serve(visit: Visit, open: OpenPeer): Answer | Promise<Answer>;
  /** The texts that have arrived whole. */
  texts(bytes: Buffer): string[];
  /** Goes on after what was written first. */
  readonly goesOn: boolean;
  /** At the lenient listener. */
  readonly lenient?: true;
  readonly tls?: true;
  /** Bytes that a message may have. */
  readonly largest?: number;
}

function get(path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;
}

function bodyText(bytes: Buffer): string {
  return httpAnswer(bytes)?.body.toString("utf8") ?? "";
}

function webSocketTexts(bytes: Buffer): string[] {
  return serverFrames(httpAnswer(bytes)?.rest ?? Buffer.alloc(0))
    .filter(({ opcode }) => opcode === opcodes.text)
    .map(({ payload }) => payload.toString("utf8"));
}

const webSocket: Transport = {
  name: "WebSocket",
  path: "/websocket",
  head: upgradeHead("/websocket"),
  serve: (visit, open) => visit.webSocket(open),
  texts: webSocketTexts,
  goesOn: true,
};
const lenientWebSocket: Transport = { ...webSocket, name: "lenient WebSocket", lenient: true, largest: 65_535 };

const transports: readonly Transport[] = [
  webSocket,
  lenientWebSocket,
  { ...webSocket, name: "TLS WebSocket", tls: true },
  { ...lenientWebSocket, name: "lenient TLS WebSocket", tls: true },
  {
    name: "server-sent events",
    path: "/sse",
    head: get("/sse"),
    serve: (visit, open) => visit.sse(open),
    texts: (bytes) =>
      bodyText(bytes)
        .split("\n\n")
        .slice(0, -1)
        .map((event) =>
          event
            .split("\n")
            .map((line) => line.replace(/^data: /, ""))
            .join("\n"),
        ),
    goesOn: true,
  },
  {
    name: "JSON lines",
    path: "/lines",
    head: get("/lines"),
    serve: (visit, open) => visit.jsonLines(open),
    texts: (bytes) => bodyText(bytes).split("\n").slice(0, -1),
    goesOn: true,
  },
  {
    name: "long poll",
    path: "/poll",
    head: get("/poll"),
    serve: (visit, open) => visit.longPoll(open, (messages) => JSON.stringify(messages.map(({ text }) => text))),
    texts: (bytes) => (httpAnswer(bytes)?.complete === true ? (JSON.parse(bodyText(bytes)) as string[]) : []),
    goesOn: false,
  },
];

const webSockets = transports.filter(({ name }) => name.endsWith("WebSocket"));

const long = process.env["HEARTHWIRE_LONG"] === "1";
const errors: unknown[] = [];
const note = (): void => undefined;
const log = { debug: note, info: note, warn: note, error: (fields: object) => void errors.push(fields) };
/** Writes of the next peer within its opening. */
let whileOpening: ((peer: Peer) => void) | undefined;
let newest: Peer | undefined;
let listeners: readonly HttpListener[];
let lenients: readonly LenientListener[];

beforeAll(() => {
  const open: OpenPeer = (outlet) => {
    const peer = new Peer(outlet);
    newest = peer;
    whileOpening?.(peer);
    whileOpening = undefined;
    return peer;
  };
  const visit = (visit: Visit): Answer | Promise<Answer> => {
    const transport = transports.find(({ path }) => path === visit.path);
    return transport === undefined ? new Response(null, { status: 404 }) : transport.serve(visit, open);
  };
  const at = { hostname: "127.0.0.1", port: 0 };
  // Without TLS and with it.
  const ways = [{}, { tls: certificateOf("contract") }];
  listeners = ways.map((tls) => listenHttp({ at, ...tls, maxMessage: 4 * 1024 * 1024, log, visit }));
  lenients = ways.map((tls) => listenLeniently({ at, ...tls, clock: systemClock, log, visit }));
});

afterAll(async () => {
  await Promise.all([...lenients, ...listeners].map((one) => one.stop(true)));
  expect(errors).toEqual([]);
});

function connected({ lenient, tls }: Transport): Promise<RawClient> {
  const { port = 0 } = (lenient ? lenients : listeners)[tls ? 1 : 0] ?? {};
  return RawClient.connect(port, tls);
}

async function opened(
  transport: Transport,
  opening?: (peer: Peer) => void,
): Promise<{ client: RawClient; peer: Peer }> {
  newest = undefined;
  whileOpening = opening;
  const client = await connected(transport);
  await client.send(transport.head);
  await until(() => newest !== undefined, "the peer's opening");
  if (newest === undefined) throw new Error("nobody came");
  return { client, peer: newest };
}

/**
 * Writes to a peer that does not read until the kernel takes no more: several times, because it has room again a moment
 * after it had none. Gives how many bytes it and the queue hold.
 */
async function clog(peer: Peer, size = 256 * 1024): Promise<number> {
  const payload = peer.payload("x".repeat(size));
  let stuck = 0;
  for (let count = 1; count <= 800; count++) {
    const queued = peer.outlet.queued();
    // What is queued right now may only mean that the runtime has not looked yet.
    if (!peer.outlet.write(payload)) await Bun.sleep(20);
    stuck = peer.outlet.queued() - queued >= payload.bytes ? stuck + 1 : 0;
    if (stuck === 3) return count * payload.bytes;
  }
  throw new Error("The kernel took everything");
}

for (const transport of transports) {
  describe(transport.name, () => {
    test("what is written while it opens arrives at once", async () => {
      const { client } = await opened(transport, (peer) => peer.write("hello"));
      await until(() => transport.texts(client.bytes).length === 1, "the first text", 1000);
      expect(transport.texts(client.bytes)).toEqual(["hello"]);
      client.reset();
    });

    test("a peer that is answered and ended while it opens is told of its end once", async () => {
      const { client, peer } = await opened(transport, (p) => {
        p.write("bye");
        p.outlet.end(3000, "over", false);
      });
      await until(() => peer.ends.length > 0, "the end", 1000);
      await until(() => transport.texts(client.bytes).length === 1, "the text", 1000);
      client.finish();
      await until(() => client.closed, "the close");
      expect(peer.ends).toHaveLength(1);
      expect(transport.texts(client.bytes)).toEqual(["bye"]);
    });

    test("frames arrive whole and in order, whatever their size and alphabet", async () => {
      const texts = Array.from({ length: 60 }, (_, at) => `${at} ${"Zimmer 🏠 é ".repeat(at * at)}`);
      const { client, peer } = await opened(transport);
      if (transport.goesOn) for (const text of texts) peer.write(text);
      else peer.write(...texts);
      await until(() => transport.texts(client.bytes).length === texts.length, "all texts");
      expect(transport.texts(client.bytes)).toEqual(texts);
      client.reset();
    });

    test("a frame of 1 MB, or the largest there is, arrives whole", async () => {
      const text = "ü".repeat((transport.largest ?? 1024 * 1024) / 2);
      const { client, peer } = await opened(transport);
      peer.write(text);
      await until(() => transport.texts(client.bytes).length === 1, "the text");
      expect(transport.texts(client.bytes)[0] === text).toBe(true);
      client.reset();
    });

    test("what a peer is owed leaves in one write", async () => {
      const texts = Array.from({ length: 40 }, (_, at) => `frame ${at}`);
      const { client, peer } = await opened(transport);
      if (transport.goesOn) {
        peer.write("first");
        await until(() => transport.texts(client.bytes).length === 1, "the first text");
        client.chunks.splice(0, client.chunks.length, client.bytes);
      }
      const before = client.chunks.length;
      peer.write(...texts);
      await until(() => transport.texts(client.bytes).length >= texts.length, "all texts");
      expect(transport.texts(client.bytes).slice(-texts.length)).toEqual(texts);
      expect(client.chunks.length - before).toBe(1);
      client.reset();
    });

    test("one payload is good for several peers", async () => {
      const one = await opened(transport);
      const other = await opened(transport);
      const payload = one.peer.payload("to", "all");
      one.peer.outlet.write(payload);
      other.peer.outlet.write(payload);
      for (const { client } of [one, other]) {
        await until(() => transport.texts(client.bytes).length === 2, "both texts");
        expect(transport.texts(client.bytes)).toEqual(["to", "all"]);
        client.reset();
      }
    });

    test.each(["finish", "reset"] as const)("a peer that leaves by `%s` is told as gone once", async (leave) => {
      const { client, peer } = await opened(transport);
      if (transport.goesOn) {
        peer.write("hello");
        await until(() => transport.texts(client.bytes).length === 1, "the first text");
      }
      client[leave]();
      await until(() => peer.ends.length > 0, "the end of the peer", 2000);
      // Neither a write nor an end of ours after that may throw, or tell again.
      peer.write("to nobody");
      peer.outlet.ping();
      peer.outlet.end(3000, "late", false);
      peer.outlet.end(3000, "late", true);
      await Bun.sleep(20);
      expect(peer.ends).toHaveLength(1);
      expect(peer.outlet.queued()).toBeCloseTo(0);
    });

    test("the peer's address is told", async () => {
      const { client, peer } = await opened(transport);
      expect(peer.outlet.address).toBe("127.0.0.1");
      client.reset();
    });
  });
}

for (const transport of transports.filter(({ goesOn }) => goesOn)) {
  describe(`${transport.name}, whose peer stops reading`, () => {
    test("`write` says so, `queued` grows, and `drained` tells when it reads again; nothing is lost", async () => {
      const { client, peer } = await opened(transport);
      client.stopReading();
      const size = Math.min(transport.largest ?? Number.POSITIVE_INFINITY, 256 * 1024);
      await clog(peer, size);
      const queued = peer.outlet.queued();
      expect(queued).toBeGreaterThan(0);
      expect(peer.write("y".repeat(50_000))).toBe(false);
      expect(peer.outlet.queued() - queued).toBeGreaterThanOrEqual(50_000);
      peer.drains = 0;
      client.goOnReading();
      await until(() => peer.drains > 0, "`drained`");
      expect(peer.outlet.queued()).toBeCloseTo(0);
      expect(peer.write("last")).toBe(true);
      await until(() => client.chunks.at(-1)?.includes("last") ?? false, "the last text");
      const texts = transport.texts(client.bytes);
      expect(texts.slice(-2).map((text) => text.length)).toEqual([50_000, 4]);
      expect(texts.slice(0, -2).every((text) => text.length === size)).toBe(true);
      client.reset();
    });

    test("an abrupt end frees what was queued at once", async () => {
      const { client, peer } = await opened(transport);
      client.stopReading();
      await clog(peer, transport.largest);
      const kept = queueOwn(peer, 8 * 1024 * 1024);
      peer.outlet.end(3008, "slow", true);
      expect(peer.outlet.queued()).toBeCloseTo(0);
      await until(() => peer.ends.length === 1, "the end of the peer", 1000);
      await until(() => freed(kept), "the end of what was queued");
      expect(peer.ends).toHaveLength(1);
      client.reset();
    });
  });
}

describe("the connection of a peer that stopped reading", () => {
  const lasting = transports.filter(({ goesOn }) => goesOn);

  async function endAll(code: number, abrupt: boolean, limit: number): Promise<void> {
    const clogged: { client: RawClient; peer: Peer }[] = [];
    for (const transport of lasting) {
      const both = await opened(transport);
      both.client.stopReading();
      await clog(both.peer, transport.largest);
      clogged.push(both);
    }
    for (const { peer } of clogged) peer.outlet.end(code, "", abrupt);
    await until(() => clogged.every(({ peer }) => peer.ends.length === 1), "the ends of the peers", 1000);
    await until(() => clogged.every(({ client }) => !client.held), "the ends of the connections", limit);
    for (const { client, peer } of clogged) {
      expect(peer.ends).toHaveLength(1);
      client.reset();
    }
  }

  // The server looks every 4 s, and a time-out of 1 s is over at the first or second look.
  test("is gone within seconds after an abrupt end", () => endAll(3008, true, 9000), 15_000);

  if (long) test("is gone in the end after a graceful end too", () => endAll(3001, false, 25_000), 40_000);
});

/** Writes something of its own: bytes where the transport takes them. */
function queueOwn(peer: Peer, size: number): WeakRef<Uint8Array> {
  const bytes = new Uint8Array(size).fill(120);
  const asText = typeof peer.payload("x").parts[0] === "string";
  peer.outlet.write({ parts: [asText ? Buffer.from(bytes).toString("latin1") : bytes], bytes: size });
  return new WeakRef(bytes);
}

function freed(kept: WeakRef<Uint8Array>): boolean {
  Bun.gc(true);
  return kept.deref() === undefined;
}

describe("the end of a stream in good order", () => {
  test.each(webSockets)("a $name carries the code and the reason", async (transport) => {
    const { client, peer } = await opened(transport);
    peer.write("last");
    peer.outlet.end(3500, "Key missing, wrong or revoked", false);
    const frames = (): ReturnType<typeof serverFrames> =>
      serverFrames(httpAnswer(client.bytes)?.rest ?? Buffer.alloc(0));
    await until(() => frames().length === 2, "the close frame");
    const close = frames()[1];
    expect(close?.opcode).toBe(opcodes.close);
    expect(close?.payload.readUInt16BE(0)).toBe(3500);
    expect(close?.payload.subarray(2).toString()).toBe("Key missing, wrong or revoked");
    await until(() => peer.ends.length === 1, "the end of the peer");
    client.reset();
  });

  test.each(webSockets)("the end of a $name with 1006 breaks it, without a close frame", async (transport) => {
    const { client, peer } = await opened(transport);
    peer.outlet.end(1006, "", false);
    await until(() => client.closed, "the end of the connection");
    const frames = serverFrames(httpAnswer(client.bytes)?.rest ?? Buffer.alloc(0));
    expect(frames.filter(({ opcode }) => opcode === opcodes.close)).toEqual([]);
    expect(peer.ends).toHaveLength(1);
  });

  test("a WebSocket that was ended because it did not read hears the code if it soon reads on", async () => {
    const [transport] = webSockets;
    if (transport === undefined) throw new Error("no WebSocket");
    const { client, peer } = await opened(transport);
    client.stopReading();
    await clog(peer, 64 * 1024);
    peer.outlet.end(3008, "Too slow", true);
    expect(peer.ends).toHaveLength(1);
    client.goOnReading();
    await until(() => client.closed, "the end of the connection");
    const last = serverFrames(httpAnswer(client.bytes)?.rest ?? Buffer.alloc(0)).at(-1);
    expect(last?.opcode).toBe(opcodes.close);
    expect(last?.payload.readUInt16BE(0)).toBe(3008);
    expect(last?.payload.subarray(2).toString()).toBe("Too slow");
  });

  test.each(transports.filter(({ name }) => name === "server-sent events" || name === "JSON lines"))(
    "$name ends its body cleanly, after everything that was written",
    async (transport) => {
      const { client, peer } = await opened(transport);
      peer.write("one", "two");
      peer.outlet.end(3000, "", false);
      await until(() => httpAnswer(client.bytes)?.complete === true, "the last chunk");
      expect(transport.texts(client.bytes)).toEqual(["one", "two"]);
      expect(peer.ends).toHaveLength(1);
      client.reset();
    },
  );

  test("a long poll that ends with nothing to say is answered, and its connection serves the next", async () => {
    const transport = transports.find(({ name }) => name === "long poll");
    if (transport === undefined) throw new Error("no long poll");
    const { client, peer } = await opened(transport);
    peer.outlet.end(3000, "", false);
    await until(() => httpAnswer(client.bytes)?.complete === true, "the answer");
    expect(bodyText(client.bytes)).toBe("[]");
    expect(peer.ends).toHaveLength(1);
    client.chunks.length = 0;
    newest = undefined;
    await client.send(transport.head);
    await until(() => newest !== undefined, "the second poll");
    (newest as Peer | undefined)?.write("again");
    await until(() => httpAnswer(client.bytes)?.complete === true, "the second answer");
    expect(transport.texts(client.bytes)).toEqual(["again"]);
    client.reset();
  });
});

describe.each(webSockets)("what a peer of a $name sends", (webSocket) => {
  test("frames in the packet of the request head are heard", async () => {
    newest = undefined;
    const client = await connected(webSocket);
    await client.send(Buffer.concat([Buffer.from(webSocket.head), clientFrame(opcodes.text, "early")]));
    await until(() => (newest as Peer | undefined)?.messages.length === 1, "the message");
    expect((newest as Peer | undefined)?.messages).toEqual(["early"]);
    client.reset();
  });

  test("texts, bytes and fragments come whole and in order", async () => {
    const { client, peer } = await opened(webSocket);
    await client.send(
      Buffer.concat([
        clientFrame(opcodes.text, "Küche"),
        clientFrame(opcodes.text, "half ", false),
        clientFrame(opcodes.continuation, "a text"),
        clientFrame(opcodes.binary, new Uint8Array([1, 2, 255])),
      ]),
    );
    await until(() => peer.messages.length === 3, "three messages");
    expect(peer.messages.slice(0, 2)).toEqual(["Küche", "half a text"]);
    expect(Array.from(peer.messages[2] as Uint8Array)).toEqual([1, 2, 255]);
    client.reset();
  });

  test("a ping of ours is answered, and the answer is a sign of life; so is a ping of theirs", async () => {
    const { client, peer } = await opened(webSocket);
    peer.outlet.ping();
    const frames = (): ReturnType<typeof serverFrames> =>
      serverFrames(httpAnswer(client.bytes)?.rest ?? Buffer.alloc(0));
    await until(() => frames().some(({ opcode }) => opcode === opcodes.ping), "the ping");
    expect(peer.signs).toBe(0);
    await client.send(clientFrame(opcodes.pong, ""));
    await until(() => peer.signs === 1, "the pong");
    await client.send(clientFrame(opcodes.ping, "are you there?"));
    await until(() => frames().some(({ opcode }) => opcode === opcodes.pong), "the pong to the client");
    expect(peer.signs).toBe(2);
    client.reset();
  });

  test("a message over the limit ends the WebSocket with 1009, and the peer is told as gone once", async () => {
    const { client, peer } = await opened(webSocket);
    await client.send(clientFrame(opcodes.text, "x".repeat(5 * 1024 * 1024)));
    await until(() => peer.ends.length > 0, "the end");
    expect(peer.ends).toHaveLength(1);
    expect(peer.messages).toEqual([]);
    client.reset();
  });
});
