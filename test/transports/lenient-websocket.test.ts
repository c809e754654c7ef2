/** What the lenient listener does for boards, and against those that mean harm, with a clock that the test turns. */
import { afterEach, describe, expect, test } from "bun:test";
import { Refused } from "../../src/core/refusals.ts";
import type { Inlet, Outlet, Visit } from "../../src/ports.ts";
import { type LenientListener, type LenientOptions, listenLeniently } from "../../src/transports/lenient-websocket.ts";
import { FakeLog } from "../fakes/log.ts";
import { TurnedClock } from "../fakes/turned-clock.ts";
import { currentFrame, frameOf2015 } from "../protocols/espruino/boards.ts";
import { currentRequest, requestOf2015 } from "../protocols/espruino/stage.ts";
import { clientFrame, httpAnswer, opcodes, RawClient, serverFrames, until } from "./raw-client.ts";

class Peer implements Inlet {
  readonly outlet: Outlet;
  readonly heard: (string | Uint8Array)[] = [];
  readonly ends: number[] = [];
  signs = 0;
  drains = 0;

  constructor(outlet: Outlet) {
    this.outlet = outlet;
  }

  message(data: string | Uint8Array): void {
    this.heard.push(data);
  }
  alive(): void {
    this.signs++;
  }
  drained(): void {
    this.drains++;
  }
  ended(code: number): void {
    this.ends.push(code);
  }

  write(...texts: string[]): boolean {
    const { framing } = this.outlet;
    return this.outlet.write(framing.join(texts.map((text) => framing.frame(text))));
  }
}

class Hall {
  readonly clock = new TurnedClock();
  readonly log = new FakeLog();
  readonly peers: Peer[] = [];
  readonly visits: Visit[] = [];
  readonly clients: RawClient[] = [];
  readonly listener: LenientListener;
  onOpen: (peer: Peer) => void = () => undefined;

  constructor(options: Partial<LenientOptions> = {}) {
    const { clock, log } = this;
    const visit: LenientOptions["visit"] = (visit) => {
      this.visits.push(visit);
      return visit.webSocket((outlet) => {
        const peer = new Peer(outlet);
        this.peers.push(peer);
        this.onOpen(peer);
        return peer;
      });
    };
    this.listener = listenLeniently({ at: { hostname: "127.0.0.1", port: 0 }, clock, log, visit, ...options });
  }

  async connect(...pieces: (string | Uint8Array)[]): Promise<RawClient> {
    const client = await RawClient.connect(this.listener.port);
    this.clients.push(client);
    for (const piece of pieces) await client.send(piece);
    return client;
  }

  /** A board that has its 101. */
  async board(...request: (string | Uint8Array)[]): Promise<{ client: RawClient; peer: Peer }> {
    const client = await this.connect(...request);
    await until(() => httpAnswer(client.bytes) !== undefined, "the 101");
    const peer = this.peers.at(-1);
    if (peer === undefined) throw new Error("nobody came");
    return { client, peer };
  }
}

const halls: Hall[] = [];
function hall(options: Partial<LenientOptions> = {}): Hall {
  const opened = new Hall(options);
  halls.push(opened);
  return opened;
}
afterEach(async () => {
  for (const opened of halls.splice(0)) {
    for (const client of opened.clients) client.reset();
    await opened.listener.stop(true);
    expect(opened.log.errors).toEqual([]);
  }
});

function frames(client: RawClient): string[] {
  return serverFrames(httpAnswer(client.bytes)?.rest ?? Buffer.alloc(0)).map(({ opcode, payload }) =>
    opcode === opcodes.text ? payload.toString() : `${opcode} ${payload.toString()}`,
  );
}

