/** Subscribing to streams, patterns, and maps by those who know nothing of maps. */
import { everyRight, type Rights } from "../../core/access.ts";
import { select } from "../../core/channels.ts";
import type { Hub } from "../../core/hub.ts";
import { Refused, refusals } from "../../core/refusals.ts";
import type { AnySession } from "../../core/session.ts";
import type { ChannelTerms } from "../../core/tokens.ts";
import type { Clock, MaybePromise, Past, Reading, SettingsOf } from "../../ports.ts";
import { textField } from "./fields.ts";
import type { CentrifugeForm, Forms } from "./forms.ts";
import type { Readings } from "./readings.ts";
import { type ClientSession, refreshGrace, type Seams, type SubscriptionGrant } from "./seams.ts";
import type { Params, SubscribeResult } from "./wire.ts";
import { parseWish, pastOf, resultOf, type Wish } from "./wish.ts";

export interface SubscribingParts {
  readonly hub: Hub;
  readonly forms: Forms;
  readonly seams: Seams;
  readonly clock: Clock;
  readonly settingsOf: SettingsOf;
  readonly readings: Readings;
}

/** How a subscription begins. */
export interface Beginning {
  readonly past: Past;
  readonly form: CentrifugeForm;
  readonly rights: Rights;
  /** Says so to the peer, before anything that comes after the reading. */
  readonly answer: (reading: Reading) => void;
}

/** How long a subscription lasts. */
type Terms = Pick<SubscribeResult, "expires" | "ttl">;
const endless = (): Terms => ({});

export class Subscribing {
  readonly #parts: SubscribingParts;

  constructor(parts: SubscribingParts) {
    this.#parts = parts;
  }

  /** What is asked of a channel, as far as it makes sense and may be. */
  wishOf(session: ClientSession, params: Params): Wish {
    const channel = textField(params, "channel");
    if (channel === "") throw new Refused("badRequest", "Cannot subscribe to nothing: name a channel");
    this.#requireNew(session, channel);
    const settings = this.#parts.settingsOf(channel);
    const mayHearJoins = settings.presence && session.rights.may("presence", channel);
    return parseWish(params, { channel, settings, mayHearJoins });
  }

  /** `begin` gets the result before anything that comes after it. `own`: the gateway itself subscribes it, on these terms. */
  stream(
    session: ClientSession,
    params: Params,
    begin: (result: SubscribeResult) => void,
    own?: ChannelTerms,
  ): MaybePromise<void> {
    const wish = this.wishOf(session, params);
    const { channel, variant, settings } = wish;
    return this.granted(session, params, channel, own, (terms, rights, { data, joinLeave }) => {
      const joins = variant.joins === true || (joinLeave === true && settings.presence);
      const told = data === undefined ? {} : { data };
      const answer = (reading: Reading): void => begin({ ...resultOf(reading, wish), ...terms(), ...told });
      const form = this.#parts.forms.of(session.state.wire, { ...variant, joins, own: own !== undefined });
      return this.enter(session, wish, { past: pastOf(wish), form, rights, answer });
    });
  }

  /** Reads and listens; where there may be much to read, in its turn. */
  enter(session: ClientSession, wish: Wish, { past, form, rights, answer }: Beginning): MaybePromise<void> {
    const { hub, readings } = this.#parts;
    const { channel, settings, recover, variant } = wish;
    const subscribe = (): MaybePromise<void> => {
      // The gateway itself may have subscribed it while it waited.
      this.#requireNew(session, channel);
      const begin = (reading: Reading): void => {
        for (const { publications } of reading.channels) readings.told(publications.length);
        answer(reading);
      };
      return hub.subscribe(session as AnySession, select([channel]), past, begin, form, rights);
    };
    const little = recover === undefined && settings.kind === "stream" && variant.pattern === undefined;
    return little ? subscribe() : readings.begin(subscribe);
  }

  #requireNew(session: ClientSession, channel: string): void {
    const subscription = this.#parts.hub.subscriptionTo(channel, session as AnySession);
    if (subscription !== undefined) throw new Refused("alreadySubscribed");
  }

  /**
   * Goes on with the rights that the session, its token for the channel, or the gateway itself has. `terms` is to be
   * asked once the subscription stands: its time begins to run.
   */
  granted(
    session: ClientSession,
    params: Params,
    channel: string,
    own: ChannelTerms | undefined,
    go: (terms: () => Terms, rights: Rights, worded: ChannelTerms) => MaybePromise<void>,
  ): MaybePromise<void> {
    const token = textField(params, "token");
    if (own === undefined && token === "") return go(endless, session.rights, {});
    const goOn = ({ expires, ...worded }: SubscriptionGrant): MaybePromise<void> => {
      if (!session.open) return;
      if (worded.info !== undefined) {
        session.state.channelInfos ??= new Map();
        session.state.channelInfos.set(channel, worded.info);
      }
      return go(expires === undefined ? endless : () => this.expireAt(session, channel, expires), everyRight, worded);
    };
    if (own !== undefined) return goOn(own);
    const grant = this.#parts.seams.subscriptionToken(token, channel, session.principal);
    return grant instanceof Promise ? grant.then(goOn) : goOn(grant);
  }

  /** Ends the subscription some time after its token is over, if no new one comes. */
  expireAt(session: ClientSession, channel: string, expires: number): Terms {
    const { hub, clock } = this.#parts;
    const { state } = session;
    const left = expires - clock.now();
    if (left <= 0) throw new Refused("tokenExpired");
    state.expiries?.get(channel)?.();
    state.expiries ??= new Map();
    const over = (): void => {
      const { code, message: reason } = refusals.subscriptionExpired;
      if (this.unsubscribe(session, channel)) session.send(state.wire.push({ channel, unsubscribe: { code, reason } }));
    };
    state.expiries.set(channel, clock.after(left + refreshGrace, over));
    return { expires: true, ttl: Math.max(1, Math.floor((expires - hub.now) / 1000)) };
  }

  unsubscribe(session: ClientSession, channel: string): boolean {
    const { hub } = this.#parts;
    const subscription = hub.subscriptionTo(channel, session as AnySession);
    session.state.forget(channel);
    if (subscription === undefined) return false;
    return hub.unsubscribe(session as AnySession, subscription.selector, subscription.form);
  }
}
