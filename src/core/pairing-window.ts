/** The time in which new clients may get a key without showing one: as long as somebody holds the button, so to say. */
import type { Clock } from "../ports.ts";

export class PairingWindow {
  readonly #clock: Clock;
  #until = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get open(): boolean {
    return this.left > 0;
  }

  /** ms until it closes by itself. */
  get left(): number {
    return Math.max(0, this.#until - this.#clock.now());
  }

  openFor(duration: number): void {
    this.#until = this.#clock.now() + duration;
  }

  close(): void {
    this.#until = 0;
  }
}
