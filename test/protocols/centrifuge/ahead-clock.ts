/** The machine's clock, which a test puts forward: what becomes due by that happens at once. */
import type { Clock } from "../../../src/ports.ts";
import { systemClock } from "../../../src/transports/system.ts";

export class AheadClock implements Clock {
  #ahead = 0;
  readonly #waiting = new Set<{ readonly due: number; readonly task: () => void; cancel: () => void }>();

  now(): number {
    return systemClock.now() + this.#ahead;
  }

  after(delay: number, task: () => void): () => void {
    const run = (): void => {
      this.#waiting.delete(timer);
      task();
    };
    const timer = { due: this.now() + delay, task: run, cancel: systemClock.after(delay, run) };
    this.#waiting.add(timer);
    return () => {
      timer.cancel();
      this.#waiting.delete(timer);
    };
  }

  atEndOfTurn(task: () => void): void {
    systemClock.atEndOfTurn(task);
  }

  advance(duration: number): void {
    this.#ahead += duration;
    for (const timer of [...this.#waiting]) {
      if (timer.due > this.now()) continue;
      timer.cancel();
      timer.task();
    }
  }
}
