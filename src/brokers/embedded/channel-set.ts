/**
 * The channels that are held: by name, and by the patterns that reach them. Those that hold nothing make room for others;
 * of what goes with them the newest `seq` stays known, and a new epoch tells whoever comes back to one of them.
 */
import { matches, PatternTable } from "../../core/channels.ts";
import { Refused } from "../../core/refusals.ts";
import { ChannelIndex } from "./channel-index.ts";
import type { ChannelLog } from "./channel-log.ts";
import { Forgotten } from "./forgotten.ts";

export interface ChannelSetParts {
  /** The first epoch of channels that no journal keeps. */
  readonly run: string;
  /** Of chance, and told to nobody. */
  readonly secret: string;
  /** How many channels may be held at once. */
  readonly most: () => number;
  /** How many channels that hold nothing keep their place, if nobody listens to them. */
  readonly idlePlaces: number;
}

const rememberedPatterns = 1000;
/** Channels that are looked at in one turn of the event loop. */
const partSize = 10_000;

export class ChannelSet {
  readonly #run: string;
  readonly #most: () => number;
  readonly #idlePlaces: number;
  readonly #logs: ChannelIndex;
  /** The channels of patterns that were asked for, kept up to date as channels come. */
  readonly #reach = new Map<string, Set<ChannelLog>>();
  readonly #reachTable = new PatternTable<Set<ChannelLog>>();
  readonly #forgotten = new Forgotten();
  #losses = 0;

  constructor({ run, secret, most, idlePlaces }: ChannelSetParts) {
    this.#run = run;
    this.#logs = new ChannelIndex(secret);
    this.#most = most;
    this.#idlePlaces = idlePlaces;
  }

  get byName(): ChannelIndex {
    return this.#logs;
  }

  /** The epoch of channels that begin now and that no journal keeps: another one after places were lost. */
  get epoch(): string {
    return this.#losses === 0 ? this.#run : `${this.#run}${this.#losses.toString(36)}`;
  }

  /** The newest `seq` that may have been lost with a channel of this name or pattern. */
  newestLost(name: string): number {
    return this.#forgotten.newest(name);
  }

  add(log: ChannelLog): void {
    this.#logs.set(log);
    for (const reached of this.#reachTable.match(log.channel)) reached.add(log);
  }

  /** Lets go of a channel that had nothing after `newestSeq`. The epoch has to have become another before. */
  drop(log: ChannelLog, newestSeq: number): void {
    this.#logs.delete(log.channel);
    for (const reached of this.#reachTable.match(log.channel)) reached.delete(log);
    this.#forgotten.note(log.channel, newestSeq);
  }

  /** To be called before places are lost. */
  renewEpoch(): void {
    this.#losses++;
  }

  /** For one more channel. Refused where all hold something. */
  makeRoom(): void {
    if (this.#logs.size < this.#most()) return;
    this.#dropIdle([...this.#logs.values().filter(isIdle)]);
    if (this.#logs.size < this.#most()) return;
    throw new Refused("limitExceeded", `Cannot hold more than ${this.#most()} channels`);
  }

  /** All channels, in parts small enough for one turn of the event loop. */
  inParts(): Iterable<readonly ChannelLog[]> {
    return this.#logs.parts(partSize);
  }

  /**
   * Of channels that hold nothing those that were published on last keep their place, for whoever comes back to it. At each
   * `yield` others may have their turn.
   */
  *dropLongIdle(listened: (channel: string) => boolean): Generator<undefined> {
    const mayGo = (log: ChannelLog): boolean => isIdle(log) && !listened(log.channel);
    const idle: ChannelLog[] = [];
    for (const part of this.inParts()) {
      for (const log of part) if (mayGo(log)) idle.push(log);
      yield;
    }
    if (idle.length <= this.#idlePlaces) return;
    const newest = Float64Array.from(idle, ({ trimmedSeq }) => trimmedSeq).sort();
    const least = newest[idle.length - this.#idlePlaces] ?? Number.POSITIVE_INFINITY;
    for (let at = 0; at < idle.length; at += partSize) {
      // Somebody may have come to it since.
      const still = idle.slice(at, at + partSize).filter((log) => this.#logs.get(log.channel) === log && mayGo(log));
      this.#dropIdle(still.filter(({ offset, trimmedSeq }) => offset === 0 || trimmedSeq < least));
      yield;
    }
    this.#logs.fit();
  }

  /** These, and those that a pattern reaches and that were published on. */
  reached(named: readonly ChannelLog[], patterns: readonly string[]): Iterable<ChannelLog> {
    const logs = new Set(named);
    for (const pattern of patterns) for (const log of this.#reachOf(pattern)) if (log.offset > 0) logs.add(log);
    return logs;
  }

  #dropIdle(logs: readonly ChannelLog[]): void {
    this.renewEpoch();
    for (const log of logs) this.drop(log, log.trimmedSeq);
  }

  #reachOf(pattern: string): Iterable<ChannelLog> {
    let reached = this.#reach.get(pattern);
    if (reached === undefined) {
      if (this.#reach.size >= rememberedPatterns) this.#forgetReach();
      reached = new Set();
      for (const log of this.#logs.values()) if (matches(pattern, log.channel)) reached.add(log);
      this.#reach.set(pattern, reached);
      this.#reachTable.add(pattern, reached);
    }
    return reached;
  }

  #forgetReach(): void {
    for (const [pattern, reached] of this.#reach) this.#reachTable.remove(pattern, reached);
    this.#reach.clear();
  }
}

/** It holds nothing; of durable ones, whose place the journal keeps, one that never had anything. */
function isIdle(log: ChannelLog): boolean {
  return log.empty && log.waiting === 0 && (log.settings.durable === "no" || log.offset === 0);
}
