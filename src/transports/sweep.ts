/** Looks after many things at intervals with one timer, which exists only while there is something to look after. */
import type { Clock } from "../ports.ts";

export class Sweep<T> {
  readonly #clock: Clock;
  readonly #interval: number;
  readonly #look: (member: T, now: number) => boolean;
  readonly #members = new Set<T>();
  #cancel: (() => void) | undefined;

  /** `look` is called with each member every `interval` ms; one for which it answers false is let go. */
  constructor(clock: Clock, interval: number, look: (member: T, now: number) => boolean) {
    this.#clock = clock;
    this.#interval = interval;
    this.#look = look;
  }

  add(member: T): void {
    this.#members.add(member);
    this.#cancel ??= this.#clock.after(this.#interval, this.#sweep);
  }

  delete(member: T): void {
    if (!this.#members.delete(member) || this.#members.size > 0) return;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  readonly #sweep = (): void => {
    const now = this.#clock.now();
    this.#cancel = undefined;
    for (const member of this.#members) if (!this.#look(member, now)) this.#members.delete(member);
    if (this.#members.size > 0) this.#cancel ??= this.#clock.after(this.#interval, this.#sweep);
  };
}
