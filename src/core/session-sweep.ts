/**
 * Looks at all sessions every second: heartbeats, deadlines, and queues that grew old. One timer for all of them, and none
 * while nobody is there and nothing else is due.
 */
import type { Clock, Log } from "../ports.ts";
import { Refused } from "./refusals.ts";
import type { AnySession } from "./session.ts";

const interval = 1000;

export interface Swept {
  readonly log: Log;
  readonly sessions: ReadonlySet<AnySession>;
  /** Those that do not read as fast as they are written to. */
  readonly lagging: ReadonlySet<AnySession>;
}

export class SessionSweep {
  readonly #clock: Clock;
  readonly #swept: Swept;
  readonly #then: () => boolean;
  #cancel: (() => void) | undefined;

  /** `then` is called after each look, and tells whether there has to be another, also if nobody is there any more. */
  constructor(clock: Clock, swept: Swept, then: () => boolean) {
    this.#clock = clock;
    this.#swept = swept;
    this.#then = then;
  }

  /** To be called when a session comes; goes on for as long as there are any. */
  begin(): void {
    this.#cancel ??= this.#clock.after(interval, () => this.#sweep());
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #sweep(): void {
    this.#cancel = undefined;
    const { sessions, lagging, log } = this.#swept;
    const now = this.#clock.now();
    for (const session of lagging) session.lookAtLag();
    for (const session of sessions) {
      try {
        look(session, now);
      } catch (thrown) {
        log.error({ err: thrown, session: session.id }, "Cannot look after a session");
      }
    }
    const more = this.#then();
    if (sessions.size > 0 || more) this.begin();
  }
}

function look(session: AnySession, now: number): void {
  const { principal, outlet } = session;
  if (session.deadline > 0 && now >= session.deadline) session.end(new Refused("stale"));
  else if (principal.expires !== undefined && now >= principal.expires) session.end(new Refused("connectionExpired"));
  else if (session.retires > 0 && now >= session.retires) session.end(new Refused("closed"));
  else if (session.conversation.asksForAnswer === true) ask(session, now);
  else if (outlet.keepAlive !== undefined) {
    if (now - session.lastIn > 2 * outlet.keepAlive) session.end(new Refused("noPong"), true);
  } else giveSignOfLife(session, now);
}

/** A session that has been quiet for its `heartbeat` hears something; one that is silent itself, though it can be heard, ends. */
function giveSignOfLife(session: AnySession, now: number): void {
  const { heartbeat, outlet } = session;
  if (heartbeat === 0 || now < session.nextBeat) return;
  const due = now - session.lastOut >= heartbeat - interval;
  session.nextBeat = due ? now + heartbeat : session.lastOut + heartbeat;
  if (outlet.hears && now - session.lastIn > 2 * heartbeat) session.end(new Refused("noPong"), true);
  else if (session.queue === undefined) {
    if (due) beat(session);
    outlet.ping();
  }
}

/**
 * A peer answers each heartbeat: whoever has not answered the last one when the next is due is gone. Who lags is asked
 * nothing, and has the time that others have who are not asked.
 */
function ask(session: AnySession, now: number): void {
  const { heartbeat } = session;
  if (heartbeat === 0 || now < session.nextBeat) return;
  const lags = session.queue !== undefined;
  const heardBy = lags ? now - 2 * heartbeat : session.nextBeat - heartbeat;
  session.nextBeat = now + heartbeat;
  if (session.lastIn < heardBy) session.end(new Refused("noPong"), lags);
  else if (!lags) beat(session);
}

function beat(session: AnySession): void {
  const frame = session.conversation.heartbeat?.(session);
  if (frame !== undefined) session.send(frame);
}
