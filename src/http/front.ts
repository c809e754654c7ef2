/**
 * What every request passes on its way to a protocol or route: the origin of web pages, the path, and the error object
 * for whatever is thrown. One `Front` for each listener.
 */
import type { Gate } from "../core/gate.ts";
import { redact } from "../core/redaction.ts";
import { Refused } from "../core/refusals.ts";
import type { Answer, HttpProtocol, Log, MaybePromise, Policy, Visit } from "../ports.ts";
import { allowOrigin, preflightResponse, thrownResponse } from "./answers.ts";

/** A protocol as one listener offers it. */
export interface Offer {
  readonly protocol: HttpProtocol;
  /** The one in force. */
  readonly policy: () => Policy;
}

export interface FrontParts {
  readonly gate: Gate;
  readonly log: Log;
  /** Protocols by their prefixes; first match wins. */
  readonly offers: readonly Offer[];
  /** What answers everything else; a listener of one protocol's own has that protocol at any path instead. */
  readonly rest: Offer;
}

export class Front {
  readonly #parts: FrontParts;
  readonly #byPrefix: readonly (readonly [string, Offer])[];

  constructor(parts: FrontParts) {
    this.#parts = parts;
    this.#byPrefix = parts.offers.flatMap((offer) => offer.protocol.prefixes.map((prefix) => [prefix, offer] as const));
  }

  visit(visit: Visit): MaybePromise<Answer> {
    const introduced = this.#parts.gate.introduce(visit);
    return introduced === undefined ? this.#visit(visit) : introduced.then(() => this.#visit(visit));
  }

  #visit(visit: Visit): MaybePromise<Answer> {
    const { protocol, policy: inForce } = this.#offerFor(visit.path);
    const policy = inForce();
    const origin = visit.request.headers.get("origin");
    try {
      if (origin !== null && protocol.checksOrigins !== true) return this.#visitOfPage(visit, protocol, policy, origin);
      const answer = protocol.visit(visit, policy);
      return answer instanceof Promise ? answer.catch((thrown: unknown) => this.#refuse(visit, thrown)) : answer;
    } catch (thrown) {
      return this.#refuse(visit, thrown);
    }
  }

  #offerFor(path: string): Offer {
    for (const [prefix, offer] of this.#byPrefix) {
      if (!path.startsWith(prefix)) continue;
      if (path.length === prefix.length) return offer;
      if (path[prefix.length] === "/" && offer.protocol.exact !== true) return offer;
    }
    return this.#parts.rest;
  }

  /**
   * A page may always send what needs no permission of ours, but it reads an answer, opens a WebSocket, or does anything
   * with the rights of its network place, only when its origin is known.
   */
  async #visitOfPage(visit: Visit, protocol: HttpProtocol, policy: Policy, origin: string): Promise<Answer> {
    const { headers, method } = visit.request;
    try {
      this.#parts.gate.requireOrigin(headers, visit.secure, policy);
    } catch (thrown) {
      return this.#refuse(visit, thrown);
    }
    if (method === "OPTIONS" && headers.has("access-control-request-method")) return preflightResponse(origin);
    let answer: Answer;
    try {
      answer = await protocol.visit(visit, policy);
    } catch (thrown) {
      answer = this.#refuse(visit, thrown);
    }
    if (answer !== undefined) allowOrigin(answer.headers, origin);
    return answer;
  }

  #refuse(visit: Visit, thrown: unknown): Response {
    const what = { method: visit.request.method, path: redact(visit.path), address: visit.address };
    if (thrown instanceof Refused)
      this.#parts.log.debug({ ...what, code: thrown.refusal.code }, redact(thrown.message));
    else this.#parts.log.error({ ...what, err: thrown }, "Cannot answer a request");
    return thrownResponse(thrown);
  }
}
