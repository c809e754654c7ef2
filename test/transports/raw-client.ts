/** A TCP client that sees bytes and segments, can stop reading, and can go without a word. */

import { readFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket as NodeSocket } from "node:net";
import type { Socket } from "bun";

/** Waits for a condition of this process, looked at every few ms; fails after `limit` ms. */
export async function until(condition: () => boolean | Promise<boolean>, what: string, limit = 10_000): Promise<void> {
  const end = performance.now() + limit;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`Waited ${limit} ms in vain: ${what}`);
    await Bun.sleep(2);
  }
}

interface Relay {
  readonly near: NodeSocket;
  readonly far: NodeSocket;
}

/**
 * To a server by way of another socket of this process, which can stop reading: a client's own `pause` does not stop one
 * that speaks TLS.
 */
async function relayTo(port: number): Promise<{ readonly port: number; readonly met: Promise<Relay> }> {
  const met = Promise.withResolvers<Relay>();
  const server = createServer((near) => {
    server.close();
    const far = connect(port, "127.0.0.1", () => met.resolve({ near, far }));
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.pipe(to);
      from.on("error", () => to.destroy()).on("close", () => to.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as AddressInfo).port, met: met.promise };
}

export class RawClient {
  /** As they were read; one write of the other side comes as one as long as it is small. */
  readonly chunks: Buffer[] = [];
  closed = false;
  readonly localPort: number;
  readonly #socket: Socket<undefined>;
  readonly #port: number;
  readonly #relay: Relay | undefined;

  private constructor(socket: Socket<undefined>, port: number, relay: Relay | undefined) {
    this.#socket = socket;
    this.#port = port;
    this.#relay = relay;
    this.localPort = relay?.far.localPort ?? socket.localPort;
  }

  /** By TLS, whatever the certificate, where that is asked for. */
  static async connect(port: number, tls = false): Promise<RawClient> {
    let client: RawClient | undefined;
    const early: Buffer[] = [];
    const relay = tls ? await relayTo(port) : undefined;
    const socket = await Bun.connect<undefined>({
      hostname: "127.0.0.1",
      port: relay?.port ?? port,
      ...(tls ? { tls: { rejectUnauthorized: false } } : {}),
      socket: {
        data: (_, chunk) => void (client?.chunks ?? early).push(Buffer.from(chunk)),
        close() {
          if (client !== undefined) client.closed = true;
        },
        end() {
          if (client !== undefined) client.closed = true;
        },
        error: () => undefined,
      },
    });
    client = new RawClient(socket, port, await relay?.met);
    client.chunks.push(...early);
    return client;
  }

  /** Everything that was read so far. */
  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }

  get text(): string {
    return this.bytes.toString("utf8");
  }

  /** Sends all of it, however long the other side takes. */
  async send(data: string | Uint8Array): Promise<void> {
    let rest = typeof data === "string" ? Buffer.from(data) : data;
    while (rest.length > 0 && !this.closed) {
      const taken = this.#socket.write(rest);
      if (taken < 0) return;
      rest = rest.subarray(taken);
      if (rest.length > 0) await Bun.sleep(1);
    }
    this.#socket.flush();
  }

  stopReading(): void {
    if (this.#relay === undefined) this.#socket.pause();
    else this.#relay.far.unpipe(this.#relay.near).pause();
  }

  goOnReading(): void {
    if (this.#relay === undefined) this.#socket.resume();
    else this.#relay.far.pipe(this.#relay.near);
  }

  /** FIN. */
  finish(): void {
    this.#socket.end();
  }

  /** RST. */
  reset(): void {
    this.#socket.terminate();
  }

  async receives(condition: (text: string) => boolean, what: string, limit?: number): Promise<void> {
    await until(() => condition(this.text), `${what}; received ${JSON.stringify(this.text.slice(-300))}`, limit);
  }

  /** Whether the kernel still holds the server's end of this connection as established. */
  get held(): boolean {
    const hex = (port: number): string => port.toString(16).toUpperCase().padStart(4, "0");
    const tables = ["/proc/net/tcp", "/proc/net/tcp6"].map((file) => readFileSync(file, "utf8")).join("\n");
    const entry = new RegExp(`:${hex(this.#port)} [0-9A-F]+:${hex(this.localPort)} 01 `);
    return entry.test(tables);
  }
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
  /** The body has come whole. */
  readonly complete: boolean;
  /** Bytes after it. */
  readonly rest: Buffer;
}

/** The first HTTP answer in what was received, as far as it has come; undefined before the end of its head. */
export function httpAnswer(bytes: Buffer): HttpAnswer | undefined {
  const end = bytes.indexOf("\r\n\r\n");
  if (end === -1) return undefined;
  const [first = "", ...lines] = bytes.subarray(0, end).toString("latin1").split("\r\n");
  const headers = new Map(
    lines.map((line) => line.split(/: ?(.*)/s, 2) as [string, string]).map(([n, v]) => [n.toLowerCase(), v]),
  );
  const status = Number(first.split(" ")[1]);
  const after = bytes.subarray(end + 4);
  if (headers.get("transfer-encoding") === "chunked") return { status, headers, ...dechunked(after) };
  const length = status === 101 || status === 204 ? 0 : Number(headers.get("content-length") ?? "0");
  const body = after.subarray(0, length);
  return { status, headers, body, complete: body.length === length, rest: after.subarray(length) };
}

function dechunked(bytes: Buffer): { body: Buffer; complete: boolean; rest: Buffer } {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const line = bytes.indexOf("\r\n", at);
    if (line === -1) break;
    const size = Number.parseInt(bytes.subarray(at, line).toString("latin1"), 16);
    if (size === 0) return { body: Buffer.concat(parts), complete: true, rest: bytes.subarray(line + 4) };
    if (bytes.length < line + 2 + size) break;
    parts.push(bytes.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
  return { body: Buffer.concat(parts), complete: false, rest: Buffer.alloc(0) };
}

/** What starts a WebSocket, without the headers that a test wants to add. */
export function upgradeHead(path: string, headers: readonly string[] = []): string {
  return [
    `GET ${path} HTTP/1.1`,
    "Host: 127.0.0.1",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ...headers,
    "",
    "",
  ].join("\r\n");
}

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** A frame as clients send it (RFC 6455, 5.2), masked with zeros. */
export function clientFrame(opcode: number, payload: string | Uint8Array, final = true): Buffer {
  const data = Buffer.from(payload as string);
  const long = data.length > 65_535 ? 10 : data.length > 125 ? 4 : 2;
  const frame = Buffer.alloc(long + 4 + data.length);
  frame[0] = (final ? 0x80 : 0) | opcode;
  frame[1] = 0x80 | (long === 2 ? data.length : long === 4 ? 126 : 127);
  if (long === 4) frame.writeUInt16BE(data.length, 2);
  if (long === 10) frame.writeBigUInt64BE(BigInt(data.length), 2);
  data.copy(frame, long + 4);
  return frame;
}

export interface ServerFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** Frames as a server sends them, as far as they have come whole. */
export function serverFrames(bytes: Buffer): ServerFrame[] {
  const frames: ServerFrame[] = [];
  let at = 0;
  while (at + 2 <= bytes.length) {
    const short = (bytes[at + 1] ?? 0) & 0x7f;
    const head = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (at + head > bytes.length) break;
    const size =
      short === 126 ? bytes.readUInt16BE(at + 2) : short === 127 ? Number(bytes.readBigUInt64BE(at + 2)) : short;
    if (at + head + size > bytes.length) break;
    frames.push({ opcode: (bytes[at] ?? 0) & 0x0f, payload: bytes.subarray(at + head, at + head + size) });
    at += head + size;
  }
  return frames;
}
