/** A clock for tests with real sockets. */
import type { Clock } from "../../src/ports.ts";

/** Time stands still until the test moves it; the turns of the event loop are the real ones. */
export class TurnedClock implements Clock {
  #now = Date.UTC(2026, 0, 1);
  readonly #alarms = new Set<{ readonly at: number; readonly task: () => void }>();

  now(): number {
    return this.#now;
  }

  after(delay: number, task: () => void): () => void {
    const alarm = { at: this.#now + delay, task };
    this.#alarms.add(alarm);
    return () => this.#alarms.delete(alarm);
  }

  atEndOfTurn(task: () => void): void {
    setImmediate(task);
  }

  /** Rings every alarm on the way, and lets what it caused happen. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      const next = [...this.#alarms].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#alarms.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.task();
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#now = end;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
