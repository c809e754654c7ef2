import type { JournalRecord, JournalRules, JournalRun } from "../ports.ts";
import type { Batch } from "./journal-messages.ts";

/** The part of a batch that is still wanted when the batch has failed. */
export type Owed = Pick<Batch, "rules" | "runs" | "reserve">;

export const nothingOwed: Owed = { runs: [], reserve: 0 };

/** What waits to be written in one transaction, and who waits for it. */
export class GatheredBatch {
  readonly #forget: string[] = [];
  readonly #runs: JournalRun[] = [];
  readonly #records: string[] = [];
  readonly #waiting: { readonly resolve: () => void; readonly reject: (thrown: unknown) => void }[] = [];
  #rules: JournalRules | undefined;
  #reserve = 0;
  #sync = false;
  /** How many records it has. */
  size = 0;
  readonly begun = performance.now();

  /** Forgetting is the first thing that a batch does, so it must come before any record. */
  get mayForget(): boolean {
    return this.#records.length === 0;
  }

  forget(channel: string): void {
    this.#forget.push(channel);
  }

  rule(rules: JournalRules): void {
    this.#rules = rules;
  }

  begin(run: JournalRun): void {
    this.#runs.push(run);
  }

  /** With an fsync: it is rare, and all cursors rest on it. */
  reserve(seq: number): void {
    this.#reserve = Math.max(this.#reserve, seq);
    this.#sync = true;
  }

  append(records: readonly JournalRecord[], sync: boolean): void {
    this.#records.push(JSON.stringify(records));
    this.size += records.length;
    this.#sync ||= sync;
  }

  wait(resolve: () => void, reject: (thrown: unknown) => void): void {
    this.#waiting.push({ resolve, reject });
  }

  message(owed: Owed): Batch {
    return {
      forget: this.#forget,
      rules: this.#rules ?? owed.rules,
      runs: [...owed.runs, ...this.#runs],
      reserve: Math.max(owed.reserve, this.#reserve),
      sync: this.#sync || owed.reserve > 0,
      records: `[${this.#records.join(",")}]`,
    };
  }

  resolve(): void {
    for (const { resolve } of this.#waiting) resolve();
  }

  reject(thrown: unknown): void {
    for (const { reject } of this.#waiting) reject(thrown);
  }
}
