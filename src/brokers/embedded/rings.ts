/**
 * Rings of numbers, of many owners, in a few large arrays: a ring that is an object of its own would be three more places in memory
 * that the processor waits for, and the garbage collector looks at. An owner has the number of its ring; 0 is none.
 */

/** A block has so many numbers, all of rings of one size; larger rings have a block each. */
const blockBits = 14;
const blockSize = 2 ** blockBits;

/** So much room may be empty, beside three times as much as is taken. */
const slack = 16 * blockSize;

export class Rings {
  readonly #blocks: (Block | undefined)[] = [undefined];
  /** Places in `#blocks` that others had. */
  readonly #free: number[] = [];
  /** Those with room, by the size of their rings. */
  readonly #open = new Map<number, Block[]>();
  #room = 0;
  /** How many numbers are of rings that are taken. */
  #taken = 0;

  /** How many numbers take memory. */
  get room(): number {
    return this.#room;
  }

  /** Few rings are left of many, and keep blocks that are nearly empty: time to `leave` them. */
  get sparse(): boolean {
    return this.#room > 4 * this.#taken + slack;
  }

  /** Rings are taken elsewhere from now on: a block goes when those of its rings that are not `settled` have been given back. */
  leave(): void {
    this.#open.clear();
    for (const block of this.#blocks) {
      if (block === undefined) continue;
      block.left = true;
      if (block.empty) this.#drop(block);
    }
  }

  /** Whether a ring need not be taken anew. */
  settled(ring: number): boolean {
    return !this.#blockOf(ring).left;
  }

  /** A ring that keeps `size` numbers, which is a power of two. What it has at first is nobody's. */
  take(size: number): number {
    const open = this.#openOf(size);
    const block = open.at(-1) ?? this.#add(size, open);
    const at = block.take();
    this.#taken += size;
    if (block.full) open.pop();
    return block.place * blockSize + at;
  }

  give(ring: number): void {
    const block = this.#blockOf(ring);
    const open = this.#openOf(block.mask + 1);
    if (block.full && !block.left) open.push(block);
    block.give(startOf(ring));
    this.#taken -= block.mask + 1;
    // A small one stays, for owners that come and go.
    if (!block.empty || (open.length === 1 && block.numbers.length === blockSize && !block.left)) return;
    if (!block.left) open.splice(open.indexOf(block), 1);
    this.#drop(block);
  }

  /** How many numbers it keeps. */
  sizeOf(ring: number): number {
    return this.#blockOf(ring).mask + 1;
  }

  /** The number of `turn`, if that is one of the last turns that were set. */
  at(ring: number, turn: number): number {
    const { numbers, mask } = this.#blockOf(ring);
    return numbers[startOf(ring) + (turn & mask)] as number;
  }

  /** Takes the place of that of `sizeOf` turns before. */
  set(ring: number, turn: number, number: number): void {
    const { numbers, mask } = this.#blockOf(ring);
    numbers[startOf(ring) + (turn & mask)] = number;
  }

  #blockOf(ring: number): Block {
    return this.#blocks[ring >>> blockBits] as Block;
  }

  #drop(block: Block): void {
    this.#blocks[block.place] = undefined;
    this.#free.push(block.place);
    this.#room -= block.numbers.length;
  }

  #openOf(size: number): Block[] {
    let open = this.#open.get(size);
    if (open === undefined) {
      open = [];
      this.#open.set(size, open);
    }
    return open;
  }

  #add(size: number, open: Block[]): Block {
    const block = new Block(this.#free.pop() ?? this.#blocks.length, size);
    this.#blocks[block.place] = block;
    this.#room += block.numbers.length;
    open.push(block);
    return block;
  }
}

/** Where it begins in its block. */
function startOf(ring: number): number {
  return ring & (blockSize - 1);
}

class Block {
  readonly place: number;
  readonly numbers: Float64Array;
  /** The size of its rings, less one. */
  readonly mask: number;
  /** No ring of it is taken any more. */
  left = false;
  /** Rings from here on were never taken. */
  #untaken = 0;
  /** The last that was given back, whose first number is the one that was before it; -1 for none. */
  #given = -1;
  #taken = 0;

  constructor(place: number, size: number) {
    this.place = place;
    this.mask = size - 1;
    this.numbers = new Float64Array(Math.max(blockSize, size));
  }

  get empty(): boolean {
    return this.#taken === 0;
  }

  get full(): boolean {
    return this.#given === -1 && this.#untaken === this.numbers.length;
  }

  /** Where the ring begins. */
  take(): number {
    this.#taken++;
    const at = this.#given;
    if (at === -1) {
      this.#untaken += this.mask + 1;
      return this.#untaken - this.mask - 1;
    }
    this.#given = this.numbers[at] as number;
    return at;
  }

  give(at: number): void {
    this.#taken--;
    this.numbers[at] = this.#given;
    this.#given = at;
  }
}
