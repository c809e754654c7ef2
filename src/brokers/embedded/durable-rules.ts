/**
 * By which rules channels are durable, and since when. A channel that begins under other rules has another epoch and honours
 * no position of before: so no offset is of two publications, over restarts too.
 */
import type { Journal } from "../../ports.ts";

export class DurableRules {
  readonly #journal: Journal | undefined;
  readonly #now: () => string;
  #text = "";
  #since = 0;

  /** `now`: which channels are durable now, as text. */
  constructor(journal: Journal | undefined, now: () => string) {
    this.#journal = journal;
    this.#now = now;
  }

  /** Where they came into force: a durable channel that begins by them honours no position before. */
  get since(): number {
    return this.#since;
  }

  get changed(): boolean {
    return this.#now() !== this.#text;
  }

  /** Goes on by the journal's rules if they are those of now; those of now are in force from `seq` on otherwise. */
  start({ rules }: Journal, seq: number): void {
    if (rules === undefined || rules.text !== this.#now()) this.begin(seq);
    else {
      this.#text = rules.text;
      this.#since = rules.from;
    }
  }

  /** Those of now are in force from `from` on. */
  begin(from: number): void {
    this.#text = this.#now();
    this.#since = from;
    this.#journal?.rule({ text: this.#text, from });
  }
}

/** The epoch of a channel that began by rules that came into force at `since`. */
export function durableEpoch(journalEpoch: string, since: number): string {
  return since === 0 ? journalEpoch : journalEpoch + since.toString(36);
}
