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

/** The numbers that a ring has room for at first. */
const smallestRing = 2;

export class ChannelLog {
  readonly channel: string;
  settings: ChannelSettings;
  readonly epoch: string;
  /** The last offset that was delivered. */
  offset = 0;
  /** The last offset that history no longer has: offsets have no holes. Only a log itself moves it. */
  trimmedOffset = 0;
  /** The last offset that was given out, delivered or on its way to the journal. */
  given = 0;
  /** How many publications are on their way to the journal, or held until it has those before them. */
  waiting = 0;
  /** The map: the latest publication of each key. */
  readonly entries: Map<string, Publication> | undefined;
  readonly #store: HistoryStore;
  /**
   * The `seq` of each publication in history and of the newest before them, by their offsets. There is one just while history has
   * something, and 0 stands for none: who only listens to a channel needs none.
   */
  #ring = 0;
  /** `trimmedSeq` while there is no ring. */
  #trimmedSeq: number;
  /** Nothing in history is older: known without reading the oldest, which lies anywhere in memory. */
  #noneBefore = Number.POSITIVE_INFINITY;

  constructor(store: HistoryStore, channel: string, settings: ChannelSettings, epoch: string, trimmedSeq: number) {
    this.#store = store;
    this.channel = channel;
    this.settings = settings;
    this.epoch = epoch;
    this.#trimmedSeq = trimmedSeq;
    this.entries = settings.kind === "map" ? new Map() : undefined;
  }

  /** Takes over what the journal kept, but for the history, which is to be given to `keep` then. */
  restore({ offset, trimmedSeq, publications, entries }: JournalChannel): void {
    this.offset = offset - publications.length;
    this.trimmedOffset = this.offset;
    this.given = offset;
    this.#trimmedSeq = trimmedSeq;
    const inOrder = [...entries].sort((one, other) => one.offset - other.offset);
    for (const entry of inOrder) if (entry.key !== undefined) this.entries?.set(entry.key, entry);
  }

  /** Goes on with other settings, of the same kind. True if something of the past had to go for them. */
  adopt(settings: ChannelSettings): boolean {
    this.settings = settings;
    const surplus = this.held - settings.history.size;
    for (let dropped = 0; dropped < surplus; dropped++) this.#dropFirst();
    this.fitRing();
    return surplus > 0;
  }

  /** Takes no more room for what history has than that needs, and lets go of room that others have left. */
  fitRing(): void {
    if (this.held === 0) this.#giveRing();
    else this.#resizeRing();
  }

  /** Nothing of the past is held, so that only the place would be lost with it. */
  get empty(): boolean {
    return this.held === 0 && (this.entries?.size ?? 0) === 0;
  }

  /** How many publications history has. */
  get held(): number {
    return this.offset - this.trimmedOffset;
  }

  /** The `seq` of the newest publication that history no longer has. */
  get trimmedSeq(): number {
    return this.#ring === 0 ? this.#trimmedSeq : this.#seqOf(this.trimmedOffset);
  }

  /** What stands where the next publication will mostly be noted: a place that was not read before is as slow to write as to read. */
  get replacedNext(): number {
    return this.#ring === 0 ? 0 : this.#seqOf(this.offset + 1);
  }

  /** Notes a delivered publication. True if an older one had to go for it. */
  append(publication: Publication): boolean {
    if (this.given < publication.offset) this.given = publication.offset;
    if (this.entries !== undefined && publication.key !== undefined) {
      // Deleted first, so that the map's own order is that of the offsets.
      this.entries.delete(publication.key);
      if (publication.removed !== true) this.entries.set(publication.key, publication);
    }
    const expired = this.expire(publication.time);
    return this.keep(publication) || expired;
  }

  /** Takes the next publication into history: the one that was delivered, or one after `restore`. True as for `append`. */
  keep(publication: Publication): boolean {
    const { seq, offset, time } = publication;
    const { size } = this.settings.history;
    if (size === 0) {
      this.offset = offset;
      this.trimmedOffset = offset;
      this.#trimmedSeq = seq;
      return true;
    }
    const full = this.held === size;
    if (full) this.#dropFirst();
    // The clock may have been set back.
    if (this.held === 0 || time < this.#noneBefore) this.#noneBefore = time;
    this.#makeRoom();
    this.offset = offset;
    this.#store.rings.set(this.#ring, offset, seq);
    this.#store.add(publication, this);
    return full;
  }

  /** Lets go of what is older than the history's `ttl`. True if there was something. */
  expire(now: number): boolean {
    const oldest = now - this.settings.history.ttl;
    if (this.#noneBefore >= oldest) return false;
    const { trimmedOffset } = this;
    while (this.#readOldestTime() < oldest) this.#dropFirst();
    if (this.held === 0) this.#giveRing();
    return this.trimmedOffset > trimmedOffset;
  }

  /** Lets go of all history. True if there was something. */
  forget(): boolean {
    if (this.held === 0) return false;
    while (this.held > 0) this.#dropFirst();
    this.#giveRing();
    return true;
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
    const [first, last] = [this.trimmedOffset + from + 1, this.trimmedOffset + to];
    return this.#store.part(this.#seqOf(first), this.#seqOf(last), () => {
      const part: Publication[] = [];
      for (let offset = first; offset <= last; offset++) part.push(this.#store.get(this.#seqOf(offset)));
      return part;
    });
  }

  /** Of one in history, or the newest before them. */
  #seqOf(offset: number): number {
    return this.#store.rings.at(this.#ring, offset);
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
    let low = 0;
    let high = this.held;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#seqOf(this.trimmedOffset + middle + 1) > seq) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #readOldestTime(): number {
    const oldest = this.trimmedOffset + 1;
    this.#noneBefore = this.held === 0 ? Number.POSITIVE_INFINITY : this.#store.timeOf(this.#seqOf(oldest));
    return this.#noneBefore;
  }

  #dropFirst(): void {
    this.trimmedOffset++;
    this.#store.letGo(this);
  }

  /** In the ring, for the next. */
  #makeRoom(): void {
    const { rings } = this.#store;
    if (this.#ring === 0) {
      this.#ring = rings.take(smallestRing);
      rings.set(this.#ring, this.trimmedOffset, this.#trimmedSeq);
    } else if (this.held + 2 > rings.sizeOf(this.#ring)) this.#resizeRing();
  }

  /** To what history has, the newest before that, and the next. */
  #resizeRing(): void {
    const { rings } = this.#store;
    let size = smallestRing;
    while (size < this.held + 2) size *= 2;
    if (size === rings.sizeOf(this.#ring) && rings.settled(this.#ring)) return;
    const former = this.#ring;
    this.#ring = rings.take(size);
    for (let offset = this.trimmedOffset; offset <= this.offset; offset++) {
      rings.set(this.#ring, offset, rings.at(former, offset));
    }
    rings.give(former);
  }

  #giveRing(): void {
    this.#trimmedSeq = this.trimmedSeq;
    if (this.#ring !== 0) this.#store.rings.give(this.#ring);
    this.#ring = 0;
  }
}

/** Tells the journal, where it keeps this channel, what history no longer has. */
export function trimJournal(journal: Journal | undefined, log: ChannelLog): void {
  if (log.settings.durable !== "no") journal?.trim(log.channel, log.trimmedOffset, log.trimmedSeq);
}
