/**
 * One peer's visit, from hello to goodbye, over any transport. It obeys its peer's commands one at a time, and collects
 * what the peer is owed so that it leaves in one write at the end of the turn.
 */
import type { Frame, Inlet, JsonText, Log, MaybePromise, Outlet, QueuePolicy } from "../ports.ts";
import type { Rights } from "./access.ts";
import { type Attendance, audiencesOf } from "./attendance.ts";
import type { Audience } from "./audience.ts";
import { Batch, type BatchJoiner, type Form } from "./form.ts";
import type { OutgoingQueue, QueueLimits } from "./outgoing-queue.ts";
import { asRefused, closeReason, Refused } from "./refusals.ts";

/** Who a peer is, once it is known. */
export interface Principal {
  /** The key's id, or `anonymous`, or `owner` for who came through a socket of this machine. */
  readonly id: string;
  readonly name: string;
  readonly rights: Rights;
  /** What is told of it to others in its channels, as JSON. */
  readonly info?: JsonText;
  /** The device whose key it is. */
  readonly device?: string;
  readonly expires?: number;
}

/** How a goodbye is worded for a peer: last frames, and the close that its clients understand. */
export interface Goodbye {
  readonly frames?: readonly Frame[];
  /** 1006: a WebSocket breaks without a close frame, for clients that come back from nothing else. */
  readonly code: number;
  readonly reason: string;
}

/**
 * A protocol's side of its sessions. One object serves all of them; what belongs to one session is in `session.state`.
 */
export interface Conversation<State = unknown> {
  readonly protocol: string;
  /** Its heartbeat is a question that the peer answers by a message: sent whatever else was, and ended without answer. */
  readonly asksForAnswer?: boolean;
  /** One message of the peer. While the promise is open, the next ones wait. A refusal that it throws goes to `refused`. */
  message(session: Session<State>, data: string | Uint8Array): MaybePromise<void>;
  /** Tells the peer of a refused message; the session goes on. */
  refused(session: Session<State>, refused: Refused): void;
  /** A sign of life that is no message: what was written before the ping that it answers has arrived. */
  alive?(session: Session<State>): void;
  /** Publications of these channels will not reach it, which it was told by the form's `gap`. */
  lost?(session: Session<State>, channels: readonly string[]): void;
  /** What is told of it to others in this channel alone, as JSON. */
  channelInfo?(session: Session<State>, channel: string): JsonText | undefined;
  /** The peer is gone. */
  ended?(session: Session<State>, code: number): void;
  /** A sign of life in the protocol's own words, when nothing else was sent for `session.heartbeat` ms. */
  heartbeat?(session: Session<State>): Frame | undefined;
  /** The protocol's own goodbye, where it differs from the table's close code and message. */
  goodbye?(session: Session<State>, refused: Refused): Goodbye;
}

/** What a session needs of its hub. */
export interface SessionHost {
  readonly run: string;
  /** Part of the ids of sessions. */
  readonly node: string;
  readonly now: number;
  readonly log: Log;
  readonly limits: {
    readonly queue: QueueLimits;
    /** Per second; 0 or nothing sets no limit. */
    readonly commands?: number;
  };
  readonly policyOf: (channel: string) => QueuePolicy;
  readonly joiner: BatchJoiner;
  /** What happened to all sessions since the start. */
  readonly figures: { slow: number; dropped: number; readonly refused: Map<string, number> };
  owing(session: AnySession): void;
  lags(session: AnySession): void;
  caughtUp(session: AnySession): void;
  remove(session: AnySession): void;
  /** A session turns out to be somebody else's. Refused where that key has as many sessions as it may. */
  turns(session: AnySession, to: Principal): void;
  /** It was `from` before. */
  turned(session: AnySession, from: Principal): void;
  flush(): void;
}

/** A session whatever its protocol keeps in it. */
export type AnySession = Session<unknown>;

/** What may wait of a peer's own commands while one of them is being obeyed. */
const waitingCommands = 1024;

export class Session<State = unknown> implements Inlet, Attendance {
  // First what every write needs, so that it stands together in memory.
  readonly outlet: Outlet;
  readonly host: SessionHost;
  queue: OutgoingQueue | undefined;
  moreAudiences: Audience[] | undefined;
  #own: Frame[] | undefined;
  lastOut: number;
  readonly conversation: Conversation<State>;
  readonly form: Form;
  readonly number: number;
  readonly opened: number;
  state: State;
  /** Silence after which the peer gets a sign of life, in ms; 0 for none. */
  heartbeat = 0;
  /** When to end it if `principal` has not become known by then; 0 for never. */
  deadline = 0;
  /** When a one-way stream ends in good order, to be opened again; 0 for never. */
  retires = 0;
  lastIn: number;
  nextBeat = 0;
  open = true;
  dropped = 0;
  /** How often something was refused to it, and the last time: for its entry among the sessions. */
  refusals = 0;
  lastRefusal: Refused | undefined;
  lastRefusalAt = 0;
  audience: Audience | undefined;
  #owed: Batch | Batch[] | undefined;
  #commands: (string | Uint8Array)[] | undefined;
  #principal: Principal;
  /** When its allowance of commands would be full again. */
  #commandsFullAt = 0;
  #obeying = false;

