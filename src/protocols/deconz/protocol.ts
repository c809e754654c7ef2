/**
 * The protocol deconz: Hearthwire as a deCONZ gateway, for clients that exist. Specified in docs/deconz.md. One object
 * for each place where it is spoken: at `/deconz` of the main listener, or at the root of a listener of its own.
 */

import { offeredSubprotocols, subprotocol } from "../../core/credentials.ts";
import type { Gate } from "../../core/gate.ts";
import { addressIn } from "../../core/gate.ts";
import { Refused } from "../../core/refusals.ts";
import type { Principal } from "../../core/session.ts";
import type { Answer, HttpProtocol, Log, MaybePromise, Policy, Visit } from "../../ports.ts";
import type { DeconzBridge } from "./bridge.ts";
import type { Listening } from "./listening.ts";
import type { Place, RestFace } from "./rest-face.ts";

/** What all places share. */
export interface DeconzParts {
  readonly gate: Gate;
  readonly log: Log;
  readonly listening: Listening;
  readonly rest: RestFace;
}

export interface DeconzPlace {
  /** The bridge whose gateway it is; absent where there is none, or it was not said which. */
  readonly bridge: () => DeconzBridge | undefined;
  /** Below which path it stands: `/deconz`, or nothing. */
  readonly below: string;
  readonly pathKey: boolean;
  readonly webSocketPort: () => number | undefined;
  /** The option that says who may come, for the log: `listeners[0]`. */
  readonly option: string;
  /** There is nothing but the WebSocket. */
  readonly onlyWebSocket?: true;
}

export class Deconz implements HttpProtocol {
  readonly name = "deconz";
  readonly prefixes: readonly string[];
  readonly checksOrigins = true;
  readonly #parts: DeconzParts;
  readonly #place: DeconzPlace;

  constructor(parts: DeconzParts, place: DeconzPlace) {
    this.#parts = parts;
    this.#place = place;
    this.prefixes = place.below === "" ? [] : [place.below];
  }

  visit(visit: Visit, policy: Policy): MaybePromise<Answer> {
    const { below, onlyWebSocket } = this.#place;
    const bridge = this.#place.bridge();
    if (bridge === undefined) {
      throw new Refused(
        "notAvailable",
        "Cannot serve a gateway: no bridge of type deconz is configured for this place",
      );
    }
    const path = visit.path.slice(below.length);
    if (visit.wantsWebSocket) return this.#webSocket(visit, policy, bridge, path);
    if (onlyWebSocket === true || !/^\/api(?:\/|$)/.test(path)) {
      throw new Refused("unknownChannel", "Cannot find that: there is a WebSocket, and the REST interface at /api");
    }
    const levels = levelsOf(path.slice("/api".length));
    const place: Place = { bridge, webSocketPort: this.#place.webSocketPort };
    return this.#parts.rest.answer(visit, place, levels);
  }

  #webSocket(visit: Visit, policy: Policy, { name, events }: DeconzBridge, path: string): Answer {
    this.#requireOrigin(visit, policy);
    const principal = this.#principalOf(visit, policy, path);
    if (!principal.rights.may("subscribe", events)) {
      if (principal.id !== "anonymous") principal.rights.require("subscribe", events);
      const outside = !addressIn(visit.address, policy.openTo);
      const advice = outside
        ? `add ${visit.address} to \`${this.#place.option}.open_to\``
        : `grant it \`subscribe: [${name}/**]\` in \`${this.#place.option}.anonymous\``;
      this.#parts.log.warn(
        { address: visit.address },
        `Cannot let ${visit.address} listen without a key: ${advice} if you trust it`,
      );
      throw new Refused("unauthorized", "Cannot listen without a key from here: send one, or a ticket");
    }
    const offered = offeredSubprotocols(visit.request.headers).includes(subprotocol);
    return visit.webSocket(
      (outlet) => this.#parts.listening.open(outlet, principal, events),
      offered ? { subprotocol } : {},
    );
  }

  /** What is no web page has no Origin, and passes. */
  #requireOrigin(visit: Visit, policy: Policy): void {
    const { headers } = visit.request;
    try {
      this.#parts.gate.requireOrigin(headers, visit.secure, policy);
    } catch (thrown) {
      const origin = headers.get("origin")?.slice(0, 100) ?? "";
      const advice = `add it to \`${this.#place.option}.origins\` if you trust it`;
      this.#parts.log.warn({ origin, address: visit.address }, `Cannot let a page of ${origin} listen: ${advice}`);
      throw thrown;
    }
  }

  #principalOf(visit: Visit, policy: Policy, path: string): Principal {
    const { gate } = this.#parts;
    const first = levelsOf(path)[0] ?? "";
    if (this.#place.pathKey && first.startsWith("hw_")) return gate.byKey(first, visit.address);
    return gate.principalOf(visit, policy);
  }
}

/** Levels of a path, decoded; empty ones are none, as gateways take them. */
function levelsOf(path: string): readonly string[] {
  return path
    .split("/")
    .filter((level) => level !== "")
    .map((level) => {
      let decoded = level;
      try {
        decoded = decodeURIComponent(level);
      } catch {
        // Names nothing, and is answered so.
      }
      // Never a step up or down in what is asked upstream.
      return decoded === "." || decoded === ".." ? level.replaceAll(".", "%2E") : decoded;
    });
}
