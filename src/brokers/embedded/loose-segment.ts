/** Publications of many channels that follow each other, as they were delivered. */
import type { Publication } from "../../ports.ts";
import type { Owner, Packing } from "./packed-segment.ts";

export class LooseSegment {
  readonly #publications: Publication[] = [];
  readonly #owners: Owner[] = [];

  get length(): number {
    return this.#publications.length;
  }

  add(publication: Publication, owner: Owner): void {
    this.#publications.push(publication);
    this.#owners.push(owner);
  }

  get(seq: number): Publication | undefined {
    const first = this.#publications[0];
    if (first === undefined || seq < first.seq) return undefined;
    let low = 0;
    // Each has at least one more than the one before it, and often just that.
    let high = Math.min(this.#publications.length - 1, seq - first.seq);
    if (this.#publications[high]?.seq === seq) return this.#publications[high];
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#publications[middle] as Publication).seq <= seq) low = middle;
      else high = middle - 1;
    }
    const found = this.#publications[low];
    return found?.seq === seq ? found : undefined;
  }

  addTo(packing: Packing): void {
    const trimmedOffsets = packing.trimmedOffsetsOf(this.#owners);
    for (let at = 0; at < this.#publications.length; at++) {
      const publication = this.#publications[at] as Publication;
      if (publication.offset > (trimmedOffsets[at] as number)) packing.add(this.#owners[at] as Owner, publication);
    }
  }
}
