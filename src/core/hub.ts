/**
 * The middle of the gateway: one way in (`publish`), one way out (`deliver`), both through the broker. It knows who
 * listens to what, and hands out at the end of each turn of the event loop what that turn brought.
 */
import type {
  Broker,
  Clock,
  Draft,
  HistoryPage,
  HistoryQuery,
  Log,
  MaybePromise,
  Outlet,
  Past,
  Position,
  Publication,
  QueuePolicy,
  Reading,
  Receipt,
  Relay,
  Selector,
  SettingsOf,
} from "../ports.ts";
import { everyRight, type Rights } from "./access.ts";
import { audiencesOf } from "./attendance.ts";
import type { Audience } from "./audience.ts";
import { nameFault, requireName } from "./channels.ts";
import { BatchJoiner, type Form, type Member, type PresenceChange } from "./form.ts";
import { Founders } from "./founders.ts";
import { type ConnectionLimits, Headcount } from "./headcount.ts";
import { Lull } from "./lull.ts";
import { OutgoingQueue, type QueueLimits } from "./outgoing-queue.ts";
import { Presence } from "./presence.ts";
import { Refused } from "./refusals.ts";
import { Routes } from "./routes.ts";
import { type AnySession, type Conversation, type Principal, Session, type SessionHost } from "./session.ts";
import { SessionSweep } from "./session-sweep.ts";
import { requireSubscribe, Subscriptions } from "./subscriptions.ts";

export interface HubLimits {
  readonly queue: QueueLimits;
  /** Largest `data` of a publication, in bytes. */
  readonly publication: number;
  /** Names and patterns in one session's subscriptions. */
  readonly subscriptions: number;
  /** Commands of one session per second; 0 or nothing sets no limit, here and below. */
  readonly commands?: number;
  readonly connections?: ConnectionLimits;
  /** Channels that hold something and that one key brought into being. */
  readonly channelsPerKey?: number;
}

export interface HubParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly broker: Broker;
  readonly settingsOf: SettingsOf;
  readonly limits: HubLimits;
  /** The broker's run, part of cursors. */
  readonly run: string;
  /** Clears away what a crowd's coming left: called after a second without newcomers and publications. */
  readonly rest?: () => void;
}

/** Hears of every session that comes, turns out to be somebody, or goes. */
export interface SessionWatch {
  came(session: AnySession): void;
  /** It is still there, as somebody else. */
  turned(session: AnySession, from: Principal): void;
  went(session: AnySession): void;
}

/** What happened since the start. */
export interface HubFigures {
  /** Publications that came in. */
  published: number;
  /** Frames of publications, one for each session that was handed one. */
  handedOut: number;
  /** Publications that a policy took out for sessions, besides those of queues that are there. */
  dropped: number;
  /** Sessions that were ended because they were too slow. */
  slow: number;
  /** What was refused to sessions, or could not be sent to them, by the refusal's name. */
  readonly refused: Map<string, number>;
  /** Subscriptions that went on where they had been, and those that were told of a gap instead. */
  recovered: number;
  unrecovered: number;
}

