/**
 * Telling systemd how the gateway does (sd_notify(3), protocol of `$NOTIFY_SOCKET`): a datagram to a Unix socket, which the
 * runtime has no other way to send than by libc. Elsewhere, and without libc, nobody is told, and nothing else differs.
 */
import { dlopen, FFIType, ptr } from "bun:ffi";
import type { Clock, Log } from "../ports.ts";

export interface SystemdParts {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Log;
}

type Send = (message: string) => void;

/** SOCK_DGRAM with SOCK_CLOEXEC, and AF_UNIX (socket(2)). */
const datagramSocket = 2 | 0o2000000;
const unixFamily = 1;
/** Where a path stands in sockaddr_un. */
const pathOffset = 2;

export class Systemd {
  readonly #clock: Clock;
  readonly #send: Send | undefined;
  /** Between two signs of life, in ms: half of what the service manager waits for one. 0: it asks for none. */
  readonly #interval: number;
  #stopBeating: () => void = () => undefined;

  constructor({ env, clock, log }: SystemdParts) {
    const { NOTIFY_SOCKET: path, WATCHDOG_USEC: watchdog } = env;
    this.#clock = clock;
    this.#interval = path ? Number(watchdog ?? 0) / 2000 : 0;
    try {
      this.#send = path ? senderTo(path) : undefined;
    } catch (thrown) {
      log.warn({ err: thrown }, "Cannot tell the service manager anything");
    }
  }

  /** The gateway does its work; `succeeds`: it is the service's main process from now on. */
  ready(succeeds: boolean): void {
    this.#send?.(succeeds ? `MAINPID=${process.pid}\nREADY=1` : "READY=1");
    this.#beat();
  }

  /** Around the work: the service manager waits for `READY=1`. */
  reloading(work: () => void): void {
    this.#send?.(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
    try {
      work();
    } finally {
      this.#send?.("READY=1");
    }
  }

  /** It may take `patience` ms. */
  stopping(patience: number): void {
    this.#send?.(`STOPPING=1\nEXTEND_TIMEOUT_USEC=${Math.round(patience * 1000)}`);
  }

  /** The service goes on in a successor, which speaks for it. */
  fallSilent(): void {
    this.#stopBeating();
  }

  /** From the event loop: when that stalls, the service manager hears nothing, and starts the service anew. */
  #beat(): void {
    if (this.#send === undefined || !(this.#interval > 0)) return;
    this.#send("WATCHDOG=1");
    this.#stopBeating = this.#clock.after(this.#interval, () => this.#beat());
  }
}

function senderTo(path: string): Send {
  const { symbols } = dlopen("libc.so.6", {
    socket: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
    sendto: {
      args: [FFIType.i32, FFIType.ptr, FFIType.u64, FFIType.i32, FFIType.ptr, FFIType.u32],
      returns: FFIType.i64,
    },
  });
  const socket = symbols.socket(unixFamily, datagramSocket, 0);
  if (socket < 0) throw new Error("Cannot make a datagram socket");
  const name = Buffer.from(path);
  // `@` stands for the abstract namespace, whose names begin with NUL.
  if (path.startsWith("@")) name[0] = 0;
  const address = Buffer.alloc(pathOffset + name.length);
  address.writeUInt16LE(unixFamily);
  name.copy(address, pathOffset);
  return (message) => {
    const bytes = Buffer.from(message);
    symbols.sendto(socket, ptr(bytes), bytes.length, 0, ptr(address), address.length);
  };
}
