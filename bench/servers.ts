/** The servers that are measured: the gateway, its peers in Node, and Centrifugo where there is one. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Child } from "./processes.ts";

export type ServerName = "gateway" | "ws naive" | "ws frame once" | "Socket.IO" | "centrifugo";
export const peerNames = ["ws naive", "ws frame once", "Socket.IO"] as const satisfies readonly ServerName[];

/** A running server, and how the tools speak with it. */
export interface Server {
  readonly name: ServerName;
  readonly child: Child;
  readonly port: number;
  /** How the publisher reaches it: `unix` and a path, or `api` and a port. */
  readonly wayIn: readonly string[];
  /** The load client's options that subscribe connection `%d` by WebSocket to a channel. */
  subscribe(channel: string): readonly string[];
}

export interface Ground {
  readonly root: string;
  /** A folder of this run, removed at its end. */
  readonly folder: string;
  /** Another program in the gateway's place; it gets the same arguments. */
  readonly against?: string | undefined;
  /** Where the gateway leaves a CPU profile. */
  readonly profile?: string | undefined;
}

let lastPort = 18_600 + (process.pid % 100) * 20;
let started = 0;

export function nextPort(): number {
  return ++lastPort;
}

/** `more` is appended to the gateway's configuration. */
export async function startServer(name: ServerName, ground: Ground, more = ""): Promise<Server> {
  const port = nextPort();
  const folder = join(ground.folder, `${++started}`);
  mkdirSync(folder, { recursive: true });
  const socketPath = join(folder, "push.sock");
  const server = (child: Child, wayIn: readonly string[]): Server => {
    return { name, child, port, wayIn, subscribe: (channel) => subscription(name, port, channel) };
  };
  if (name === "centrifugo") {
    const child = startCentrifugo(folder, port);
    await answers(child, `http://127.0.0.1:${port}/`);
    return server(child, ["api", String(port)]);
  }
  if (name === "gateway") {
    const child = startGateway(ground, folder, port, socketPath, more);
    await answers(child, `http://127.0.0.1:${port}/channels/bench`, socketPath);
    return server(child, ["unix", socketPath]);
  }
  const child = startPeer(name, ground, port, socketPath);
  await child.line((line) => line === "ready", 10_000);
  return server(child, ["unix", socketPath]);
}

function startGateway(ground: Ground, folder: string, port: number, socketPath: string, more: string): Child {
  const { root, against, profile } = ground;
  const config = join(folder, "hearthwire.yaml");
  writeFileSync(config, configuration(folder, port, socketPath) + more);
  const main = against ?? join(root, "src", "main.ts");
  const flags = profile === undefined ? [] : ["--cpu-prof", "--cpu-prof-dir", profile];
  return new Child([process.execPath, ...flags, main, "serve", "--config", config], { core: 0, cwd: root });
}

/** Everything is open, and the limits that would stop a bench from being one are off. */
function configuration(folder: string, port: number, socketPath: string): string {
  return `listen: 127.0.0.1:${port}
data: ${JSON.stringify(join(folder, "data"))}
unix_socket:
  path: ${JSON.stringify(socketPath)}
anonymous:
  subscribe: ["**"]
  publish: ["**"]
channels:
  few/*: { history: { size: 10000, ttl: 1h } }
  slow/*: { queue: drop-oldest, history: { size: 10, ttl: 1h } }
  many/*: { history: { size: 1, ttl: 1h } }
  maps/*: { kind: map, history: { size: 20000, ttl: 1h } }
limits:
  publish_rate: { key: 0, address: 0 }
  publish_bytes: { key: 0, address: 0 }
  accept_rate: 0
  connections: { key: 0, address: 0 }
  commands: 0
  channels_per_key: 0
log:
  level: warn
`;
}

const peerFiles = {
  "ws naive": "ws-naive.mjs",
  "ws frame once": "ws-frame-once.mjs",
  "Socket.IO": "socket-io.mjs",
} as const;

function startPeer(name: keyof typeof peerFiles, { root }: Ground, port: number, socketPath: string): Child {
  const node = Bun.which("node");
  if (node === null) throw new Error("Cannot run the peers: there is no node on the PATH.");
  const script = join(root, "bench", "peers", peerFiles[name]);
  return new Child([node, "--expose-gc", script, String(port), socketPath], { core: 0, cwd: root });
}

/** Where Centrifugo's binary is, if there is one. */
export function centrifugoBinary(): string | null {
  return Bun.which("centrifugo");
}

/** Centrifugo 6, as open as the gateway here, with as much history. */
function startCentrifugo(folder: string, port: number): Child {
  const binary = centrifugoBinary();
  if (binary === null) throw new Error("Cannot run Centrifugo: there is no centrifugo on the PATH.");
  const config = join(folder, "centrifugo.json");
  const channel = { allow_subscribe_for_client: true, allow_subscribe_for_anonymous: true };
  const history = { history_size: 100, history_ttl: "1h", force_recovery: true };
  const configured = {
    http_server: { address: "127.0.0.1", port: String(port) },
    http_api: { insecure: true },
    client: { allow_anonymous_connect_without_token: true },
    channel: { without_namespace: { ...channel, ...history } },
    log: { level: "error" },
  };
  writeFileSync(config, JSON.stringify(configured));
  return new Child([binary, "--config", config], { core: 0 });
}

function subscription(name: ServerName, port: number, channel: string): readonly string[] {
  if (name === "centrifugo") return centrifugeSubscription(port, [{ channel }]);
  if (name !== "Socket.IO") return ["-p", String(port), "-u", `/channels/${channel}`];
  const path = `/socket.io/?EIO=4&transport=websocket&channel=${channel}`;
  // A connection counts as subscribed once Socket.IO's own handshake is answered.
  return ["-p", String(port), "-u", path, "-m", "40", "--ready", "40{"];
}

/** The same server, heard by the Centrifuge protocol. */
export function byCentrifuge(server: Server): Server {
  return { ...server, subscribe: (channel) => centrifugeSubscription(server.port, [{ channel }]) };
}

/** The load client's options for a subscription by the Centrifuge protocol: its commands, one after the other. */
export function centrifugeSubscription(port: number, asked: readonly object[]): readonly string[] {
  const commands = [{ id: 1, connect: {} }, ...asked.map((subscribe, at) => ({ id: at + 2, subscribe }))];
  const messages = commands.map((command) => JSON.stringify(command)).join("\n");
  const ready = '{"id":2,"subscribe"';
  return ["-p", String(port), "-u", "/connection/websocket", "-m", messages, "--ready", ready, "--joined"];
}

/** Waits until something answers at the URL, and the Unix socket is there. */
async function answers(child: Child, url: string, socketPath?: string): Promise<void> {
  let failure: unknown;
  for (const deadline = Date.now() + 15_000; Date.now() < deadline; await Bun.sleep(25)) {
    const ended = await Promise.race([child.exited, Promise.resolve(undefined)]);
    if (ended !== undefined) throw new Error(`Cannot start a server: ${child.errors.trim() || `exit code ${ended}`}`);
    try {
      await fetch(url, { signal: AbortSignal.timeout(1000) });
      if (socketPath === undefined || existsSync(socketPath)) return;
      failure = "it opened no Unix socket.";
    } catch (thrown) {
      failure = thrown;
    }
  }
  throw new Error(`Cannot reach a server: ${String(failure)} ${child.errors}`);
}
