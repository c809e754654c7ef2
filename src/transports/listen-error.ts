/** Having a port: what stands in the way, and sharing it with nobody but a successor. */

export interface Port {
  readonly hostname: string;
  /** 0: any free one. */
  readonly port: number;
}

/** An address that cannot be had. `message` is for the person at the terminal. */
export class ListenError extends Error {
  override readonly name = "ListenError";
}

export function listenError(at: Port, thrown: unknown): ListenError {
  const { code, message } = thrown as { code?: string; message: string };
  const why = code === "EADDRINUSE" ? "another program has the port" : message;
  return new ListenError(`Cannot listen on ${at.hostname}:${at.port}: ${why}`, { cause: thrown });
}

/**
 * Ports are shared (SO_REUSEPORT) with a successor and with a renewed certificate. The system would let a second gateway
 * share them in silence too, so it is looked first whether anybody has the port: binding without sharing tells. Throws a
 * `ListenError`.
 */
export function requireFree(at: Port): void {
  if (at.port === 0) return;
  try {
    Bun.listen({ ...at, socket: { data: () => undefined } }).stop(true);
  } catch (thrown) {
    throw listenError(at, thrown);
  }
}
