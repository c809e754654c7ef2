/** Answers that every route shares: refusals as the one error object, and the headers of CORS. */
import { asRefused, errorText, type Refused } from "../core/refusals.ts";

export const jsonHeaders = { "content-type": "application/json; charset=utf-8" } as const;

/** The error object with its HTTP status; `Retry-After` and `WWW-Authenticate` where they belong. */
export function refusalResponse(refused: Refused): Response {
  const { status, comeBack } = refused.refusal;
  const headers: Record<string, string> = { ...jsonHeaders, "cache-control": "no-store" };
  if (refused.retryAfter !== undefined) headers["retry-after"] = String(refused.retryAfter);
  else if (status === 503 && comeBack) headers["retry-after"] = "1";
  if (status === 401) headers["www-authenticate"] = "Bearer";
  return new Response(errorText(refused), { status, headers });
}

export function thrownResponse(thrown: unknown): Response {
  return refusalResponse(asRefused(thrown));
}

/** Headers of ours that pages of other origins may send and read. */
const corsHeaders = {
  "access-control-allow-methods": "GET, POST, PUT, PATCH, DELETE",
  "access-control-allow-headers":
    "authorization, content-type, x-api-key, last-event-id, idempotency-key, hearthwire-map-key, hearthwire-tags",
  "access-control-expose-headers": "retry-after",
  "access-control-max-age": "600",
} as const;

/** What lets a page of this origin read the answer. Never with credentials: keys go in headers, not in cookies. */
export function allowOrigin(headers: Headers, origin: string): void {
  headers.set("access-control-allow-origin", origin);
  headers.set("access-control-expose-headers", corsHeaders["access-control-expose-headers"]);
  headers.append("vary", "Origin");
}

export function preflightResponse(origin: string): Response {
  return new Response(null, {
    status: 204,
    headers: { ...corsHeaders, "access-control-allow-origin": origin, vary: "Origin" },
  });
}
