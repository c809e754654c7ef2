/**
 * The channels that are held, by name: a hash table with linear probing. It is a table of its own since, with many channels,
 * nearly all that a publication costs is waiting for memory. Here a lookup reads no name but the one it is after, and
 * `expect` reads what many lookups will need side by side instead of one after the other.
 */
import { KeyedHash } from "../../core/keyed-hash.ts";
import type { ChannelLog } from "./channel-log.ts";

const leastBuckets = 16;
/** With fewer channels than that, what a lookup needs is at hand anyway. */
const fewChannels = 2000;
/** What so many need fits into the nearest memory of the processor. */
const ahead = 64;

export class ChannelIndex {
  readonly #hash: KeyedHash;
  /** Per bucket a name's hash and the channel's place in `#logs`, 0 for none. At most half of them are taken. */
  #buckets = new Int32Array(2 * leastBuckets);
  #mask = leastBuckets - 1;
  #logs: (ChannelLog | undefined)[] = [undefined];
  /** Places in `#logs` that others had. */
  #free: number[] = [];
  /** What was expected, in its order: names, their hashes and places, and their channels up to one that is not there. */
  #expectedNames: readonly string[] = [];
  readonly #hashes = new Int32Array(ahead);
  readonly #places = new Int32Array(ahead);
  readonly #expected = new Array<ChannelLog | undefined>(ahead + 1).fill(undefined);
  #nextExpected = 0;
  /** Nobody needs it: it is there so that the compiler does not leave out the reading. */
  lastRead = 0;

  /** `secret`: without it nobody can choose names that fall on one place. */
  constructor(secret: string) {
    this.#hash = new KeyedHash(secret);
  }

  get size(): number {
    return this.#logs.length - 1 - this.#free.length;
  }

  get(name: string): ChannelLog | undefined {
    const next = this.#nextExpected;
    const log = this.#expected[next];
    if (log !== undefined && this.#expectedNames[next] === name) {
      this.#nextExpected = next + 1;
      if (log.channel === name) return log;
    }
    return this.#logs[this.#placeAt(this.#find(name, this.#hash.of(name)))];
  }

