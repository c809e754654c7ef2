/**
 * The lenient WebSocket listener, on plain TCP: RFC 6455 as far as microcontrollers speak it, which strict servers refuse.
 * The generation of a board is told from its handshake, for each connection anew.
 */
import type { Answer, Clock, Log, MaybePromise, Visit } from "../ports.ts";
import { LenientConnection, type LenientShared } from "./lenient-connection.ts";
import { longestFrame } from "./lenient-frames.ts";
import { currentFraming, framingOf2015, largestOf2015 } from "./lenient-framing.ts";
import { listenError, type Port, requireFree } from "./listen-error.ts";
import { Sweep } from "./sweep.ts";

export interface LenientOptions {
  readonly at: Port;
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
  /** Stops listening; what is open goes on unless `abrupt`. Ends when the last connection has. */
  stop(abrupt: boolean): Promise<void>;
}

/** How often it is looked for connections whose turn to be written to has come, in ms. */
const heldInterval = 20;
/** How often it is looked for those with whom patience is over, in ms. */
const begunInterval = 1000;

/** Throws a `ListenError` when the address cannot be had. */
export function listenLeniently(options: LenientOptions): LenientListener {
  const { at, succeeds = false, log } = options;
  const shared = sharedOf(options);
  const ends: (() => void)[] = [];
  let open = 0;
  const closed = (): void => {
    open--;
    if (open === 0) for (const end of ends) end();
  };
  const handlers: Bun.SocketHandler<LenientConnection> = {
    open(socket) {
      open++;
      socket.setNoDelay(true);
      socket.data = new LenientConnection(socket, shared);
    },
    data(socket, chunk) {
      socket.data.bytes(chunk);
    },
    drain(socket) {
      socket.data.drain();
    },
    close(socket) {
      closed();
      socket.data.gone();
    },
    // Also what a handler threw: it costs this board, and nobody else.
    error(socket, error) {
      log.error({ err: error }, "Cannot serve a board");
      socket.terminate();
    },
  };
  if (!succeeds) requireFree(at);
  const server = listen(at, handlers);
  return {
    port: server.port,
    stop(abrupt) {
      server.stop(abrupt);
      return open === 0 ? Promise.resolve() : new Promise((resolve) => ends.push(resolve));
    },
  };
}

function listen(at: Port, socket: Bun.SocketHandler<LenientConnection>): Bun.TCPSocketListener<LenientConnection> {
  // Not in the types of `Bun.listen`.
  const shared = { reusePort: true };
  try {
    return Bun.listen<LenientConnection>({ ...at, ...shared, socket });
  } catch (thrown) {
    throw listenError(at, thrown);
  }
}

function sharedOf(options: LenientOptions): LenientShared {
  const { clock, log, visit, largest = longestFrame, spacing = 60, keepAlive = 60_000 } = options;
  const current = { message: Math.min(largest, longestFrame) };
  return {
    clock,
    log,
    visit,
    accept: options.accept ?? (() => undefined),
    spacing,
    keepAlive,
    framings: { "2015": framingOf2015, current: currentFraming(current) },
    limits: { "2015": { message: largestOf2015 }, current },
    held: new Sweep(clock, heldInterval, (outgoing, now) => outgoing.look(now)),
    begun: new Sweep(clock, begunInterval, (connection, now) => connection.lookAtPatience(now)),
  };
}