export class Hub implements SessionHost {
  readonly log: Log;
  readonly limits: HubLimits;
  readonly run: string;
  /** This node among those of its broker: where there is but one, the run. */
  readonly node: string;
  /** The way to other nodes, where there are any. */
  readonly relay: Relay | undefined;
  readonly joiner = new BatchJoiner();
  readonly sessions = new Set<AnySession>();
  /** Those that do not read as fast as they are written to. */
  readonly lagging = new Set<AnySession>();
  readonly figures: HubFigures = {
    published: 0,
    handedOut: 0,
    dropped: 0,
    slow: 0,
    refused: new Map(),
    recovered: 0,
    unrecovered: 0,
  };
  readonly policyOf: (channel: string) => QueuePolicy;
  readonly #clock: Clock;
  readonly #broker: Broker;
  readonly #routes: Routes;
  readonly #presence: Presence;
  readonly #subscriptions: Subscriptions;
  readonly #sweep: SessionSweep;
  readonly #headcount: Headcount;
  readonly #founders: Founders;
  #dirty: Audience[] = [];
  #owing: AnySession[] = [];
  #flushing = false;
  #flushedAt = 0;
  #flushDue = false;
  #delivered = 0;
  #handedOut = 0;
  #sessionsOpened = 0;
  #watch: SessionWatch | undefined;
  readonly #endOfTurn = (): void => {
    this.#flushDue = false;
    this.flush();
  };

  constructor({ clock, log, broker, settingsOf, limits, run, rest }: HubParts) {
    this.#clock = clock;
    this.#routes = new Routes(clock);
    this.#broker = broker;
    this.log = log;
    this.limits = limits;
    this.run = run;
    this.relay = broker.relay;
    this.node = broker.relay?.node ?? run;
    this.policyOf = (channel) => settingsOf(channel).queue;
    this.#presence = new Presence(settingsOf, (change) => this.#tell(change));
    this.#subscriptions = new Subscriptions({
      broker,
      routes: this.#routes,
      presence: this.#presence,
      limits,
      figures: this.figures,
      delivered: () => this.#delivered,
      flush: () => this.flush(),
    });
    const lull = new Lull(() => rest?.());
    this.#sweep = new SessionSweep(clock, this, () => lull.look(this.#sessionsOpened, this.figures.published));
    this.#headcount = new Headcount(limits.connections ?? { address: 0, key: 0 });
    const founded = (): number => limits.channelsPerKey ?? 0;
    this.#founders = new Founders(clock, (channel) => broker.holds?.(channel) ?? true, founded);
    broker.attach(
      (publication) => this.#deliver(publication),
      (channel) => this.#routes.named(channel),
    );
  }

  /** The end of a turn is one moment: the clock is not asked for each session that is written to. */
  get now(): number {
    return this.#flushing ? this.#flushedAt : this.#clock.now();
  }

  // ── In ──

  /** The one way in. Refused: no grant, no channel name, too large, or as the broker says. */
  publish(channel: string, draft: Draft, by: Rights): MaybePromise<Receipt> {
    if (nameFault(channel) !== undefined) requireName(channel);
    by.require("publish", channel);
    const limit = this.limits.publication;
    if (draft.data.length * 3 > limit && Buffer.byteLength(draft.data) > limit) {
      throw new Refused("limitExceeded", `Cannot publish more than ${limit} bytes on ${channel}`);
    }
    if (by !== everyRight) this.#founders.publish(channel, by);
    return this.#broker.publish(channel, draft);
  }

  /** These are about to be published on: see `Broker.expect`. */
  expect(channels: readonly string[]): void {
    this.#broker.expect?.(channels);
  }

  /** A page of a channel's past. Needs the grant `history`, or `subscribe`, which shows the same. */
  history(channel: string, query: HistoryQuery, by: Rights): MaybePromise<HistoryPage> {
    requireName(channel);
    if (!by.may("subscribe", channel)) by.require("history", channel);
    return this.#broker.history(channel, query);
  }

  /** Forgets a channel's past. Who asks must have been found to be allowed to. */
  removeHistory(channel: string): MaybePromise<void> {
    if (this.#broker.removeHistory !== undefined) return this.#broker.removeHistory(channel);
    throw new Refused("notAvailable", `Cannot remove the history of ${channel}: the broker does not do that`);
  }

  channels(pattern: string): MaybePromise<readonly string[]> {
    return this.#broker.channels(pattern);
  }

  /** As far as the broker knows. */
  get channelsHeld(): number | undefined {
    return this.#broker.channelsHeld;
  }

  /** What a selector holds, for a peer that asks and goes. */
  read(selector: Selector, past: Past, by: Rights): MaybePromise<Reading> {
    requireSubscribe(selector, by);
    return this.#broker.read(selector, past);
  }

  // ── Sessions ──

  /** Refused where its address or key has as many sessions as it may. */
  open<State>(
    outlet: Outlet,
    conversation: Conversation<State>,
    form: Form,
    principal: Principal,
    state: State,
  ): Session<State> {
    this.#headcount.come(outlet.address, principal);
    const session = new Session(this, outlet, conversation, form, principal, state, ++this.#sessionsOpened, this.now);
    this.sessions.add(session);
    this.#watch?.came(session);
    this.#sweep.begin();
    return session;
  }

  /**
   * Lets a session listen. `begin` gets the reading at the moment from which every publication after it reaches the
   * session: what it sends comes before them, nothing is missing and nothing doubled, however long the broker takes.
   */
  subscribe(
    session: AnySession,
    selector: Selector,
    past: Past,
    begin: (reading: Reading) => void,
    form: Form = session.form,
    by: Rights = session.rights,
  ): MaybePromise<void> {
    return this.#subscriptions.subscribe(session, selector, past, begin, form, by);
  }

  unsubscribe(session: AnySession, selector: Selector, form: Form = session.form): boolean {
    return this.#subscriptions.unsubscribe(session, selector, form);
  }

  /** The subscription of a session to exactly one channel, if it has one. */
  subscriptionTo(channel: string, session: AnySession): Audience | undefined {
    if (session.audience?.selector.id === channel) return session.audience;
    return session.moreAudiences?.find(({ selector }) => selector.id === channel);
  }

  /** Ends all sessions that `which` picks. */
  end(which: (session: AnySession) => boolean, refused: () => Refused): number {
    const picked = [...this.sessions].filter(which);
    for (const session of picked) session.end(refused());
    return picked.length;
  }

  /** Ends all sessions that listen to one of these channels. */
  endListeners(channels: Iterable<string>, refused: () => Refused): void {
    const listening = new Set<AnySession>();
    for (const channel of channels) {
      const audiences = this.#routes.of(channel);
      for (const session of audiences.flatMap((audience) => audience.all)) listening.add(session as AnySession);
    }
    for (const session of listening) session.end(refused());
  }

  /** How many sessions listen to exactly this channel name or a pattern that reaches it. */
  listeners(channel: string): number {
    let count = 0;
    for (const audience of this.#routes.of(channel)) count += audience.size;
    return count;
  }

  presence(channel: string, by: Rights): readonly Member[] {
    return this.#presence.members(channel, by);
  }

  /** The position that everything delivered so far has reached. */
  get position(): Position {
    return { run: this.run, seq: this.delivered };
  }

  get delivered(): number {
    return Math.max(this.#delivered, this.#subscriptions.readTo);
  }

  /** The position up to which sessions have been written to, or have it in their queues: that of the last turn's end. */
  get handedOut(): number {
    return this.#handedOut;
  }

  // ── Out ──

  /** The one way out. */
  #deliver(publication: Publication): void {
    this.#delivered = publication.seq;
    this.figures.published++;
    for (const audience of this.#routes.of(publication.channel)) {
      try {
        if (audience.owe(publication)) this.#dirtied(audience);
      } catch (thrown) {
        this.log.error({ err: thrown, form: audience.form.id }, "Cannot phrase a publication");
      }
    }
  }

  #tell(change: PresenceChange): void {
    for (const audience of this.#routes.of(change.channel)) if (audience.oweChange(change)) this.#dirtied(audience);
  }

  /** Hands out what this turn brought. Called by itself at the end of the turn, and before a session ends. */
  flush(): void {
    if (this.#flushing) return;
    this.#flushedAt = this.#clock.now();
    this.#flushing = true;
    try {
      while (this.#dirty.length > 0 || this.#owing.length > 0) {
        const dirty = this.#dirty;
        this.#dirty = [];
        for (const audience of dirty) {
          const { spacing } = audience.form;
          if (spacing > 0 && audience.owing) audience.restsUntil = this.now + spacing;
          this.figures.handedOut += audience.flush(this.#delivered);
          if (audience.broken) this.#letGo(audience);
        }
        const owing = this.#owing;
        this.#owing = [];
        for (const session of owing) session.settle();
      }
    } finally {
      this.#flushing = false;
      this.joiner.clear();
      this.#handedOut = this.delivered;
    }
  }

  /** Hands out all that a session is owed, also what its form still holds back. */
  flushFor(session: AnySession): void {
    for (const audience of audiencesOf(session)) if (audience.owing) this.#dirty.push(audience);
    this.flush();
  }

  /** The sessions of an audience that missed something were told so. */
  #letGo(audience: Audience): void {
    this.log.warn({ channel: audience.selector.id }, "A publication is missing: subscribers are told to come back");
    for (const session of [...audience.listeners] as AnySession[]) {
      session.conversation.lost?.(session, audience.selector.names);
    }
    audience.broken = false;
  }

  /** A session has something of its own to send, or parts of several audiences. */
  owing(session: AnySession): void {
    this.#owing.push(session);
    this.#flushSoon();
  }

  /** The kernel did not take all that was written to it. */
  lags(session: AnySession): void {
    session.queue = new OutgoingQueue(this.now);
    this.lagging.add(session);
  }

  turns({ principal }: AnySession, to: Principal): void {
    this.#headcount.turn(principal, to);
  }

  turned(session: AnySession, from: Principal): void {
    this.#watch?.turned(session, from);
  }

  caughtUp(session: AnySession): void {
    session.queue = undefined;
    this.lagging.delete(session);
  }

  /** A session is over: it listens to nothing any more. */
  remove(session: AnySession): void {
    if (this.sessions.delete(session)) {
      this.#headcount.leave(session.outlet.address, session.principal);
      this.#watch?.went(session);
    }
    if (this.lagging.delete(session)) this.figures.dropped += session.queue?.dropped ?? 0;
    this.#subscriptions.endAll(session);
  }

  /** Tells `watch` of all sessions from now on. */
  watch(watch: SessionWatch): void {
    this.#watch = watch;
  }

  /** Stops looking after idle sessions. For the end of the process and of tests. */
  close(): void {
    this.#sweep.close();
  }

  // ── Time ──

  #dirtied(audience: Audience): void {
    const { spacing } = audience.form;
    const rest = spacing === 0 ? 0 : audience.restsUntil - this.now;
    // More than the spacing: the clock was set back.
    if (rest > 0 && rest <= spacing) {
      this.#clock.after(rest, () => audience.owing && this.#dirtied(audience));
      return;
    }
    this.#dirty.push(audience);
    this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#flushDue) return;
    this.#flushDue = true;
    this.#clock.atEndOfTurn(this.#endOfTurn);
  }
}