  constructor(
    host: SessionHost,
    outlet: Outlet,
    conversation: Conversation<State>,
    form: Form,
    principal: Principal,
    state: State,
    number: number,
    now: number,
  ) {
    this.host = host;
    this.outlet = outlet;
    this.conversation = conversation;
    this.form = form;
    this.#principal = principal;
    this.state = state;
    this.number = number;
    this.opened = now;
    this.lastIn = now;
    this.lastOut = now;
  }

  get id(): string {
    return `${this.host.node}-${this.number.toString(36)}`;
  }

  get principal(): Principal {
    return this.#principal;
  }

  /** Who the peer turned out to be. Refused (3504) where that key has as many sessions as it may. */
  set principal(principal: Principal) {
    const before = this.#principal;
    if (this.open) this.host.turns(this, principal);
    this.#principal = principal;
    if (this.open) this.host.turned(this, before);
  }

  get rights(): Rights {
    return this.#principal.rights;
  }

  /**
   * After how many ms its client should come back if the connection breaks: evenly spread over sessions, from 1 to 5 s, so
   * that those who lose their gateway do not all come at once.
   */
  get comesBackAfter(): number {
    return 1000 + Math.floor(4000 * ((this.number * 0.618_033_988_7) % 1));
  }

  /** Names and patterns that it listens to. */
  get subscriptions(): readonly string[] {
    return audiencesOf(this).flatMap(({ selector }) => [...selector.names, ...selector.patterns]);
  }

  // ── What the transport tells ──

