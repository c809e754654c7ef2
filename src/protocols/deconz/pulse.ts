/** Watches over a silent connection: asks for a sign of life, and says when none came. */
import type { Clock, DialedSocket } from "../../ports.ts";

/** Between pings, in ms. */
const interval = 15_000;
/** Gateways answer late at times, so that several pings may go without an answer. */
const longestSilence = 50_000;

export class Pulse {
  readonly #clock: Clock;
  readonly #socket: DialedSocket;
  readonly #silent: () => void;
  #last: number;
  #cancel: () => void;

  constructor(clock: Clock, socket: DialedSocket, silent: () => void) {
    this.#clock = clock;
    this.#socket = socket;
    this.#silent = silent;
    this.#last = clock.now();
    this.#cancel = clock.after(interval, () => this.#look());
  }

  /** Anything came. */
  beat(): void {
    this.#last = this.#clock.now();
  }

  stop(): void {
    this.#cancel();
  }

  #look(): void {
    if (this.#clock.now() - this.#last > longestSilence) {
      this.#silent();
      return;
    }
    this.#socket.ping();
    this.#cancel = this.#clock.after(interval, () => this.#look());
  }
}
