/** Peers that have said nothing yet. Each is ended exactly when its time is over, by one timer for all of them. */
import { Refused } from "../../core/refusals.ts";
import type { AnySession } from "../../core/session.ts";
import type { Clock } from "../../ports.ts";

export class Waiting {
  readonly #clock: Clock;
  /** How long a peer may say nothing, in ms: the same for all, so that who came first is due first. */
  readonly #delay: number;
  readonly #sessions = new Set<AnySession>();
  #armed = false;

  constructor(clock: Clock, delay: number) {
    this.#clock = clock;
    this.#delay = delay;
  }

  add(session: AnySession): void {
    this.#sessions.add(session);
    this.#arm();
  }

  delete(session: AnySession): void {
    this.#sessions.delete(session);
  }

  #arm(): void {
    const [first] = this.#sessions;
    if (this.#armed || first === undefined) return;
    this.#armed = true;
    // No longer than the delay, also where the clock was set back.
    const left = Math.min(first.opened + this.#delay - this.#clock.now(), this.#delay);
    this.#clock.after(left, () => {
      this.#armed = false;
      this.#endThoseDue();
      this.#arm();
    });
  }

  #endThoseDue(): void {
    const now = this.#clock.now();
    for (const session of this.#sessions) {
      if (session.opened + this.#delay > now) return;
      this.#sessions.delete(session);
      session.end(new Refused("stale"));
    }
  }
}
