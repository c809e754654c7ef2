/**
 * The broker of one process: order, history and maps in memory, and durable channels through a `Journal`.
 *
 * Order. `seq` grows in the order of delivery. A publication on a durable channel is delivered when the journal has it,
 * but its record must already name its `seq`. So one batch at a time is on its way to the journal, its numbers begin
 * some room ahead, and what other channels deliver meanwhile takes numbers out of that room.
 */
import { matches, PatternTable } from "../../core/channels.ts";
import { type Figure, readerOf } from "../../core/figure.ts";
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
  JournalRecord,
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
import { ChannelLog } from "./channel-log.ts";
import { Forgotten } from "./forgotten.ts";

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
}

/** A publication that waits for the journal. */
interface Pending {
  readonly log: ChannelLog;
  readonly draft: Draft;
  readonly resolve: (receipt: MaybePromise<Receipt>) => void;
  readonly reject: (refused: unknown) => void;
}

const expiryInterval = 60_000;
/** The journal keeps a mark that `seq` will not pass before the next mark is kept. */
const markDistance = 2 ** 24;
const rememberedPatterns = 1000;

export class EmbeddedBroker implements Broker {
  readonly run: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #settingsOf: SettingsOf;
  readonly #journal: Journal | undefined;
  readonly #durableRules: () => string;
  readonly #maxChannels: () => number;
  readonly #idlePlaces: number;
  readonly #leastRoom: number;
  readonly #logs = new Map<string, ChannelLog>();
  /** The channels of patterns that were asked for, kept up to date as channels come. */
  readonly #reach = new Map<string, Set<ChannelLog>>();
  readonly #reachTable = new PatternTable<Set<ChannelLog>>();
  #deliver: (publication: Publication) => void = () => undefined;
  #listened: (channel: string) => boolean = () => true;
  #seq = 0;
  /** By which channels are durable, and where they came into force: channels that begin by them honour no position before. */
  #rules = "";
  #since = 0;
  #mark = Number.POSITIVE_INFINITY;
  #evictions = 0;
  readonly #forgotten = new Forgotten();
  #pending: Pending[] = [];
  /** Publications of other channels that found no number left before the batch. */
  #held: Pending[] = [];
  #commit: Promise<void> | undefined;
  #commitDue = false;
  /** The first number of the batch that is on its way to the journal. */
  #ceiling = Number.POSITIVE_INFINITY;
  /** How many publications other channels had during the last commit. */
  #duringCommit = 0;
  #closed = false;
  #stopExpiry: () => void;

  constructor({ clock, chance, log, settingsOf, journal, ...more }: EmbeddedBrokerParts) {
    this.run = chance.text(8, "abcdefghijklmnopqrstuvwxyz0123456789");
    this.#clock = clock;
    this.#log = log;
    this.#settingsOf = settingsOf;
    this.#journal = journal;
    this.#durableRules = more.durableRules ?? (() => "");
    this.#maxChannels = readerOf(more.maxChannels ?? 1_000_000);
    this.#idlePlaces = more.idlePlaces ?? 10_000;
    this.#leastRoom = more.leastRoom ?? 4096;
    this.#stopExpiry = clock.after(expiryInterval, () => this.#expire());
  }

