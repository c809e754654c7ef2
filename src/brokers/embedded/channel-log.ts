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
  /** Absent before the first publication and when all have become too old: who only listens to a channel needs none. */
  #ring: Ring<Publication> | undefined;
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
    // The journal trims late, and the bounds may have become narrower: it may give back more than they allow.
    for (const publication of kept.publications) this.#keep(publication);
    const entries = [...kept.entries].sort((one, other) => one.offset - other.offset);
    for (const entry of entries) if (entry.key !== undefined) this.entries?.set(entry.key, entry);
  }

  /** Goes on with other settings, of the same kind. True if something of the past had to go for them. */
  adopt(settings: ChannelSettings): boolean {
    const held = this.#history.slice(0);
    const resized = settings.history.size !== this.settings.history.size;
    this.settings = settings;
    if (!resized) return false;
    this.#ring = undefined;
    this.#oldestTime = Number.POSITIVE_INFINITY;
    for (const publication of held) this.#keep(publication);
    return this.#history.length < held.length;
  }

  /** Nothing of the past is held, so that only the place would be lost with it. */
  get empty(): boolean {
    return this.held === 0 && (this.entries?.size ?? 0) === 0;
  }

  /** How many publications history has. */
  get held(): number {
    return this.#ring?.length ?? 0;
  }

  /** For how many publications history has room without growing. */
  get room(): number {
    return this.#ring?.room ?? 0;
  }

  /** The `seq` of the oldest that history has; 0 where it has none. */
  get oldestSeq(): number {
    return this.#ring?.at(0)?.seq ?? 0;
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
    return this.#keep(publication) || expired;
  }

  /** Lets go of what is older than the history's `ttl`. True if there was something. */
  expire(now: number): boolean {
    const oldest = now - this.settings.history.ttl;
    if (this.#oldestTime >= oldest) return false;
    while (this.#oldestTime < oldest) this.#dropFirst();
    if (this.held === 0) this.#ring = undefined;
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
    return (this.#ring?.at(0)?.offset ?? this.offset + 1) - 1;
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
      past.from === "offset" ? Math.max(0, past.offset - this.trimmedOffset) : this.#indexAfter(past.position.seq);
    return { ...place, as: "missed", publications: this.#history.slice(at) };
  }

  page({ limit, since, reverse, entries }: HistoryQuery): readonly Publication[] {
    if (limit === 0) return [];
    const most = limit < 0 ? Number.POSITIVE_INFINITY : limit;
    if (entries === true) return this.#pageOfMap(since?.offset ?? 0, most);
    const held = this.#history.slice(0);
    if (reverse === true) {
      const before = since === undefined ? held : held.filter((publication) => publication.offset < since.offset);
      return before.slice(Math.max(0, before.length - most)).reverse();
    }
    const after = since === undefined ? held : held.filter((publication) => publication.offset > since.offset);
    return after.slice(0, most);
  }

  /** What can still be said after a gap: the map, or the history that is left. */
  #known(): readonly Publication[] {
    return this.entries !== undefined ? [...this.entries.values()] : this.#history.slice(0);
  }

  #last(count: number): readonly Publication[] {
    return count <= 0 ? [] : this.#history.slice(this.#history.length - count);
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
    let low = 0;
    let high = this.#history.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#history.at(middle)?.seq ?? 0) > seq) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  get #history(): Ring<Publication> {
    this.#ring ??= new Ring(this.settings.history.size);
    return this.#ring;
  }

  /** True if an older one had to go for it. */
  #keep(publication: Publication): boolean {
    if (this.settings.history.size === 0) {
      this.trimmedSeq = publication.seq;
      return true;
    }
    const ring = this.#history;
    const { full } = ring;
    if (full) this.#dropFirst();
    ring.push(publication);
    if (ring.length === 1) this.#oldestTime = publication.time;
    return full;
  }

  #dropFirst(): void {
    this.trimmedSeq = this.#history.at(0)?.seq ?? this.trimmedSeq;
    this.#history.shift();
    this.#oldestTime = this.#history.at(0)?.time ?? Number.POSITIVE_INFINITY;
  }
}

/** Tells the journal, where it keeps this channel, what history no longer has. */
export function trimJournal(journal: Journal | undefined, log: ChannelLog): void {
  if (log.settings.durable !== "no") journal?.trim(log.channel, log.trimmedOffset, log.trimmedSeq);
}
