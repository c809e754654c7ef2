/** What each method of the server API does: from its fields and its text as it was sent to the text of its result. */
import type { Rights } from "../../core/access.ts";
import { everyRight } from "../../core/access.ts";
import type { Calls } from "../../core/calls.ts";
import { isPattern, matches, requireName, requirePattern } from "../../core/channels.ts";
import { draftOf } from "../../core/draft.ts";
import type { Hub } from "../../core/hub.ts";
import type { Idempotency } from "../../core/idempotency.ts";
import type { JsonObject } from "../../core/json.ts";
import { memberText } from "../../core/member-text.ts";
import type { PublishRate } from "../../core/rate.ts";
import { asRefused, Refused } from "../../core/refusals.ts";
import type { AnySession, Principal } from "../../core/session.ts";
import type { JsonText, MaybePromise } from "../../ports.ts";
import { infoOfMember } from "./client-info.ts";
import { jsonText } from "./json-wire.ts";
import type { ServerSessions } from "./server-sessions.ts";
import type { ServerMethod, ServerRequest } from "./server-shapes.ts";

/** Who asks, and with which rights: a key with the grant `admin` has every other, since it can make keys that do. */
export interface Backend {
  readonly principal: Principal;
  readonly rights: Rights;
  readonly address: string;
}

export function backendOf(principal: Principal, address: string): Backend {
  return { principal, address, rights: principal.rights.mayAny("admin") ? everyRight : principal.rights };
}

export interface ServerMethodsParts {
  readonly hub: Hub;
  readonly rate: PublishRate;
  readonly idempotency: Idempotency;
  readonly sessions: ServerSessions;
  readonly calls?: Calls | undefined;
  readonly version: string;
}

type Run<M extends ServerMethod> = (
  request: ServerRequest<M>,
  text: JsonText,
  by: Backend,
) => MaybePromise<JsonText | undefined>;

type Publishing = Omit<ServerRequest<"publish">, "channel">;

export class ServerMethods {
  readonly #parts: ServerMethodsParts;
  readonly #started: number;
  readonly #runs: { readonly [M in Exclude<ServerMethod, "batch">]: Run<M> };

  constructor(parts: ServerMethodsParts) {
    this.#parts = parts;
    this.#started = parts.hub.now;
    const { sessions } = parts;
    this.#runs = {
      publish: ({ channel, ...request }, text, by) => this.#publish(channel, request, text, by),
      broadcast: (request, text, by) => this.#broadcast(request, text, by),
      subscribe: async (request, text, by) => {
        requireAdmin(by);
        const [data, info] = [memberText(text, "data"), memberText(text, "info")];
        const terms = { ...(data === undefined ? {} : { data }), ...(info === undefined ? {} : { info }) };
        await sessions.subscribe(request, terms);
        return undefined;
      },
      unsubscribe: (request, _, by) => asAdmin(by, () => sessions.unsubscribe(request)),
      disconnect: (request, _, by) => asAdmin(by, () => sessions.disconnect(request)),
      refresh: (request, _, by) => asAdmin(by, () => sessions.refresh(request)),
      presence: ({ channel }, _, { rights }) => this.#presence(channel, rights),
      presence_stats: ({ channel }, _, { rights }) => this.#presenceStats(channel, rights),
      history: (request, _, { rights }) => this.#history(request, rights),
      history_remove: ({ channel }, _, by) => this.#removeHistory(channel, by),
      channels: ({ pattern }, _, { rights }) => this.#channels(pattern ?? "**", rights),
      info: (_, __, by) => asAdmin(by, () => this.#info()),
      rpc: (request, text, by) => this.#rpc(request, text, by),
    };
  }

  /** The result as JSON; refusals are thrown. */
  run<M extends Exclude<ServerMethod, "batch">>(
    method: M,
    request: ServerRequest<M>,
    text: JsonText,
    by: Backend,
  ): MaybePromise<JsonText | undefined> {
    return this.#runs[method](request, text, by);
  }

