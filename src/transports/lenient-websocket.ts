/**
 * The lenient WebSocket listener, on TCP with or without TLS: RFC 6455 as far as microcontrollers speak it, which strict servers refuse.
 * The generation of a board is told from its handshake, for each connection anew.
 */
import type { Socket } from "bun";
import type { Answer, Clock, Log, MaybePromise, Visit } from "../ports.ts";
import type { CertificateText } from "./certificates.ts";
import type { Renewal } from "./http-server.ts";
import { LenientConnection, type LenientShared } from "./lenient-connection.ts";
import { longestFrame } from "./lenient-frames.ts";
import { currentFraming, framingOf2015, largestOf2015 } from "./lenient-framing.ts";
import { listenError, type Port, requireFree } from "./listen-error.ts";
import { SharedPort } from "./shared-port.ts";
import { Sweep } from "./sweep.ts";

export interface LenientOptions {
  readonly at: Port;
  readonly tls?: CertificateText;
  /** The process that has the port is succeeded by this one, which shares it until then. Without it, that is refused. */
  readonly succeeds?: boolean;
  readonly clock: Clock;
  readonly log: Log;
  /** What becomes of a request; of the port's ways there is `webSocket` only. */
  readonly visit: (visit: Visit) => MaybePromise<Answer>;
  /** Called before a WebSocket begins; refuses it by throwing. */
  readonly accept?: () => void;
  /** Largest message in each direction, in bytes, but for boards of 2015. At most 65,535, the default. */
  readonly largest?: number | undefined;
  /** ms between two frames to a board of 2015. Default 60. */
  readonly spacing?: number | undefined;
  /** ms between two pings of a board of 2015; it is given up after two of them. Default 60,000. */
  readonly keepAlive?: number | undefined;
}

export interface LenientListener {
  readonly port: number;
  /** Of the certificate, for connections from now on. Throws, and nothing has changed, when it cannot be. */
  renew(changes: Renewal): void;
  /** Stops listening; what is open goes on unless `abrupt`. Ends when the last connection has. */
  stop(abrupt: boolean): Promise<void>;
}

/** How often it is looked for connections whose turn to be written to has come, in ms. */
const heldInterval = 20;
/** How often it is looked for those with whom patience is over, in ms. */
const begunInterval = 1000;

/** Throws a `ListenError` when the address cannot be had. */
export function listenLeniently(options: LenientOptions): LenientListener {
  const { at, tls, succeeds = false, log } = options;
  const shared = sharedOf(options);
  const ends: (() => void)[] = [];
  const open = new Set<Socket<LenientConnection>>();
  const handlers: Bun.SocketHandler<LenientConnection> = {
    open(socket) {
      open.add(socket);
      socket.setNoDelay(true);
      socket.data = new LenientConnection(socket, shared);
    },
    // Whoever speaks no TLS is no error of ours.
    handshake(socket, success) {
      if (!success) socket.terminate();
    },
    data(socket, chunk) {
      socket.data.bytes(chunk);
    },
    drain(socket) {
      socket.data.drain();
    },
    close(socket) {
      socket.data.gone();
      open.delete(socket);
      if (open.size === 0) for (const end of ends) end();
    },
    // Also what a handler threw: it costs this board, and nobody else.
    error(socket, error) {
      log.error({ err: error }, "Cannot serve a board");
      socket.terminate();
    },
  };
  if (!succeeds) requireFree(at);
  const sharedPort = new SharedPort();
  let server = sharedPort.bind(() => listen(at, tls, handlers));
  const { port } = server;
  const stopping = new AbortController();
  return {
    port,
    renew({ tls: renewed }) {
      if (renewed === undefined) return;
      const old = server;
      server = sharedPort.bind(() => listen({ ...at, port }, renewed, handlers));
      const stop = (): void => old.stop(false);
      sharedPort.leave(old, stopping.signal).then(stop, stop);
    },
    stop(abrupt) {
      stopping.abort();
      server.stop(false);
      if (abrupt) for (const socket of [...open]) socket.terminate();
      return open.size === 0 ? Promise.resolve() : new Promise((resolve) => ends.push(resolve));
    },
  };
}

function listen(
  at: Port,
  tls: CertificateText | undefined,
  socket: Bun.SocketHandler<LenientConnection>,
): Bun.TCPSocketListener<LenientConnection> {
  // Not in the types of `Bun.listen`.
  const shared = { reusePort: true };
  try {
    return Bun.listen<LenientConnection>({
      ...at,
      ...shared,
      ...(tls === undefined ? {} : { tls: { cert: tls.cert, key: tls.key } }),
      socket,
    });
  } catch (thrown) {
    throw listenError(at, thrown);
  }
}

function sharedOf(options: LenientOptions): LenientShared {
  const { clock, log, visit, tls, largest = longestFrame, spacing = 60, keepAlive = 60_000 } = options;
  const current = { message: Math.min(largest, longestFrame) };
  return {
    clock,
    log,
    visit,
    secure: tls !== undefined,
    accept: options.accept ?? (() => undefined),
    spacing,
    keepAlive,
    framings: { "2015": framingOf2015, current: currentFraming(current) },
    limits: { "2015": { message: largestOf2015 }, current },
    held: new Sweep(clock, heldInterval, (outgoing, now) => outgoing.look(now)),
    begun: new Sweep(clock, begunInterval, (connection, now) => connection.lookAtPatience(now)),
  };
}
