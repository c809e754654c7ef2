/** Byte streams on a Unix socket. */
import { chownSync, lstatSync, readFileSync } from "node:fs";
import type { Socket } from "bun";
import type { Log, MaybePromise, StreamProtocol } from "../ports.ts";
import { type StreamPeer, streamHandlers } from "./byte-stream.ts";
import { bindSocketFile } from "./socket-file.ts";

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

/** Rejects with a clear error when another process listens there, or the file cannot be had. */
export async function listenUnixStream(options: UnixStreamOptions): Promise<UnixStreamListener> {
  const { path, mode = defaultMode, group, succeeds = false } = options;
  await requireFree(path, succeeds);
  const gid = group === undefined ? undefined : gidOf(group);
  try {
    const { server, remove } = bindSocketFile(
      path,
      mode,
      (unix) =>
        Bun.listen<StreamPeer>({ unix, allowHalfOpen: true, socket: streamHandlers({ ...options, where: "unix" }) }),
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
