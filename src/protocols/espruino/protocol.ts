/**
 * The protocol espruino: the room server of Espruino's WebSocket module, for boards at the lenient listener, and for browsers
 * and modern clients at `/espruino`. Specified in README.md.
 */
import { offeredSubprotocols, subprotocol } from "../../core/credentials.ts";
import { Refused } from "../../core/refusals.ts";
import type { Answer, HttpProtocol, Policy, Visit } from "../../ports.ts";
import { Rooms, type RoomsParts } from "./rooms.ts";

export class Espruino implements HttpProtocol {
  readonly name = "espruino";
  readonly prefixes = ["/espruino"];
  readonly #parts: RoomsParts;
  readonly #rooms: Rooms;

  constructor(parts: RoomsParts) {
    this.#parts = parts;
    this.#rooms = new Rooms(parts);
  }

  visit(visit: Visit, policy: Policy): Answer {
    if (!visit.wantsWebSocket) throw new Refused("badRequest", "Cannot answer this: connect by WebSocket");
    const principal = this.#parts.gate.principalOf(visit, policy);
    const chosen = chooseSubprotocol(offeredSubprotocols(visit.request.headers));
    return visit.webSocket(
      (outlet) => this.#rooms.open(outlet, principal),
      chosen === undefined ? {} : { subprotocol: chosen },
    );
  }
}

/** Ours, or the only one, but never a key: several are for somebody who can choose between them. */
function chooseSubprotocol(offered: readonly string[]): string | undefined {
  if (offered.includes(subprotocol)) return subprotocol;
  const [only] = offered;
  return offered.length === 1 && only !== "" && !only?.startsWith(`${subprotocol}.`) ? only : undefined;
}
