/** The journal's file: what its worker does, without the messages. All of it is synchronous. */
import { Database, type Statement } from "bun:sqlite";
import type { ChannelKind, JournalRecord, JournalRules, JournalRun } from "../ports.ts";
import { openDatabase, transaction } from "./database.ts";
import { type ChannelState, JournalChannels } from "./journal-channels.ts";
import { journalFormat, newEpoch } from "./journal-format.ts";
import type { Batch, KeptChannel, KeptRow } from "./journal-messages.ts";
import { JournalSweep } from "./journal-sweep.ts";

/** Runs that are remembered; cursors of older ones are answered by a gap. */
const rememberedRuns = 1000;
const rowsPerRead = 4096;

interface MetaRow {
  readonly epoch: string;
  readonly reserved: number;
  readonly rules: string | null;
  readonly rules_from: number;
}

interface ChannelRow {
  readonly id: number;
  readonly name: string;
  readonly kind: ChannelKind;
  readonly since: number;
  readonly offset: number;
  readonly trimmed_offset: number;
  readonly trimmed_seq: number;
}

export class JournalFile {
  readonly epoch: string;
  readonly rules: JournalRules | undefined;
  readonly runs: readonly JournalRun[];
  readonly sweep: JournalSweep;
  readonly #database: Database;
  readonly #channels = new JournalChannels();
  readonly #insert: Statement<unknown, (string | number | null)[]>;
  #nextSeq: number;
  #syncs = false;

  /** `maxPages` bounds the file as a full disk does, where a test cannot have one. */
  constructor(path: string, maxPages?: number) {
    const database = openDatabase(path, journalFormat);
    this.#database = database;
    // Checkpoints are the sweep's, not a commit's.
    database.run("PRAGMA wal_autocheckpoint = 0");
    database.run("PRAGMA journal_size_limit = 33554432");
    database.run("PRAGMA cache_size = -8192");
    database.run("PRAGMA synchronous = NORMAL");
    if (maxPages !== undefined) database.run(`PRAGMA max_page_count = ${maxPages}`);
    const meta = database.query<MetaRow, []>("SELECT * FROM meta").get();
    this.epoch = meta?.epoch || renew(database);
    this.rules = meta === null || meta.rules === null ? undefined : { text: meta.rules, from: meta.rules_from };
    this.#nextSeq = meta?.reserved ?? 0;
    this.runs = database
      .query<JournalRun, []>('SELECT run, from_seq AS "from" FROM runs ORDER BY from_seq, rowid')
      .all();
    this.#insert = database.query("INSERT INTO publications VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
    this.sweep = new JournalSweep(database, this.#channels);
  }

  /** Known when all `rows` are read. */
  get nextSeq(): number {
    return this.#nextSeq;
  }

  /** The first part of reading the file back; a name that is there twice stands for the later channel. */
  readChannels(): readonly KeptChannel[] {
    for (const row of this.#database.query<ChannelRow, []>("SELECT * FROM channels ORDER BY id").iterate()) {
      this.#channels.add(channelState(row));
    }
    return Array.from(
      this.#channels.byName.values(),
      ({ id, name, kind, since, offset, trimmedOffset, trimmedSeq }): KeptChannel => {
        return { id, name, kind, since, offset, trimmedOffset, trimmedSeq };
      },
    );
  }

  /** The second part: all rows in the order of `seq`, some at a time. */
  *readRows(): Iterable<readonly KeptRow[]> {
    const query = this.#database.query<KeptRow, [number, number]>(
      `SELECT channel, offset, seq, time, key, removed, data, tags, info FROM publications
         WHERE seq > ? ORDER BY seq LIMIT ?`,
    );
    for (let after = -1; ; ) {
      const rows = query.values(after, rowsPerRead) as unknown as KeptRow[];
      const [, , last] = rows.at(-1) ?? [];
      if (last === undefined) return;
      after = last;
      this.#nextSeq = Math.max(this.#nextSeq, last + 1);
      yield rows.filter((row) => this.#noteRow(row));
    }
  }

  /** One transaction. Throws when it could not be done, and then nothing of it was; what is to be forgotten is noted. */
  commit(batch: Batch): number {
    for (const name of batch.forget) this.#channels.forget(name);
    const records = (JSON.parse(batch.records) as (readonly JournalRecord[])[]).flat();
    const created = new Map<string, ChannelState>();
    const forgotten = [...this.#channels.forgotten];
    this.#setSync(batch.sync);
    transaction(this.#database, () => {
      for (const { id } of forgotten) this.#database.query("DELETE FROM channels WHERE id = ?").run(id);
      for (const record of records) this.#add(record, created);
      this.#noteRuns(batch);
    });
    this.#channels.gone(forgotten);
    for (const channel of created.values()) this.#channels.add(channel);
    for (const { channel: name, kind, offset, seq, key, removed } of records) {
      const channel = this.#channels.byName.get(name);
      if (channel === undefined) continue;
      if (channel.kind !== kind) this.#channels.changeKind(channel, kind);
      this.#channels.note(channel, offset, seq, key, removed === true);
    }
    return records.length;
  }

  trim(trims: string): void {
    for (const trim of JSON.parse(trims) as Parameters<JournalChannels["trim"]>[0][]) this.#channels.trim(trim);
  }

  /**
   * Writes a whole copy to `path`, which must not exist. Whoever goes on with the copy gives out offsets and positions
   * that this file gives out, too, for other publications: so the copy has no epoch and no runs, and clients are told.
   */
  backUp(path: string): void {
    this.#database.query("VACUUM INTO ?").run(path);
    const copy = new Database(path, { readwrite: true, create: false, strict: true });
    try {
      transaction(copy, () => {
        copy.run("UPDATE meta SET epoch = ''");
        copy.run("DELETE FROM runs");
      });
    } finally {
      copy.close();
    }
  }

  close(): void {
    try {
      this.sweep.saveAll();
    } finally {
      this.#database.close();
    }
  }

  /** False when the row's channel is forgotten. */
  #noteRow([id, offset, seq, , key, removed]: KeptRow): boolean {
    const channel = this.#channels.byId.get(id);
    if (channel === undefined || this.#channels.forgotten.has(channel)) {
      this.#channels.noteOrphan();
      return false;
    }
    this.#channels.note(channel, offset, seq, key, removed !== null);
    return true;
  }

