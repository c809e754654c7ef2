/**
 * Actions for one phone. The plugin hands them out once; here they wait until the phone has shown, after they were written
 * to it, that it lives.
 */
import type { JsonText } from "../../ports.ts";

/** Keeps what waits over a restart. */
export interface Keeper {
  keep(text: JsonText): void;
  /** Nothing waits any more. */
  forget(): void;
}

interface Waiting {
  readonly text: JsonText;
  written: boolean;
}

export class Inbox {
  readonly #keeper: Keeper;
  #waiting: Waiting[] = [];

  constructor(keeper: Keeper) {
    this.#keeper = keeper;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** A message of the type ACTIONS, as the phone gets it. */
  add(text: JsonText): void {
    this.#waiting.push({ text, written: false });
    this.#keeper.keep(text);
  }

  /** What was kept of an earlier run, which comes first. */
  restore(texts: readonly JsonText[]): void {
    this.#waiting.unshift(...texts.map((text) => ({ text, written: false })));
  }

  /** What is to be written now, all of it or at most so many: from here on it counts as written. */
  take(most = Number.POSITIVE_INFINITY): readonly JsonText[] {
    const due = this.#waiting.filter(({ written }) => !written).slice(0, most);
    for (const one of due) one.written = true;
    return due.map(({ text }) => text);
  }

  /** The phone lives: what was written has arrived. */
  arrived(): void {
    if (this.isEmpty) return;
    this.#waiting = this.#waiting.filter(({ written }) => !written);
    if (this.isEmpty) this.#keeper.forget();
  }

  /** The phone vanished: nobody knows whether what was written has arrived. */
  vanished(): void {
    for (const one of this.#waiting) one.written = false;
  }
}
