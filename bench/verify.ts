/**
 * Proves the load client right against a server that sends what is awkward: frames and chunks split anywhere, many in one
 * write, 16- and 64-bit lengths, pings, joined texts, gaps. `bun bench/verify.ts`; a test runs it too.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { buildTools, type Tools } from "./build.ts";
import { Child, endAll } from "./processes.ts";

interface Peer {
  /** Frames that came from the client, as opcode and text. */
  readonly frames: (readonly [number, string])[];
  readonly requests: string[];
  rest: Buffer;
}

type Socket = Bun.Socket<Peer>;
type Script = (socket: Socket) => Promise<void>;

const connections = 20;

/** What the machine's monotonic clock, which the tools use, is ahead of this process's own, in µs. */
let clockAhead = 0;

function now(): number {
  return Math.floor(clockAhead + Bun.nanoseconds() / 1000);
}

function text(seq: number): string {
  return `{"channel":"bench","data":{"seq":${seq},"ts":${now()},"pad":"x"},"cursor":"run.${seq}"}`;
}

function frame(payload: string, opcode = 1, wide: 0 | 2 | 8 = 0): Buffer {
  const body = Buffer.from(payload);
  const size = Math.max(wide, body.length < 126 ? 0 : body.length < 65_536 ? 2 : 8);
  const head = Buffer.alloc(2 + size);
  head[0] = 0x80 | opcode;
  head[1] = size === 0 ? body.length : size === 2 ? 126 : 127;
  if (size === 2) head.writeUInt16BE(body.length, 2);
  if (size === 8) head.writeBigUInt64BE(BigInt(body.length), 2);
  return Buffer.concat([head, body]);
}

async function writeAll(socket: Socket, bytes: Uint8Array | string): Promise<void> {
  const all = Buffer.from(bytes as Uint8Array);
  for (let at = 0; at < all.length; ) {
    const written = socket.write(all.subarray(at));
    if (written < 0) return;
    at += written;
    if (at < all.length) await Bun.sleep(1);
  }
}

async function byteByByte(socket: Socket, bytes: Uint8Array | string): Promise<void> {
  for (const byte of Buffer.from(bytes as Uint8Array)) {
    socket.write(Uint8Array.of(byte));
    await Bun.sleep(0);
  }
}

// ── What the server says, by transport ──

/**
 * With the answer a greeting in a second line, and one; then Centrifuge's ping, and publications split, by the dozen, joined,
 * with long lengths, one cut by a ping; `seq` from 1 without a gap.
 */
