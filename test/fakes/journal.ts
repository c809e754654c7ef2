/**
 * A journal in memory. What it keeps is in a `JournalPaper`, which outlives it as a file outlives its process. A test can
 * hold its commits back, let them through one by one, and let them fail.
 */
import { Refused } from "../../src/core/refusals.ts";
import type {
  ChannelKind,
  Durability,
  Journal,
  JournalChannel,
  JournalRecord,
  JournalRules,
  JournalRun,
  Publication,
} from "../../src/ports.ts";

interface KeptChannel {
  readonly kind: ChannelKind;
  readonly since: number;
  offset: number;
  trimmedOffset: number;
  trimmedSeq: number;
  readonly publications: Publication[];
  readonly entries: Map<string, Publication>;
}

/** What is kept. */
export class JournalPaper {
  static #made = 0;
  readonly epoch = `paper${String(++JournalPaper.#made).padStart(5, "0")}`;
  rules: JournalRules | undefined;
  readonly runs: JournalRun[] = [];
  readonly channels = new Map<string, KeptChannel>();
  nextSeq = 0;
  lastSeq = 0;
}

interface Commit {
  readonly records: readonly JournalRecord[];
  /** Channels to be forgotten after it. */
  readonly forget: string[];
  readonly resolve: () => void;
  readonly reject: (thrown: unknown) => void;
}

export class FakeJournal implements Journal {
  readonly epoch: string;
  readonly rules: JournalRules | undefined;
  readonly runs: readonly JournalRun[];
  readonly nextSeq: number;
  readonly paper: JournalPaper;
  /** How durable each append was to be. */
  readonly asked: Durability[] = [];
  /** While true, appends wait for `let` or `fail`. */
  holds = false;
  #waiting: Commit[] = [];
  #closed = false;

  constructor(paper = new JournalPaper()) {
    this.paper = paper;
    this.epoch = paper.epoch;
    this.rules = paper.rules;
    this.runs = [...paper.runs];
    this.nextSeq = paper.nextSeq;
  }

  *load(): Iterable<JournalChannel> {
    for (const [channel, kept] of this.paper.channels) {
      yield {
        channel,
        kind: kept.kind,
        since: kept.since,
        offset: kept.offset,
        trimmedSeq: kept.trimmedSeq,
        publications: kept.publications.filter(({ offset }) => offset > kept.trimmedOffset),
        entries: [...kept.entries.values()],
      };
    }
  }

  begin(run: JournalRun): void {
    this.paper.runs.push(run);
  }

  rule(rules: JournalRules): void {
    this.paper.rules = rules;
  }

  async reserve(seq: number): Promise<void> {
    this.paper.nextSeq = Math.max(this.paper.nextSeq, seq);
  }

  append(records: readonly JournalRecord[], durability: Durability): Promise<void> {
    if (this.#closed) return Promise.reject(new Refused("shutdown", "Cannot keep anything: the journal is closed"));
    this.asked.push(durability);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ records, forget: [], resolve, reject });
      if (!this.holds) this.let();
    });
  }

  trim(channel: string, offset: number, seq: number): void {
    const kept = this.paper.channels.get(channel);
    if (kept === undefined || offset <= kept.trimmedOffset) return;
    kept.trimmedOffset = offset;
    kept.trimmedSeq = Math.max(kept.trimmedSeq, seq);
  }

  forget(channel: string): void {
    const before = this.#waiting.at(-1);
    if (before === undefined) this.paper.channels.delete(channel);
    else before.forget.push(channel);
  }

  async close(): Promise<void> {
    this.#closed = true;
    while (this.#waiting.length > 0) this.let();
  }

  // ── What the test does ──

  /** Appends that wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** The oldest append that waits is kept. */
  let(): void {
    const commit = this.#waiting.shift();
    if (commit === undefined) return;
    this.#commit(commit);
    for (const channel of commit.forget) this.paper.channels.delete(channel);
  }

  /** The oldest append that waits is refused. */
  fail(): void {
    const commit = this.#waiting.shift();
    commit?.reject(new Refused("notAvailable", "Cannot keep publications: the disk is full"));
    for (const channel of commit?.forget ?? []) this.paper.channels.delete(channel);
  }

  /** The process ends: whatever has not been kept is gone. A journal to start again with. */
  crash(): FakeJournal {
    this.#closed = true;
    this.#waiting = [];
    return new FakeJournal(this.paper);
  }

  #commit(commit: Commit): void {
    const { records } = commit;
    let last = this.paper.lastSeq;
    for (const { seq } of records) {
      if (seq <= last) {
        commit.reject(new Refused("notAvailable", `Cannot keep publications: seq ${seq} was given out already`));
        return;
      }
      last = seq;
    }
    for (const record of records) this.#keep(record);
    commit.resolve();
  }

  #keep({ kind, since = 0, ...publication }: JournalRecord): void {
    const { channels } = this.paper;
    const { channel, offset, seq, key } = publication;
    let kept = channels.get(channel);
    if (kept === undefined || kept.kind !== kind) {
      kept = {
        kind,
        since: kept?.since ?? since,
        offset: kept?.offset ?? 0,
        trimmedOffset: kept?.trimmedOffset ?? offset - 1,
        trimmedSeq: kept?.trimmedSeq ?? (offset === 1 ? since : seq - 1),
        publications: kept?.publications ?? [],
        entries: new Map(),
      };
      channels.set(channel, kept);
    }
    kept.offset = offset;
    kept.publications.push(publication);
    this.paper.lastSeq = seq;
    this.paper.nextSeq = Math.max(this.paper.nextSeq, seq + 1);
    if (kind !== "map" || key === undefined) return;
    kept.entries.delete(key);
    if (publication.removed !== true) kept.entries.set(key, publication);
  }
}
