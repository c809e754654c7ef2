/** The moment after a crowd has come: what its coming left may be cleared away when nobody is served. Pure. */

/** So many new sessions are a crowd. */
const crowd = 1000;

export class Lull {
  readonly #begins: () => void;
  #opened = 0;
  #published = 0;
  #openedBefore = 0;

  /** `begins` is called in the first quiet second after a crowd has come. */
  constructor(begins: () => void) {
    this.#begins = begins;
  }

  /** To be called every second, with how many sessions were opened and how many publications delivered since the start. */
  look(opened: number, published: number): void {
    const quiet = opened === this.#opened && published === this.#published;
    this.#opened = opened;
    this.#published = published;
    if (!quiet || opened - this.#openedBefore < crowd) return;
    this.#openedBefore = opened;
    this.#begins();
  }
}
