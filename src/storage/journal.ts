/**
 * The `Journal` in SQLite: `<data>/journal.db`. Everything that touches the disk happens in a worker, so neither a
 * commit, an fsync, trimming nor a checkpoint holds the event loop up.
 *
 * Group commit: one transaction is on its way at a time; what comes meanwhile gathers and is the next one. `yes` is a
 * commit with synchronous=NORMAL: the WAL has been written, so the end of the process loses nothing. `sync` is
 * synchronous=FULL for that transaction: one fsync of the WAL before the answer, shared by all who wait for it.
 */
import { join } from "node:path";
import { Refused } from "../core/refusals.ts";
import type {
  Durability,
  Journal,
  JournalChannel,
  JournalFigures,
  JournalRecord,
  JournalRules,
  JournalRun,
  Log,
} from "../ports.ts";
import { createDirectory } from "./database.ts";
import { GatheredBatch, nothingOwed, type Owed } from "./gathered-batch.ts";
import type { Batch, FromWorker, ToWorker } from "./journal-messages.ts";
import { type OpenedJournal, openJournalWorker } from "./open-journal-worker.ts";

/** What is trimmed waits so long for a commit to go along with, in ms. */
const trimDelay = 1000;

export class SqliteJournal implements Journal {
  readonly epoch: string;
  readonly rules: JournalRules | undefined;
  readonly runs: readonly JournalRun[];
  readonly nextSeq: number;
  readonly #worker: Worker;
  readonly #log: Log;
  #loading: OpenedJournal["loading"] | undefined;
  /** The first one may be on its way; the last one of the others gathers. */
  #batches: GatheredBatch[] = [];
  #onItsWay: Batch | undefined;
  /** Rules, runs and marks of batches that failed: they go with the next one, so that what it keeps rests on them. */
  #owed: Owed = nothingOwed;
  #trims = new Map<string, { readonly offset: number; readonly seq: number }>();
  #trimTimer: ReturnType<typeof setTimeout> | undefined;
  /** Why the last write failed; said once in the log, and once more when it is over. */
  #failing: string | undefined;
  #lost: Error | undefined;
  #closed: Promise<void> | undefined;
  readonly #backups: { readonly resolve: () => void; readonly reject: (thrown: unknown) => void }[] = [];
  readonly #counted = { commits: 0, syncs: 0, kept: 0 };
  #drained: () => void = () => undefined;
  #ended: () => void = () => undefined;

  /** Takes the lock on the data directory and reads the journal. Rejects with `DataDirectoryError`. */
  static async open(directory: string, { log }: { readonly log: Log }): Promise<SqliteJournal> {
    createDirectory(directory);
    return new SqliteJournal(await openJournalWorker(join(directory, "journal.db")), log);
  }

  private constructor(opened: OpenedJournal, log: Log) {
    this.epoch = opened.epoch;
    this.rules = opened.rules;
    this.runs = opened.runs;
    this.nextSeq = opened.nextSeq;
    this.#loading = opened.loading;
    this.#worker = opened.worker;
    this.#log = log;
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#hear(data);
    this.#worker.onerror = ({ message }) => this.#lose(message);
  }

