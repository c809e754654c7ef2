/** Replies in the order of what they answer, however long one of them takes. */
import type { MaybePromise } from "../../ports.ts";

interface Place {
  text: string | undefined;
}

export class Replies {
  readonly #ready: () => void;
  #text = "";
  /** From the first that is not known yet. */
  #places: Place[] = [];

  /** `ready` is called whenever there is more to take. */
  constructor(ready: () => void) {
    this.#ready = ready;
  }

  /** How many wait for one that is not known yet, that one included. */
  get waiting(): number {
    return this.#places.length;
  }

  /** `reply` may not reject. */
  add(reply: MaybePromise<string>): void {
    if (typeof reply === "string" && this.#places.length === 0) {
      this.#text += reply;
      this.#ready();
      return;
    }
    const place: Place = { text: typeof reply === "string" ? reply : undefined };
    this.#places.push(place);
    if (typeof reply !== "string") {
      void reply.then((text) => {
        place.text = text;
        if (this.#places[0] === place) this.#advance();
      });
    }
  }

  /** All that may be written now. */
  take(): string {
    const text = this.#text;
    this.#text = "";
    return text;
  }

  #advance(): void {
    const open = this.#places.findIndex((place) => place.text === undefined);
    const known = this.#places.splice(0, open === -1 ? this.#places.length : open);
    this.#text += known.map((place) => place.text).join("");
    this.#ready();
  }
}
