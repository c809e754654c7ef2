/**
 * The publications that histories hold, of all channels: channels know them by their `seq`. The newest are the objects that
 * were delivered. What is still held when some thousand others have come is packed, so that the garbage collector, which
 * looks at every object that stays, hardly notices how much that is.
 */
import type { Publication } from "../../ports.ts";
import { LargePublications } from "./large-publications.ts";
import { LooseSegment } from "./loose-segment.ts";
import { type Owner, type PackedSegment, Packing } from "./packed-segment.ts";
import { Rings } from "./rings.ts";

/** So many publications make a segment; at most twice as many where those of several are packed together. */
const defaultSegmentSize = 512;
/** So many segments of what no history has any more may stay, beside as many publications as histories have. */
const slack = 8;
/** What is larger is not packed, and goes when its history is without it. */
const largestPacked = 256;
const mostTagsPacked = 4;
/** At least so many publications for each that has come are looked at to find what no history has any more. */
const cleanedPerNew = 4;
/** So many at most at a time, however few publications are in each of them. */
const segmentsTogether = 256;
/** So many parts of histories stay as they were read, for the next who reads the same. */
const partsKept = 8;
/** Shorter ones do not, in publications, nor do larger ones, in characters. */
const shortestKept = 16;
const largestKept = 2 ** 21;

export class HistoryStore {
  /** Where channels note the `seq` of what their histories have. */
  readonly rings = new Rings();
  readonly #large = new LargePublications();
  /** In the order of `seq`. */
  #segments: PackedSegment[] = [];
  /** What was read last. */
  #parts: Part[] = [];
  /** Where the last was found: the next is mostly there, too. */
  #lastFound: PackedSegment | undefined;
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
    return this.#held + this.#large.size;
  }

  /** How many segments are packed. */
  get segments(): number {
    return this.#segments.length;
  }

  /** How many publications take memory. */
  get size(): number {
    return this.#packed + this.#newer.length + this.#newest.length + this.#large.size;
  }

  /** Takes a publication into its channel's history. Its `seq` is higher than that of any before. */
  add(publication: Publication, owner: Owner): void {
    if (isLarge(publication)) {
      this.#large.add(publication);
      return;
    }
    this.#held++;
    this.#newest.add(publication, owner);
    if (this.#newest.length === this.#segmentSize) this.#packNewer();
  }

  /** The owner has just let go of one, whose `seq` its `trimmedSeq` is now. */
  letGo(owner: Owner): void {
    if (this.#large.size === 0 || !this.#large.delete(owner.trimmedSeq)) this.#held--;
  }

  /** When one that a history has was published. */
  timeOf(seq: number): number {
    return found(this.#asItCame(seq)?.time ?? this.#segmentOf(seq)?.timeOf(seq), seq);
  }

  /** One that a history has. */
  get(seq: number): Publication {
    return found(this.#asItCame(seq) ?? this.#segmentOf(seq)?.get(seq), seq);
  }

  /** The part of a channel's history from one to another that it has: as somebody else has read it, or as `read` reads it. */
  part(firstSeq: number, lastSeq: number, read: () => readonly Publication[]): readonly Publication[] {
    for (const part of this.#parts) {
      if (part.firstSeq === firstSeq && part.lastSeq === lastSeq) return part.publications;
    }
    const publications = read();
    const size = publications.reduce((sum, { data }) => sum + data.length, 0);
    if (publications.length >= shortestKept && size <= largestKept) {
      this.#parts = [{ firstSeq, lastSeq, publications }, ...this.#parts.slice(0, partsKept - 1)];
    }
    return publications;
  }

  /** Lets go of the parts that were read. */
  forgetParts(): void {
    this.#parts = [];
  }

  /** Whether of what is packed more is for nobody than for histories. */
  get wasteful(): boolean {
    return this.#packed > 2 * this.#held + slack * this.#segmentSize;
  }

  /** Gives back what no history has any more among some thousand publications: each time among the next. */
  clean(): void {
    const from = this.#nextCleaned;
    const fresh: PackedSegment[] = [];
    const end = Math.min(from + segmentsTogether, this.#segments.length);
    let looked = 0;
    let to = from;
    while (to < end && looked < cleanedPerNew * this.#segmentSize) {
      const segment = this.#segments[to++] as PackedSegment;
      looked += segment.length;
      if (this.#packing.length + segment.length > 2 * this.#segmentSize) this.#pack(fresh);
      this.#takeOver(segment);
    }
    this.#pack(fresh);
    this.#segments.splice(from, to - from, ...fresh);
    // Behind the last it begins anew, before others are added there that nothing can have gone of yet.
    const next = from + fresh.length;
    this.#nextCleaned = next < this.#segments.length ? next : 0;
  }

  #packNewer(): void {
    // What is left of few goes together with what is left of those before them.
    const last = this.#segments.at(-1);
    if (last !== undefined && last.length < this.#segmentSize) {
      this.#segments.pop();
      this.#takeOver(last);
    }
    this.#newer.addTo(this.#packing);
    this.#pack(this.#segments);
    this.#newer = this.#newest;
    this.#newest = new LooseSegment();
    if (this.wasteful) this.clean();
  }

  #takeOver(segment: PackedSegment): void {
    this.#lastFound = undefined;
    this.#packed -= segment.length;
    segment.addTo(this.#packing);
  }

  #pack(segments: PackedSegment[]): void {
    const segment = this.#packing.take();
    if (segment === undefined) return;
    this.#packed += segment.length;
    segments.push(segment);
  }

  #asItCame(seq: number): Publication | undefined {
    return this.#newest.get(seq) ?? this.#newer.get(seq) ?? this.#large.get(seq);
  }

  /** The one that has it. */
  #segmentOf(seq: number): PackedSegment | undefined {
    const last = this.#lastFound;
    if (last !== undefined && seq >= last.firstSeq && seq <= last.lastSeq) return last;
    let low = 0;
    let high = this.#segments.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#segments[middle] as PackedSegment).firstSeq <= seq) low = middle + 1;
      else high = middle;
    }
    this.#lastFound = this.#segments[low - 1];
    return this.#lastFound;
  }
}

/** What one of a crowd has read: those who come back together have missed the same. */
interface Part {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly publications: readonly Publication[];
}

function found<T>(value: T | undefined, seq: number): T {
  if (value === undefined) throw new Error(`The publication ${seq} is not held`);
  return value;
}

function isLarge({ data, tags }: Publication): boolean {
  return data.length > largestPacked || (tags !== undefined && Object.keys(tags).length > mostTagsPacked);
}