describe("After the 101", () => {
  test.each([
    ["2015", requestOf2015],
    ["current", [currentRequest()]],
  ] as const)(
    "nothing comes in its segment to a board of %s, and what was written comes 100 ms later",
    async (_, request) => {
      const at = hall();
      at.onOpen = (peer) => void peer.write("User Joined");
      const { client, peer } = await at.board(...request);
      expect(client.bytes.toString("latin1")).toEndWith("\r\n\r\n");
      await at.clock.advance(99);
      await Bun.sleep(20);
      expect(frames(client)).toEqual([]);
      expect(peer.outlet.queued()).toBe(13);
      await at.clock.advance(30);
      await until(() => frames(client).length === 1, "the frame");
      expect(client.chunks).toHaveLength(2);
      await at.clock.advance(100);
      expect(peer.drains).toBe(1);
    },
  );

  test("a frame of a current board shows that it has read it; one of 2015 shows nothing", async () => {
    const at = hall();
    at.onOpen = (peer) => void peer.write("hello");
    const current = await at.board(currentRequest());
    await current.client.send(Buffer.concat(currentFrame("x")));
    await until(() => frames(current.client).length === 1, "the frame");
    const old = await at.board(...requestOf2015);
    await old.client.send(frameOf2015("x"));
    await until(() => old.peer.heard.length === 1, "the message");
    await Bun.sleep(20);
    expect(frames(old.client)).toEqual([]);
  });

  test("frames that came with the request are heard, and lift nothing", async () => {
    const at = hall();
    at.onOpen = (peer) => void peer.write("hello");
    const { client, peer } = await at.board(
      Buffer.concat([Buffer.from(currentRequest()), ...currentFrame("early"), ...currentFrame("birds")]),
    );
    expect(peer.heard).toEqual(["early", "birds"]);
    await Bun.sleep(20);
    expect(frames(client)).toEqual([]);
  });
});

describe("A board of 2015", () => {
  test("gets one frame a segment, with the spacing between them, and says when it has all", async () => {
    const at = hall({ spacing: 50 });
    const { client, peer } = await at.board(...requestOf2015);
    await at.clock.advance(150);
    expect(peer.write("one", "two", "three")).toBe(false);
    await until(() => frames(client).length === 1, "the first");
    for (const count of [2, 3]) {
      await at.clock.advance(40);
      await Bun.sleep(10);
      expect(frames(client)).toHaveLength(count - 1);
      await at.clock.advance(20);
      await until(() => frames(client).length === count, `frame ${count}`);
    }
    expect(client.chunks.slice(1).map((chunk) => chunk.toString("latin1"))).toEqual([
      "\x81\x03one",
      "\x81\x03two",
      "\x81\x05three",
    ]);
    expect(peer.outlet.queued()).toBe(0);
    const before = peer.drains;
    await at.clock.advance(80);
    expect(peer.drains).toBe(before + 1);
  });

  test("is never pinged, tells how often it says that it lives, and is parted from without a close frame", async () => {
    const at = hall({ keepAlive: 30_000 });
    const { client, peer } = await at.board(...requestOf2015);
    await at.clock.advance(150);
    expect(peer.outlet.keepAlive).toBe(30_000);
    peer.outlet.ping();
    peer.write("last");
    peer.outlet.end(3001, "bye", false);
    await until(() => client.closed, "the end");
    expect(frames(client)).toEqual(["last"]);
    expect(peer.ends).toEqual([3001]);
  });

  test("says that it lives by a ping, which is answered when there is nothing else to say", async () => {
    const at = hall();
    const { client, peer } = await at.board(...requestOf2015);
    await at.clock.advance(150);
    await client.send(frameOf2015('{"msg":"ping"}', opcodes.ping));
    await until(() => peer.signs === 1, "the sign of life");
    await until(() => frames(client).length === 1, "the pong");
    expect(frames(client)).toEqual(['10 {"msg":"ping"}']);
    expect(peer.heard).toEqual([]);
  });

  test("that says more than it can (126 bytes, whose length it writes wrong) is parted from", async () => {
    const at = hall();
    const { client, peer } = await at.board(...requestOf2015);
    await client.send(Buffer.concat([Buffer.from([0x81, 126]), Buffer.alloc(126, "{")]));
    await until(() => peer.ends.length === 1, "the end");
    expect(peer.ends).toEqual([1009]);
    await until(() => client.closed, "the close");
  });
});

