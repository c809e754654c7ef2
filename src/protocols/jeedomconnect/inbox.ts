/**
 * Actions for one phone. The plugin hands them out once; here they wait until the phone has shown, after they were written
 * to it, that it lives.
 */
import type { JsonText } from "../../ports.ts";

interface Waiting {
  readonly text: JsonText;
  written: boolean;
}

export class Inbox {
  #waiting: Waiting[] = [];

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Something was written, and nothing was heard of the phone since. */
  get isUnsure(): boolean {
    return this.#waiting.some(({ written }) => written);
  }

  /** A message of the type ACTIONS, as the phone gets it. */
  add(text: JsonText): void {
    this.#waiting.push({ text, written: false });
  }

  /** What is to be written now: from here on it counts as written. */
  take(): readonly JsonText[] {
    const due = this.#waiting.filter(({ written }) => !written);
    for (const one of due) one.written = true;
    return due.map(({ text }) => text);
  }

  /** The phone lives: what was written has arrived. */
  arrived(): void {
    this.#waiting = this.#waiting.filter(({ written }) => !written);
  }

  /** The phone vanished: nobody knows whether what was written has arrived. */
  vanished(): void {
    for (const one of this.#waiting) one.written = false;
  }
}
