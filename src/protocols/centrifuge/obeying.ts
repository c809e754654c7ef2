/** The commands of a connected client, besides connecting: what each does and what it answers. */
import type { Hub } from "../../core/hub.ts";
import type { PublishRate } from "../../core/rate.ts";
import { Refused } from "../../core/refusals.ts";
import type { AnySession } from "../../core/session.ts";
import type { Draft, HistoryPage, HistoryQuery, MaybePromise } from "../../ports.ts";
import { infoOfMember, infoText, userOf } from "./client-info.ts";
import { dataField, flagField, numberField, objectField, offsetField, textField } from "./fields.ts";
import type { MapSubscribing } from "./map-subscribing.ts";
import type { ClientSession, Seams } from "./seams.ts";
import type { Subscribing } from "./subscribing.ts";
import type { ClientInfo, Command, Method, Params, SubscribeResult } from "./wire.ts";

export interface ObeyingParts {
  readonly hub: Hub;
  readonly rate: PublishRate;
  readonly seams: Seams;
  readonly subscribing: Subscribing;
  readonly maps: MapSubscribing;
}

/** What is answered; nothing where the answer went out already, or none is wanted. */
type Result = object | undefined;
type Obey = (session: ClientSession, params: Params, id: number) => MaybePromise<Result>;

const longestKey = 255;
const done = {};

export class Obeying {
  readonly #parts: ObeyingParts;
  readonly #methods: Readonly<Record<Exclude<Method, "connect" | "refresh">, Obey>>;

  constructor(parts: ObeyingParts) {
    this.#parts = parts;
    this.#methods = {
      subscribe: (session, params, id) => this.#subscribe(session, params, id),
      unsubscribe: (session, params) => this.#unsubscribe(session, params),
      publish: (session, params) => this.#publish(session, params),
      presence: (session, params) => this.#presence(session, params),
      presence_stats: (session, params) => this.#presenceStats(session, params),
      history: (session, params) => this.#history(session, params),
      rpc: (session, params) => this.#rpc(session, params),
      sub_refresh: (session, params) => this.#refreshSubscription(session, params),
      ping: () => done,
      // Nobody here listens to messages without an answer.
      send: () => undefined,
    };
  }

  obey(session: ClientSession, { id, method, params }: Command): MaybePromise<Result> {
    if (method === "connect" || method === "refresh") throw new Refused("badConnection");
    return this.#methods[method](session, params, id);
  }

  #subscribe(session: ClientSession, params: Params, id: number): MaybePromise<Result> {
    const begin = (result: SubscribeResult): void => session.send(session.state.wire.reply(id, "subscribe", result));
    const type = numberField(params, "type");
    if (type > 1) throw new Refused("notAvailable", `Cannot subscribe with type ${type}: there are streams and maps`);
    const { subscribing, maps } = this.#parts;
    const asked = type === 1 ? maps.step(session, params, begin) : subscribing.stream(session, params, begin);
    return asked instanceof Promise ? asked.then(() => undefined) : undefined;
  }

  #unsubscribe(session: ClientSession, params: Params): Result {
    this.#parts.subscribing.unsubscribe(session, textField(params, "channel"));
    return done;
  }

  #publish(session: ClientSession, params: Params): MaybePromise<Result> {
    const { hub, rate } = this.#parts;
    const { principal, outlet } = session;
    const draft = draftOf(session, params);
    rate.take(principal, outlet.address, draft.data);
    const kept = hub.publish(textField(params, "channel"), draft, principal.rights);
    return kept instanceof Promise ? kept.then(() => done) : done;
  }

  #presence(session: ClientSession, params: Params): Result {
    const members = this.#parts.hub.presence(textField(params, "channel"), session.rights);
    const presence: Record<string, ClientInfo> = {};
    for (const member of members) presence[member.client] = infoOfMember(member);
    return { presence };
  }

  #presenceStats(session: ClientSession, params: Params): Result {
    const members = this.#parts.hub.presence(textField(params, "channel"), session.rights);
    return { num_clients: members.length, num_users: new Set(members.map(({ user }) => userOf(user))).size };
  }

  #history(session: ClientSession, params: Params): MaybePromise<Result> {
    const query: HistoryQuery = {
      limit: numberField(params, "limit"),
      reverse: flagField(params, "reverse"),
      ...(params["since"] === undefined || params["since"] === null ? {} : { since: placeOf(params) }),
    };
    const page = this.#parts.hub.history(textField(params, "channel"), query, session.rights);
    const answer = ({ publications, epoch, offset }: HistoryPage): Result => ({ publications, epoch, offset });
    return page instanceof Promise ? page.then(answer) : answer(page);
  }

  #rpc(session: ClientSession, params: Params): MaybePromise<Result> {
    const data = params["data"] === undefined ? "null" : dataField(params);
    const answer = this.#parts.seams.rpc(textField(params, "method"), data, session);
    return answer instanceof Promise ? answer.then((text) => ({ data: text })) : { data: answer };
  }

  #refreshSubscription(session: ClientSession, params: Params): MaybePromise<Result> {
    const { hub, seams, subscribing } = this.#parts;
    const channel = textField(params, "channel");
    if (hub.subscriptionTo(channel, session as AnySession) === undefined) {
      throw new Refused("permissionDenied", `Cannot refresh the subscription to ${channel}: there is none`);
    }
    const grant = seams.subscriptionToken(textField(params, "token"), channel, session.principal);
    const goOn = ({ expires }: { readonly expires?: number }): Result =>
      expires === undefined ? done : subscribing.expireAt(session, channel, expires);
    return grant instanceof Promise ? grant.then(goOn) : goOn(grant);
  }
}

function placeOf(params: Params): { readonly offset: number; readonly epoch: string } {
  const since = objectField(params, "since");
  return { offset: offsetField(since, "offset"), epoch: textField(since, "epoch") };
}

function draftOf(session: ClientSession, params: Params): Draft {
  const key = textField(params, "key");
  const removed = flagField(params, "removed");
  if (key.length > longestKey) {
    throw new Refused("badRequest", `Cannot use the map key: it must have 1 to ${longestKey} characters`);
  }
  if (removed && key === "") throw new Refused("badRequest", "Cannot remove without a `key`");
  const info = infoText(session as AnySession, session.state.channelInfos?.get(textField(params, "channel")));
  if (removed) return { data: "null", key, removed, info };
  return { data: dataField(params), info, ...(key === "" ? {} : { key }) };
}
