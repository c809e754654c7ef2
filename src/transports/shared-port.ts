/**
 * One server of this process after another on a port (SO_REUSEPORT), without losing a connection. Bun's `stop` would end idle
 * connections, over which a client may be sending its next request, and reset those that wait to be accepted. So the kernel is
 * told to give what comes to the new server alone, and when the old one has accepted what it had been given, its listening
 * socket is closed underneath it. Where that cannot be done, Bun's `stop` must do.
 */
import { dlopen, FFIType, ptr } from "bun:ffi";
import { closeSync, existsSync, openSync, readlinkSync } from "node:fs";
import { setTimeout as elapse } from "node:timers/promises";

/** How long connections that were begun with the old server may take to be accepted, in ms. */
const acceptTime = 2000;

/** Of Linux (asm-generic/socket.h). */
const levelOfSockets = 1;
const isListening = 30;
const attachFilter = 51;
const detachFilter = 68;
/** Return a constant (linux/filter.h). */
const returnConstant = 0x06;
const sizeOfProgram = 16;

interface Descriptor {
  readonly fd: number;
  /** Tells it from others that have the number later. */
  readonly name: string;
}

/** The sockets of one port, of which the latest gets what comes. */
export class SharedPort {
  /** In the kernel's order. Undefined when it is not known: this system is no Linux, or will not have it. */
  #sockets: Descriptor[] | undefined = [];
  #latest: Descriptor | undefined;
  readonly #of = new WeakMap<object, Descriptor>();

  /** Connections come to the server that `bind` makes from now on, to it alone if that can be. */
  bind<Server extends object>(bind: () => Server): Server {
    // What is opened next gets the lowest number that is free.
    const fd = withNothing((lowest) => lowest);
    const server = bind();
    if (!listens(fd)) this.#sockets = undefined;
    else {
      const socket = { fd, name: nameOf(fd) };
      this.#of.set(server, socket);
      this.#sockets?.push(socket);
      this.#latest = socket;
      this.#giveAllToLatest();
    }
    return server;
  }

  /**
   * Resolves when a server that is not the latest has accepted what it had been given: with true when its listening socket is
   * closed and its connections are as they were, with false when it is to be stopped. Rejects when `signal` is aborted before.
   */
  async leave(server: object, signal: AbortSignal): Promise<boolean> {
    const socket = this.#of.get(server);
    if (this.#sockets === undefined || socket === undefined) return false;
    await elapse(acceptTime, undefined, { signal });
    const closed = closeUnderneath(socket);
    this.#forget(socket);
    return closed;
  }

  /** The kernel puts the last one in the place of one that goes. */
  #forget(socket: Descriptor): void {
    const sockets = this.#sockets ?? [];
    const at = sockets.indexOf(socket);
    const last = sockets.pop();
    if (last !== undefined && last !== socket) sockets[at] = last;
    this.#giveAllToLatest();
  }

  #giveAllToLatest(): void {
    const [sockets, latest] = [this.#sockets, this.#latest];
    if (sockets === undefined || latest === undefined) return;
    if (sockets.length === 1) detach(latest.fd);
    else if (!attach(latest.fd, sockets.indexOf(latest))) this.#sockets = undefined;
  }
}

function detach(fd: number): void {
  libc()?.setsockopt(fd, levelOfSockets, detachFilter, ptr(new Int32Array(1)), 4);
}

/** All to the socket of this place among those of the port. */
function attach(fd: number, index: number): boolean {
  // struct sock_fprog of one, and its struct sock_filter behind it.
  const program = Buffer.alloc(sizeOfProgram + 8);
  program.writeUInt16LE(1, 0);
  program.writeBigUInt64LE(BigInt(ptr(program, sizeOfProgram)), 8);
  program.writeUInt16LE(returnConstant, sizeOfProgram);
  program.writeUInt32LE(index, sizeOfProgram + 4);
  return libc()?.setsockopt(fd, levelOfSockets, attachFilter, ptr(program), sizeOfProgram) === 0;
}

/** In its place comes what can be closed in its turn. */
function closeUnderneath({ fd, name }: Descriptor): boolean {
  try {
    return nameOf(fd) === name && withNothing((nothing) => libc()?.dup2(nothing, fd) === fd);
  } catch {
    // A crowd has every descriptor that this process may have.
    return false;
  }
}

function withNothing<Result>(use: (fd: number) => Result): Result {
  const fd = openSync("/dev/null", "r");
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

function listens(fd: number): boolean {
  const answer = new Int32Array([0, 4]);
  const asked = libc()?.getsockopt(fd, levelOfSockets, isListening, ptr(answer), ptr(answer, 4));
  return asked === 0 && answer[0] === 1;
}

/** Empty when it is open no more. */
function nameOf(fd: number): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return "";
  }
}

type Libc = ReturnType<typeof openLibc>["symbols"];

let opened: Libc | false | undefined;

function libc(): Libc | undefined {
  opened ??= process.platform === "linux" && existsSync("/proc/self/fd") && tryLibc();
  return opened === false ? undefined : opened;
}

function tryLibc(): Libc | false {
  try {
    return openLibc().symbols;
  } catch {
    // Another C library than GNU's.
    return false;
  }
}

function openLibc() {
  const { i32, u32, ptr: pointer } = FFIType;
  return dlopen("libc.so.6", {
    dup2: { args: [i32, i32], returns: i32 },
    setsockopt: { args: [i32, i32, i32, pointer, u32], returns: i32 },
    getsockopt: { args: [i32, i32, i32, pointer, pointer], returns: i32 },
  });
}