  async #publish(channel: string, request: Publishing, text: JsonText, by: Backend): Promise<JsonText> {
    const { hub, rate, idempotency } = this.#parts;
    requireName(channel);
    const draft = draftOf(publishedMembers(request), textWithData(request, text));
    const publish = () => {
      rate.take(by.principal, by.address, draft.data);
      return hub.publish(channel, draft, by.rights);
    };
    const { idempotency_key: key = "" } = request;
    const kept = await (key === "" ? publish() : idempotency.once(by.principal.id, `${channel} ${key}`, publish));
    return kept.offset === 0 ? "{}" : `{"offset":${kept.offset},"epoch":${JSON.stringify(kept.epoch)}}`;
  }

  async #broadcast({ channels, ...request }: ServerRequest<"broadcast">, text: JsonText, by: Backend) {
    const responses = channels.map(async (channel) => {
      try {
        return `{"result":${await this.#publish(channel, request, text, by)}}`;
      } catch (thrown) {
        return `{"error":${faultText(asRefused(thrown))}}`;
      }
    });
    return `{"responses":[${(await Promise.all(responses)).join(",")}]}`;
  }

  #presence(channel: string, rights: Rights): JsonText {
    const members = this.#parts.hub.presence(channel, rights);
    return jsonText({ presence: Object.fromEntries(members.map((member) => [member.client, infoOfMember(member)])) });
  }

  #presenceStats(channel: string, rights: Rights): JsonText {
    const members = this.#parts.hub.presence(channel, rights);
    const users = new Set(members.map(({ user }) => user));
    return JSON.stringify({ num_clients: members.length, num_users: users.size });
  }

  async #history(request: ServerRequest<"history">, rights: Rights): Promise<JsonText> {
    const { channel, limit = 0, since, reverse = false } = request;
    const place = since === undefined ? {} : { since: { offset: since.offset, epoch: since.epoch ?? "" } };
    const page = await this.#parts.hub.history(channel, { limit, reverse, ...place }, rights);
    const { publications, epoch, offset } = page;
    return jsonText({ publications, epoch, offset });
  }

  async #removeHistory(channel: string, { rights }: Backend): Promise<undefined> {
    rights.require("admin", requireName(channel));
    await this.#parts.hub.removeHistory(channel);
    return undefined;
  }

  async #channels(asked: string, rights: Rights): Promise<JsonText> {
    const { hub } = this.#parts;
    const pattern = isPattern(asked) ? requirePattern(asked) : requireName(asked);
    const names = new Set(await hub.channels(pattern));
    for (const session of hub.sessions) {
      for (const name of namesOf(session)) if (matches(pattern, name)) names.add(name);
    }
    const may = [...names].filter((name) => rights.may("subscribe", name) || rights.may("presence", name)).sort();
    return JSON.stringify({
      channels: Object.fromEntries(may.map((name) => [name, { num_clients: hub.listeners(name) }])),
    });
  }

  #info(): JsonText {
    const { hub, version } = this.#parts;
    const users = new Set<string>();
    const channels = new Set<string>();
    let subscriptions = 0;
    for (const session of hub.sessions) {
      users.add(session.principal.id);
      for (const name of namesOf(session)) {
        channels.add(name);
        subscriptions++;
      }
    }
    const node = {
      uid: hub.node,
      name: hub.node,
      version,
      num_clients: hub.sessions.size,
      num_users: users.size,
      num_subs: subscriptions,
      num_channels: channels.size,
      uptime: Math.floor((hub.now - this.#started) / 1000),
    };
    return JSON.stringify({ nodes: [node] });
  }

  async #rpc({ method }: ServerRequest<"rpc">, text: JsonText, { principal, rights }: Backend): Promise<JsonText> {
    const { calls } = this.#parts;
    if (calls === undefined) throw new Refused("methodNotFound");
    const params = memberText(text, "params") ?? memberText(text, "data") ?? "null";
    return `{"data":${await calls.call(method, params, { ...principal, rights })}}`;
  }
}

/** The error of this protocol's API: fewer members than our own. */
export function faultText({ refusal, message }: Refused): JsonText {
  return JSON.stringify({ code: refusal.code, message });
}

function requireAdmin({ principal }: Backend): void {
  if (!principal.rights.mayAny("admin")) {
    throw new Refused("permissionDenied", "Cannot do this with a key that has no grant `admin`");
  }
}

function asAdmin(by: Backend, act: () => unknown): JsonText | undefined {
  requireAdmin(by);
  const result = act();
  return typeof result === "string" ? result : undefined;
}

function namesOf({ audience, moreAudiences = [] }: AnySession): readonly string[] {
  return audience === undefined ? [] : [audience, ...moreAudiences].flatMap(({ selector }) => selector.names);
}

function publishedMembers({ data, b64data, key, removed, tags, skip_history: transient }: Publishing): JsonObject {
  const value = data === undefined ? b64data : data;
  return { data: value, key: key || undefined, removed: removed === true ? removed : undefined, tags, transient };
}

/** The text that the data is cut out of. */
function textWithData({ data, b64data }: Publishing, text: JsonText): JsonText {
  if (data !== undefined || b64data === undefined || b64data === "") return text;
  const decoded = Buffer.from(b64data, "base64").toString();
  try {
    JSON.parse(decoded);
  } catch {
    throw new Refused("badRequest", "Cannot publish `b64data` that is no JSON: publications are JSON here");
  }
  return `{"data":${decoded}}`;
}
