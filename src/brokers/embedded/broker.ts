/** The broker of one process: order, history and maps in memory, and durable channels through a `Journal`. */
import { matches } from "../../core/channels.ts";
import { type Figure, readerOf } from "../../core/figure.ts";
import { ownText } from "../../core/own-text.ts";
import { Refused } from "../../core/refusals.ts";
import type {
  Broker,
  Chance,
  ChannelReading,
  ChannelSettings,
  Clock,
  Draft,
  HistoryPage,
  HistoryQuery,
  Journal,
  JournalChannel,
  Log,
  MaybePromise,
  Past,
  Position,
  Publication,
  Reading,
  Receipt,
  Selector,
  SettingsOf,
} from "../../ports.ts";
import type { ChannelIndex } from "./channel-index.ts";
import { ChannelLog, trimJournal } from "./channel-log.ts";
import { ChannelSet } from "./channel-set.ts";
import { DurableRules, durableEpoch } from "./durable-rules.ts";
import { HistoryStore } from "./history-store.ts";
import { honours } from "./honoured.ts";
import { Order, publicationOf } from "./order.ts";
import { tidying } from "./tidying.ts";

export interface EmbeddedBrokerParts {
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  readonly settingsOf: SettingsOf;
  /** Without one, durable channels are refused. */
  readonly journal?: Journal;
  /**
   * What `settingsOf` says of which channels are durable, as text: by this the journal tells, over restarts, whether a channel
   * of which it knows nothing was durable all the time. Default: always the same.
   */
  readonly durableRules?: () => string;
  /** How many channels may be held at once. Default 1,000,000. */
  readonly maxChannels?: Figure;
  /** How many channels that hold nothing keep their place, if nobody listens to them. Default 10,000. */
  readonly idlePlaces?: number;
  /** The least room ahead of a batch; for tests. Default 4,096. */
  readonly leastRoom?: number;
  /** How many publications histories pack together; for tests. Default 512. */
  readonly segmentSize?: number;
}

const tidyInterval = 60_000;

export class EmbeddedBroker implements Broker {
  readonly run: string;
  readonly #clock: Clock;
  readonly #settingsOf: SettingsOf;
  readonly #journal: Journal | undefined;
  readonly #channels: ChannelSet;
  /** Those of `#channels`. */
  readonly #logs: ChannelIndex;
  readonly #histories: HistoryStore;
  readonly #rules: DurableRules;
  readonly #order: Order;
  #listened: (channel: string) => boolean = () => true;
  #closed = false;
  #stopTidying: () => void;

