/** The program that started this one (bin/hearthwire.mjs), which can start a successor beside it. They talk by IPC. */

const succeed = "succeed";

export class Launcher {
  readonly #send: (message: string) => void;
  #successorEnded: Promise<void> = new Promise(() => undefined);

  private constructor(send: (message: string) => void) {
    this.#send = send;
  }

  /** Nothing where this process was started in another way. */
  static find(): Launcher | undefined {
    return process.send === undefined ? undefined : new Launcher((message) => process.send?.(message));
  }

  /** Starts the same command anew, with `--takeover`. Resolves when that process has ended. */
  readonly startSuccessor = (): Promise<void> => {
    this.#successorEnded = new Promise((resolve) => process.once("message", () => resolve()));
    this.#send(succeed);
    return this.#successorEnded;
  };

  /** Resolves when a successor that was started has ended. */
  get successorEnded(): Promise<void> {
    return this.#successorEnded;
  }
}
