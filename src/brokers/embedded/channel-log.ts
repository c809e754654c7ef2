/** One channel as the embedded broker holds it: its place, its recent history, and its map. */
import type {
  ChannelReading,
  ChannelSettings,
  HistoryQuery,
  Journal,
  JournalChannel,
  Past,
  Publication,
} from "../../ports.ts";
import type { HistoryStore } from "./history-store.ts";
import { Ring } from "./ring.ts";

export class ChannelLog {
  readonly channel: string;
  settings: ChannelSettings;
  readonly epoch: string;
  /** The last offset that was delivered. */
  offset: number;
  /** The last offset that was given out, delivered or on its way to the journal. */
  given: number;
  /** How many publications are on their way to the journal, or held until it has those before them. */
  waiting = 0;
  /** The `seq` of the newest publication that history no longer has. */
  trimmedSeq: number;
  /** The map: the latest publication of each key. */
  readonly entries: Map<string, Publication> | undefined;
  readonly #store: HistoryStore;
  /**
   * The `seq` of each publication in history, whose offsets end with `offset` and have no holes. Absent before the first and when
   * all have become too old: who only listens to a channel needs none.
   */
  #history: Ring | undefined;
  /** Nothing in history is older: known without reading the oldest, which lies anywhere in memory. */
  #noneBefore = Number.POSITIVE_INFINITY;

  constructor(store: HistoryStore, channel: string, settings: ChannelSettings, epoch: string, trimmedSeq: number) {
    this.#store = store;
    this.channel = channel;
    this.settings = settings;
    this.epoch = epoch;
    this.offset = 0;
    this.given = 0;
    this.trimmedSeq = trimmedSeq;
    this.entries = settings.kind === "map" ? new Map() : undefined;
  }

  /** Takes over what the journal kept, but for the history. */
  restore({ offset, trimmedSeq, entries }: JournalChannel): void {
    this.offset = offset;
    this.given = offset;
    this.trimmedSeq = trimmedSeq;
    const inOrder = [...entries].sort((one, other) => one.offset - other.offset);
    for (const entry of inOrder) if (entry.key !== undefined) this.entries?.set(entry.key, entry);
  }

