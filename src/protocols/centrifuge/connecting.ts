/** Connecting and refreshing: who a client is, how long, and what the gateway subscribes it to. */

import { verbs } from "../../core/access.ts";
import { credentialOf } from "../../core/credentials.ts";
import type { Gate } from "../../core/gate.ts";
import type { Hub } from "../../core/hub.ts";
import { inboxOf } from "../../core/own-channels.ts";
import { Refused } from "../../core/refusals.ts";
import type { AnySession } from "../../core/session.ts";
import type { Chance, MaybePromise } from "../../ports.ts";
import type { Emulated } from "./emulation.ts";
import { objectField, textField } from "./fields.ts";
import type { ClientSession, ConnectIdentity, Seams } from "./seams.ts";
import type { Subscribing } from "./subscribing.ts";
import type { ConnectResult, Params, SubscribeResult } from "./wire.ts";

export interface ConnectingParts {
  readonly hub: Hub;
  readonly gate: Gate;
  readonly seams: Seams;
  readonly subscribing: Subscribing;
  readonly emulated: Emulated;
  readonly chance: Chance;
  /** What the gateway calls itself. */
  readonly version: string;
  /** Between pings, in ms. */
  readonly ping: number;
  /** After which a stream that only listens ends in good order, in ms. */
  readonly maxAge: number;
}

export class Connecting {
  readonly #parts: ConnectingParts;

  constructor(parts: ConnectingParts) {
    this.#parts = parts;
  }

  /** The session is connected when this is done; `answer` says so to the peer. */
  connect(session: ClientSession, params: Params, answer: (result: ConnectResult) => void): MaybePromise<void> {
    if (session.state.stage === "connected") throw new Refused("badConnection", "Cannot connect twice");
    const admit = (identity: ConnectIdentity): MaybePromise<void> => this.#admit(session, params, identity, answer);
    const identity = this.#identify(session, params);
    return identity instanceof Promise ? identity.then(admit) : admit(identity);
  }

  /** A new token for the same user goes on where the old one ended. */
  refresh(session: ClientSession, params: Params): MaybePromise<object> {
    const renew = ({ principal, expires }: ConnectIdentity): object => {
      if (principal.id !== session.principal.id) throw new Refused("invalidToken", "Cannot become another user");
      session.principal = principal;
      return { client: session.id, version: this.#parts.version, ...this.#terms(expires) };
    };
    const identity = this.#parts.seams.authenticate(textField(params, "token"), session.outlet.address);
    return identity instanceof Promise ? identity.then(renew) : renew(identity);
  }

  #identify(session: ClientSession, params: Params): MaybePromise<ConnectIdentity> {
    const token = textField(params, "token");
    if (token !== "") return this.#parts.seams.authenticate(token, session.outlet.address);
    const principal = this.#told(params, session.outlet.address) ?? session.principal;
    // Whoever may do nothing is told to bring a token, and not refused channel by channel.
    if (!verbs.some((verb) => principal.rights.mayAny(verb))) throw new Refused("unauthorized");
    const { device } = principal;
    return { principal, ...(device === undefined ? {} : { channels: [inboxOf(device)] }) };
  }

  /** The credential in headers that the command brings, for clients that cannot set those of their request. */
  #told(params: Params, address: string): ClientSession["principal"] | undefined {
    const told = Object.entries(objectField(params, "headers"));
    if (told.length === 0) return undefined;
    const headers = new Headers();
    for (const [name, value] of told) {
      if (/^(authorization|x-api-key)$/i.test(name) && typeof value === "string") headers.set(name, value);
    }
    const credential = credentialOf(headers, undefined);
    return credential === undefined ? undefined : this.#parts.gate.admit(credential, address);
  }

  #admit(
    session: ClientSession,
    params: Params,
    identity: ConnectIdentity,
    answer: (result: ConnectResult) => void,
  ): MaybePromise<void> {
    if (!session.open) return;
    const { principal, expires, channels = [], terms: channelTerms } = identity;
    const { state, outlet } = session;
    const terms = this.#terms(expires);
    session.principal = principal;
    const known = objectField(params, "subs");
    // Who only listens can ask for channels in no other way.
    const asked = state.wire.oneWay ? Object.keys(known).filter((channel) => !channels.includes(channel)) : [];
    const subs: Record<string, SubscribeResult> = {};
    const waiting: Promise<void>[] = [];
    for (const channel of [...channels, ...asked]) {
      const place = { ...objectField(known, channel), channel, token: "" };
      state.serverSide ??= new Set();
      state.serverSide.add(channel);
      const begin = (result: SubscribeResult): void => {
        subs[channel] = result;
      };
      const own = channels.includes(channel) ? (channelTerms?.get(channel) ?? {}) : undefined;
      const begun = this.#parts.subscribing.stream(session, place, begin, own);
      if (begun instanceof Promise) waiting.push(begun);
    }
    const begin = (): void => {
      this.#begin(session);
      const pong = state.wire.oneWay ? {} : ({ pong: true } as const);
      const { version, ping, hub } = this.#parts;
      const emulation = state.wire.oneWay || outlet.hears ? {} : { session: this.#secretOf(session), node: hub.node };
      const subscribed = Object.keys(subs).length > 0 ? { subs } : {};
      answer({ client: session.id, version, ...terms, ...subscribed, ping: ping / 1000, ...pong, ...emulation });
    };
    return waiting.length === 0 ? begin() : Promise.all(waiting).then(begin);
  }

  #begin(session: ClientSession): void {
    const { ping, maxAge, hub } = this.#parts;
    session.state.stage = "connected";
    session.deadline = 0;
    session.alive();
    session.beatEvery(ping);
    // Where nothing comes back on a stream, only its end shows that nobody reads it.
    if (session.state.wire.oneWay && !session.outlet.hears && maxAge > 0) session.retires = hub.now + maxAge;
  }

  #terms(expires: number | undefined): { readonly expires?: true; readonly ttl?: number } {
    if (expires === undefined) return {};
    const left = expires - this.#parts.hub.now;
    if (left <= 0) throw new Refused("tokenExpired");
    return { expires: true, ttl: Math.max(1, Math.floor(left / 1000)) };
  }

  #secretOf(session: ClientSession): string {
    const { chance, emulated } = this.#parts;
    session.state.secret ??= chance.text(24);
    emulated.add(session.state.secret, session as AnySession);
    return session.state.secret;
  }
}
