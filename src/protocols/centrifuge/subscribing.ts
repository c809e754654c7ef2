/** Subscribing to streams, patterns, and maps by those who know nothing of maps. */
import { everyRight, type Rights } from "../../core/access.ts";
import { isPattern, select } from "../../core/channels.ts";
import type { Hub } from "../../core/hub.ts";
import { Refused, refusals } from "../../core/refusals.ts";
import type { AnySession } from "../../core/session.ts";
import type { ChannelTerms } from "../../core/tokens.ts";
import type { ChannelSettings, Clock, MaybePromise, Past, Reading, SettingsOf } from "../../ports.ts";
import { flagField, numberField, offsetField, textField } from "./fields.ts";
import { parseFilter } from "./filter.ts";
import type { CentrifugeForm, Forms, Variant } from "./forms.ts";
import type { Readings } from "./readings.ts";
import { type ClientSession, refreshGrace, type Seams, type SubscriptionGrant } from "./seams.ts";
import type { Params, SubscribeResult } from "./wire.ts";

/** Where a client says it has got to. */
interface Place {
  readonly epoch: string;
  readonly offset: number;
}

/** A subscription as it was asked for. */
export interface Wish {
  readonly channel: string;
  readonly settings: ChannelSettings;
  readonly variant: Variant;
  /** Everything after it is wanted. */
  readonly recover: Place | undefined;
  /** The client would rather be refused than begin with something missing. */
  readonly wholeOnly: boolean;
}

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

/** The flag by which a client asks for refusal 112 in place of `recovered: false`. */
const rejectUnrecovered = 2;

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
    const joins = flagField(params, "join_leave") && settings.presence && session.rights.may("presence", channel);
    const filter = params["tf"] === undefined || params["tf"] === null ? undefined : parseFilter(params["tf"]);
    const pattern = isPattern(channel) ? channel : undefined;
    const recover = flagField(params, "recover")
      ? { epoch: textField(params, "epoch"), offset: offsetField(params, "offset") }
      : undefined;
    return {
      channel,
      settings,
      variant: { joins, filter, pattern, delta: deltaOf(params, settings, pattern) },
      recover,
      wholeOnly: (numberField(params, "flag") & rejectUnrecovered) !== 0,
    };
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

/** Whether changes are to be told as such: only where every session gets every publication. */
function deltaOf(params: Params, settings: ChannelSettings, pattern: string | undefined): boolean {
  const delta = textField(params, "delta");
  if (delta === "") return false;
  if (delta !== "fossil") throw new Refused("badRequest", `Cannot use delta ${delta.slice(0, 40)}: fossil is known`);
  if (params["tf"] !== undefined && params["tf"] !== null) {
    throw new Refused("badRequest", "Cannot use `delta` and a filter together");
  }
  return settings.kind === "stream" && settings.queue === "disconnect" && pattern === undefined;
}

export function recoverable({ history }: ChannelSettings): boolean {
  return history.size > 0 && history.ttl > 0;
}

/** A stream that remembers one publication is a value: whoever comes gets it at once. */
function isValue({ kind, history }: ChannelSettings): boolean {
  return kind === "stream" && history.size === 1;
}

function pastOf({ recover, settings, variant }: Wish): Past {
  if (variant.pattern !== undefined && recover !== undefined) {
    return { from: "position", position: { run: recover.epoch, seq: recover.offset } };
  }
  if (isValue(settings)) return { from: "now", history: 1 };
  if (recover === undefined || !recoverable(settings)) return { from: "now", history: 0 };
  return { from: "offset", ...recover };
}

function resultOf(reading: Reading, wish: Wish): SubscribeResult {
  const { variant, recover, settings, wholeOnly } = wish;
  const place = variant.pattern === undefined ? reading.channels[0] : inPattern(reading);
  if (place === undefined) throw new Refused("internal");
  const { epoch, offset } = place;
  const honoured = recover !== undefined && isHonoured(place, wish, recover);
  if (recover !== undefined && !honoured && wholeOnly) throw new Refused("unrecoverablePosition");
  const keeps = variant.pattern !== undefined || recoverable(settings);
  const publications = publicationsOf(place, wish, honoured);
  return {
    ...(keeps ? { recoverable: true, positioned: true, epoch } : {}),
    // A client counts on from where it was, through the publications that it missed.
    ...(keeps ? { offset: honoured && publications.length > 0 ? recover.offset : offset } : {}),
    ...(publications.length > 0 ? { publications } : {}),
    ...(honoured ? { recovered: true } : {}),
    ...(recover === undefined ? {} : { was_recovering: true }),
    ...(variant.delta === true ? { delta: true } : {}),
    ...(variant.pattern === undefined ? {} : { pattern: variant.pattern }),
  };
}

type PlaceRead = Pick<Reading["channels"][number], "epoch" | "offset" | "as" | "publications">;

/** A pattern's place is the broker's own position. */
function inPattern({ position, gap, channels }: Reading): PlaceRead {
  const told = channels.filter(({ kind, as }) => kind === "map" || as !== "gap");
  const publications = told.flatMap((channel) => channel.publications).sort((a, b) => a.seq - b.seq);
  return { epoch: position.run, offset: position.seq, as: gap ? "gap" : "missed", publications };
}

function isHonoured(place: PlaceRead, { settings, variant }: Wish, recover: Place): boolean {
  if (variant.pattern === undefined && isValue(settings)) {
    return place.publications.length > 0 || isAt(place, recover);
  }
  return place.as === "missed";
}

function isAt({ epoch, offset }: PlaceRead, recover: Place): boolean {
  return recover.offset === offset && (recover.epoch === epoch || recover.epoch === "");
}

function publicationsOf(place: PlaceRead, wish: Wish, honoured: boolean): PlaceRead["publications"] {
  const { settings, recover, variant } = wish;
  const { filter, pattern } = variant;
  if (recover !== undefined && pattern === undefined && settings.kind === "stream") {
    // After a gap a stream begins with what comes; of a map everything is told again.
    if (isValue(settings) ? isAt(place, recover) : !honoured) return [];
  }
  if (filter === undefined) return place.publications;
  return place.publications.filter(({ tags, removed }) => removed === true || filter.passes(tags));
}