  #add(record: JournalRecord, created: Map<string, ChannelState>): void {
    const { channel: name, kind } = record;
    let channel = created.get(name) ?? this.#channels.byName.get(name);
    if (channel === undefined) {
      channel = this.#create(record);
      created.set(name, channel);
    } else if (channel.kind !== kind) {
      this.#database.query("UPDATE channels SET kind = ? WHERE id = ?").run(kind, channel.id);
    }
    this.#insert.run(
      record.seq,
      channel.id,
      record.offset,
      record.time,
      record.key ?? null,
      record.removed === true ? 1 : null,
      record.data,
      record.tags === undefined ? null : JSON.stringify(record.tags),
      record.info ?? null,
    );
  }

  /** One that does not begin with its first offset was there before, and is forgotten up to here. */
  #create({ channel: name, kind, offset, seq, since = 0 }: JournalRecord): ChannelState {
    const trimmedOffset = offset - 1;
    const trimmedSeq = trimmedOffset === 0 ? since : seq - 1;
    const insert = this.#database.query(
      "INSERT INTO channels (name, kind, since, offset, trimmed_offset, trimmed_seq) VALUES (?, ?, ?, ?, ?, ?)",
    );
    const { lastInsertRowid } = insert.run(name, kind, since, trimmedOffset, trimmedOffset, trimmedSeq);
    const marks = { offset: trimmedOffset, trimmed_offset: trimmedOffset, trimmed_seq: trimmedSeq };
    return channelState({ id: Number(lastInsertRowid), name, kind, since, ...marks });
  }

  #noteRuns({ rules, runs, reserve }: Batch): void {
    if (rules !== undefined)
      this.#database.query("UPDATE meta SET rules = ?, rules_from = ?").run(rules.text, rules.from);
    if (reserve > 0) this.#database.query("UPDATE meta SET reserved = max(reserved, ?)").run(reserve);
    for (const { run, from } of runs) {
      this.#database.query("INSERT INTO runs (from_seq, run) VALUES (?, ?)").run(from, run);
      const old = "SELECT rowid FROM runs ORDER BY from_seq DESC, rowid DESC LIMIT -1 OFFSET ?";
      this.#database.query(`DELETE FROM runs WHERE rowid IN (${old})`).run(rememberedRuns);
    }
  }

  /** In WAL mode FULL means one fsync of the WAL before a commit returns; it covers the earlier commits with it. */
  #setSync(sync: boolean): void {
    if (sync === this.#syncs) return;
    this.#database.run(`PRAGMA synchronous = ${sync ? "FULL" : "NORMAL"}`);
    this.#syncs = sync;
  }
}

function renew(database: Database): string {
  const epoch = newEpoch();
  database.query("UPDATE meta SET epoch = ?").run(epoch);
  return epoch;
}

function channelState({ id, name, kind, since, offset, ...marks }: ChannelRow): ChannelState {
  const { trimmed_offset: trimmedOffset, trimmed_seq: trimmedSeq } = marks;
  return { id, name, kind, since, offset, trimmedOffset, trimmedSeq, savedTrimmedSeq: trimmedSeq, values: new Map() };
}