  constructor({ clock, chance, log, settingsOf, journal, ...more }: EmbeddedBrokerParts) {
    this.run = chance.text(8, "abcdefghijklmnopqrstuvwxyz0123456789");
    this.#clock = clock;
    this.#settingsOf = settingsOf;
    this.#journal = journal;
    this.#histories = new HistoryStore(more.segmentSize);
    this.#channels = new ChannelSet({
      run: this.run,
      secret: chance.text(32),
      most: readerOf(more.maxChannels ?? 1_000_000),
      idlePlaces: more.idlePlaces ?? 10_000,
    });
    this.#logs = this.#channels.byName;
    this.#rules = new DurableRules(journal, more.durableRules ?? (() => ""));
    this.#order = new Order({
      clock,
      log,
      journal,
      leastRoom: more.leastRoom ?? 4096,
      channels: this.#logs,
      publishHeld: (channel, draft) => this.publish(channel, draft),
    });
    this.#stopTidying = clock.after(tidyInterval, () => this.#tidy());
  }

  /** Reads the journal back. To be awaited before the first publication. */
  async start(): Promise<void> {
    const journal = this.#journal;
    if (journal === undefined) return;
    const { nextSeq } = journal;
    let others = false;
    const publications: Publication[] = [];
    for (const kept of journal.load()) {
      if (this.#restore(kept, journal)) for (const publication of kept.publications) publications.push(publication);
      else {
        journal.forget(kept.channel);
        others = true;
      }
    }
    // The oldest last, so that each is let go of as it goes to its history. The journal trims late, and the bounds may have become
    // narrower: it may give back more than they allow.
    publications.sort((one, other) => other.seq - one.seq);
    for (let oldest = publications.pop(); oldest !== undefined; oldest = publications.pop())
      this.#logs.get(oldest.channel)?.keep(oldest);
    if (others) this.#rules.begin(nextSeq);
    else this.#rules.start(journal, nextSeq);
    journal.begin({ run: this.run, from: nextSeq });
    await this.#order.start(journal, nextSeq);
  }

  /** All but its history. False where a channel is no longer durable, or of another kind. */
  #restore(kept: JournalChannel, { epoch }: Journal): boolean {
    const settings = this.#settingsOf(kept.channel);
    if (settings.durable === "no" || settings.kind !== kept.kind) return false;
    const log = new ChannelLog(this.#histories, kept.channel, settings, durableEpoch(epoch, kept.since), 0);
    log.restore(kept);
    this.#channels.add(log);
    return true;
  }

  attach(deliver: (publication: Publication) => void, listened?: (channel: string) => boolean): void {
    this.#order.attach(deliver);
    if (listened !== undefined) this.#listened = listened;
  }

  publish(channel: string, draft: Draft): MaybePromise<Receipt> {
    if (this.#closed) throw new Refused("shutdown", `Cannot publish on ${channel}: the gateway is stopping`);
    const log = this.#logs.get(channel) ?? this.#create(channel);
    if (log.entries === undefined) {
      if (draft.key !== undefined)
        throw new Refused("badRequest", `Cannot set a key on ${channel}: it is a stream channel`);
    } else if (draft.transient === true) {
      throw new Refused("badRequest", `Cannot publish on ${channel} without keeping it: it is a map channel`);
    } else if (draft.key === undefined) {
      throw new Refused("badRequest", `Cannot publish on ${channel} without a key: it is a map channel`);
    } else if (draft.removed === true && !log.entries.has(draft.key) && log.waiting === 0) {
      return { channel, offset: log.offset, epoch: log.epoch };
    }
    // Told apart here and not by the order, which would be one call more for each publication: a tenth of what this takes.
    const order = this.#order;
    const transient = draft.transient === true;
    if (!transient && log.settings.durable !== "no") return order.keep(log, draft);
    if (order.full) return order.hold(log, draft);
    const offset = transient ? 0 : ++log.given;
    order.put(log, publicationOf(log, draft, offset, order.seq + 1, this.#clock.now()));
    return { channel, offset, epoch: log.epoch };
  }

  expect(channels: readonly string[]): void {
    this.#logs.expect(channels);
  }

  read(selector: Selector, past: Past): Reading {
    const named = selector.names.map((name) => this.#logs.get(name) ?? this.#create(name));
    const logs = selector.patterns.length === 0 ? named : this.#channels.reached(named, selector.patterns);
    const now = this.#clock.now();
    const position = { run: this.run, seq: this.#order.seq };
    const channels: ChannelReading[] = [];
    let gap = past.from === "position" && !this.#knowsAllSince(past.position, selector.patterns);
    for (const log of logs) {
      if (log.expire(now)) trimJournal(this.#journal, log);
      const reading = log.read(past, honours(past, log, position, this.#journal));
      if (reading.as === "gap") gap = true;
      channels.push(reading);
    }
    return { position, gap, channels };
  }

  history(channel: string, query: HistoryQuery): HistoryPage {
    const log = this.#logs.get(channel) ?? this.#create(channel);
    if (log.expire(this.#clock.now())) trimJournal(this.#journal, log);
    if (query.since !== undefined && query.since.epoch !== "" && query.since.epoch !== log.epoch) {
      throw new Refused("unrecoverablePosition", `Cannot read ${channel} since epoch ${query.since.epoch}: it is gone`);
    }
    return { epoch: log.epoch, offset: log.offset, publications: log.page(query) };
  }

  channels(pattern: string): readonly string[] {
    const names: string[] = [];
    for (const log of this.#logs.values()) if (log.offset > 0 && matches(pattern, log.channel)) names.push(log.channel);
    return names.sort();
  }

  holds(channel: string): boolean {
    return this.#logs.get(channel)?.empty === false;
  }

  get channelsHeld(): number {
    return this.#logs.size;
  }

  /** How many publications histories have, how many take memory, and for how many there is room in rings. */
  get publications(): { readonly held: number; readonly size: number; readonly room: number } {
    const { held, size, rings } = this.#histories;
    return { held, size, room: rings.room };
  }

  removeHistory(channel: string): void {
    const log = this.#logs.get(channel);
    if (log?.forget() === true) trimJournal(this.#journal, log);
  }

  reconfigure(): readonly string[] {
    const others: string[] = [];
    const anew: ChannelLog[] = [];
    for (const log of this.#logs.values()) {
      const { channel, settings: before } = log;
      const after = this.#settingsOf(channel);
      if (isOther(before, after)) anew.push(log);
      else if (log.adopt(after)) trimJournal(this.#journal, log);
      if (isOther(before, after) || before.presence !== after.presence) others.push(channel);
    }
    if (anew.length > 0) this.#channels.renewEpoch();
    else if (!this.#rules.changed) return others;
    // So that no place of before is one of after, also of what is on its way to the journal.
    const from = Math.max(this.#order.seq, this.#rules.since) + 1;
    this.#order.passOver(from);
    for (const log of anew) this.#letGo(log);
    this.#rules.begin(from);
    // As many as have just gone: there is room for them, also where the limit has become smaller.
    for (const { channel } of anew) this.#begin(channel);
    return others;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stopTidying();
    await this.#order.settled();
    await this.#journal?.close();
  }

  #create(channel: string): ChannelLog {
    this.#channels.makeRoom();
    return this.#begin(channel);
  }

  #begin(name: string): ChannelLog {
    // It is mostly a part of what a publisher wrote.
    const channel = ownText(name);
    const settings = this.#settingsOf(channel);
    const { since } = this.#rules;
    const log =
      settings.durable === "no" || this.#journal === undefined
        ? new ChannelLog(this.#histories, channel, settings, this.#channels.epoch, this.#channels.newestLost(channel))
        : new ChannelLog(this.#histories, channel, settings, durableEpoch(this.#journal.epoch, since), since);
    this.#channels.add(log);
    return log;
  }

  /** Of a channel that begins anew: places in what it held are honoured no more. */
  #letGo(log: ChannelLog): void {
    this.#order.refusePending(log);
    log.forget();
    if (log.settings.durable !== "no") this.#journal?.forget(log.channel);
    this.#channels.drop(log, this.#order.seq);
  }

  /** Whether no channel of these patterns was forgotten that had something after a position. */
  #knowsAllSince({ run, seq }: Position, patterns: readonly string[]): boolean {
    return patterns.every((pattern) => run === this.run && seq >= this.#channels.newestLost(pattern));
  }

  #workOfTidying(): Generator<undefined> {
    return tidying({
      clock: this.#clock,
      journal: this.#journal,
      channels: this.#channels,
      histories: this.#histories,
      listened: this.#listened,
    });
  }

  /** Lets go of what nobody needs any more; one part in each turn of the event loop. */
  #tidy(work = this.#workOfTidying()): void {
    const done = work.next().done === true;
    this.#stopTidying = this.#clock.after(done ? tidyInterval : 0, () => (done ? this.#tidy() : this.#tidy(work)));
  }
}

/** Whether what a channel holds is of no use with other settings. */
function isOther(one: ChannelSettings, other: ChannelSettings): boolean {
  return one.kind !== other.kind || (one.durable === "no") !== (other.durable === "no");
}
