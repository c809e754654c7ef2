/** Byte streams on a Unix socket. */
import { chownSync, lstatSync, readFileSync } from "node:fs";
import type { Socket } from "bun";
import type { Framing, Log, MaybePromise, Payload, StreamInlet, StreamOutlet, StreamProtocol } from "../ports.ts";
import { bindSocketFile } from "./socket-file.ts";
import { joinBytes } from "./stream.ts";

export interface UnixStreamOptions {
  /** The socket's file. One that nobody listens on any more is replaced. */
  readonly path: string;
  /** Who may open it. Default 0660. */
  readonly mode?: number | undefined;
  /** The name or number of the group that the file is given to. */
  readonly group?: string | undefined;
  /** While it is only promised, peers wait, and nothing of theirs is read. */
  readonly protocol: MaybePromise<StreamProtocol>;
  /** A process that listens there is succeeded by this one: its file is replaced. Without it, that is refused. */
  readonly succeeds?: boolean;
  readonly log: Log;
}

export interface UnixStreamListener {
  readonly path: string;
  /** Takes no more peers and removes the file. Peers that are there go on, unless `abrupt`. */
  close(abrupt?: boolean): void;
}

const defaultMode = 0o660;
const rawFraming: Framing = { name: "raw", frame: (text) => text, join: joinBytes };

/** Rejects with a clear error when another process listens there, or the file cannot be had. */
export async function listenUnixStream(options: UnixStreamOptions): Promise<UnixStreamListener> {
  const { path, mode = defaultMode, group, succeeds = false } = options;
  await requireFree(path, succeeds);
  const gid = group === undefined ? undefined : gidOf(group);
  try {
    const { server, remove } = bindSocketFile(
      path,
      mode,
      (unix) => Bun.listen<UnixPeer>({ unix, allowHalfOpen: true, socket: handlers(options) }),
      (draft) => {
        if (gid !== undefined) chownSync(draft, -1, gid);
      },
    );
    const close = (abrupt = false): void => {
      server.stop(abrupt);
      remove();
    };
    return { path, close };
  } catch (error) {
    const { message } = error as Error;
    throw message.startsWith("Cannot ") ? error : new Error(`Cannot listen on ${path}: ${message}`, { cause: error });
  }
}

/** Nobody listens there whom we do not succeed, and what lies there is at most a socket that a process left behind. */
async function requireFree(path: string, succeeds: boolean): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error(`Cannot listen on ${path}: there is a file that is no socket`);
  if (succeeds) return;
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
  gone = false;
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

function handlers({ protocol: given, path, log }: UnixStreamOptions): Bun.SocketHandler<UnixPeer> {
  let protocol = given instanceof Promise ? undefined : given;
  const promised = Promise.resolve(given).then((kept) => {
    protocol = kept;
    return kept;
  });
  // Without it there is no gateway, and who began to listen hears of it.
  promised.catch(() => undefined);
  return {
    open(socket) {
      const peer = new UnixPeer(socket);
      socket.data = peer;
      if (protocol !== undefined) peer.inlet = protocol.connect(peer);
      else {
        socket.pause();
        promised.then(
          (kept) => {
            if (peer.gone) return;
            peer.inlet = kept.connect(peer);
            socket.resume();
          },
          () => socket.terminate(),
        );
      }
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
      socket.data.gone = true;
      inlet?.ended();
    },
    // Also what a handler threw: it costs this peer, and nobody else.
    error(socket, error) {
      log.error({ err: error, path }, "Cannot serve a peer of the Unix socket");
      socket.terminate();
    },
  };
}
