/**
 * One gateway after another on the same data directory and ports, so that nobody who connects meanwhile is lost:
 * the new one listens, and requests wait; the old one stops listening, refuses publications with a code to come back, and
 * lets go of the data directory; the new one opens it and answers; the old one sends its sessions away.
 */
import { controlSocket } from "../config/checks.ts";
import type { Config } from "../config/schema.ts";
import { Refused } from "../core/refusals.ts";
import type { Log, StreamProtocol } from "../ports.ts";
import { systemClock } from "../transports/system.ts";
import { listenUnixStream, type UnixStreamListener } from "../transports/unix-stream.ts";
import { usualWebSocketPorts } from "./deconz.ts";
import { forBoards } from "./espruino.ts";
import type { Listeners } from "./listeners.ts";

/** The gateway that is to be succeeded. */
export interface Predecessor {
  /** Where it listens. */
  readonly addresses: readonly string[];
  /** Resolves when it has let go of the data directory, and listens no more. Rejects when it will not. */
  handOver(): Promise<void>;
}

/** How a gateway gets a successor. */
export interface Successors {
  /** Starts one. Resolves when it has ended. Absent where nobody can. */
  readonly start: (() => Promise<void>) | undefined;
  /** Resolves when one has taken over. */
  readonly succeeded: Promise<void>;
}

/** Has a successor started, and waits until it has taken over. Rejects when it ended before: then nothing has changed. */
export async function makeWay({ start, succeeded }: Successors): Promise<void> {
  if (start === undefined) {
    throw new Refused("notAvailable", "Cannot restart: this gateway was not started by the command `hearthwire`");
  }
  const hasEnded = await Promise.race([succeeded.then(() => false), start().then(() => true)]);
  if (hasEnded) {
    throw new Refused("internal", "Cannot restart: the successor has ended. Its log says why; this gateway goes on");
  }
}

/** What listens already, while the predecessor still does. */
export interface Held {
  readonly backends: UnixStreamListener | undefined;
  /** Lets what waits at the Unix socket in. */
  readonly admitBackends: (protocol: StreamProtocol) => void;
}

/** Takes the places of the predecessor, and then over from it. Rejects when one of them cannot be had. */
export async function succeed(
  predecessor: Predecessor,
  config: Config,
  { listeners, log }: { readonly listeners: Listeners; readonly log: Log },
): Promise<Held> {
  listeners.hold(config.listen, config.tls);
  for (const listener of config.listeners) {
    const { listen, protocol, tls, ws_port: webSocketPort } = listener;
    listeners.hold(listen, tls, protocol === "espruino" ? forBoards(listener, { clock: systemClock, log }) : undefined);
    const { host } = listen;
    const ports = typeof webSocketPort === "number" ? [webSocketPort] : usualWebSocketPorts;
    const port = ports.find((one) => listeners.succeeds({ host, port: one }));
    if (webSocketPort !== undefined && webSocketPort !== "shared" && port !== undefined) {
      listeners.hold({ host, port }, tls);
    }
  }
  const { promise, resolve } = Promise.withResolvers<StreamProtocol>();
  // Files come last: a predecessor that goes on since a port could not be had still has its own.
  const { unix_socket: socket } = config;
  const backends =
    socket === false ? undefined : await listenUnixStream({ ...socket, protocol: promise, succeeds: true, log });
  try {
    listeners.holdForOwner(controlSocket(config));
    await predecessor.handOver();
  } catch (thrown) {
    backends?.close(true);
    throw thrown;
  }
  return { backends, admitBackends: resolve };
}
