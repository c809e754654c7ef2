/**
 * Keeps the journal's file small, in pieces small enough that no commit waits long behind one.
 *
 * When more rows are spent than wanted, a pass begins: first the marks of all trimmed channels are written down, then
 * the log is walked once from its start to what was then its end, and rows that those marks leave to nobody are
 * deleted. A pass goes by the written marks only, and from the oldest row on: so the removal of a key never goes before
 * the value that it removed, which would come back.
 */
import type { Database } from "bun:sqlite";
import { transaction } from "./database.ts";
import type { ChannelState, JournalChannels } from "./journal-channels.ts";

/** So many more rows must be spent than wanted before a pass is worth it. */
const leastSpent = 128;
/** A piece ends after this many bytes of deleted data: long values lie in chains of pages that are freed one by one. */
const bytesPerPiece = 4 * 2 ** 20;
/** Frames of the WAL (4 KB each) that are checkpointed when there is time, and when there is none. */
const framesAtRest = 1000;
const framesUnderLoad = 4000;
/** Free pages are given back to the disk when they are the greater part of the file, and more than this many. */
const leastFreePages = 1024;
const pagesPerPiece = 256;

interface Walked {
  readonly seq: number;
  readonly channel: number;
  readonly key: string | null;
  readonly bytes: number;
}

interface Pass {
  /** The last row that was looked at. */
  at: number;
  readonly end: number;
  readonly spentAtStart: number;
  deleted: number;
}

export class JournalSweep {
  readonly #database: Database;
  readonly #channels: JournalChannels;
  #pass: Pass | undefined;

  constructor(database: Database, channels: JournalChannels) {
    this.#database = database;
    this.#channels = channels;
  }

  /** Does one piece of at most `rows` rows. True when there is more to do. Throws on a full disk; then call it later. */
  piece(rows: number): boolean {
    if (this.#pass !== undefined) this.#walk(this.#pass, rows);
    else if (this.#due && this.#save(rows)) this.#begin();
    return this.#pass !== undefined || this.#due;
  }

  /** What is done only when no commit came for a while. True when there is more to do. */
  pieceAtRest(rows: number): boolean {
    if (this.piece(rows)) return true;
    if (this.#unwrittenFrames() >= framesAtRest) this.checkpoint();
    return this.#giveBack();
  }

  checkpointUnderLoad(): void {
    if (this.#unwrittenFrames() >= framesUnderLoad) this.checkpoint();
  }

  /**
   * Writes the WAL back into the file, and empties it. Throws on a full disk; then nothing has changed. A WAL that was
   * written back and stays would be read again at the next start: cut or flipped in its middle it would put some pages
   * of the file back to what they were, and leave others, which SQLite's check does not always see.
   */
  checkpoint(): void {
    this.#database.query("PRAGMA wal_checkpoint(TRUNCATE)").get();
  }

  /** Writes all marks down. */
  saveAll(): void {
    this.#save(Number.POSITIVE_INFINITY);
  }

  get #due(): boolean {
    const { rows, spent } = this.#channels;
    return this.#pass === undefined && spent > Math.max(0, rows - spent) + leastSpent;
  }

  /** Writes the marks of at most `most` channels down. True when that was all. */
  #save(most: number): boolean {
    const { unsaved } = this.#channels;
    const saved = unsaved.values().take(most).toArray();
    if (saved.length === 0) return true;
    const update = this.#database.query<unknown, [number, number, number, number]>(
      "UPDATE channels SET offset = ?, trimmed_offset = ?, trimmed_seq = ? WHERE id = ?",
    );
    transaction(this.#database, () => {
      for (const { id, offset, trimmedOffset, trimmedSeq } of saved) update.run(offset, trimmedOffset, trimmedSeq, id);
    });
    for (const channel of saved) this.#saved(channel);
    return unsaved.size === 0;
  }

  #saved(channel: ChannelState): void {
    channel.savedTrimmedSeq = channel.trimmedSeq;
    this.#channels.unsaved.delete(channel);
  }

  #begin(): void {
    const last = this.#database.query<{ end: number | null }, []>("SELECT max(seq) AS end FROM publications").get();
    this.#pass = { at: -1, end: last?.end ?? -1, spentAtStart: this.#channels.spent, deleted: 0 };
  }

  #walk(pass: Pass, rows: number): void {
    const walked = this.#database
      .query<Walked, [number, number, number]>(
        `SELECT seq, channel, key, octet_length(data) AS bytes FROM publications
           WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?`,
      )
      .all(pass.at, pass.end, rows);
    const spent: number[] = [];
    let bytes = 0;
    let at = pass.end;
    for (const row of walked) {
      at = row.seq;
      if (!this.#channels.isSpent(row.channel, row.seq, row.key)) continue;
      spent.push(row.seq);
      bytes += row.bytes;
      if (bytes > bytesPerPiece) break;
    }
    if (spent.length > 0) {
      const remove = this.#database.query("DELETE FROM publications WHERE seq = ?");
      transaction(this.#database, () => {
        for (const seq of spent) remove.run(seq);
      });
    }
    pass.at = at;
    pass.deleted += spent.length;
    this.#channels.rows -= spent.length;
    if (walked.length === 0 || at >= pass.end) this.#end(pass);
  }

  #end({ spentAtStart, deleted }: Pass): void {
    this.#pass = undefined;
    this.#channels.spent = Math.max(0, this.#channels.spent - Math.max(spentAtStart, deleted));
  }

  #giveBack(): boolean {
    const free = this.#number("PRAGMA freelist_count");
    if (free <= leastFreePages || free * 2 <= this.#number("PRAGMA page_count")) return false;
    this.#database.query(`PRAGMA incremental_vacuum(${pagesPerPiece})`).all();
    return true;
  }

  /** Asks without doing anything (`NOOP`). */
  #unwrittenFrames(): number {
    const answer = this.#database.query<{ log: number; checkpointed: number }, []>("PRAGMA wal_checkpoint(NOOP)").get();
    return answer === null ? 0 : answer.log - answer.checkpointed;
  }

  #number(pragma: string): number {
    return Object.values(this.#database.query<Record<string, number>, []>(pragma).get() ?? {})[0] ?? 0;
  }
}
