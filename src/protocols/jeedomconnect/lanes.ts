/** Tasks that must not overtake each other: one lane for each name, one task at a time in it. */
export class Lanes {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs when all that came before it in its lane is over, however it ended. */
  run<Result>(lane: string, task: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(lane);
    const done = before === undefined ? task() : before.then(task, task);
    const settled = done.then(
      () => undefined,
      () => undefined,
    );
    this.#last.set(lane, settled);
    void settled.then(() => {
      if (this.#last.get(lane) === settled) this.#last.delete(lane);
    });
    return done;
  }
}

/** Where a phone's questions for its events go: they never overlap, whoever asks them. */
export function eventsLane(key: string): string {
  return `${key} events`;
}
