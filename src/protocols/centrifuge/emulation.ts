/** Sessions whose commands come by requests of their own (`/emulation`), found by the secret that names them. */
import type { Hub } from "../../core/hub.ts";
import { Refused } from "../../core/refusals.ts";
import type { AnySession } from "../../core/session.ts";
import type { Answer, Visit } from "../../ports.ts";
import { parseEmulationRequest } from "./protobuf-wire.ts";

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
  deliver({ session, data }: Commands): void {
    this.#sessions.get(session)?.message(data);
  }

  /** Commands that came to another node, in its words (`wordedFor`). */
  hear(message: string): void {
    const { session, data, b64 } = JSON.parse(message) as Record<"session" | "data" | "b64", string>;
    this.deliver({ session, data: b64 === undefined ? data : Buffer.from(b64, "base64") });
  }
}

function wordedFor({ session, data }: Commands): string {
  const carried = typeof data === "string" ? { data } : { b64: Buffer.from(data).toString("base64") };
  return JSON.stringify({ session, ...carried });
}

export interface EmulationParts {
  readonly emulated: Emulated;
  /** Knows this node's name, and the way to others. */
  readonly hub: Hub;
  /** Largest request, in bytes. */
  readonly limits: { readonly body: number };
}

interface Commands {
  /** Its secret. */
  readonly session: string;
  readonly data: string | Uint8Array;
}

interface Delivery extends Commands {
  readonly node: string;
}

/** `POST /emulation`: 204 when the commands were handed on, 404 when no node holds the session. */
export async function emulate(visit: Visit, parts: EmulationParts): Promise<Answer> {
  if (visit.request.method !== "POST") throw new Refused("methodNotFound", "Cannot do this but by POST");
  const { emulated, hub, limits } = parts;
  const { node, ...commands } = isBinary(visit)
    ? parseEmulationRequest(await visit.body(limits.body))
    : parseDelivery(await visit.text(limits.body));
  if (node === hub.node) emulated.deliver(commands);
  else if ((await hub.relay?.hand(node, wordedFor(commands))) !== true) {
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
