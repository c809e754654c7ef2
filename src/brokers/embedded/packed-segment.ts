/**
 * Publications of many channels that follow each other, packed: those that are nothing but their text become parts of one text, so
 * that a few objects stay for the garbage collector to look at, and not two for each of them.
 */
import type { JsonText, Publication } from "../../ports.ts";

/** Whose publication it is. */
export interface Owner {
  readonly channel: string;
  /** The offset of the newest publication that its history no longer has. */
  readonly trimmedOffset: number;
  /** The `seq` of that one. */
  readonly trimmedSeq: number;
}

/** Numbers of one publication: its `seq`, its offset, its time, and where its text ends. */
const stride = 4;

/** What makes segments, of `most` publications at most. */
export class Packing {
  #owners: Owner[] = [];
  #texts: JsonText[] = [];
  /** Those that are more than their texts, where they are in `#owners`. */
  #whole: (Publication | undefined)[] | undefined;
  readonly #numbers: Float64Array;
  readonly #trimmedOffsets: Float64Array;
  #end = 0;

  constructor(most: number) {
    this.#numbers = new Float64Array(stride * most);
    this.#trimmedOffsets = new Float64Array(most);
  }

  get length(): number {
    return this.#owners.length;
  }

  /** Adds a publication, whose `seq` is higher than that of the last. */
  add(owner: Owner, publication: Publication): void {
    const { seq, offset, time, data } = publication;
    if (isText(publication)) this.addText(owner, seq, offset, time, data);
    else {
      this.#whole ??= [];
      this.#whole[this.length] = publication;
      this.addText(owner, seq, offset, time, "");
    }
  }

  /** Adds one that is nothing but its text. */
  addText(owner: Owner, seq: number, offset: number, time: number, data: JsonText): void {
    const at = stride * this.#owners.length;
    this.#end += data.length;
    this.#owners.push(owner);
    this.#texts.push(data);
    this.#numbers[at] = seq;
    this.#numbers[at + 1] = offset;
    this.#numbers[at + 2] = time;
    this.#numbers[at + 3] = this.#end;
  }

  /**
   * What is up to these offsets of them no history has any more. They are read in a loop of their own: channels lie anywhere in
   * memory, and the processor need not wait for one to ask for the next.
   */
  trimmedOffsetsOf(owners: readonly Owner[]): Float64Array {
    for (let at = 0; at < owners.length; at++) this.#trimmedOffsets[at] = (owners[at] as Owner).trimmedOffset;
    return this.#trimmedOffsets;
  }

  /** What was added, and begins anew. Undefined without publications. */
  take(): PackedSegment | undefined {
    if (this.length === 0) return undefined;
    const numbers = this.#numbers.slice(0, stride * this.length);
    const segment = new PackedSegment(this.#owners, this.#texts.join(""), numbers, this.#whole);
    this.#owners = [];
    this.#texts = [];
    this.#whole = undefined;
    this.#end = 0;
    return segment;
  }
}

export class PackedSegment {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly #owners: readonly Owner[];
  readonly #text: string;
  readonly #numbers: Float64Array;
  readonly #whole: readonly (Publication | undefined)[] | undefined;

  constructor(
    owners: readonly Owner[],
    text: string,
    numbers: Float64Array,
    whole: readonly (Publication | undefined)[] | undefined,
  ) {
    this.#owners = owners;
    this.#text = text;
    this.#numbers = numbers;
    this.#whole = whole;
    this.firstSeq = this.#seqAt(0);
    this.lastSeq = this.#seqAt(this.length - 1);
  }

  get length(): number {
    return this.#owners.length;
  }

  /** When it was published; undefined for one that is not here. */
  timeOf(seq: number): number | undefined {
    const at = this.#indexOf(seq);
    return at === -1 ? undefined : this.#timeAt(at);
  }

  /** The publication; undefined for one that is not here. */
  get(seq: number): Publication | undefined {
    const at = this.#indexOf(seq);
    const owner = this.#owners[at];
    if (owner === undefined) return undefined;
    const whole = this.#whole?.[at];
    if (whole !== undefined) return whole;
    return { channel: owner.channel, offset: this.#offsetAt(at), seq, time: this.#timeAt(at), data: this.#dataAt(at) };
  }

  /** Adds to another what histories still have of it. */
  addTo(packing: Packing): void {
    const trimmedOffsets = packing.trimmedOffsetsOf(this.#owners);
    for (let at = 0; at < this.#owners.length; at++) {
      const offset = this.#offsetAt(at);
      if (offset <= (trimmedOffsets[at] as number)) continue;
      const owner = this.#owners[at] as Owner;
      const whole = this.#whole?.[at];
      if (whole === undefined) packing.addText(owner, this.#seqAt(at), offset, this.#timeAt(at), this.#dataAt(at));
      else packing.add(owner, whole);
    }
  }

  #indexOf(seq: number): number {
    let low = 0;
    // Each has at least one more than the one before it, and nearly always just that.
    let high = Math.min(this.length - 1, seq - this.firstSeq);
    if (this.#seqAt(high) === seq) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#seqAt(middle) < seq) low = middle + 1;
      else high = middle;
    }
    return this.#seqAt(low) === seq ? low : -1;
  }

  #seqAt(at: number): number {
    return this.#numbers[stride * at] as number;
  }

  #offsetAt(at: number): number {
    return this.#numbers[stride * at + 1] as number;
  }

  #timeAt(at: number): number {
    return this.#numbers[stride * at + 2] as number;
  }

  /** A part of the segment's text: whoever keeps it keeps all of that in memory. */
  #dataAt(at: number): JsonText {
    const start = at === 0 ? 0 : (this.#numbers[stride * at - 1] as number);
    return this.#text.slice(start, this.#numbers[stride * at + 3]);
  }
}

function isText({ key, tags, info }: Publication): boolean {
  return key === undefined && tags === undefined && info === undefined;
}