  load(): Iterable<JournalChannel> {
    if (this.#loading === undefined) throw new Error("Cannot load the journal twice");
    const loading = this.#loading;
    this.#loading = undefined;
    return loading.take();
  }

  begin(run: JournalRun): void {
    if (this.#usable) this.#gather().begin(run);
  }

  rule(rules: JournalRules): void {
    if (this.#usable) this.#gather().rule(rules);
  }

  reserve(seq: number): Promise<void> {
    return this.#wait((batch) => batch.reserve(seq));
  }

  append(records: readonly JournalRecord[], durability: Durability): Promise<void> {
    return this.#wait((batch) => batch.append(records, durability === "sync"));
  }

  trim(channel: string, offset: number, seq: number): void {
    if (!this.#usable) return;
    this.#trims.set(channel, { offset, seq });
    this.#trimTimer ??= setTimeout(() => this.#tell({ say: "trim", trims: this.#takeTrims() }), trimDelay);
  }

  forget(channel: string): void {
    if (!this.#usable) return;
    this.#trims.delete(channel);
    // What was appended before goes with it, what comes later does not.
    const gathering = this.#gather();
    (gathering.mayForget ? gathering : this.#newBatch()).forget(channel);
  }

  figures(): JournalFigures {
    const oldest = this.#batches[0]?.begun;
    return {
      ...this.#counted,
      waiting: this.#batches.reduce((sum, { size }) => sum + size, 0),
      lag: oldest === undefined ? 0 : performance.now() - oldest,
      ...(this.#failing === undefined ? {} : { failing: this.#failing }),
    };
  }

  /** Writes a copy to `path`, which must not exist. Commits wait meanwhile. Rejects with `Refused`. */
  backUp(path: string): Promise<void> {
    if (!this.#usable) return Promise.reject(new Refused("notAvailable", "Cannot back up: the journal is closed"));
    return new Promise((resolve, reject) => {
      this.#backups.push({ resolve, reject });
      this.#tell({ say: "backup", path });
    });
  }

  /** Writes all that is on its way, then lets go of the lock. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    if (this.#batches.length > 0) await new Promise<void>((resolve) => (this.#drained = resolve));
    clearTimeout(this.#trimTimer);
    if (this.#lost === undefined) {
      const ended = new Promise<void>((resolve) => (this.#ended = resolve));
      this.#tell({ say: "trim", trims: this.#takeTrims() });
      this.#tell({ say: "close" });
      await ended;
    }
    this.#worker.terminate();
  }

  get #usable(): boolean {
    return this.#closed === undefined && this.#lost === undefined;
  }

  // ── Batches ──

  #wait(add: (batch: GatheredBatch) => void): Promise<void> {
    if (this.#closed !== undefined) {
      return Promise.reject(new Refused("shutdown", "Cannot keep anything: the journal is closed"));
    }
    if (this.#lost !== undefined) return Promise.reject(this.#refused(this.#lost.message));
    return new Promise((resolve, reject) => {
      const batch = this.#gather();
      add(batch);
      batch.wait(resolve, reject);
    });
  }

  /** The batch that gathers. It leaves at the end of this piece of work, or when the one before it is back. */
  #gather(): GatheredBatch {
    const last = this.#batches.at(-1);
    if (last !== undefined && (this.#batches.length > 1 || this.#onItsWay === undefined)) return last;
    return this.#newBatch();
  }

  #newBatch(): GatheredBatch {
    const batch = new GatheredBatch();
    this.#batches.push(batch);
    if (this.#batches.length === 1) queueMicrotask(() => this.#send());
    return batch;
  }

  #send(): void {
    const batch = this.#batches[0];
    if (batch === undefined) {
      this.#drained();
      return;
    }
    this.#onItsWay = batch.message(this.#owed);
    this.#tell({ say: "commit", batch: this.#onItsWay, trims: this.#takeTrims() });
  }

  #hear(message: FromWorker): void {
    if (message.say === "committed") {
      this.#recovered();
      this.#count();
      this.#owed = nothingOwed;
      this.#answer((batch) => batch.resolve());
    } else if (message.say === "failed") {
      this.#fails(message.detail);
      this.#owed = this.#onItsWay ?? nothingOwed;
      this.#answer((batch) => batch.reject(this.#refused(message.detail)));
    } else if (message.say === "untended") this.#log.warn({ detail: message.detail }, "Cannot tidy the journal");
    else if (message.say === "backedUp") this.#backedUp(message.fault);
    else if (message.say === "closed") this.#ended();
  }

  #count(): void {
    this.#counted.commits++;
    if (this.#onItsWay?.sync === true) this.#counted.syncs++;
    this.#counted.kept += this.#batches[0]?.size ?? 0;
  }

  #backedUp(fault: string | undefined): void {
    const backup = this.#backups.shift();
    if (fault === undefined) backup?.resolve();
    else backup?.reject(new Refused("notAvailable", `Cannot back up the journal: ${fault}`));
  }

  #answer(settle: (batch: GatheredBatch) => void): void {
    const batch = this.#batches.shift();
    this.#onItsWay = undefined;
    // First the next one: the disk need not wait for those who are answered.
    this.#send();
    if (batch !== undefined) settle(batch);
  }

  #takeTrims(): string {
    clearTimeout(this.#trimTimer);
    this.#trimTimer = undefined;
    if (this.#trims.size === 0) return "[]";
    const trims = Array.from(this.#trims, ([channel, { offset, seq }]) => [channel, offset, seq]);
    this.#trims.clear();
    return JSON.stringify(trims);
  }

  #tell(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  // ── Trouble ──

  #refused(detail: string): Refused {
    return new Refused("notAvailable", `Cannot keep publications: ${detail}`);
  }

  #fails(detail: string): void {
    if (this.#failing === undefined)
      this.#log.error({ detail }, "Cannot write the journal: publications on durable channels are refused");
    this.#failing = detail;
  }

  #recovered(): void {
    if (this.#failing !== undefined) this.#log.info({}, "The journal can be written again");
    this.#failing = undefined;
  }

  /** The worker is gone; nothing can be kept until the gateway is started anew. */
  #lose(detail: string): void {
    this.#lost = new Error(detail);
    this.#failing = detail;
    this.#log.error({ detail }, "Cannot write the journal: its thread has ended");
    for (const batch of this.#batches.splice(0)) batch.reject(this.#refused(detail));
    for (const backup of this.#backups.splice(0)) backup.reject(this.#refused(detail));
    this.#drained();
    this.#ended();
  }
}
