/** One channel as the embedded broker holds it: its place, its recent history, and its map. */
import type { ChannelReading, ChannelSettings, HistoryQuery, JournalChannel, Past, Publication } from "../../ports.ts";

/** The list is cut when this many publications at its front are spent, and they are half of it. */
const spentBeforeCut = 64;

export class ChannelLog {
  readonly channel: string;
  readonly settings: ChannelSettings;
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
  #publications: Publication[] = [];
  #first = 0;
  /** When the oldest that is held was published: known without touching it, which lies anywhere in memory. */
  #oldestTime = Number.POSITIVE_INFINITY;

  constructor(channel: string, settings: ChannelSettings, epoch: string, trimmedSeq: number) {
    this.channel = channel;
    this.settings = settings;
    this.epoch = epoch;
    this.offset = 0;
    this.given = 0;
    this.trimmedSeq = trimmedSeq;
    this.entries = settings.kind === "map" ? new Map() : undefined;
  }

  /** Takes over what the journal kept. */
  restore(kept: JournalChannel): void {
    this.offset = kept.offset;
    this.given = kept.offset;
    this.trimmedSeq = kept.trimmedSeq;
    this.#publications = [...kept.publications];
    this.#oldestTime = kept.publications[0]?.time ?? Number.POSITIVE_INFINITY;
    // The journal trims late, and the bounds may have become narrower: it may give back more than they allow.
    while (this.held > this.settings.history.size) this.#dropFirst();
    const entries = [...kept.entries].sort((one, other) => one.offset - other.offset);
    for (const entry of entries) if (entry.key !== undefined) this.entries?.set(entry.key, entry);
  }

  /** Nothing of the past is held, so that only the place would be lost with it. */
  get empty(): boolean {
    return this.#publications.length === this.#first && (this.entries?.size ?? 0) === 0;
  }

  /** How many of the last publications are held. */
  get held(): number {
    return this.#publications.length - this.#first;
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
    if (this.settings.history.size === 0) {
      this.trimmedSeq = publication.seq;
      return true;
    }
    if (this.#publications.push(publication) === this.#first + 1) this.#oldestTime = publication.time;
    let trimmed = this.expire(publication.time);
    if (this.held > this.settings.history.size) {
      this.#dropFirst();
      trimmed = true;
    }
    return trimmed;
  }

  /** Lets go of what is older than the history's `ttl`. True if there was something. */
  expire(now: number): boolean {
    const oldest = now - this.settings.history.ttl;
    if (this.#oldestTime >= oldest) return false;
    while (this.#oldestTime < oldest) this.#dropFirst();
    return true;
  }

  /** Lets go of all history. True if there was something. */
  forget(): boolean {
    if (this.held === 0) return false;
    while (this.held > 0) this.#dropFirst();
    return true;
  }

  /** The last offset that history no longer has. */
  get trimmedOffset(): number {
    return (this.#publications[this.#first]?.offset ?? this.offset + 1) - 1;
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
    const at =
      past.from === "offset"
        ? this.#first + Math.max(0, past.offset - this.trimmedOffset)
        : this.#indexAfter(past.position.seq);
    return { ...place, as: "missed", publications: this.#publications.slice(at) };
  }

  page({ limit, since, reverse, entries }: HistoryQuery): readonly Publication[] {
    if (limit === 0) return [];
    const most = limit < 0 ? Number.POSITIVE_INFINITY : limit;
    if (entries === true) return this.#pageOfMap(since?.offset ?? 0, most);
    const held = this.#publications.slice(this.#first);
    if (reverse === true) {
      const before = since === undefined ? held : held.filter((publication) => publication.offset < since.offset);
      return before.slice(Math.max(0, before.length - most)).reverse();
    }
    const after = since === undefined ? held : held.filter((publication) => publication.offset > since.offset);
    return after.slice(0, most);
  }

  /** What can still be said after a gap: the map, or the history that is left. */
  #known(): readonly Publication[] {
    return this.entries !== undefined ? [...this.entries.values()] : this.#publications.slice(this.#first);
  }

  #last(count: number): readonly Publication[] {
    return count <= 0 ? [] : this.#publications.slice(Math.max(this.#first, this.#publications.length - count));
  }

  #pageOfMap(after: number, most: number): readonly Publication[] {
    const page: Publication[] = [];
    for (const entry of this.entries?.values() ?? []) {
      if (page.length >= most) break;
      if (entry.offset > after) page.push(entry);
    }
    return page;
  }

  #indexAfter(seq: number): number {
    let low = this.#first;
    let high = this.#publications.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#publications[middle]?.seq ?? 0) > seq) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #dropFirst(): void {
    this.trimmedSeq = this.#publications[this.#first]?.seq ?? this.trimmedSeq;
    this.#first++;
    if (this.#first >= spentBeforeCut && this.#first * 2 >= this.#publications.length) {
      this.#publications = this.#publications.slice(this.#first);
      this.#first = 0;
    }
    this.#oldestTime = this.#publications[this.#first]?.time ?? Number.POSITIVE_INFINITY;
  }
}
