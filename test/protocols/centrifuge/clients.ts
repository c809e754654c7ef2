/** Clients of the protocol: the official SDK, and bare sockets that say exactly what a test wants. */
import { Centrifuge, type Options } from "centrifuge";
import { EventSource } from "eventsource";
import type { TestGateway } from "./gateway.ts";

const patience = 8000;

export async function until(condition: () => boolean, what: string): Promise<void> {
  const end = Date.now() + patience;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`Waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** The SDK as an application uses it, which has connected. */
export async function connect(gateway: TestGateway, options: Partial<Options> = {}): Promise<Centrifuge> {
  const client = sdk(gateway.ws, options);
  client.connect();
  await client.ready();
  return client;
}

export function sdk(endpoint: ConstructorParameters<typeof Centrifuge>[0], options: Partial<Options> = {}): Centrifuge {
  return new Centrifuge(endpoint, {
    websocket: WebSocket,
    eventsource: EventSource,
    fetch: fetch.bind(globalThis),
    minReconnectDelay: 20,
    maxReconnectDelay: 100,
    ...options,
  });
}

export type Json = Readonly<Record<string, unknown>>;

/** A WebSocket that keeps each message as it came. */
export class Bare {
  readonly socket: WebSocket;
  /** Messages, each with the objects that stand in it. */
  readonly frames: Json[][] = [];
  readonly binary: Uint8Array[] = [];
  closed: { readonly code: number; readonly reason: string } | undefined;

  constructor(url: string, protocols?: string) {
    this.socket = protocols === undefined ? new WebSocket(url) : new WebSocket(url, protocols);
    this.socket.binaryType = "arraybuffer";
    this.socket.addEventListener("message", ({ data }: MessageEvent) => {
      if (typeof data === "string") this.frames.push(data.split("\n").map((line) => JSON.parse(line) as Json));
      else this.binary.push(new Uint8Array(data as ArrayBuffer));
    });
    this.socket.addEventListener("close", ({ code, reason }: CloseEvent) => {
      this.closed = { code, reason };
    });
  }

  static async open(url: string, protocols?: string): Promise<Bare> {
    const bare = new Bare(url, protocols);
    await until(() => bare.socket.readyState !== WebSocket.CONNECTING, "the socket to open");
    return bare;
  }

  /** One that has connected. */
  static async connected(gateway: TestGateway, params: Json = {}): Promise<Bare> {
    const bare = await Bare.open(gateway.ws);
    await bare.ask({ id: 1, connect: params });
    return bare;
  }

  get replies(): Json[] {
    return this.frames.flat();
  }

  send(...commands: Json[]): void {
    this.socket.send(commands.map((command) => JSON.stringify(command)).join("\n"));
  }

  /** Sends a command and waits for its reply. */
  async ask(command: Json): Promise<Json> {
    this.send(command);
    const found = (): Json | undefined => this.replies.find(({ id }) => id === command["id"]);
    await until(() => found() !== undefined || this.closed !== undefined, `a reply to ${JSON.stringify(command)}`);
    return found() ?? { closed: this.closed };
  }

  async closes(): Promise<number> {
    await until(() => this.closed !== undefined, "the close");
    return this.closed?.code ?? 0;
  }

  get pushes(): Json[] {
    return this.replies.filter((reply) => "push" in reply).map(({ push }) => push as Json);
  }

  /** The gateway has read all that was sent: its pong comes after it. */
  async isRead(): Promise<void> {
    const socket = this.socket as WebSocket & { ping(): void };
    const pong = new Promise((resolve) => socket.addEventListener("pong" as "open", resolve, { once: true }));
    socket.ping();
    await pong;
  }

  close(): void {
    this.socket.close();
  }
}