describe("A current board", () => {
  test("gets all of a turn in one segment", async () => {
    const at = hall();
    const { client, peer } = await at.board(currentRequest());
    await at.clock.advance(150);
    expect(peer.write("one", "two")).toBe(true);
    await until(() => frames(client).length === 2, "both");
    expect(client.chunks).toHaveLength(2);
  });

  test("is heard when its frames come in four writes, two in one, and byte by byte", async () => {
    const at = hall();
    const { client, peer } = await at.board(currentRequest());
    const long = "y".repeat(300);
    for (const piece of currentFrame(long)) {
      await client.send(piece);
      await Bun.sleep(1);
    }
    await client.send(Buffer.concat([...currentFrame("two"), ...currentFrame("three")]));
    for (const byte of Buffer.concat(currentFrame("bytes"))) await client.send(Uint8Array.of(byte));
    await until(() => peer.heard.length === 4, "four messages");
    expect(peer.heard).toEqual([long, "two", "three", "bytes"]);
  });

  test("says `pong` to whatever ping, which is a sign of life as any byte is", async () => {
    const at = hall();
    const { client, peer } = await at.board(currentRequest());
    await at.clock.advance(150);
    peer.outlet.ping();
    await until(() => frames(client).length === 1, "the ping");
    expect(frames(client)).toEqual(["9 ping"]);
    await client.send(Buffer.concat(currentFrame("pong", opcodes.pong)));
    await until(() => peer.signs === 1, "the sign");
    await client.send(Uint8Array.of(0x81));
    await until(() => peer.signs === 2, "another sign");
  });

  test("that goes without a close frame is told as gone", async () => {
    const at = hall();
    const { client, peer } = await at.board(currentRequest());
    client.finish();
    await until(() => peer.ends.length === 1, "the end");
    expect(peer.ends).toEqual([1006]);
  });

  test("offers a subprotocol, which is answered if the protocol chose it", async () => {
    const at = hall({
      visit: (visit) => visit.webSocket((outlet) => new Peer(outlet), { subprotocol: "protocolOne" }),
    });
    const client = await at.connect(
      currentRequest(undefined, "/my_websocket", "Sec-WebSocket-Protocol: protocolOne\r\n"),
    );
    await until(() => client.text.includes("\r\n\r\n"), "the answer");
    expect(client.text).toContain("Sec-WebSocket-Protocol: protocolOne\r\n");
  });
});

