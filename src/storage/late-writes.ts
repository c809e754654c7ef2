/** In ms. */
const delay = 5000;

/** What may be written later: gathered by id, and written together at most every few seconds. */
export class LateWrites {
  readonly #times = new Map<string, number>();
  readonly #write: (times: ReadonlyMap<string, number>) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** When `write` throws, the times are kept for the next attempt. */
  constructor(write: (times: ReadonlyMap<string, number>) => void) {
    this.#write = write;
  }

  set(id: string, time: number): void {
    this.#times.set(id, time);
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      try {
        this.flush();
      } catch {
        // A full disk: they are written with those that come next.
      }
    }, delay);
    // A time of last use is no reason for a command to stay.
    this.#timer.unref();
  }

  drop(id: string): void {
    this.#times.delete(id);
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#times.size === 0) return;
    this.#write(this.#times);
    this.#times.clear();
  }
}
