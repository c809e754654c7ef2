/** The protocol "channel URL": the URL is the API. Specified in docs/channel-url.md. */
import { requirePattern } from "../../core/channels.ts";
import { offeredSubprotocols, subprotocol } from "../../core/credentials.ts";
import type { Gate } from "../../core/gate.ts";
import type { Hub } from "../../core/hub.ts";
import type { Idempotency } from "../../core/idempotency.ts";
import type { PublishRate } from "../../core/rate.ts";
import { Refused } from "../../core/refusals.ts";
import type { Principal } from "../../core/session.ts";
import type { Answer, HttpProtocol, MaybePromise, OpenPeer, Policy, Visit } from "../../ports.ts";
import { Forms } from "./form.ts";
import { Listening, mayListen, requireRights } from "./listening.ts";
import { Polling } from "./polling.ts";
import { Publishing } from "./publishing.ts";
import { type Wish, type WishLimits, wishOf } from "./query.ts";

export interface ChannelUrlParts {
  readonly hub: Hub;
  readonly gate: Gate;
  readonly idempotency: Idempotency;
  readonly rate: PublishRate;
  readonly limits: {
    /** ms */
    readonly unauthenticated: number;
    /** bytes */
    readonly publication: number;
    /** bytes */
    readonly body: number;
  };
  /** Default interval of heartbeats, in seconds. */
  readonly heartbeat: number;
  /** After which a one-way stream ends in good order, in ms. */
  readonly maxAge: number;
}

const prefix = "/channels";

export class ChannelUrl implements HttpProtocol {
  readonly name = "channel-url";
  readonly prefixes = [prefix];
  readonly #hub: Hub;
  readonly #gate: Gate;
  readonly #limits: WishLimits;
  readonly #publishing: Publishing;
  readonly #listening: Listening;
  readonly #polling: Polling;

  constructor(parts: ChannelUrlParts) {
    const { hub, gate, idempotency, rate, limits, heartbeat, maxAge } = parts;
    const forms = new Forms(hub.run);
    this.#hub = hub;
    this.#gate = gate;
    this.#limits = {
      heartbeat,
      get channels() {
        return hub.limits.subscriptions;
      },
    };
    this.#publishing = new Publishing({ hub, idempotency, rate, largest: limits });
    this.#listening = new Listening({ hub, gate, forms, publishing: this.#publishing, limits, maxAge });
    this.#polling = new Polling(hub, forms);
  }

  visit(visit: Visit, policy: Policy): MaybePromise<Answer> {
    const principal = this.#gate.principalOf(visit, policy);
    const below = visit.path === prefix || visit.path.startsWith(`${prefix}/`);
    const path = visit.path.slice(below ? prefix.length + 1 : 1);
    const { method } = visit.request;
    if (path === "") {
      if (method === "POST") return this.#publishing.batch(visit, principal);
      if (method === "GET" && formOf(visit) === "answer") return this.#list(visit, principal);
      throw new Refused("badRequest", "Cannot listen to nothing: name a channel, as in /channels/room/kitchen");
    }
    switch (method) {
      case "GET":
        return this.#get(visit, path, principal);
      case "POST":
      case "PUT":
        return this.#publishing.post(visit, path, principal);
      case "DELETE":
        return this.#publishing.remove(visit, path, principal);
      default:
        throw new Refused("methodNotFound", `Cannot ${method} a channel: use GET, POST, PUT or DELETE`);
    }
  }

  #get(visit: Visit, path: string, principal: Principal): MaybePromise<Answer> {
    const wish = wishOf(path, visit.query, visit.request.headers, this.#limits);
    const form = formOf(visit);
    if (form === "websocket") return this.#webSocket(visit, wish, principal);
    requireListen(principal, wish);
    const open: OpenPeer = (outlet) => this.#listening.open(outlet, wish, principal, false);
    if (form === "sse") return visit.sse(open);
    if (form === "json-lines") return visit.jsonLines(open);
    return this.#polling.answer(visit, wish, principal);
  }

  /** The names of channels that hold something, or held it, as far as the peer may listen to them. */
  async #list({ query }: Visit, { rights }: Principal): Promise<Answer> {
    const pattern = requirePattern(query.get("pattern") ?? "**");
    const names = await this.#hub.channels(pattern);
    return Response.json({ channels: names.filter((name) => rights.may("subscribe", name)) });
  }

  #webSocket(visit: Visit, wish: Wish, principal: Principal): Answer {
    // Whoever showed a key that may not listen will not get further with a second one; who showed none may still send it.
    if (principal.id !== "anonymous") requireListen(principal, wish);
    const offered = offeredSubprotocols(visit.request.headers).includes(subprotocol);
    return visit.webSocket(
      (outlet) => this.#listening.open(outlet, wish, principal, true),
      offered ? { subprotocol } : {},
    );
  }
}

/** What a GET becomes, by what its client asks for. */
function formOf({ wantsWebSocket, request }: Visit): "websocket" | "sse" | "json-lines" | "answer" {
  if (wantsWebSocket) return "websocket";
  const accept = request.headers.get("accept") ?? "";
  if (accept.includes("text/event-stream")) return "sse";
  return accept.includes("application/x-ndjson") ? "json-lines" : "answer";
}

/** A stranger is asked for a key (401); who has one is told that it is not enough (403). */
function requireListen(principal: Principal, wish: Wish): void {
  if (mayListen(principal, wish)) return;
  if (principal.id === "anonymous") throw new Refused("unauthorized", "Cannot listen without a key: send one");
  requireRights(principal, wish);
}
