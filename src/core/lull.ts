/** After a crowd has come, the first second without newcomers and publications: a time to clear away what its coming left. Pure. */

/** So many new sessions since the last lull are a crowd. */
const crowd = 1000;

export class Lull {
  readonly #begins: () => void;
  #opened = 0;
  #published = 0;
  #openedBefore = 0;

  /** `begins` is called at the end of that second. */
  constructor(begins: () => void) {
    this.#begins = begins;
  }

  /**
   * To be called every second, with how many sessions were opened and how many publications delivered since the start. True while
   * a crowd's lull has not come yet.
   */
  look(opened: number, published: number): boolean {
    const quiet = opened === this.#opened && published === this.#published;
    this.#opened = opened;
    this.#published = published;
    if (opened - this.#openedBefore < crowd) return false;
    if (!quiet) return true;
    this.#openedBefore = opened;
    this.#begins();
    return false;
  }
}
