/**
 * Lets so many requests through in one turn of the event loop; the others wait for one of the next turns. Ten thousand
 * clients that come at once would else be served in one turn, while nobody who is there already hears anything.
 */
export class Turnstile {
  readonly #perTurn: number;
  #passed = 0;
  readonly #waiting: (() => void)[] = [];
  /** The first one in `#waiting` that has not passed. */
  #next = 0;
  #turning = false;
  readonly #turn = (): void => {
    this.#turning = false;
    this.#passed = 0;
    if (this.#waiting.length > 0) this.#release();
  };

  constructor(perTurn: number) {
    this.#perTurn = perTurn;
  }

  /** Counts who comes. Undefined: may pass at once; else to be waited for. */
  pass(): Promise<void> | undefined {
    if (!this.#turning) {
      this.#turning = true;
      setImmediate(this.#turn);
    }
    // Nobody overtakes those who wait.
    if (this.#waiting.length === 0 && this.#passed++ < this.#perTurn) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #release(): void {
    const until = Math.min(this.#next + this.#perTurn, this.#waiting.length);
    while (this.#next < until) this.#waiting[this.#next++]?.();
    this.#passed = this.#perTurn;
    if (this.#next === this.#waiting.length) {
      this.#waiting.length = 0;
      this.#next = 0;
    }
    this.#turning = true;
    setImmediate(this.#turn);
  }
}
