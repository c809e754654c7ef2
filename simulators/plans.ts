interface Plan {
  readonly at: number;
  readonly act: () => void;
}

/** What people are going to do, the next first; of what is due at the same time, what was planned first. */
export class Plans {
  readonly #plans: Plan[] = [];
  #now: number;

  constructor(now: number) {
    this.#now = now;
  }

  /** In so many ms. */
  in(delay: number, act: () => void): void {
    const plan = { at: this.#now + delay, act };
    const after = this.#plans.findIndex(({ at }) => at > plan.at);
    if (after < 0) this.#plans.push(plan);
    else this.#plans.splice(after, 0, plan);
  }

  /** Everything that happens up to then. */
  liveUntil(time: number): void {
    for (;;) {
      const next = this.#plans[0];
      if (next === undefined || next.at > time) break;
      this.#plans.shift();
      this.#now = next.at;
      next.act();
    }
    this.#now = time;
  }
}
