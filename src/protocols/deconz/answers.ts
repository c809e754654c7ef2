/** How the REST face words its answers: as the gateway does, errors as lists. Pure. */
import type { Refused } from "../../core/refusals.ts";
import { digestOf } from "./json.ts";

/** The documented type codes, each with its usual HTTP status. */
export const faults = {
  unauthorized: { type: 1, status: 403 },
  invalidJson: { type: 2, status: 400 },
  notAvailable: { type: 3, status: 404 },
  noMethod: { type: 4, status: 404 },
  missing: { type: 5, status: 400 },
  unknownParameter: { type: 6, status: 400 },
  invalidValue: { type: 7, status: 400 },
  tooMany: { type: 11, status: 413 },
  notPaired: { type: 101, status: 403 },
  internal: { type: 901, status: 500 },
  notConnected: { type: 950, status: 503 },
  busy: { type: 951, status: 503 },
} as const;
export type Fault = keyof typeof faults;

/** An answer that is a no: thrown on the way, answered as a list. */
export class RestFault extends Error {
  readonly fault: Fault;
  readonly address: string;

  constructor(fault: Fault, address: string, description: string) {
    super(description);
    this.fault = fault;
    this.address = address;
  }
}

const jsonType = "application/json; charset=utf-8";
/** Any page may read an answer, which took a key in the path; never with credentials. Nobody on its way keeps it. */
const common = { "access-control-allow-origin": "*", "cache-control": "no-store", "content-type": jsonType } as const;

export function restAnswer(status: number, text: string): Response {
  return new Response(text, { status, headers: common });
}

/** An answer that a client may have already. */
export function taggedAnswer(text: string, known: string | null): Response {
  const etag = `"${digestOf(text)}"`;
  const headers = { ...common, etag };
  const matches = known?.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
  return matches === true ? new Response(null, { status: 304, headers }) : new Response(text, { status: 200, headers });
}

export function successText(address: string, value: unknown): string {
  return JSON.stringify([{ success: { [address]: value } }]);
}

export function faultAnswer({ fault, address, message }: RestFault): Response {
  const { type, status } = faults[fault];
  const error = { address: escaped(address.slice(0, 200)), description: escaped(message), type };
  return restAnswer(status, JSON.stringify([{ error }]));
}

/** A refusal of ours in the gateway's words. */
export function faultOf({ refusal, message }: Refused, address: string): RestFault {
  switch (refusal.status) {
    case 401:
    case 403:
      return new RestFault("unauthorized", address, "unauthorized user");
    case 413:
      return new RestFault("tooMany", address, message);
    case 503:
      return new RestFault("notConnected", address, "Not connected, the gateway is not reachable");
    case 400:
      return new RestFault("invalidJson", address, "body contains invalid JSON");
    default:
      return new RestFault("internal", address, "Internal error, 951");
  }
}

export function preflight(): Response {
  return new Response("", {
    status: 200,
    headers: {
      "access-control-allow-origin": "*",
      "access-control-allow-methods": "POST, GET, OPTIONS, PUT, PATCH, DELETE",
      "access-control-allow-headers": "Access-Control-Allow-Origin, Content-Type, If-None-Match",
      "access-control-max-age": "600",
    },
  });
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