describe("A connection that means no good", () => {
  test("that says nothing, or half a head, is cut after 10 s", async () => {
    const at = hall();
    const silent = await at.connect();
    const half = await at.connect("GET / HTTP/1.1\r\n");
    await Bun.sleep(20);
    await at.clock.advance(9000);
    expect([silent.closed, half.closed]).toEqual([false, false]);
    await at.clock.advance(2000);
    await until(() => silent.closed && half.closed, "the ends");
  });

  test.each([
    ["a header", Uint8Array.of(0x81, 0xfe)],
    ["a first fragment", clientFrame(opcodes.text, "x", false)],
  ])("that sends %s and nothing else is parted from after 10 s, whatever it drips", async (_, piece) => {
    const at = hall();
    const { client, peer } = await at.board(currentRequest());
    await client.send(piece);
    await until(() => peer.signs === 1, "the byte");
    await at.clock.advance(8000);
    await client.send(Uint8Array.of(0x80));
    await until(() => peer.signs === 2, "another byte");
    expect(peer.ends).toEqual([]);
    await at.clock.advance(3000);
    await until(() => peer.ends.length === 1, "the end");
    expect(peer.ends).toEqual([1002]);
  });

  test("that goes on with messages is not taken for one that drips", async () => {
    const at = hall();
    const { client, peer } = await at.board(currentRequest());
    const frame = Buffer.concat(currentFrame("whole"));
    await client.send(frame.subarray(0, 3));
    for (let count = 1; count <= 8; count++) {
      await at.clock.advance(4000);
      await client.send(Buffer.concat([frame.subarray(3), frame.subarray(0, 3)]));
      await until(() => peer.heard.length === count, `message ${count}`);
    }
    expect(peer.ends).toEqual([]);
  });

  test("that claims 2 GB is told 1009 and parted from at once", async () => {
    const at = hall();
    const { client, peer } = await at.board(currentRequest());
    await client.send(Uint8Array.of(0x81, 0xff, 0, 0, 0, 0, 0x80, 0, 0, 0, 1, 2, 3, 4));
    await until(() => peer.ends.length === 1, "the end");
    await until(() => client.closed, "the close");
    expect(serverFrames(httpAnswer(client.bytes)?.rest ?? Buffer.alloc(0))[0]?.payload.readUInt16BE()).toBe(1009);
  });

  test("that asks with pings and does not read the answers gets no more of them", async () => {
    const at = hall();
    const { client, peer } = await at.board(currentRequest());
    client.stopReading();
    const pings = Buffer.concat(
      Array.from({ length: 1000 }, () => Buffer.concat(currentFrame("p".repeat(125), opcodes.ping))),
    );
    for (let round = 0; round < 120; round++) await client.send(pings);
    expect(peer.outlet.queued()).toBeLessThan(200);
  });

  test("that does not go when it was parted from is cut after 10 s", async () => {
    const at = hall();
    const { client, peer } = await at.board(currentRequest());
    client.stopReading();
    while (peer.write("x".repeat(60_000)));
    peer.outlet.end(3001, "bye", false);
    expect(peer.ends).toEqual([3001]);
    expect(client.held).toBe(true);
    await at.clock.advance(12_000);
    await until(() => !client.held, "the end");
  });

  test.each([
    ["no HTTP", "\x16\x03\x01 hello\r\n\r\n", 400],
    ["a head of 9 KB", `GET / HTTP/1.1\r\nx: ${"y".repeat(9000)}`, 413],
    ["no key", "GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", 400],
  ])("that sends %s is answered with the error object", async (_, text, status) => {
    const at = hall();
    const client = await at.connect(text);
    await until(() => client.closed, "the end");
    const answer = httpAnswer(client.bytes);
    expect(answer?.status).toBe(status);
    expect(JSON.parse(answer?.body.toString() ?? "")).toMatchObject({
      error: { message: expect.stringMatching(/^Cannot /) },
    });
  });

  test("is refused in a storm, and where its protocol refuses it when it opens", async () => {
    const storm = hall({
      accept: () => {
        throw new Refused("connectionRate");
      },
    });
    const client = await storm.connect(currentRequest());
    await until(() => client.closed, "the end");
    expect(httpAnswer(client.bytes)?.status).toBe(503);
    const full = hall();
    full.onOpen = () => {
      throw new Refused("connectionLimit");
    };
    const refused = await full.connect(currentRequest());
    await until(() => httpAnswer(refused.bytes)?.status === 101, "the 101");
    await full.clock.advance(150);
    await until(() => refused.closed, "the end");
    expect(frames(refused)[0]?.slice(4)).toBe("Too many connections");
  });
});

test("a visit tells path, query, address and headers, and can become nothing but a WebSocket", async () => {
  const at = hall();
  await at.board(
    "GET /a%20b?x=1&y=2 HTTP/1.1\r\nhost: here:8080\r\nUPGRADE: WebSocket\r\nsec-websocket-key: k\r\nX-API-Key: hw_1\r\nbad\x01name: x\r\n\r\n",
  );
  const [visit] = at.visits;
  expect(visit).toMatchObject({
    path: "/a%20b",
    address: "127.0.0.1",
    secure: false,
    owner: false,
    wantsWebSocket: true,
  });
  expect(visit?.query.get("y")).toBe("2");
  expect(visit?.request.headers.get("x-api-key")).toBe("hw_1");
  expect(visit?.request.headers.get("host")).toBe("here:8080");
  expect(() => visit?.sse(() => new Peer({} as Outlet))).toThrow("nothing but WebSocket");
  expect(visit?.body(1)).rejects.toThrow("nothing but WebSocket");
});

test("a listener that stops ends when its last board has gone", async () => {
  const at = hall();
  const { peer } = await at.board(currentRequest());
  let ended = false;
  const end = at.listener.stop(false).then(() => {
    ended = true;
  });
  await expect(RawClient.connect(at.listener.port)).rejects.toThrow();
  expect(ended).toBe(false);
  peer.outlet.end(3001, "", false);
  at.clients[0]?.finish();
  await end;
});

test("an address that cannot be had is an error that says so", () => {
  const at = hall();
  expect(() => hall({ at: { hostname: "127.0.0.1", port: at.listener.port } })).toThrow("another program has the port");
});
