/** What a listener's requests come to. */
import type { Front } from "../http/front.ts";
import type { Answer, MaybePromise, Visit } from "../ports.ts";

/** Requests wait here until there is a front, which may be another one later. */
export class Door {
  readonly #strict: boolean;
  #front: Front | undefined;
  readonly #opened = Promise.withResolvers<void>();

  /** `strict`: browsers that come by TLS are told to come by it only. */
  constructor(strict: boolean) {
    this.#strict = strict;
  }

  open(front: Front): void {
    this.#front = front;
    this.#opened.resolve();
  }

  readonly visit = (visit: Visit): MaybePromise<Answer> => {
    if (this.#front !== undefined) return this.#answer(visit, this.#front);
    return this.#opened.promise.then(() => {
      // Nobody would hear of the end of a session that is opened for who is gone already.
      return visit.request.signal.aborted || this.#front === undefined ? undefined : this.#answer(visit, this.#front);
    });
  };

  #answer(visit: Visit, front: Front): MaybePromise<Answer> {
    const answer = front.visit(visit);
    if (!this.#strict || !visit.secure) return answer;
    return answer instanceof Promise ? answer.then(strictly) : strictly(answer);
  }
}

/** HTTP Strict Transport Security (RFC 6797), for a year and this name alone. */
function strictly(answer: Answer): Answer {
  answer?.headers.set("strict-transport-security", "max-age=31536000");
  return answer;
}
