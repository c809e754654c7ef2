/** Publications that are too large to be packed: each is kept by itself, and goes when its history is without it. */
import { ownText } from "../../core/own-text.ts";
import type { Publication } from "../../ports.ts";

/** They are kept apart by where their `seq` is, since a table of millions stops everything when it grows. */
const blockSize = 4096;

export class LargePublications {
  readonly #blocks = new Map<number, Map<number, Publication>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(publication: Publication): void {
    const number = Math.floor(publication.seq / blockSize);
    let block = this.#blocks.get(number);
    if (block === undefined) {
      block = new Map();
      this.#blocks.set(number, block);
    }
    block.set(publication.seq, { ...publication, data: ownText(publication.data) });
    this.#size++;
  }

  get(seq: number): Publication | undefined {
    return this.#size === 0 ? undefined : this.#blocks.get(Math.floor(seq / blockSize))?.get(seq);
  }

  /** False for one that is not here. */
  delete(seq: number): boolean {
    if (this.#size === 0) return false;
    const number = Math.floor(seq / blockSize);
    const block = this.#blocks.get(number);
    if (block?.delete(seq) !== true) return false;
    if (block.size === 0) this.#blocks.delete(number);
    this.#size--;
    return true;
  }
}
