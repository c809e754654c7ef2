/** The servers that are measured: the gateway, and its peers in Node. Each takes publications by a Unix socket. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Child } from "./processes.ts";

export type ServerName = "gateway" | "ws naive" | "ws frame once" | "Socket.IO";
export const peerNames = ["ws naive", "ws frame once", "Socket.IO"] as const satisfies readonly ServerName[];

/** A running server, and how the tools speak with it. */
export interface Server {
  readonly name: ServerName;
  readonly child: Child;
  readonly port: number;
  readonly socketPath: string;
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

export async function startServer(name: ServerName, ground: Ground): Promise<Server> {
  const port = nextPort();
  const folder = join(ground.folder, `${++started}`);
  mkdirSync(folder, { recursive: true });
  const socketPath = join(folder, "push.sock");
  const child =
    name === "gateway" ? startGateway(ground, folder, port, socketPath) : startPeer(name, ground, port, socketPath);
  if (name === "gateway") await answers(child, port, socketPath);
  else await child.line((line) => line === "ready", 10_000);
  return { name, child, port, socketPath, subscribe: (channel) => subscription(name, port, channel) };
}

function startGateway({ root, against, profile }: Ground, folder: string, port: number, socketPath: string): Child {
  const config = join(folder, "hearthwire.yaml");
  writeFileSync(config, configuration(folder, port, socketPath));
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
  many/*: { history: { size: 1, ttl: 1h } }
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

function startPeer(name: Exclude<ServerName, "gateway">, { root }: Ground, port: number, socketPath: string): Child {
  const node = Bun.which("node");
  if (node === null) throw new Error("Cannot run the peers: there is no node on the PATH.");
  const script = join(root, "bench", "peers", peerFiles[name]);
  return new Child([node, "--expose-gc", script, String(port), socketPath], { core: 0, cwd: root });
}

function subscription(name: ServerName, port: number, channel: string): readonly string[] {
  if (name !== "Socket.IO") return ["-p", String(port), "-u", `/channels/${channel}`];
  const path = `/socket.io/?EIO=4&transport=websocket&channel=${channel}`;
  // A connection counts as subscribed once Socket.IO's own handshake is answered.
  return ["-p", String(port), "-u", path, "-m", "40", "--ready", "40{"];
}

/** Waits until both ways in are open. */
async function answers(child: Child, port: number, socketPath: string): Promise<void> {
  let failure: unknown;
  for (const deadline = Date.now() + 15_000; Date.now() < deadline; await Bun.sleep(25)) {
    const ended = await Promise.race([child.exited, Promise.resolve(undefined)]);
    if (ended !== undefined)
      throw new Error(`Cannot start the gateway: ${child.errors.trim() || `exit code ${ended}`}`);
    try {
      await fetch(`http://127.0.0.1:${port}/channels/bench`, { signal: AbortSignal.timeout(1000) });
      if (existsSync(socketPath)) return;
      failure = "it opened no Unix socket.";
    } catch (thrown) {
      failure = thrown;
    }
  }
  throw new Error(`Cannot reach the gateway: ${String(failure)} ${child.errors}`);
}
