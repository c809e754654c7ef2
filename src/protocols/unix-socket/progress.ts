/**
 * How much of what was written to a device has certainly arrived. A write tells nothing; the answer to a ping tells that
 * all that was written before it is there. What is not certain is sent again when the device comes back.
 */
import type { AnySession } from "../../core/session.ts";

export class Progress {
  /** The position up to which everything has arrived; undefined while nothing is known. */
  sure: number | undefined;
  #asked: { readonly seq: number; readonly at: number } | undefined;
  /** When the last ping that was answered was sent. */
  #answeredAt = -1;

  /** The device answered a ping. True if more is certain now. */
  answered(): boolean {
    if (this.#asked === undefined) return false;
    const more = this.sure !== this.#asked.seq;
    this.sure = this.#asked.seq;
    this.#answeredAt = this.#asked.at;
    this.#asked = undefined;
    return more;
  }

  /** Pings if something was written since the last answer. `handedOut`: the position of all that was written. */
  look(session: AnySession, handedOut: number, now: number): void {
    if (session.queue !== undefined || this.#asked !== undefined || session.lastOut < this.#answeredAt) return;
    this.#asked = { seq: handedOut, at: now };
    session.outlet.ping();
  }
}
