/** A clock whose hands the test turns. */
import type { Clock } from "../../src/ports.ts";

interface Timer {
  due: number;
  readonly order: number;
  readonly task: () => void;
}

export class FakeClock implements Clock {
  #now: number;
  #timers: Timer[] = [];
  #turn: (() => void)[] = [];
  #order = 0;

  constructor(now = 1_700_000_000_000) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  after(delay: number, task: () => void): () => void {
    const timer: Timer = { due: this.#now + Math.max(0, delay), order: this.#order++, task };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  atEndOfTurn(task: () => void): void {
    this.#turn.push(task);
  }

  /** Ends the turn of the event loop. What is then put off comes at the end of the next one. */
  endTurn(): void {
    const tasks = this.#turn;
    this.#turn = [];
    for (const task of tasks) task();
  }

  /** Lets time pass. Each timer that falls due has a turn of its own. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const next = this.#timers
        .filter(({ due }) => due <= end)
        .sort((a, b) => a.due - b.due || a.order - b.order)
        .at(0);
      if (next === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#now = Math.max(this.#now, next.due);
      next.task();
      this.endTurn();
    }
    this.#now = end;
  }

  /** Sets the hands back, as people and time servers do; what waits waits as long as before. */
  setBack(ms: number): void {
    this.#now -= ms;
    for (const timer of this.#timers) timer.due -= ms;
  }

  /** How many timers wait. */
  get timers(): number {
    return this.#timers.length;
  }
}

/** Lets everything that promises have put off happen. */
export async function settle(): Promise<void> {
  for (let round = 0; round < 12; round++) await Promise.resolve();
}
