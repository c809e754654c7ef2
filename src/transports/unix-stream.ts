/** Byte streams on a Unix socket. */
import { chownSync, lstatSync, readFileSync, renameSync, unlinkSync } from "node:fs";
import type { Socket } from "bun";
import type { Framing, Log, Payload, StreamInlet, StreamOutlet, StreamProtocol } from "../ports.ts";
import { joinBytes } from "./stream.ts";

export interface UnixStreamOptions {
  /** The socket's file. One that nobody listens on any more is replaced. */
  readonly path: string;
  /** Who may open it. Default 0660. */
  readonly mode?: number | undefined;
  /** The name or number of the group that the file is given to. */
  readonly group?: string | undefined;
  readonly protocol: StreamProtocol;
  readonly log: Log;
}

export interface UnixStreamListener {
  readonly path: string;
  /** Takes no more peers and removes the file. Peers that are there go on, unless `abrupt`. */
  close(abrupt?: boolean): void;
}

const defaultMode = 0o660;
/** What an address of a Unix socket has room for (sockaddr_un), without its last byte. */
const longestPath = 107;

const rawFraming: Framing = { name: "raw", frame: (text) => text, join: joinBytes };

/** Rejects with a clear error when another process listens there, or the file cannot be had. */
export async function listenUnixStream(options: UnixStreamOptions): Promise<UnixStreamListener> {
  const { path, mode = defaultMode, group } = options;
  // Ready with its rights before anybody can see it, and put in place of an older file in one step.
  const draft = `${path}.${process.pid}`;
  if (Buffer.byteLength(draft) > longestPath) {
    throw new Error(`Cannot listen on ${path}: a socket's path has at most ${longestPath} bytes, with .${process.pid}`);
  }
  await requireFree(path);
  const gid = group === undefined ? undefined : gidOf(group);
  try {
    const server = bind(draft, mode, options);
    try {
      if (gid !== undefined) chownSync(draft, -1, gid);
      renameSync(draft, path);
    } catch (error) {
      server.stop(true);
      throw error;
    }
    return listenerOf(path, server);
  } catch (error) {
    throw new Error(`Cannot listen on ${path}: ${(error as Error).message}`, { cause: error });
  }
}

function bind(draft: string, mode: number, { protocol, log }: UnixStreamOptions): Bun.UnixSocketListener<UnixPeer> {
  const before = process.umask(0o777 & ~mode);
  try {
    return Bun.listen<UnixPeer>({ unix: draft, allowHalfOpen: true, socket: handlers(protocol, log) });
  } finally {
    process.umask(before);
  }
}

function listenerOf(path: string, server: Bun.UnixSocketListener<UnixPeer>): UnixStreamListener {
  const { ino } = lstatSync(path);
  return {
    path,
    close(abrupt = false) {
      server.stop(abrupt);
      // A file that a newer process has put there is its own to remove.
      try {
        if (lstatSync(path).ino === ino) unlinkSync(path);
      } catch {
        // It is gone already.
      }
    },
  };
}

/** Nobody listens there, and what lies there is at most a socket that a process left behind. */
async function requireFree(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error(`Cannot listen on ${path}: there is a file that is no socket`);
  let live: Socket<undefined>;
  try {
    live = await Bun.connect<undefined>({ unix: path, socket: { data: () => undefined, error: () => undefined } });
  } catch (error) {
    if ((error as { code?: unknown }).code === "ECONNREFUSED") return;
    throw new Error(`Cannot listen on ${path}: ${(error as Error).message}`, { cause: error });
  }
  live.terminate();
  throw new Error(`Cannot listen on ${path}: another process listens there`);
}

function gidOf(group: string): number {
  if (/^\d+$/.test(group)) return Number(group);
  for (const line of readFileSync("/etc/group", "utf8").split("\n")) {
    const [name, , gid] = line.split(":");
    if (name === group) return Number(gid);
  }
  throw new Error(`Cannot give the socket to the group ${group}: there is none of that name`);
}

/** One connection, with the bytes that the kernel has not taken. */
class UnixPeer implements StreamOutlet {
  readonly framing = rawFraming;
  readonly address = "unix";
  readonly hears = false;
  inlet: StreamInlet | undefined;
  readonly #socket: Socket<UnixPeer>;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #ending = false;

  constructor(socket: Socket<UnixPeer>) {
    this.#socket = socket;
  }

  queued(): number {
    return this.#waitingBytes;
  }

  write({ parts }: Payload): boolean {
    for (const part of parts) {
      if (typeof part === "string") continue;
      const taken = this.#waitingBytes > 0 ? 0 : this.#give(part);
      if (taken === part.length) continue;
      this.#waiting.push(part.subarray(taken));
      this.#waitingBytes += part.length - taken;
    }
    return this.#waitingBytes === 0;
  }

  ping(): void {
    // A byte stream has no sign of life of its own.
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(_code: number, _reason: string, abrupt: boolean): void {
    this.#ending = true;
    if (abrupt) this.#socket.terminate();
    else if (this.#waitingBytes === 0) this.#socket.end();
  }

  /** The kernel has room again. */
  drain(): void {
    while (this.#waitingBytes > 0) {
      const part = this.#waiting[0];
      if (part === undefined) break;
      const taken = this.#give(part);
      this.#waitingBytes -= taken;
      if (taken < part.length) {
        this.#waiting[0] = part.subarray(taken);
        return;
      }
      this.#waiting.shift();
    }
    if (this.#ending) this.#socket.end();
    else this.inlet?.drained();
  }

  /** How much of it the kernel took. */
  #give(part: Uint8Array): number {
    return Math.max(0, this.#socket.write(part));
  }
}

function handlers(protocol: StreamProtocol, log: Log): Bun.SocketHandler<UnixPeer> {
  return {
    open(socket) {
      const peer = new UnixPeer(socket);
      socket.data = peer;
      peer.inlet = protocol.connect(peer);
    },
    data(socket, bytes) {
      socket.data.inlet?.bytes(bytes);
    },
    end(socket) {
      socket.data.inlet?.halfClosed();
    },
    drain(socket) {
      socket.data.drain();
    },
    close(socket) {
      const { inlet } = socket.data;
      socket.data.inlet = undefined;
      inlet?.ended();
    },
    // Also what a handler threw: it costs this peer, and nobody else.
    error(socket, error) {
      log.error({ err: error, protocol: protocol.name }, "Cannot serve a peer of the Unix socket");
      socket.terminate();
    },
  };
}