  message(data: string | Uint8Array): void {
    if (!this.open) return;
    this.lastIn = this.host.now;
    if (!this.#obeying) this.#obey(data);
    else {
      this.#commands ??= [];
      if (this.#commands.length >= waitingCommands) this.end(new Refused("connectionRate"));
      else this.#commands.push(data);
    }
  }

  alive(): void {
    this.lastIn = this.host.now;
    this.conversation.alive?.(this);
  }

  drained(): void {
    const queue = this.queue;
    if (queue === undefined || !this.open) return;
    // Nobody else takes it than the peer.
    this.lastIn = this.host.now;
    const { frames, lost } = queue.take();
    this.dropped += queue.dropped;
    this.host.figures.dropped += queue.dropped;
    queue.dropped = 0;
    if (lost.length > 0) this.conversation.lost?.(this, lost);
    // It may have ended for it, to come back to where it was: then it is told nothing more.
    if (!this.open) return;
    const notice = lost.length > 0 ? this.form.gap(lost) : undefined;
    if (notice !== undefined) frames.unshift(notice);
    if (frames.length === 0 || this.#write(new Batch(this.form.framing, frames, []))) this.host.caughtUp(this);
  }

  ended(code: number, _reason: string): void {
    if (this.open) this.#gone(code);
  }

  // ── What the protocol does ──

  /** Counts one command of the peer. Refused when it sends them faster than it may. */
  countCommand(): void {
    const { commands = 0 } = this.host.limits;
    if (commands === 0) return;
    const { now } = this.host;
    const interval = 1000 / commands;
    const from = Math.max(now, this.#commandsFullAt);
    // A second's worth of them may come at once.
    if (from - now > 1000 - interval) {
      throw new Refused("tooManyRequests", `Cannot obey more than ${commands} commands per second of one session`, 1);
    }
    this.#commandsFullAt = from + interval;
  }

  /** Sends frames to this peer alone, in the write that ends the turn, before what its audiences are owed. */
  send(...frames: Frame[]): void {
    this.sendAll(frames);
  }

  /** Like `send`, for as many as there are. */
  sendAll(frames: readonly Frame[]): void {
    if (!this.open || frames.length === 0) return;
    if (this.#own === undefined) {
      this.#own = [...frames];
      if (this.#owed === undefined) this.host.owing(this);
    } else for (const frame of frames) this.#own.push(frame);
  }

  /** Ends it with a refusal, after what it is owed; `slow` and dead peers at once. */
  end(refused: Refused, abrupt = false): void {
    if (!this.open) return;
    const goodbye = this.conversation.goodbye?.(this, refused) ?? {
      code: refused.refusal.close,
      reason: refused.message,
    };
    if (!abrupt) {
      this.host.flush();
      if (goodbye.frames !== undefined) this.send(...goodbye.frames);
      this.settle();
      // What waits for a peer that lags goes with the rest: nothing comes after it.
      this.drained();
      // Writing may have shown that the peer is gone, or too slow.
      if (!this.open) return;
    }
    // What the peer said before it left is still obeyed; what it said before it was sent away is not.
    this.#commands = undefined;
    this.#gone(goodbye.code);
    this.outlet.end(goodbye.code, closeReason(goodbye.reason), abrupt);
  }

  /** Something was refused to the peer, or could not be sent to it; whether it is told is its protocol's to say. */
  note(refused: Refused): void {
    const { figures } = this.host;
    const { name } = refused.refusal;
    figures.refused.set(name, (figures.refused.get(name) ?? 0) + 1);
    this.refusals++;
    this.lastRefusal = refused;
    this.lastRefusalAt = this.host.now;
  }

  /** A sign of life whenever nothing else was sent for so many ms; 0 for never. */
  beatEvery(interval: number): void {
    this.heartbeat = interval;
    this.nextBeat = this.host.now + interval;
  }

  // ── What the hub does ──

  /** One audience's part of this turn. */
  owe(batch: Batch): void {
    if (this.#own === undefined && this.moreAudiences === undefined) this.deliver(batch);
    else if (this.#owed === undefined) {
      this.#owed = batch;
      if (this.#own === undefined) this.host.owing(this);
    } else if (Array.isArray(this.#owed)) this.#owed.push(batch);
    else this.#owed = [this.#owed, batch];
  }

  /** The end of the turn for a session that has more coming than one audience's part. */
  settle(): void {
    const owed = this.#owed;
    const own = this.#own === undefined ? undefined : new Batch(this.form.framing, this.#own, []);
    this.#own = undefined;
    this.#owed = undefined;
    if (!this.open) return;
    if (own === undefined) {
      if (owed !== undefined) this.deliver(Array.isArray(owed) ? this.host.joiner.join(owed) : owed);
    } else if (owed === undefined) this.deliver(own);
    else this.deliver(this.host.joiner.join(Array.isArray(owed) ? [own, ...owed] : [own, owed]));
  }

  /** Everything it is owed by this turn, in one write; into the queue where the peer lags. */
  deliver(batch: Batch): void {
    const { queue } = this;
    if (queue === undefined) {
      if (!this.#write(batch) && this.open) this.host.lags(this);
      return;
    }
    queue.add(batch, this.host.now, this.host.policyOf);
    this.reconsider();
  }

  /** Looks at a lagging session, whose transport gets nothing more: what is less there than before, its peer has read. */
  lookAtLag(): void {
    const { queue } = this;
    if (queue === undefined) return;
    const left = this.outlet.queued();
    if (left < queue.left) this.lastIn = this.host.now;
    queue.left = left;
    this.reconsider();
  }

  /** Applies the limits to a lagging session. */
  reconsider(): void {
    const { queue } = this;
    if (queue === undefined || !this.open) return;
    const { now, policyOf, limits } = this.host;
    if (!queue.over(limits.queue, now)) return;
    if (queue.shrink(limits.queue, now, policyOf)) return;
    this.host.figures.slow++;
    this.end(new Refused("slow"), true);
  }

  #write(batch: Batch): boolean {
    this.lastOut = this.host.now;
    try {
      return this.outlet.write(batch.payload);
    } catch (thrown) {
      this.host.log.error({ err: thrown, session: this.id }, "Cannot write to a session");
      this.end(new Refused("writeError"), true);
      return true;
    }
  }

  #gone(code: number): void {
    this.open = false;
    this.host.remove(this);
    try {
      this.conversation.ended?.(this, code);
    } catch (thrown) {
      this.host.log.error({ err: thrown, session: this.id }, "Cannot part with a session");
    }
  }

  #obey(data: string | Uint8Array): void {
    try {
      this.countCommand();
      const done = this.conversation.message(this, data);
      if (done === undefined) return;
      this.#obeying = true;
      done.then(
        () => this.#next(),
        (thrown: unknown) => {
          this.#refuse(thrown);
          this.#next();
        },
      );
    } catch (thrown) {
      this.#refuse(thrown);
    }
  }

  #refuse(thrown: unknown): void {
    if (!(thrown instanceof Refused)) this.host.log.error({ err: thrown, session: this.id }, "Cannot obey a command");
    if (!this.open) return;
    const refused = asRefused(thrown);
    const { refusals } = this;
    try {
      this.conversation.refused(this, refused);
    } catch (failure) {
      this.host.log.error({ err: failure, session: this.id }, "Cannot tell of a refusal");
    }
    // Its protocol may have noted it already.
    if (this.refusals === refusals) this.note(refused);
  }

  #next(): void {
    this.#obeying = false;
    while (!this.#obeying) {
      const data = this.#commands?.shift();
      if (data === undefined) return;
      this.#obey(data);
    }
  }
}