  /** Reads the journal back. To be awaited before the first publication. */
  async start(): Promise<void> {
    const journal = this.#journal;
    if (journal === undefined) return;
    this.#seq = journal.nextSeq;
    let others = false;
    for (const kept of journal.load()) {
      if (this.#restore(kept, journal)) continue;
      journal.forget(kept.channel);
      others = true;
    }
    const { rules } = journal;
    if (others || rules?.text !== this.#durableRules()) this.#rule(this.#seq);
    else {
      this.#rules = rules.text;
      this.#since = rules.from;
    }
    journal.begin({ run: this.run, from: this.#seq });
    this.#mark = this.#seq + markDistance;
    try {
      await journal.reserve(this.#mark);
    } catch (thrown) {
      // A full disk: the journal keeps run and mark with the first publication that it can keep. Until then only
      // publications that are not durable have numbers of this run, and nobody is owed those after a crash.
      this.#log.error({ err: thrown }, "Cannot write the journal: publications on durable channels are refused");
    }
  }

  /** False where a channel is no longer durable, or of another kind. */
  #restore(kept: JournalChannel, { epoch }: Journal): boolean {
    const settings = this.#settingsOf(kept.channel);
    if (settings.durable === "no" || settings.kind !== kept.kind) return false;
    const log = new ChannelLog(kept.channel, settings, durableEpoch(epoch, kept.since), 0);
    log.restore(kept);
    this.#file(log);
    return true;
  }

  attach(deliver: (publication: Publication) => void, listened?: (channel: string) => boolean): void {
    this.#deliver = deliver;
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
    const transient = draft.transient === true;
    if (!transient && log.settings.durable !== "no") return this.#publishDurably(log, draft);
    if (this.#seq + 1 >= this.#ceiling) return this.#publishAfterCommit(log, draft);
    const offset = transient ? 0 : ++log.given;
    this.#put(log, publicationOf(log, draft, offset, this.#seq + 1, this.#clock.now()));
    return { channel, offset, epoch: log.epoch };
  }

  read(selector: Selector, past: Past): Reading {
    const named = selector.names.map((name) => this.#logs.get(name) ?? this.#create(name));
    const logs = selector.patterns.length === 0 ? named : this.#reached(named, selector.patterns);
    const now = this.#clock.now();
    const channels: ChannelReading[] = [];
    let gap = past.from === "position" && !this.#knowsAllSince(past.position, selector.patterns);
    for (const log of logs) {
      if (log.expire(now)) this.#trimJournal(log);
      const reading = log.read(past, this.#honours(past, log));
      if (reading.as === "gap") gap = true;
      channels.push(reading);
    }
    return { position: { run: this.run, seq: this.#seq }, gap, channels };
  }

  history(channel: string, query: HistoryQuery): HistoryPage {
    const log = this.#logs.get(channel) ?? this.#create(channel);
    if (log.expire(this.#clock.now())) this.#trimJournal(log);
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

  removeHistory(channel: string): void {
    const log = this.#logs.get(channel);
    if (log?.forget() === true) this.#trimJournal(log);
  }

  reconfigure(): readonly string[] {
    const others: string[] = [];
    const anew: ChannelLog[] = [];
    for (const log of this.#logs.values()) {
      const { channel, settings: before } = log;
      const after = this.#settingsOf(channel);
      if (isOther(before, after)) anew.push(log);
      else if (log.adopt(after)) this.#trimJournal(log);
      if (isOther(before, after) || before.presence !== after.presence) others.push(channel);
    }
    if (anew.length > 0) this.#evictions++;
    else if (this.#durableRules() === this.#rules) return others;
    // So that no place of before is one of after, also of what is on its way to the journal.
    this.#since = Math.max(this.#seq, this.#since) + 1;
    if (this.#since < this.#ceiling) this.#seq = this.#since;
    for (const log of anew) this.#beginAnew(log);
    this.#rule(this.#since);
    return others;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stopExpiry();
    while (this.#commit !== undefined || this.#pending.length > 0) {
      this.#startCommit();
      await this.#commit;
    }
    await this.#journal?.close();
  }

  #rule(from: number): void {
    this.#rules = this.#durableRules();
    this.#since = from;
    this.#journal?.rule({ text: this.#rules, from });
  }

  // ── Order ──

  #put(log: ChannelLog, publication: Publication): void {
    this.#seq = publication.seq;
    this.#duringCommit++;
    if (publication.offset > 0 && log.append(publication)) this.#trimJournal(log);
    if (publication.seq > this.#mark - markDistance / 2) this.#moveMark();
    this.#deliver(publication);
  }

  #moveMark(): void {
    const mark = this.#mark + markDistance;
    this.#mark = mark;
    this.#journal?.reserve(mark).catch((thrown: unknown) => {
      this.#log.error({ err: thrown }, "Cannot keep the broker's position in the journal");
    });
  }

  #publishDurably(log: ChannelLog, draft: Draft): Promise<Receipt> {
    if (this.#journal === undefined) {
      throw new Refused(
        "notAvailable",
        `Cannot publish on ${log.channel}: it is durable, and there is no data directory`,
      );
    }
    log.waiting++;
    return new Promise((resolve, reject) => {
      this.#pending.push({ log, draft, resolve, reject });
      if (this.#commit !== undefined || this.#commitDue) return;
      this.#commitDue = true;
      this.#clock.atEndOfTurn(() => {
        this.#commitDue = false;
        this.#startCommit();
      });
    });
  }

  /** The numbers ahead of the batch in the journal are used up: what comes now goes after it. */
  #publishAfterCommit(log: ChannelLog, draft: Draft): Promise<Receipt> {
    log.waiting++;
    return new Promise((resolve, reject) => {
      this.#held.push({ log, draft, resolve, reject });
    });
  }

  #release(): void {
    this.#ceiling = Number.POSITIVE_INFINITY;
    const held = this.#held;
    this.#held = [];
    for (const { log, draft, resolve, reject } of held) {
      log.waiting--;
      try {
        resolve(this.publish(log.channel, draft));
      } catch (thrown) {
        reject(thrown);
      }
    }
  }

  #startCommit(): void {
    const journal = this.#journal;
    if (journal === undefined || this.#commit !== undefined || this.#pending.length === 0) return;
    const batch = this.#pending;
    this.#pending = [];
    const room = Math.max(this.#leastRoom, this.#duringCommit * 8);
    this.#duringCommit = 0;
    this.#ceiling = this.#seq + room;
    const time = this.#clock.now();
    const publications = batch.map(({ log, draft }, at) => {
      log.given++;
      return publicationOf(log, draft, log.given, this.#ceiling + at, time);
    });
    const records = publications.map((publication, at) => recordOf(publication, batch[at]?.log));
    const durability = batch.some(({ log }) => log.settings.durable === "sync") ? "sync" : "yes";
    this.#commit = journal
      .append(records, durability)
      .then(
        () => this.#committed(batch, publications),
        (thrown: unknown) => this.#uncommitted(batch, thrown),
      )
      .finally(() => {
        this.#commit = undefined;
        this.#startCommit();
      });
  }

  #committed(batch: readonly Pending[], publications: readonly Publication[]): void {
    for (const [at, { log, resolve }] of batch.entries()) {
      const publication = publications[at];
      if (publication === undefined) continue;
      log.waiting--;
      if (this.#logs.get(log.channel) === log) this.#put(log, publication);
      // Its channel has begun anew meanwhile, and who listened there was told to come back.
      else this.#seq = publication.seq;
      resolve({ channel: log.channel, offset: publication.offset, epoch: log.epoch });
    }
    this.#release();
  }

  #uncommitted(batch: readonly Pending[], thrown: unknown): void {
    for (const { log, reject } of batch) {
      log.waiting--;
      log.given = log.offset;
      reject(thrown);
    }
    this.#release();
  }

  // ── Channels ──

  #create(channel: string): ChannelLog {
    if (this.#logs.size >= this.#maxChannels()) this.#evict();
    const settings = this.#settingsOf(channel);
    const volatile = this.#evictions === 0 ? this.run : `${this.run}${this.#evictions.toString(36)}`;
    const log =
      settings.durable === "no" || this.#journal === undefined
        ? new ChannelLog(channel, settings, volatile, this.#forgotten.newest(channel))
        : new ChannelLog(channel, settings, durableEpoch(this.#journal.epoch, this.#since), this.#since);
    this.#file(log);
    return log;
  }

  #beginAnew(old: ChannelLog): void {
    const { channel } = old;
    this.#pending = this.#pending.filter(({ log, reject }) => {
      if (log === old)
        reject(new Refused("notAvailable", `Cannot publish on ${channel}: its settings have just changed`));
      return log !== old;
    });
    if (old.settings.durable !== "no") this.#journal?.forget(channel);
    // Places in what it held before are honoured no more.
    this.#drop(old, this.#seq);
    this.#create(channel);
  }

  #file(log: ChannelLog): void {
    this.#logs.set(log.channel, log);
    for (const reached of this.#reachTable.match(log.channel)) reached.add(log);
  }

  /** Makes room: channels that hold nothing go, and with them their place, which a new epoch then tells. */
  #evict(): void {
    this.#forget(this.#idle());
    if (this.#logs.size < this.#maxChannels()) return;
    throw new Refused("limitExceeded", `Cannot hold more than ${this.#maxChannels()} channels`);
  }

  /** Of channels that hold nothing those that were published on last keep their place, for whoever comes back to it. */
  #forgetLongIdle(): void {
    const idle = this.#idle().filter(({ channel }) => !this.#listened(channel));
    if (idle.length <= this.#idlePlaces) return;
    const newest = Float64Array.from(idle, ({ trimmedSeq }) => trimmedSeq).sort();
    const least = newest[idle.length - this.#idlePlaces] ?? Number.POSITIVE_INFINITY;
    this.#forget(idle.filter(({ offset, trimmedSeq }) => offset === 0 || trimmedSeq < least));
  }

  /** Those that hold nothing; of durable ones, whose place the journal keeps, those that never had anything. */
  #idle(): ChannelLog[] {
    const idle: ChannelLog[] = [];
    for (const log of this.#logs.values()) {
      if (log.empty && log.waiting === 0 && (log.settings.durable === "no" || log.offset === 0)) idle.push(log);
    }
    return idle;
  }

  #forget(logs: readonly ChannelLog[]): void {
    this.#evictions++;
    for (const log of logs) this.#drop(log, log.trimmedSeq);
  }

  #drop(log: ChannelLog, newestSeq: number): void {
    this.#logs.delete(log.channel);
    for (const reached of this.#reachTable.match(log.channel)) reached.delete(log);
    this.#forgotten.note(log.channel, newestSeq);
  }

  #reached(named: readonly ChannelLog[], patterns: readonly string[]): Iterable<ChannelLog> {
    const logs = new Set(named);
    for (const pattern of patterns) for (const log of this.#reachOf(pattern)) if (log.offset > 0) logs.add(log);
    return logs;
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

  // ── The past ──

  #honours(past: Past, log: ChannelLog): boolean {
    switch (past.from) {
      case "now":
        return true;
      case "offset":
        if (past.epoch !== "" && past.epoch !== log.epoch) return false;
        return past.offset <= log.offset && past.offset >= log.trimmedOffset;
      case "position":
        return this.#knows(past.position, log) && past.position.seq >= log.trimmedSeq;
    }
  }

  /** Whether no channel of these patterns was forgotten that had something after a position. */
  #knowsAllSince({ run, seq }: Position, patterns: readonly string[]): boolean {
    return patterns.every((pattern) => run === this.run && seq >= this.#forgotten.newest(pattern));
  }

  /** Whether a position can be compared with this channel's numbers. */
  #knows({ run, seq }: Position, log: ChannelLog): boolean {
    if (run === this.run) return seq <= this.#seq;
    const runs = this.#journal?.runs ?? [];
    const at = runs.findIndex((earlier) => earlier.run === run);
    const from = runs[at]?.from;
    if (log.settings.durable === "no" || from === undefined || seq < from) return false;
    return seq <= (runs[at + 1]?.from ?? this.#journal?.nextSeq ?? 0);
  }

  #trimJournal(log: ChannelLog): void {
    if (log.settings.durable !== "no") this.#journal?.trim(log.channel, log.trimmedOffset, log.trimmedSeq);
  }

  #expire(): void {
    const now = this.#clock.now();
    for (const log of this.#logs.values()) if (log.expire(now)) this.#trimJournal(log);
    this.#forgetLongIdle();
    this.#stopExpiry = this.#clock.after(expiryInterval, () => this.#expire());
  }
}

/** Whether what a channel holds is of no use with other settings. */
function isOther(one: ChannelSettings, other: ChannelSettings): boolean {
  return one.kind !== other.kind || (one.durable === "no") !== (other.durable === "no");
}

/** A channel that begins under other rules has another epoch, so that no offset is of two publications. */
function durableEpoch(journalEpoch: string, since: number): string {
  return since === 0 ? journalEpoch : journalEpoch + since.toString(36);
}

function recordOf(publication: Publication, log: ChannelLog | undefined): JournalRecord {
  const record = { ...publication, kind: log?.settings.kind ?? "stream" };
  // Nothing was let go of a channel before its first publication.
  return log?.offset === 0 ? { ...record, since: log.trimmedSeq } : record;
}

/** Written out for the common case, so that most publications have one shape. */
function publicationOf(log: ChannelLog, draft: Draft, offset: number, seq: number, time: number): Publication {
  const { channel } = log;
  if (draft.key === undefined && draft.tags === undefined && draft.info === undefined && draft.transient !== true) {
    return { channel, offset, seq, time, data: draft.data };
  }
  return { ...draft, channel, offset, seq, time };
}
