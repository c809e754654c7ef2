/** Answers by idempotency key: a publisher that repeats itself within five minutes gets the first answer again. */
import type { Clock, MaybePromise, Receipt } from "../ports.ts";

const remembered = 5 * 60_000;
const most = 100_000;

interface Answered {
  readonly time: number;
  readonly answer: MaybePromise<Receipt>;
}

export class Idempotency {
  readonly #clock: Clock;
  /** Oldest first. */
  readonly #answers = new Map<string, Answered>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Runs `publish` once per `who` and `key`; a refusal is not remembered, so that it can be tried again. */
  once(who: string, key: string, publish: () => MaybePromise<Receipt>): MaybePromise<Receipt> {
    const now = this.#clock.now();
    this.#forget(now);
    const id = `${who} ${key}`;
    const known = this.#answers.get(id);
    if (known !== undefined) return known.answer;
    const answer = publish();
    this.#answers.set(id, { time: now, answer });
    if (answer instanceof Promise) answer.catch(() => this.#answers.delete(id));
    return answer;
  }

  #forget(now: number): void {
    for (const [id, { time }] of this.#answers) {
      if (now - time < remembered && this.#answers.size <= most) return;
      this.#answers.delete(id);
    }
  }
}
