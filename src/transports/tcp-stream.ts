/** Byte streams on a TCP port, for programs of this machine. */
import type { Log, StreamProtocol } from "../ports.ts";
import { type StreamPeer, streamHandlers } from "./byte-stream.ts";
import { listenError, type Port } from "./listen-error.ts";

export interface TcpStreamOptions {
  readonly at: Port;
  readonly protocol: StreamProtocol;
  readonly log: Log;
}

/** Throws a `ListenError` when the port cannot be had. The answer ends it, and everyone who is connected. */
export function listenTcpStream({ at, protocol, log }: TcpStreamOptions): () => void {
  const handlers = streamHandlers({ protocol, where: `${at.hostname}:${at.port}`, log });
  try {
    const server = Bun.listen<StreamPeer>({ ...at, allowHalfOpen: true, socket: handlers });
    return () => server.stop(true);
  } catch (thrown) {
    throw listenError(at, thrown);
  }
}
