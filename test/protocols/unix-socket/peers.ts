/** Both ends of the protocol as tests play them: a backend at the Unix socket, and a device. */
import { connect, type Socket } from "node:net";

const patience = 10_000;

/** Waits until something is so. */
async function until(isSo: () => boolean, what: () => string): Promise<void> {
  const end = Date.now() + patience;
  while (!isSo()) {
    if (Date.now() > end) throw new Error(`Waited in vain: ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/**
 * Lets what was sent arrive, and what it causes happen. Both ends are of this process, so turns of its event loop count
 * and not the time that they take on a busy machine.
 */
export async function settle(turns = 25): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
}

export class BackendPeer {
  readonly socket: Socket;
  replies = "";
  ended = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.replies += chunk.toString("utf8");
    });
    socket.on("end", () => {
      this.ended = true;
    });
    socket.on("error", () => {
      this.ended = true;
    });
  }

  static open(path: string): Promise<BackendPeer> {
    return new Promise((resolve, reject) => {
      const socket = connect({ path, allowHalfOpen: true });
      socket.once("error", reject);
      socket.once("connect", () => resolve(new BackendPeer(socket)));
    });
  }

  /** Writes text as it is, and anything else as JSON. */
  send(...values: readonly unknown[]): void {
    for (const value of values) this.socket.write(typeof value === "string" ? value : JSON.stringify(value));
  }

  bytes(chunk: Uint8Array): void {
    this.socket.write(chunk);
  }

  /** The next replies; they must be these and no others so far. */
  async hears(expected: string): Promise<void> {
    await until(
      () => this.replies.length >= expected.length,
      () => `expected ${expected}, got ${this.replies}`,
    );
    if (this.replies !== expected) throw new Error(`Expected ${expected}, got ${this.replies}`);
    this.replies = "";
  }

  /** A command and its answer in the `id` form. */
  async ask(command: object): Promise<unknown> {
    this.send({ ...command, id: 1 });
    await until(
      () => this.replies.endsWith("\n"),
      () => "a line of JSON",
    );
    const line = this.replies;
    this.replies = "";
    return JSON.parse(line);
  }

  halfClose(): void {
    this.socket.end();
  }

  async sees(): Promise<void> {
    await until(
      () => this.ended,
      () => "the end of the connection",
    );
  }

  close(): void {
    this.socket.destroy();
  }
}

export class DevicePeer {
  readonly socket: WebSocket;
  readonly heard: string[] = [];
  closed: { readonly code: number; readonly reason: string } | undefined;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.addEventListener("message", ({ data }) => this.heard.push(String(data)));
    socket.addEventListener("close", ({ code, reason }) => {
      this.closed = { code, reason };
    });
  }

  static open(url: string, headers: Readonly<Record<string, string>> = {}, path = "/devices"): Promise<DevicePeer> {
    const socket = new WebSocket(`ws://${url}${path}`, { headers });
    const device = new DevicePeer(socket);
    return new Promise((resolve, reject) => {
      socket.addEventListener("open", () => resolve(device));
      socket.addEventListener("error", () => reject(new Error("the WebSocket was not accepted")));
    });
  }

  /** The id that the next frame tells. */
  async id(): Promise<string> {
    const [, id = ""] = /^\{"action":"setDeviceId","data":\{"device_id":"(.*)"\}\}$/.exec(await this.next()) ?? [];
    return id;
  }

  async next(): Promise<string> {
    await until(
      () => this.heard.length > 0,
      () => "a frame",
    );
    return this.heard.shift() ?? "";
  }

  async hears(...frames: readonly string[]): Promise<void> {
    for (const frame of frames) {
      const got = await this.next();
      if (got !== frame) throw new Error(`Expected ${frame}, got ${got}`);
    }
  }

  async leave(): Promise<void> {
    this.socket.close(1000);
    await this.seesClose();
  }

  async seesClose(): Promise<{ readonly code: number; readonly reason: string }> {
    await until(
      () => this.closed !== undefined,
      () => "the close",
    );
    return this.closed ?? { code: 0, reason: "" };
  }
}