  /** Goes on with other settings, of the same kind. True if something of the past had to go for them. */
  adopt(settings: ChannelSettings): boolean {
    const resized = settings.history.size !== this.settings.history.size;
    this.settings = settings;
    if (!resized || this.#history === undefined) return false;
    const surplus = this.held - settings.history.size;
    for (let dropped = 0; dropped < surplus; dropped++) this.#dropFirst();
    const resize = new Ring(settings.history.size);
    for (const seq of this.#history) resize.push(seq);
    this.#history = this.held === 0 ? undefined : resize;
    return surplus > 0;
  }

  /** Nothing of the past is held, so that only the place would be lost with it. */
  get empty(): boolean {
    return this.held === 0 && (this.entries?.size ?? 0) === 0;
  }

  /** How many publications history has. */
  get held(): number {
    return this.#history?.length ?? 0;
  }

  /** The `seq` of the oldest that history has; 0 where it has none. */
  get oldestSeq(): number {
    return this.#history?.at(0) ?? 0;
  }

  /** Notes a delivered publication. True if an older one had to go for it. */
  append(publication: Publication): boolean {
    this.offset = publication.offset;
    if (this.given < publication.offset) this.given = publication.offset;
    if (this.entries !== undefined && publication.key !== undefined) {
      // Deleted first, so that the map's own order is that of the offsets.
      this.entries.delete(publication.key);
      if (publication.removed !== true) this.entries.set(publication.key, publication);
    }
    const expired = this.expire(publication.time);
    return this.keep(publication) || expired;
  }

  /** Takes a publication into history: the one that was delivered, or those up to `offset` after `restore`. True as for `append`. */
  keep(publication: Publication): boolean {
    const { seq, time } = publication;
    const { size } = this.settings.history;
    if (size === 0) {
      this.trimmedSeq = seq;
      return true;
    }
    this.#history ??= new Ring(size);
    const { full } = this.#history;
    if (full) this.#dropFirst();
    // The clock may have been set back.
    if (this.#history.length === 0 || time < this.#noneBefore) this.#noneBefore = time;
    this.#history.push(seq);
    this.#store.add(publication, this);
    return full;
  }

  /** Lets go of what is older than the history's `ttl`. True if there was something. */
  expire(now: number): boolean {
    const oldest = now - this.settings.history.ttl;
    if (this.#noneBefore >= oldest) return false;
    const { held } = this;
    while (this.#readOldestTime() < oldest) this.#dropFirst();
    if (this.held === 0) this.#history = undefined;
    return this.held < held;
  }

  /** Lets go of all history. True if there was something. */
  forget(): boolean {
    if (this.held === 0) return false;
    while (this.held > 0) this.#dropFirst();
    return true;
  }

  /** The last offset that history no longer has. */
  get trimmedOffset(): number {
    return this.offset - this.held;
  }

  read(past: Past, honoured: boolean): ChannelReading {
    const { channel, epoch, offset } = this;
    const { kind } = this.settings;
    const place = { channel, kind, epoch, offset };
    if (past.from === "now") {
      if (this.entries !== undefined) return { ...place, as: "snapshot", publications: [...this.entries.values()] };
      return { ...place, as: "history", publications: this.#last(past.history) };
    }
    if (!honoured) return { ...place, as: "gap", publications: this.#known() };
    const at = past.from === "offset" ? past.offset - this.trimmedOffset : this.#countUpTo(past.position.seq);
    return { ...place, as: "missed", publications: this.#part(at) };
  }

  page({ limit, since, reverse, entries }: HistoryQuery): readonly Publication[] {
    if (limit === 0) return [];
    const most = limit < 0 ? Number.POSITIVE_INFINITY : limit;
    if (entries === true) return this.#pageOfMap(since?.offset ?? 0, most);
    if (reverse === true) {
      const end = since === undefined ? this.held : Math.min(this.held, since.offset - 1 - this.trimmedOffset);
      return this.#part(end - most, end).toReversed();
    }
    const start = since === undefined ? 0 : Math.max(0, since.offset - this.trimmedOffset);
    return this.#part(start, start + most);
  }

  /** What can still be said after a gap: the map, or the history that is left. */
  #known(): readonly Publication[] {
    return this.entries !== undefined ? [...this.entries.values()] : this.#part(0);
  }

  #last(count: number): readonly Publication[] {
    return count <= 0 ? [] : this.#part(this.held - count);
  }

  /** Those of history from `start` to before `end`. */
  #part(start: number, end = this.held): readonly Publication[] {
    const from = Math.max(0, start);
    const to = Math.min(end, this.held);
    if (from >= to) return [];
    return this.#store.part(this.#seqAt(from), this.#seqAt(to - 1), () => {
      const part: Publication[] = [];
      const before = this.trimmedOffset + 1;
      for (let index = from; index < to; index++) part.push(this.#store.get(this.#seqAt(index), before + index));
      return part;
    });
  }

  #seqAt(index: number): number {
    return this.#history?.at(index) as number;
  }

  #pageOfMap(after: number, most: number): readonly Publication[] {
    const page: Publication[] = [];
    for (const entry of this.entries?.values() ?? []) {
      if (page.length >= most) break;
      if (entry.offset > after) page.push(entry);
    }
    return page;
  }

  /** How many of history have a `seq` up to this one. */
  #countUpTo(seq: number): number {
    return this.#history?.countUpTo(seq) ?? 0;
  }

  #readOldestTime(): number {
    const seq = this.#history?.at(0);
    this.#noneBefore = seq === undefined ? Number.POSITIVE_INFINITY : this.#store.timeOf(seq);
    return this.#noneBefore;
  }

  #dropFirst(): void {
    const seq = this.#history?.at(0);
    if (seq === undefined) return;
    this.trimmedSeq = seq;
    this.#history?.shift();
    this.#store.letGo(seq);
  }
}

/** Tells the journal, where it keeps this channel, what history no longer has. */
export function trimJournal(journal: Journal | undefined, log: ChannelLog): void {
  if (log.settings.durable !== "no") journal?.trim(log.channel, log.trimmedOffset, log.trimmedSeq);
}
