/** Sessions whose commands come by requests of their own (`/emulation`), found by the secret that names them. */
import { Refused } from "../../core/refusals.ts";
import type { AnySession } from "../../core/session.ts";
import type { Answer, Visit } from "../../ports.ts";
import { parseEmulationRequest } from "./protobuf-wire.ts";
import type { Seams } from "./seams.ts";

/** Which of this node's sessions go by which secret. */
export class Emulated {
  readonly #sessions = new Map<string, AnySession>();

  add(secret: string, session: AnySession): void {
    this.#sessions.set(secret, session);
  }

  remove(secret: string): void {
    this.#sessions.delete(secret);
  }

  /** A session that is gone has ended its stream, which tells its client. */
  deliver(secret: string, data: string | Uint8Array): void {
    this.#sessions.get(secret)?.message(data);
  }
}

export interface EmulationParts {
  readonly emulated: Emulated;
  readonly seams: Seams;
  /** This node's name. */
  readonly node: string;
  /** Largest request, in bytes. */
  readonly limits: { readonly body: number };
}

interface Delivery {
  readonly session: string;
  readonly node: string;
  readonly data: string | Uint8Array;
}

/** `POST /emulation`: 204 when the commands were handed on, 404 when no node holds the session. */
export async function emulate(visit: Visit, parts: EmulationParts): Promise<Answer> {
  if (visit.request.method !== "POST") throw new Refused("methodNotFound", "Cannot do this but by POST");
  const { session, node, data } = isBinary(visit)
    ? parseEmulationRequest(await visit.body(parts.limits.body))
    : parseDelivery(await visit.text(parts.limits.body));
  if (node === parts.node) parts.emulated.deliver(session, data);
  else if (!(await parts.seams.forward(node, session, data))) {
    throw new Refused("unknownChannel", "Cannot hand the commands on: there is no such node");
  }
  return new Response(null, { status: 204 });
}

export function isBinary({ request }: Visit): boolean {
  return request.headers.get("content-type")?.startsWith("application/octet-stream") === true;
}

function parseDelivery(text: string): Delivery {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Refused("badRequest", "Cannot parse the body: it is not JSON");
  }
  const { session, node, data } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof session === "string" && typeof node === "string" && typeof data === "string") {
    return { session, node, data };
  }
  throw new Refused("badRequest", 'Cannot hand it on: give {"session": …, "node": …, "data": …}');
}
