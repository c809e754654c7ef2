import { Refused } from "../../../src/core/refusals.ts";
import type { Journal, JournalChannel, JournalRecord, JournalRules, JournalRun } from "../../../src/ports.ts";

/** A journal that lasts over the brokers of a test, and that can be told to fail or to wait. */
export class MemoryJournal implements Journal {
  readonly epoch = "epoch";
  rules: JournalRules | undefined;
  readonly runs: JournalRun[] = [];
  nextSeq = 0;
  full = false;
  /** Appends wait for it. */
  held: Promise<void> = Promise.resolve();
  readonly #records: JournalRecord[] = [];

  *load(): Iterable<JournalChannel> {
    for (const channel of new Set(this.#records.map((record) => record.channel))) {
      const publications = this.#records.filter((record) => record.channel === channel);
      const offset = publications.at(-1)?.offset ?? 0;
      yield { channel, kind: "stream", since: 0, offset, trimmedSeq: 0, publications, entries: [] };
    }
  }

  begin(run: JournalRun): void {
    this.runs.push(run);
  }

  rule(rules: JournalRules): void {
    this.rules = rules;
  }

  async reserve(seq: number): Promise<void> {
    this.nextSeq = seq;
  }

  async append(records: readonly JournalRecord[]): Promise<void> {
    await this.held;
    if (this.full) throw new Refused("notAvailable", "Cannot keep it: the disk is full");
    this.#records.push(...records);
  }

  trim(): void {
    // All is kept here.
  }

  forget(): void {
    // All is kept here.
  }

  async close(): Promise<void> {
    // Nothing is open.
  }
}
