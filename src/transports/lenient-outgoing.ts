/** What is on its way to a board: nothing for a while after the 101, and one piece at a time to boards of 2015. */
import type { Clock } from "../ports.ts";
import type { Sweep } from "./sweep.ts";

/** Whoever writes. */
export interface OutgoingOwner {
  /** Nothing waits any more. */
  emptied(): void;
}

export interface OutgoingParts {
  readonly clock: Clock;
  /** Looks for those whose time to be written to has come. */
  readonly held: Sweep<Outgoing>;
}

export class Outgoing {
  /** That wait here. */
  bytes = 0;
  readonly #socket: { write(bytes: Uint8Array): number };
  readonly #parts: OutgoingParts;
  readonly #owner: OutgoingOwner;
  /** ms between two pieces; 0 for none. */
  #spacing = 0;
  #waiting: Uint8Array[] | undefined;
  /** Nothing is written before; 0 when it may be written to. */
  #notBefore = 0;

  constructor(socket: { write(bytes: Uint8Array): number }, parts: OutgoingParts, owner: OutgoingOwner) {
    this.#socket = socket;
    this.#parts = parts;
    this.#owner = owner;
  }

  get empty(): boolean {
    return this.#waiting === undefined;
  }

  get held(): boolean {
    return this.#notBefore > 0;
  }

  /** Nothing waits, and it may be written to: what is held back waits with its session, by the channels' policies. */
  get ready(): boolean {
    return this.#waiting === undefined && this.#notBefore === 0;
  }

  /** From now on one piece at a time, with so many ms between them. */
  space(spacing: number): void {
    this.#spacing = spacing;
  }

  /** Whether the next may be written at once. */
  send(bytes: Uint8Array): boolean {
    if (this.ready && this.#spacing === 0) {
      const taken = this.#give(bytes);
      if (taken < bytes.length) this.queue(bytes.subarray(taken));
    } else {
      this.queue(bytes);
      this.flush();
    }
    return this.ready;
  }

  /** To be written by the next `flush`. */
  queue(bytes: Uint8Array): void {
    this.#waiting ??= [];
    this.#waiting.push(bytes);
    this.bytes += bytes.length;
  }

  /** Writes what may be written now. */
  flush(): void {
    const waiting = this.#waiting;
    while (waiting !== undefined && waiting.length > 0 && this.#notBefore === 0) {
      const part = waiting[0] ?? new Uint8Array();
      const taken = this.#give(part);
      this.bytes -= taken;
      if (taken < part.length) {
        waiting[0] = part.subarray(taken);
        return;
      }
      waiting.shift();
      if (this.#spacing > 0) this.hold(this.#spacing);
    }
    if (waiting !== undefined && waiting.length > 0) return;
    this.#waiting = undefined;
    this.#owner.emptied();
  }

  /** Writes nothing for so many ms. */
  hold(ms: number): void {
    this.#notBefore = this.#parts.clock.now() + ms;
    this.#parts.held.add(this);
  }

  release(): void {
    this.#notBefore = 0;
    this.#parts.held.delete(this);
    this.flush();
  }

  /** Whether it is still held back. */
  look(now: number): boolean {
    if (now >= this.#notBefore) {
      this.#notBefore = 0;
      this.flush();
    }
    return this.#notBefore > 0;
  }

  /** Nothing is written any more. */
  drop(): void {
    this.#waiting = undefined;
    this.bytes = 0;
    this.#parts.held.delete(this);
  }

  /** How much of it the kernel took. */
  #give(bytes: Uint8Array): number {
    return Math.max(0, this.#socket.write(bytes));
  }
}
