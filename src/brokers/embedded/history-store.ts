/**
 * The publications that histories hold, of all channels: channels know them by their `seq`. The newest are the objects that
 * were delivered. What is still held when some thousand others have come is packed, so that the garbage collector, which
 * looks at every object that stays, hardly notices how much that is.
 */
import type { Publication } from "../../ports.ts";
import { type Owner, type PackedSegment, Packing } from "./packed-segment.ts";

/** So many publications make a segment; at most twice as many where those of several are packed anew. */
const defaultSegmentSize = 512;
/** Larger data is packed with no gain, and would stay in memory after its time. */
const largestPacked = 1024;
/** So many segments of what no history has any more may stay, beside as much as histories have. */
const slack = 8;
/** So many segments are packed anew at a time. */
const cleanedTogether = 4;

export class HistoryStore {
  /** By `seq`: what is large, and what has a key or tags or the like. */
  readonly #single = new Map<number, Publication>();
  /** In the order of `seq`. */
  #segments: PackedSegment[] = [];
  /** Not packed yet: the newest, and those just before them. */
  #newest = new LooseSegment();
  #newer = new LooseSegment();
  readonly #segmentSize: number;
  readonly #packing: Packing;
  /** How many publications histories have, of those that can be packed. */
  #held = 0;
  /** How many there are in `#segments`. */
  #packed = 0;
  /** The first of `#segments` that is to be packed anew next. */
  #nextCleaned = 0;

  /** `segmentSize`: how many publications are packed together; for tests. Default 512. */
  constructor(segmentSize = defaultSegmentSize) {
    this.#segmentSize = segmentSize;
    this.#packing = new Packing(2 * segmentSize);
  }

  /** How many publications histories have. */
  get held(): number {
    return this.#held + this.#single.size;
  }

  /** How many publications take memory. */
  get size(): number {
    return this.#packed + this.#newer.length + this.#newest.length + this.#single.size;
  }

  /** Takes a publication into its channel's history. Its `seq` is higher than that of any before. */
  add(publication: Publication, owner: Owner): void {
    if (!isPlain(publication)) {
      this.#single.set(publication.seq, publication);
      return;
    }
    this.#held++;
    this.#newest.add(publication, owner);
    if (this.#newest.length === this.#segmentSize) this.#packNewer();
  }

  /** A history has no longer this one, which it had. Its owner's `trimmedSeq` says so, too. */
  letGo(seq: number): void {
    if (this.#single.size === 0 || !this.#single.delete(seq)) this.#held--;
  }

  /** When one that a history has was published. */
  timeOf(seq: number): number {
    const time = (this.#loose(seq) ?? this.#single.get(seq))?.time ?? this.#segmentOf(seq)?.timeOf(seq);
    if (time === undefined) throw new Error(`The publication ${seq} is not held`);
    return time;
  }

  /** One that a history has, whose offset in its channel is known there. */
  get(seq: number, offset: number): Publication {
    const publication = this.#loose(seq) ?? this.#single.get(seq) ?? this.#segmentOf(seq)?.get(seq, offset);
    if (publication === undefined) throw new Error(`The publication ${seq} is not held`);
    return publication;
  }

  /** Whether more than half of the memory is for what no history has any more. */
  get wasteful(): boolean {
    return this.#packed > 2 * this.#held + slack * this.#segmentSize;
  }

  /** Gives back memory of some thousand that no history has any more. */
  clean(): void {
    const from = this.#nextCleaned;
    const old = this.#segments.slice(from, from + cleanedTogether);
    const fresh: PackedSegment[] = [];
    for (const segment of old) {
      this.#packed -= segment.length;
      if (this.#packing.length + segment.length > 2 * this.#segmentSize) this.#pack(fresh);
      segment.addTo(this.#packing);
    }
    this.#pack(fresh);
    this.#segments.splice(from, old.length, ...fresh);
    // Behind the last it begins anew, before others are added there that nothing can have gone of yet.
    const next = from + fresh.length;
    this.#nextCleaned = next < this.#segments.length ? next : 0;
  }

  #packNewer(): void {
    this.#newer.addTo(this.#packing);
    this.#pack(this.#segments);
    this.#newer = this.#newest;
    this.#newest = new LooseSegment();
    // Twice as much as has come at most, so that it always catches up.
    if (this.wasteful) this.clean();
  }

  #pack(segments: PackedSegment[]): void {
    const segment = this.#packing.take();
    if (segment === undefined) return;
    this.#packed += segment.length;
    segments.push(segment);
  }

  #loose(seq: number): Publication | undefined {
    return this.#newest.get(seq) ?? this.#newer.get(seq);
  }

  /** The last that does not begin after it. */
  #segmentOf(seq: number): PackedSegment | undefined {
    let low = 0;
    let high = this.#segments.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#segments[middle] as PackedSegment).firstSeq <= seq) low = middle + 1;
      else high = middle;
    }
    return this.#segments[low - 1];
  }
}

/** Publications that follow each other, as they were delivered. */
class LooseSegment {
  readonly #publications: Publication[] = [];
  readonly #owners: Owner[] = [];

  get length(): number {
    return this.#publications.length;
  }

  add(publication: Publication, owner: Owner): void {
    this.#publications.push(publication);
    this.#owners.push(owner);
  }

  get(seq: number): Publication | undefined {
    const first = this.#publications[0];
    if (first === undefined || seq < first.seq) return undefined;
    let low = 0;
    let high = Math.min(this.#publications.length - 1, seq - first.seq);
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#publications[middle] as Publication).seq <= seq) low = middle;
      else high = middle - 1;
    }
    const found = this.#publications[low];
    return found?.seq === seq ? found : undefined;
  }

  addTo(packing: Packing): void {
    const trimmedSeqs = packing.trimmedSeqsOf(this.#owners);
    for (let at = 0; at < this.#publications.length; at++) {
      const { seq, time, data } = this.#publications[at] as Publication;
      if (seq > (trimmedSeqs[at] as number)) packing.add(this.#owners[at] as Owner, seq, time, data);
    }
  }
}

/** It is nothing but its text. */
function isPlain({ data, key, tags, info }: Publication): boolean {
  return data.length <= largestPacked && key === undefined && tags === undefined && info === undefined;
}
