/** The publishing side of the protocol: POST and DELETE on a channel, batches, and messages of WebSocket clients. */
import { requireName } from "../../core/channels.ts";
import { jsonLine, requireKey } from "../../core/draft.ts";
import type { Hub } from "../../core/hub.ts";
import type { Idempotency } from "../../core/idempotency.ts";
import { elementTexts } from "../../core/member-text.ts";
import type { PublishRate } from "../../core/rate.ts";
import { asRefused, errorText, Refused } from "../../core/refusals.ts";
import type { Principal } from "../../core/session.ts";
import type { Answer, Draft, MaybePromise, Receipt, Visit } from "../../ports.ts";
import { itemOf, tagsOfHeader } from "./draft.ts";
import { receiptText } from "./messages.ts";
import { channelsOf, flagOf } from "./query.ts";

export interface PublishingParts {
  readonly hub: Hub;
  readonly idempotency: Idempotency;
  readonly rate: PublishRate;
  /** Largest body of one publication, and of a batch, in bytes. */
  readonly largest: { readonly publication: number; readonly body: number };
}

const headers = { "content-type": "application/json; charset=utf-8" };
const mostInBatch = 10_000;

export class Publishing {
  readonly #parts: PublishingParts;

  constructor(parts: PublishingParts) {
    this.#parts = parts;
  }

  publish(channel: string, draft: Draft, principal: Principal, address: string): MaybePromise<Receipt> {
    requirePublish(principal, channel);
    this.#parts.rate.take(principal, address, draft.data);
    return this.#parts.hub.publish(channel, draft, principal.rights);
  }

  /** `POST /channels/<name>`: the body is the data. */
  async post(visit: Visit, path: string, principal: Principal): Promise<Answer> {
    const channel = oneChannel(path);
    // Before the body: who may not publish is not listened to.
    requirePublish(principal, requireName(channel));
    const text = await visit.text(this.#parts.largest.publication);
    const { headers: asked } = visit.request;
    const type = asked.get("content-type");
    const isJson = type !== null && /^application\/(?:[\w.+-]+\+)?json\b/i.test(type);
    const key = keyOf(visit);
    const tags = asked.get("hearthwire-tags");
    const transient = flagOf(visit.query, "transient");
    return this.#once(visit, principal, channel, {
      data: isJson ? jsonLine(text) : JSON.stringify(text),
      ...(key === undefined ? {} : { key }),
      ...(tags === null ? {} : { tags: tagsOfHeader(tags) }),
      ...(transient ? { transient } : {}),
    });
  }

  /** `DELETE /channels/<name>?key=…`: takes a key out of a map. */
  async remove(visit: Visit, path: string, principal: Principal): Promise<Answer> {
    const key = keyOf(visit);
    if (key === undefined) throw new Refused("badRequest", "Cannot delete without a key: add ?key=… to the URL");
    return this.#once(visit, principal, oneChannel(path), { data: "null", key, removed: true });
  }

  /** `POST /channels`: a list of `{"channel","data",…}`, answered by a list of receipts and errors in its order. */
  async batch(visit: Visit, principal: Principal): Promise<Answer> {
    const stranger = principal.id === "anonymous";
    if (stranger && !principal.rights.mayAny("publish")) throw new Refused("unauthorized");
    const text = jsonLine(await visit.text(this.#parts.largest.body));
    const items: unknown = JSON.parse(text);
    if (!Array.isArray(items)) throw new Refused("badRequest", 'Cannot publish it: give a list of {"channel", "data"}');
    if (items.length > mostInBatch) {
      throw new Refused("limitExceeded", `Cannot publish more than ${mostInBatch} in one batch`);
    }
    // All are handed in before the first is waited for, so that durable ones share a commit.
    const texts = elementTexts(text);
    const results = items.map((item, at) => this.#tryOne(item, texts[at] ?? "", principal, visit.address));
    return new Response(`[${(await Promise.all(results)).join(",")}]`, { headers });
  }

  #tryOne(item: unknown, text: string, principal: Principal, address: string): MaybePromise<string> {
    try {
      const { channel, draft } = itemOf(item, text);
      const receipt = this.publish(channel, draft, principal, address);
      if (!(receipt instanceof Promise)) return receiptText(receipt);
      return receipt.then(receiptText, (thrown: unknown) => errorText(asRefused(thrown)));
    } catch (thrown) {
      return errorText(asRefused(thrown));
    }
  }

  #once(visit: Visit, principal: Principal, channel: string, draft: Draft): MaybePromise<Answer> {
    const publish = (): MaybePromise<Receipt> => this.publish(channel, draft, principal, visit.address);
    const id = visit.request.headers.get("idempotency-key");
    if (id !== null && id.length > 255)
      throw new Refused("badRequest", "Cannot use an Idempotency-Key of over 255 characters");
    const who = principal.id === "anonymous" ? visit.address : principal.id;
    const receipt = id === null ? publish() : this.#parts.idempotency.once(`${who} ${channel}`, id, publish);
    return receipt instanceof Promise ? receipt.then(receiptResponse) : receiptResponse(receipt);
  }
}

/** A stranger is asked for a key (401); who has one is told that it is not enough (403). */
function requirePublish(principal: Principal, channel: string): void {
  if (principal.id !== "anonymous") principal.rights.require("publish", channel);
  else if (!principal.rights.may("publish", channel)) {
    throw new Refused("unauthorized", `Cannot publish on ${channel} without a key: send one`);
  }
}

function receiptResponse(receipt: Receipt): Response {
  return new Response(receiptText(receipt), { headers });
}

function oneChannel(path: string): string {
  const [channel, ...more] = channelsOf(path);
  if (channel === undefined || more.length > 0) {
    throw new Refused("badRequest", "Cannot publish on several channels by one URL: POST a list to /channels");
  }
  return channel;
}

function keyOf({ request, query }: Visit): string | undefined {
  const key = request.headers.get("hearthwire-map-key") ?? query.get("key");
  return key === null ? undefined : requireKey(key);
}
