/** Lists of publications as text. Clients that come back together have missed the same, which is then worded once. Pure. */
import type { JsonText, Publication } from "../../ports.ts";

interface Worded {
  readonly list: readonly Publication[];
  readonly wording: string;
  readonly text: JsonText;
}

/** Shorter lists are worded faster than found. */
const worthKeeping = 16;
const kept = 4;

export class ListTexts {
  /** The last few, for as long as the memory is not needed. */
  readonly #recent: WeakRef<Worded>[] = [];
  #next = 0;

  /** `wording` tells apart what the same publications may be worded as. */
  of(list: readonly Publication[], wording: string, textOf: (publication: Publication) => JsonText): JsonText {
    if (list.length < worthKeeping) return list.map(textOf).join(",");
    for (const recent of this.#recent) {
      const worded = recent.deref();
      if (worded !== undefined && worded.wording === wording && isSame(worded.list, list)) return worded.text;
    }
    const text = list.map(textOf).join(",");
    this.#recent[this.#next] = new WeakRef({ list, wording, text });
    this.#next = (this.#next + 1) % kept;
    return text;
  }
}

function isSame(one: readonly Publication[], other: readonly Publication[]): boolean {
  if (one === other) return true;
  return one.length === other.length && one.every((publication, at) => publication === other[at]);
}
