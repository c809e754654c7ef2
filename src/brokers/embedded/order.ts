/**
 * The order of publications, and the way of durable ones to the journal.
 *
 * `seq` grows in the order of delivery. A publication on a durable channel is delivered when the journal has it, but its
 * record must already name its `seq`. So one batch at a time is on its way to the journal, its numbers begin some room
 * ahead, and what other channels deliver meanwhile takes numbers out of that room.
 */
import { ownText } from "../../core/own-text.ts";
import { Refused } from "../../core/refusals.ts";
import type { Clock, Draft, Journal, JournalRecord, Log, MaybePromise, Publication, Receipt } from "../../ports.ts";
import type { ChannelIndex } from "./channel-index.ts";
import { type ChannelLog, trimJournal } from "./channel-log.ts";

export interface OrderParts {
  readonly clock: Clock;
  readonly log: Log;
  /** Without one, durable channels are refused. */
  readonly journal: Journal | undefined;
  /** The least room ahead of a batch. */
  readonly leastRoom: number;
  /** The channels that are held. One that has begun anew is another: what was on its way to the former is not delivered. */
  readonly channels: Pick<ChannelIndex, "get">;
  /** Publishes what was held, by the rules of a publication that comes now. */
  readonly publishHeld: (channel: string, draft: Draft) => MaybePromise<Receipt>;
}

/** A publication that waits for the journal. */
interface Pending {
  readonly log: ChannelLog;
  readonly draft: Draft;
  readonly resolve: (receipt: MaybePromise<Receipt>) => void;
  readonly reject: (refused: unknown) => void;
}

/** The journal keeps a mark that `seq` will not pass before the next mark is kept. */
const markDistance = 2 ** 24;

export class Order {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #journal: Journal | undefined;
  readonly #leastRoom: number;
  readonly #channels: Pick<ChannelIndex, "get">;
  readonly #publishHeld: OrderParts["publishHeld"];
  #deliver: (publication: Publication) => void = () => undefined;
  #seq = 0;
  #mark = Number.POSITIVE_INFINITY;
  #pending: Pending[] = [];
  /** Publications of other channels that found no number left before the batch. */
  #held: Pending[] = [];
  #commit: Promise<void> | undefined;
  #commitDue = false;
  /** The first number of the batch that is on its way to the journal. */
  #ceiling = Number.POSITIVE_INFINITY;
  /** How many publications other channels had during the last commit. */
  #duringCommit = 0;

  constructor({ clock, log, journal, leastRoom, channels, publishHeld }: OrderParts) {
    this.#clock = clock;
    this.#log = log;
    this.#journal = journal;
    this.#leastRoom = leastRoom;
    this.#channels = channels;
    this.#publishHeld = publishHeld;
  }

  /** To whom publications go when they have their place. */
  attach(deliver: (publication: Publication) => void): void {
    this.#deliver = deliver;
  }

  /** The number of the newest publication that was delivered. */
  get seq(): number {
    return this.#seq;
  }

  /** Goes on where the journal ends. */
  async start(journal: Journal, seq: number): Promise<void> {
    this.#seq = seq;
    this.#mark = seq + markDistance;
    try {
      await journal.reserve(this.#mark);
    } catch (thrown) {
      // A full disk: the journal keeps run and mark with the first publication that it can keep. Until then only
      // publications that are not durable have numbers of this run, and nobody is owed those after a crash.
      this.#log.error({ err: thrown }, "Cannot write the journal: publications on durable channels are refused");
    }
  }

  /** The numbers ahead of the batch in the journal are used up: what comes now is to be held, and goes after it. */
  get full(): boolean {
    return this.#seq + 1 >= this.#ceiling;
  }

  /** Delivers a publication, whose `seq` is the next one or that of its batch. */
  put(log: ChannelLog, publication: Publication): void {
    this.#seq = publication.seq;
    this.#duringCommit++;
    if (publication.offset > 0 && log.append(publication)) trimJournal(this.#journal, log);
    if (publication.seq > this.#mark - markDistance / 2) this.#moveMark();
    this.#deliver(publication);
  }

  /** Delivers a publication when the journal has it. Refused where there is no journal. */
  keep(log: ChannelLog, draft: Draft): Promise<Receipt> {
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

  /** Publishes when the batch in the journal has gone before it. */
  hold(log: ChannelLog, draft: Draft): Promise<Receipt> {
    log.waiting++;
    return new Promise((resolve, reject) => {
      this.#held.push({ log, draft, resolve, reject });
    });
  }

  /** Gives numbers up to this one to nobody, but for the batch that has them already. */
  passOver(seq: number): void {
    if (seq < this.#ceiling) this.#seq = seq;
  }

  /** Refuses what would have gone with the next batch to a channel that begins anew. */
  refusePending(begunAnew: ChannelLog): void {
    const { channel } = begunAnew;
    this.#pending = this.#pending.filter(({ log, reject }) => {
      if (log === begunAnew)
        reject(new Refused("notAvailable", `Cannot publish on ${channel}: its settings have just changed`));
      return log !== begunAnew;
    });
  }

  /** Resolves when nothing is on its way to the journal any more. */
  async settled(): Promise<void> {
    while (this.#commit !== undefined || this.#pending.length > 0) {
      this.#startCommit();
      await this.#commit;
    }
  }

  #moveMark(): void {
    const mark = this.#mark + markDistance;
    this.#mark = mark;
    this.#journal?.reserve(mark).catch((thrown: unknown) => {
      this.#log.error({ err: thrown }, "Cannot keep the broker's position in the journal");
    });
  }

  #release(): void {
    this.#ceiling = Number.POSITIVE_INFINITY;
    const held = this.#held;
    this.#held = [];
    for (const { log, draft, resolve, reject } of held) {
      log.waiting--;
      try {
        resolve(this.#publishHeld(log.channel, draft));
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
      if (this.#channels.get(log.channel) === log) this.put(log, publication);
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
}

function recordOf(publication: Publication, log: ChannelLog | undefined): JournalRecord {
  const record = { ...publication, kind: log?.settings.kind ?? "stream" };
  // Nothing was let go of a channel before its first publication.
  return log?.offset === 0 ? { ...record, since: log.trimmedSeq } : record;
}

/**
 * Written out for the common case, so that most publications have one shape: their texts are packed together with others.
 * What else is kept is kept as it is, and map entries perhaps for years.
 */
export function publicationOf(log: ChannelLog, draft: Draft, offset: number, seq: number, time: number): Publication {
  const { channel } = log;
  if (draft.key === undefined && draft.tags === undefined && draft.info === undefined && draft.transient !== true) {
    return { channel, offset, seq, time, data: draft.data };
  }
  if (draft.transient === true) return { ...draft, channel, offset, seq, time };
  return { ...draft, channel, offset, seq, time, data: ownText(draft.data) };
}
