/** Who boards talk with in the tests: npm's `ws`, which is strict, and a peer that says byte by byte what the test wants. */
import { createHash } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";
import type { WebSocket, WebSocketServer } from "ws";

/** The package itself: `import "ws"` would be the runtime's own stand-in. */
export const packaged = (await import("../../../node_modules/ws/wrapper.mjs" as string)) as {
  WebSocket: typeof WebSocket;
  WebSocketServer: typeof WebSocketServer;
};

/** A server of npm's `ws` on a free port. */
export async function packagedServer(
  greet: (ws: WebSocket) => void,
): Promise<{ port: number; server: WebSocketServer }> {
  const server = new packaged.WebSocketServer({ port: 0, host: "127.0.0.1" });
  server.on("connection", greet);
  await new Promise((resolve) => server.on("listening", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("Cannot find the port");
  return { port: address.port, server };
}

/** One accepted connection, byte by byte. */
export class RawPeer {
  received = "";
  ended = false;
  readonly socket: Socket;
  #changed: () => void = () => undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on("error", () => undefined);
    socket.on("data", (bytes: Buffer) => {
      this.received += bytes.toString("latin1");
      this.#changed();
    });
    for (const event of ["end", "close"]) {
      socket.on(event, () => {
        this.ended = true;
        this.#changed();
      });
    }
  }

  async until(what: (peer: RawPeer) => boolean): Promise<void> {
    const deadline = Date.now() + 5000;
    while (!what(this)) {
      if (Date.now() > deadline) throw new Error(`Cannot wait any longer: heard ${JSON.stringify(this.received)}`);
      const late = setTimeout(() => this.#changed(), 5000);
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
      clearTimeout(late);
    }
  }

  send(bytes: string): Promise<void> {
    return new Promise((resolve) => this.socket.write(Buffer.from(bytes, "latin1"), () => resolve()));
  }

  /** The request, once its head is there; it is taken from what was received. */
  async request(): Promise<{ line: string; headers: Headers; raw: string }> {
    await this.until(({ received }) => received.includes("\r\n\r\n"));
    const end = this.received.indexOf("\r\n\r\n");
    const raw = this.received.slice(0, end);
    this.received = this.received.slice(end + 4);
    const [line = "", ...fields] = raw.split("\r\n");
    const headers = fields.map((field) => field.split(": ") as [string, string]);
    return { line, headers: new Headers(headers), raw };
  }

  /** The frames in what was received, which are taken from it. Masks are taken off, and remembered. */
  frames(): { opcode: number; payload: string; mask: string; bytes: string }[] {
    const frames = [];
    for (;;) {
      const bytes = this.received;
      const size = bytes.charCodeAt(1) & 127;
      const head = size === 126 ? 4 : 2;
      const length = size === 126 ? bytes.charCodeAt(2) * 256 + bytes.charCodeAt(3) : size;
      const masked = bytes.charCodeAt(1) > 127;
      const start = head + (masked ? 4 : 0);
      if (bytes.length < 2 || bytes.length < start + length) return frames;
      const mask = masked ? bytes.slice(head, start) : "";
      const raw = bytes.slice(start, start + length);
      const payload = masked
        ? Array.from(raw, (char, i) => String.fromCharCode(char.charCodeAt(0) ^ mask.charCodeAt(i & 3))).join("")
        : raw;
      frames.push({ opcode: bytes.charCodeAt(0) & 15, payload, mask, bytes: bytes.slice(0, start + length) });
      this.received = bytes.slice(start + length);
    }
  }
}

export function acceptOf(key: string): string {
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}

export function switching(key: string, more = ""): string {
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(key)}\r\n${more}\r\n`;
}

/** Listens, and hands out the connections in their order. */
export class RawServer {
  readonly peers: RawPeer[] = [];
  readonly #server: Server;
  #next: ((peer: RawPeer) => void)[] = [];
  #unclaimed: RawPeer[] = [];

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket) => {
      const peer = new RawPeer(socket);
      this.peers.push(peer);
      const claim = this.#next.shift();
      if (claim === undefined) this.#unclaimed.push(peer);
      else claim(peer);
    });
  }

  static async listen(): Promise<RawServer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new RawServer(server);
  }

  get port(): number {
    const address = this.#server.address();
    return address !== null && typeof address === "object" ? address.port : 0;
  }

  /** The next connection. */
  accept(): Promise<RawPeer> {
    const peer = this.#unclaimed.shift();
    if (peer !== undefined) return Promise.resolve(peer);
    return new Promise((resolve) => this.#next.push(resolve));
  }

  /** The next connection, with its handshake done. */
  async open(): Promise<RawPeer> {
    const peer = await this.accept();
    const { headers } = await peer.request();
    await peer.send(switching(headers.get("sec-websocket-key") ?? ""));
    return peer;
  }

  stop(): void {
    for (const { socket } of this.peers) socket.destroy();
    this.#server.close();
  }
}