  /** Takes the place of one with its name. */
  set(log: ChannelLog): void {
    this.#expectNoMore();
    const hash = this.#hash.of(log.channel);
    const bucket = this.#find(log.channel, hash);
    const known = this.#placeAt(bucket);
    if (known !== 0) {
      this.#logs[known] = log;
      return;
    }
    const place = this.#free.pop() ?? this.#logs.length;
    this.#logs[place] = log;
    this.#buckets[2 * bucket] = hash;
    this.#buckets[2 * bucket + 1] = place;
    if (2 * this.size > this.#mask) this.#spread(this.#buckets.length);
  }

  delete(name: string): void {
    let gap = this.#find(name, this.#hash.of(name));
    const place = this.#placeAt(gap);
    if (place === 0) return;
    this.#expectNoMore();
    this.#logs[place] = undefined;
    this.#free.push(place);
    // Those behind move up, so that no search ends before them.
    const buckets = this.#buckets;
    for (let at = this.#next(gap); this.#placeAt(at) !== 0; at = this.#next(at)) {
      const home = this.#hashAt(at) & this.#mask;
      if (((at - home) & this.#mask) < ((at - gap) & this.#mask)) continue;
      buckets.copyWithin(2 * gap, 2 * at, 2 * at + 2);
      gap = at;
    }
    buckets[2 * gap + 1] = 0;
  }

  /** Gives back the room of many that have gone. Not while `parts` is gone through. */
  fit(): void {
    if (16 * this.size >= this.#mask || this.#mask < leastBuckets) return;
    const all = [...this.values()];
    this.#logs = [undefined];
    this.#free = [];
    this.#buckets = new Int32Array(2 * leastBuckets);
    this.#mask = leastBuckets - 1;
    this.#expectNothing();
    for (const log of all) this.set(log);
  }

  /** All, in no order. Before the end none may go and none may come. */
  *values(): Generator<ChannelLog, undefined> {
    for (const log of this.#logs) if (log !== undefined) yield log;
  }

  /** All, in parts of `size` places: between two of them others may come and go, which need not be among them. */
  *parts(size: number): Generator<readonly ChannelLog[], undefined> {
    const end = this.#logs.length;
    for (let from = 1; from < end; from += size) {
      yield this.#logs.slice(from, from + size).filter((log) => log !== undefined);
    }
  }

  /**
   * The first 64 of these are about to be published on, in this order. Nothing changes by it: it reads beforehand what that will
   * take, in loops of one short step each, so that the processor begins the next steps before memory has answered the first.
   */
  expect(names: readonly string[]): void {
    if (this.size < fewChannels) {
      if (this.#expectedNames.length > 0) this.#expectNothing();
      return;
    }
    const count = Math.min(ahead, names.length);
    const hashes = this.#hashes;
    const places = this.#places;
    const logs = this.#expected;
    let read = 0;
    for (let at = 0; at < count; at++) hashes[at] = this.#hash.of(names[at] as string);
    for (let at = 0; at < count; at++) read += this.#placeAt((hashes[at] as number) & this.#mask);
    for (let at = 0; at < count; at++) places[at] = this.#likely(hashes[at] as number);
    for (let at = 0; at < count; at++) logs[at] = this.#logs[places[at] as number];
    for (let at = 0; at < count; at++) read += logs[at]?.held ?? 0;
    // A text is an object that leads to its letters: to ask what it is reads the object alone.
    for (let at = 0; at < count; at++) read += typeof logs[at]?.channel === "string" ? 1 : 0;
    for (let at = 0; at < count; at++) read += lastUnit(logs[at]?.channel);
    for (let at = 0; at < count; at++) read += logs[at]?.replacedNext ?? 0;
    this.lastRead = read;
    logs[count] = undefined;
    this.#expectedNames = names;
    this.#nextExpected = 0;
  }

  #expectNothing(): void {
    this.#expectedNames = [];
    this.#expected.fill(undefined);
  }

  /** What was expected may be another by now. */
  #expectNoMore(): void {
    this.#expected[this.#nextExpected] = undefined;
  }

  /** Where a name is, or the free bucket where it would be. */
  #find(name: string, hash: number): number {
    for (let at = hash & this.#mask; ; at = this.#next(at)) {
      const place = this.#placeAt(at);
      if (place === 0 || (this.#hashAt(at) === hash && this.#logs[place]?.channel === name)) return at;
    }
  }

  /** The place of the first whose name has this hash: nearly always the only one. 0 for none. */
  #likely(hash: number): number {
    for (let at = hash & this.#mask; ; at = this.#next(at)) {
      const place = this.#placeAt(at);
      if (place === 0 || this.#hashAt(at) === hash) return place;
    }
  }

  #spread(count: number): void {
    const former = this.#buckets;
    this.#buckets = new Int32Array(2 * count);
    this.#mask = count - 1;
    for (let from = 0; from < former.length; from += 2) {
      if (former[from + 1] === 0) continue;
      let at = (former[from] as number) & this.#mask;
      while (this.#placeAt(at) !== 0) at = this.#next(at);
      this.#buckets[2 * at] = former[from] as number;
      this.#buckets[2 * at + 1] = former[from + 1] as number;
    }
  }

  #next(bucket: number): number {
    return (bucket + 1) & this.#mask;
  }

  #hashAt(bucket: number): number {
    return this.#buckets[2 * bucket] as number;
  }

  #placeAt(bucket: number): number {
    return this.#buckets[2 * bucket + 1] as number;
  }
}

/** The end of a text may lie where its length does not. */
function lastUnit(text: string | undefined): number {
  return text === undefined ? 0 : text.charCodeAt(text.length - 1);
}
