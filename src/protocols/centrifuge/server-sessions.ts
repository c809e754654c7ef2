/** What backends do to the sessions of a user: subscribe, unsubscribe, refresh and end them. */
import type { Hub } from "../../core/hub.ts";
import { closing, Refused, refusals } from "../../core/refusals.ts";
import type { AnySession } from "../../core/session.ts";
import type { ChannelTerms } from "../../core/tokens.ts";
import { userOf } from "./client-info.ts";
import { type ClientSession, refreshGrace } from "./seams.ts";
import type { ServerRequest } from "./server-shapes.ts";
import type { Subscribing } from "./subscribing.ts";
import type { Params, SubscribeResult } from "./wire.ts";

interface Whose {
  readonly user: string;
  readonly client?: string | undefined;
  readonly session?: string | undefined;
}

export class ServerSessions {
  readonly #hub: Hub;
  readonly #subscribing: Subscribing;

  constructor(hub: Hub, subscribing: Subscribing) {
    this.#hub = hub;
    this.#subscribing = subscribing;
  }

  /** A session that has subscribed itself stays as it is. */
  async subscribe(request: ServerRequest<"subscribe">, terms: ChannelTerms): Promise<void> {
    const { channel, recover_since: since } = request;
    const place = since === undefined ? {} : { recover: true, offset: since.offset, epoch: since.epoch ?? "" };
    const params: Params = { channel, ...place };
    await Promise.all(this.#clientsOf(request).map((session) => this.#subscribeOne(session, params, channel, terms)));
  }

  unsubscribe({ channel, ...whose }: ServerRequest<"unsubscribe">): void {
    const { code, message: reason } = refusals.unsubscribed;
    for (const session of this.#clientsOf(whose)) {
      if (!this.#subscribing.unsubscribe(session, channel)) continue;
      session.send(session.state.wire.push({ channel, unsubscribe: { code, reason } }));
    }
  }

  disconnect({ whitelist = [], disconnect, ...whose }: ServerRequest<"disconnect">): void {
    const { code, reason } = disconnect ?? { code: refusals.forceDisconnect.code, reason: undefined };
    for (const session of this.#sessionsOf(whose)) {
      if (!whitelist.includes(session.id)) session.end(closing(code, reason));
    }
  }

  refresh({ expired, expire_at: until, ...whose }: ServerRequest<"refresh">): void {
    for (const session of this.#clientsOf(whose)) {
      if (expired === true || (until !== undefined && until * 1000 <= this.#hub.now)) {
        session.end(new Refused("connectionExpired"));
        continue;
      }
      const { expires: _, ...principal } = session.principal;
      session.principal =
        until === undefined ? principal : { ...principal, expires: Math.round(until * 1000) + refreshGrace };
      const ttl = until === undefined ? undefined : Math.max(1, Math.floor(until - this.#hub.now / 1000));
      session.send(session.state.wire.push({ refresh: ttl === undefined ? {} : { expires: true, ttl } }));
    }
  }

  async #subscribeOne(session: ClientSession, params: Params, channel: string, terms: ChannelTerms): Promise<void> {
    const { state } = session;
    if (this.#hub.subscriptionTo(channel, session as AnySession) !== undefined) return;
    const begin = (result: SubscribeResult): void => {
      state.serverSide ??= new Set();
      state.serverSide.add(channel);
      session.send(state.wire.push({ channel, subscribe: result }));
    };
    await this.#subscribing.stream(session, params, begin, terms);
  }

  #clientsOf(whose: Whose): readonly ClientSession[] {
    const own = this.#sessionsOf(whose).filter(({ conversation }) => conversation.protocol === "centrifuge");
    return (own as unknown as readonly ClientSession[]).filter(({ state }) => state.stage === "connected");
  }

  #sessionsOf({ user, client, session: named }: Whose): readonly AnySession[] {
    const only = client || named;
    if (user === "" && only === undefined) throw new Refused("badRequest", "Cannot tell whose sessions: name a user");
    return [...this.#hub.sessions].filter(
      ({ id, principal }) => userOf(principal.id) === user && (only === undefined || id === only),
    );
  }
}
