/**
 * The protocol jeedom: the WebSocket of Jeedom's plugin Websocket, for clients that exist. Specified in docs/jeedom.md.
 * One object for each place where it is spoken: at `/jeedom` of the main listener, or at any path of one of its own.
 */
import { offeredSubprotocols, subprotocol } from "../../core/credentials.ts";
import { originAllowed } from "../../core/origins.ts";
import { Refused } from "../../core/refusals.ts";
import type { Answer, HttpProtocol, Log, Policy, Visit } from "../../ports.ts";
import { hostNamed } from "./hosts.ts";
import type { Listening } from "./listening.ts";

export interface JeedomPlace {
  /** Undefined where there is no bridge, or it was not said which. */
  readonly listening: () => Listening | undefined;
  /** `/jeedom`, or nothing for a listener of its own. */
  readonly below: string;
  /** Hosts whose pages may speak here, in small letters: asked each time, since Jeedom tells some of them. */
  readonly hosts: () => readonly string[];
  /** Whether who sends no Origin is refused. */
  readonly requireOrigin: boolean;
  /** The option that says who may come, for the log: `listeners[0]`. */
  readonly option: string;
  readonly log: Log;
}

export class Jeedom implements HttpProtocol {
  readonly name = "jeedom";
  readonly prefixes: readonly string[];
  readonly checksOrigins = true;
  readonly #place: JeedomPlace;

  constructor(place: JeedomPlace) {
    this.#place = place;
    this.prefixes = place.below === "" ? [] : [place.below];
  }

  visit(visit: Visit, policy: Policy): Answer {
    const listening = this.#place.listening();
    if (listening === undefined) {
      throw new Refused("notAvailable", "Cannot serve a Jeedom: no bridge of type jeedom is configured for this place");
    }
    if (!visit.wantsWebSocket) throw new Refused("badRequest", "Cannot answer that: there is only a WebSocket here");
    this.#requireOrigin(visit, policy);
    const offered = offeredSubprotocols(visit.request.headers).includes(subprotocol);
    return visit.webSocket((outlet) => listening.open(outlet), offered ? { subprotocol } : {});
  }

  #requireOrigin({ request, address }: Visit, { origins }: Policy): void {
    const { hosts, requireOrigin, option, log } = this.#place;
    const origin = request.headers.get("origin");
    if (origin === null) {
      if (!requireOrigin) return;
      log.warn({ address }, `Cannot let ${address} listen without an Origin: set \`${option}.require_origin: false\``);
      throw new Refused("permissionDenied", "Cannot serve a client without an Origin header");
    }
    const host = hostNamed(origin);
    if (hosts().includes(host) || originAllowed(origin, [], origins)) return;
    const shown = host.slice(0, 100);
    log.warn({ address, origin: shown }, `Cannot let a page of ${shown} listen: add it to \`${option}.allowed_hosts\``);
    throw new Refused("permissionDenied", `Cannot serve a page of ${shown}: it is not among the allowed hosts`);
  }
}