const webSocketScript: Script = async (socket) => {
  let seq = 0;
  const next = (): string => text(++seq);
  const key = /sec-websocket-key: (.*)\r/i.exec(socket.data.requests[0] ?? "")?.[1] ?? "";
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  const head = `HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
  await writeAll(socket, Buffer.concat([Buffer.from(head), frame("hello\nready 1"), frame(next())]));
  await Bun.sleep(500);
  await writeAll(socket, frame("{}"));
  await byteByByte(socket, frame(next()));
  await writeAll(socket, Buffer.concat(Array.from({ length: 50 }, () => frame(next()))));
  await writeAll(socket, frame(`${next()}\n${next()}\n${next()}`));
  await writeAll(socket, Buffer.concat([frame(next(), 1, 2), frame(next(), 1, 8)]));
  const long = frame(Array.from({ length: 5000 }, next).join("\n"));
  await writeAll(socket, long.subarray(0, long.length >> 1));
  await Bun.sleep(20);
  const last = frame(next());
  await writeAll(socket, Buffer.concat([long.subarray(long.length >> 1), frame("hb", 9), last.subarray(0, 5)]));
  await Bun.sleep(20);
  await writeAll(socket, last.subarray(5));
};
const perWebSocket = { all: 1 + 1 + 50 + 3 + 2 + 5000 + 1, frames: 1 + 1 + 50 + 1 + 2 + 1 + 1 };

function chunk(content: string): string {
  return `${Buffer.byteLength(content).toString(16)}\r\n${content}\r\n`;
}

/** Events whole, split in the middle of a line by a chunk's end, byte by byte, with comments and other events; one `seq` left out. */
const sseScript: Script = async (socket) => {
  let seq = 0;
  const next = (): string => `id: x\ndata: ${text(++seq)}\n\n`;
  const head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
  await writeAll(socket, head + chunk(`: hello\n\n${next()}`));
  await Bun.sleep(500);
  const event = next();
  await writeAll(socket, chunk(event.slice(0, 30)) + chunk(event.slice(30)));
  await byteByByte(socket, chunk(`event: other\ndata: {}\n\n${next()}`));
  seq++;
  await writeAll(socket, chunk(Array.from({ length: 100 }, next).join("")) + chunk(": beat\n\n"));
};
const perStream = 1 + 1 + 1 + 100;

/** Answers each poll by the number in its cursor: with nothing, one, or two; plain and chunked. */
const pollScript: Script = async (socket) => {
  const request = socket.data.requests.at(-1) ?? "";
  const seq = Number(/since=run\.(\d+)/.exec(request)?.[1]);
  if (seq >= 3) return;
  const publications = seq === 1 ? [text(2), text(3)] : seq === 0 && !request.includes("again") ? [text(1)] : [];
  const body = `{"publications":[${publications.join(",")}],"cursor":"run.${seq + publications.length}"}`;
  const head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
  if (seq === 0) await writeAll(socket, `${head}Content-Length: ${body.length}\r\n\r\n${body}`);
  else
    await byteByByte(
      socket,
      `${head}Transfer-Encoding: chunked\r\n\r\n${chunk(body.slice(0, 40))}${chunk(body.slice(40))}0\r\n\r\n`,
    );
};

// ── The server ──

function unmask(peer: Peer): void {
  for (;;) {
    const [first = 0, second = 0] = peer.rest;
    const long = (second & 127) === 126;
    const start = long ? 8 : 6;
    if (peer.rest.length < start) return;
    const length = long ? peer.rest.readUInt16BE(2) : second & 127;
    if (peer.rest.length < start + length) return;
    assert.ok(second & 128, "the client masks its frames");
    const mask = peer.rest.subarray(start - 4, start);
    const payload = peer.rest.subarray(start, start + length).map((byte, at) => byte ^ (mask[at & 3] ?? 0));
    peer.frames.push([first & 15, Buffer.from(payload).toString()]);
    peer.rest = peer.rest.subarray(start + length);
  }
}

function serve(script: Script, isWebSocket: boolean): { port: number; peers: Peer[]; stop(): void } {
  const peers: Peer[] = [];
  const listener = Bun.listen<Peer>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.data = { frames: [], requests: [], rest: Buffer.alloc(0) };
        socket.setNoDelay(true);
        peers.push(socket.data);
      },
      data(socket, bytes) {
        const peer = socket.data;
        peer.rest = Buffer.concat([peer.rest, bytes]);
        if (isWebSocket && peer.requests.length > 0) return unmask(peer);
        const end = peer.rest.indexOf("\r\n\r\n");
        if (end < 0) return;
        peer.requests.push(peer.rest.subarray(0, end + 2).toString());
        peer.rest = peer.rest.subarray(end + 4);
        script(socket).catch(() => socket.terminate());
      },
    },
  });
  return { port: listener.port, peers, stop: () => listener.stop(true) };
}

async function observe(tools: Tools, script: Script, mode: "ws" | "sse" | "poll", options: readonly string[]) {
  const server = serve(script, mode === "ws");
  const common = ["-p", String(server.port), "-n", String(connections), "--mode", mode, "--settle", "0.3", "-t", "4"];
  const load = new Child([tools.load, ...common, "--linger", "0.1", "--check", ...options], { core: 1 });
  const connected = await load.report("connected");
  clockAhead = Number(connected["now"]) - Bun.nanoseconds() / 1000;
  const result = await load.report("result");
  await load.exited;
  server.stop();
  assert.equal(connected["opened"], connections);
  assert.equal(result["protocol_errors"], 0);
  return { result, peers: server.peers };
}

/** Throws where the load client miscounts. */
export async function verifyLoadClient(tools: Tools): Promise<void> {
  const ws = observe(tools, webSocketScript, "ws", [
    "-u",
    "/c/%d",
    "--joined",
    "--ready",
    "ready",
    "-m",
    "sub a\nsub c%d",
  ]);
  const sse = observe(tools, sseScript, "sse", ["-u", "/channels/a"]);
  const poll = observe(tools, pollScript, "poll", ["-u", "/p?since=%c", "--cursor", "run.0"]);
  {
    const { result, peers } = await ws;
    assert.deepEqual([result["each_min"], result["each_max"]], [perWebSocket.all, perWebSocket.all]);
    assert.equal(result["publications"], connections * (perWebSocket.all - 1), "the window opens after the first");
    assert.equal(result["frames"], connections * perWebSocket.frames);
    assert.deepEqual([result["gaps"], result["repeats"], result["pings"]], [0, 0, connections]);
    assert.equal(result["latency_n"], result["publications"]);
    assert.ok(Number(result["max"]) < 2_000_000 && Number(result["p50"]) > 0);
    const paths = peers.map(({ requests }) => requests[0]?.split(" ")[1]).sort();
    assert.deepEqual(paths, Array.from({ length: connections }, (_, at) => `/c/${at}`).sort());
    for (const { frames, requests } of peers) {
      const number = requests[0]?.split(" ")[1]?.slice(3);
      assert.deepEqual(frames, [
        [1, "sub a"],
        [1, `sub c${number}`],
        [1, "{}"],
        [10, "hb"],
      ]);
    }
  }
  {
    const { result } = await sse;
    assert.deepEqual([result["each_min"], result["each_max"]], [perStream, perStream]);
    assert.deepEqual([result["gaps"], result["repeats"]], [connections, 0], "the one that was left out is noticed");
  }
  {
    const { result, peers } = await poll;
    assert.deepEqual([result["each_min"], result["each_max"], result["answers"]], [3, 3, connections * 2]);
    for (const { requests } of peers) {
      const cursors = requests.map((request) => /since=(\S+)/.exec(request)?.[1]);
      assert.deepEqual(cursors, ["run.0", "run.1", "run.3"]);
    }
  }
}

if (import.meta.main) {
  try {
    await verifyLoadClient(buildTools());
    console.log("The load client counts right.");
  } finally {
    await endAll();
  }
}
