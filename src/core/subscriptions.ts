/** Sessions begin to listen to what a selector names, where they were or anew, and stop. */
import type { Broker, MaybePromise, Past, Reading, Selector } from "../ports.ts";
import type { Rights } from "./access.ts";
import { attend, attendNoMore, audiencesOf, subscribedTo } from "./attendance.ts";
import type { Audience } from "./audience.ts";
import type { Form } from "./form.ts";
import type { Presence } from "./presence.ts";
import { Refused } from "./refusals.ts";
import type { Routes } from "./routes.ts";
import type { AnySession } from "./session.ts";

export interface SubscriptionsParts {
  readonly broker: Broker;
  readonly routes: Routes;
  readonly presence: Presence;
  /** `subscriptions`: names and patterns in one session's subscriptions; it may change while sessions listen. */
  readonly limits: { readonly subscriptions: number };
  /** Subscriptions that went on where they had been, and those that were told of a gap instead. */
  readonly figures: { recovered: number; unrecovered: number };
  /** The newest `seq` that was delivered. */
  readonly delivered: () => number;
  /** Hands out what this turn has brought so far. */
  readonly flush: () => void;
}

export class Subscriptions {
  readonly #parts: SubscriptionsParts;
  #readTo = 0;

  constructor(parts: SubscriptionsParts) {
    this.#parts = parts;
  }

  /** The newest position that a reading was as of; all that came before a restart is in none of the broker's deliveries. */
  get readTo(): number {
    return this.#readTo;
  }

  /** See `Hub.subscribe`. */
  subscribe(
    session: AnySession,
    selector: Selector,
    past: Past,
    begin: (reading: Reading) => void,
    form: Form,
    by: Rights,
  ): MaybePromise<void> {
    requireSubscribe(selector, by);
    if (!session.open) return;
    const audience = this.#audienceFor(session, selector, form);
    const gathered = audience.gather(session);
    attend(session, audience);
    // Not so if it has ended meanwhile, or given up and perhaps subscribed anew.
    const waits = (): boolean => audience.gathered(session) === gathered;
    const live = (reading: Reading): void => {
      if (!waits()) return;
      const { figures, presence, delivered, flush } = this.#parts;
      let { seq } = reading.position;
      let offset = reading.channels[0]?.offset ?? -1;
      this.#readTo = Math.max(this.#readTo, seq);
      // What other subscriptions owe of this turn is older than the reading: it goes first, so that cursors only grow.
      if (audiencesOf(session).some((other) => other !== audience && other.owing)) flush();
      if (past.from !== "now") figures[reading.gap ? "unrecovered" : "recovered"]++;
      begin(reading);
      if (!waits()) return;
      for (const publication of gathered) {
        if (publication.seq <= seq) continue;
        if (form.concerns(publication)) session.send(form.frameAlone(publication));
        seq = publication.seq;
        if (publication.offset > 0) offset = publication.offset;
      }
      audience.join(session, seq, offset, delivered());
      presence.enter(session, selector);
    };
    const failed = (thrown: unknown): never => {
      if (waits()) this.#giveUp(session, audience);
      throw thrown;
    };
    try {
      const reading = this.#parts.broker.read(selector, past);
      if (reading instanceof Promise) return reading.then(live).catch(failed);
      live(reading);
    } catch (thrown) {
      return failed(thrown);
    }
  }

  unsubscribe(session: AnySession, selector: Selector, form: Form): boolean {
    const audience = this.#parts.routes.find(form, selector);
    if (audience === undefined || !audience.has(session)) return false;
    this.#parts.presence.leave(session, audience);
    this.#giveUp(session, audience);
    return true;
  }

  /** A session is over: it listens to nothing any more. */
  endAll(session: AnySession): void {
    for (const audience of audiencesOf(session)) {
      this.#parts.presence.leave(session, audience);
      this.#leave(session, audience);
    }
    session.audience = undefined;
    session.moreAudiences = undefined;
  }

  /** Refused where it listens to that already, or to as much as it may. */
  #audienceFor(session: AnySession, selector: Selector, form: Form): Audience {
    const { routes, limits } = this.#parts;
    const audience = routes.audience(form, selector);
    if (audience.has(session)) throw new Refused("alreadySubscribed");
    if (subscribedTo(session) + selector.names.length + selector.patterns.length > limits.subscriptions) {
      if (audience.size === 0) routes.dissolve(audience);
      const limit = limits.subscriptions;
      throw new Refused("limitExceeded", `Cannot subscribe to more than ${limit} channels in one session`);
    }
    return audience;
  }

  #giveUp(session: AnySession, audience: Audience): void {
    this.#leave(session, audience);
    attendNoMore(session, audience);
  }

  #leave(session: AnySession, audience: Audience): void {
    audience.leave(session);
    if (audience.size === 0) this.#parts.routes.dissolve(audience);
  }
}

/** Refused where a name or a pattern of it is not granted. */
export function requireSubscribe(selector: Selector, by: Rights): void {
  for (const name of selector.names) by.require("subscribe", name);
  for (const pattern of selector.patterns) by.require("subscribe", pattern);
}
