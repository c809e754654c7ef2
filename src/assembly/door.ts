/** What a listener's requests come to. */
import type { Front } from "../http/front.ts";
import type { Answer, MaybePromise, Visit } from "../ports.ts";

/** Requests wait here until there is a front, which may be another one later. */
export class Door {
  #front: Front | undefined;
  readonly #opened = Promise.withResolvers<void>();

  open(front: Front): void {
    this.#front = front;
    this.#opened.resolve();
  }

  readonly visit = (visit: Visit): MaybePromise<Answer> => {
    if (this.#front !== undefined) return this.#front.visit(visit);
    return this.#opened.promise.then(() => {
      // Nobody would hear of the end of a session that is opened for who is gone already.
      return visit.request.signal.aborted ? undefined : this.#front?.visit(visit);
    });
  };
}
