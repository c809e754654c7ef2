/**
 * The one table of refusals: every named no that a peer can get, on any transport.
 *
 * Numbers and names are those of the Centrifuge client protocol (centrifugal.dev, "Client protocol codes"), so that its
 * SDKs act on them; the ranges tell a client whether to come back: 100–199 errors of one command, 2000–2499 unsubscribed
 * for good, 2500–2999 to resubscribe, 3000–3499 closed and to come back, 3500–3999 closed for good.
 */

export interface Refusal {
  readonly code: number;
  readonly name: string;
  /** What it means, for people. */
  readonly message: string;
  /** What to do about it. */
  readonly advice: string;
  /** The HTTP status that carries it, for errors of a request. */
  readonly status: number;
  /** The WebSocket close code, where a connection ends because of it. */
  readonly close: number;
  /** The peer may try again as it is: later (errors) or by a new connection (closes). */
  readonly comeBack: boolean;
}

const refusal = (
  code: number,
  name: string,
  status: number,
  close: number,
  comeBack: boolean,
  message: string,
  advice: string,
): Refusal => ({ code, name, status, close, comeBack, message, advice });

export const refusals = {
  // Errors of one command or request.
  internal: refusal(100, "internal", 500, 3004, true, "Internal error", "Try again; the gateway's log says more."),
  unauthorized: refusal(
    101,
    "unauthorized",
    401,
    3500,
    false,
    "Key missing, wrong or revoked",
    'Send a valid key: Authorization: Bearer hw_…, X-API-Key, or a first message {"apiKey": …}.',
  ),
  unknownChannel: refusal(102, "unknown_channel", 404, 3501, false, "No such thing", "Check the name or path."),
  permissionDenied: refusal(
    103,
    "permission_denied",
    403,
    3507,
    false,
    "Not allowed",
    "Give the key a grant that covers it, or use another key.",
  ),
  methodNotFound: refusal(104, "method_not_found", 404, 3501, false, "No such method", "Check the method's name."),
  alreadySubscribed: refusal(
    105,
    "already_subscribed",
    409,
    3501,
    false,
    "Already subscribed",
    "Use the subscription that is there.",
  ),
  limitExceeded: refusal(
    106,
    "limit_exceeded",
    413,
    3505,
    false,
    "Over a limit",
    "Send less, or raise the limit named.",
  ),
  badRequest: refusal(107, "bad_request", 400, 3501, false, "Cannot make sense of it", "Correct the request."),
  notAvailable: refusal(
    108,
    "not_available",
    503,
    3508,
    false,
    "Not available here",
    "Turn the feature on in the configuration, or wait until it is back.",
  ),
  tokenExpired: refusal(109, "token_expired", 401, 3005, true, "Token expired", "Get a new token."),
  expired: refusal(110, "expired", 401, 3005, true, "Expired", "Get a new key or token."),
  tooManyRequests: refusal(
    111,
    "too_many_requests",
    429,
    3013,
    true,
    "Too many requests",
    "Wait as long as Retry-After says, then go on more slowly.",
  ),
  unrecoverablePosition: refusal(
    112,
    "unrecoverable_position",
    409,
    3010,
    true,
    "The position cannot be honoured",
    "Start again from the current state.",
  ),
  concurrentPagination: refusal(
    113,
    "concurrent_pagination",
    409,
    3010,
    true,
    "The state changed while it was read in pages",
    "Read it again from the first page.",
  ),

  // Ends of one subscription.
  unsubscribed: refusal(
    2000,
    "unsubscribed",
    200,
    3000,
    false,
    "Unsubscribed by the server",
    "Do not subscribe again.",
  ),
  insufficientState: refusal(2500, "insufficient_state", 200, 3010, true, "The stream has a hole", "Subscribe again."),
  subscriptionExpired: refusal(
    2501,
    "subscription_expired",
    200,
    3006,
    true,
    "Subscription expired",
    "Subscribe again.",
  ),

  // Ends of a connection; these come back.
  closed: refusal(3000, "closed", 200, 3000, true, "Connection closed", "Connect again."),
  shutdown: refusal(3001, "shutdown", 503, 3001, true, "The gateway is stopping", "Connect again in a moment."),
  serverError: refusal(3004, "server_error", 500, 3004, true, "Internal error", "Connect again."),
  connectionExpired: refusal(
    3005,
    "connection_expired",
    401,
    3005,
    true,
    "Connection expired",
    "Connect with a new token.",
  ),
  subscriptionOfConnectionExpired: refusal(
    3006,
    "subscription_of_connection_expired",
    401,
    3006,
    true,
    "A subscription's token expired",
    "Connect again with a new token.",
  ),
  slow: refusal(
    3008,
    "slow",
    503,
    3008,
    true,
    "Too slow: the queue is over its limit",
    "Connect again with the last cursor; read faster or ask for less.",
  ),
  writeError: refusal(3009, "write_error", 500, 3009, true, "Writing failed", "Connect again."),
  positionLost: refusal(3010, "position_lost", 409, 3010, true, "The stream has a hole", "Connect again."),
  forceReconnect: refusal(3011, "force_reconnect", 503, 3011, true, "Please connect again", "Connect again."),
  noPong: refusal(3012, "no_pong", 408, 3012, true, "No sign of life", "Connect again; answer pings."),
  connectionRate: refusal(
    3013,
    "connection_rate",
    503,
    3013,
    true,
    "Too many connections or requests at once",
    "Connect again, after as long as Retry-After says.",
  ),
  stateInvalidated: refusal(3014, "state_invalidated", 409, 3014, true, "State invalidated", "Connect again."),

  // Ends of a connection; these do not come back as they are.
  invalidToken: refusal(3500, "invalid_token", 401, 3500, false, "Key missing, wrong or revoked", "Use a valid key."),
  badConnection: refusal(3501, "bad_connection", 400, 3501, false, "Cannot make sense of it", "Correct the client."),
  stale: refusal(
    3502,
    "stale",
    408,
    3502,
    false,
    "No key came in time",
    'Send {"apiKey": …} as the first message, at once.',
  ),
  forceDisconnect: refusal(
    3503,
    "force_disconnect",
    403,
    3503,
    false,
    "Disconnected by the server",
    "Do not come back.",
  ),
  connectionLimit: refusal(3504, "connection_limit", 429, 3504, false, "Too many connections", "Close some first."),
  channelLimit: refusal(3505, "channel_limit", 413, 3505, false, "Too many channels or bytes", "Ask for less."),
  inappropriateProtocol: refusal(
    3506,
    "inappropriate_protocol",
    400,
    3506,
    false,
    "This transport cannot carry it",
    "Use another transport.",
  ),
  connectionDenied: refusal(3507, "connection_denied", 403, 3507, false, "Not allowed", "Use a key that may."),
  unavailable: refusal(3508, "unavailable", 503, 3508, false, "Not available here", "See the configuration."),
  tooManyErrors: refusal(3509, "too_many_errors", 400, 3509, false, "Too many errors", "Correct the client."),
} as const satisfies Record<string, Refusal>;

export type RefusalKey = keyof typeof refusals;

/** A refusal on its way to the peer. `message` begins with what could not be done. */
export class Refused extends Error {
  readonly refusal: Refusal;
  /** Seconds after which to try again, where that is known. */
  readonly retryAfter: number | undefined;

  constructor(key: RefusalKey | Refusal, message?: string, retryAfter?: number) {
    const entry: Refusal = typeof key === "string" ? refusals[key] : key;
    super(message ?? entry.message);
    this.name = "Refused";
    this.refusal = entry;
    this.retryAfter = retryAfter;
  }
}

/** The end of a connection with a code of the table, or of an application's own: 4000–4499 come back, 4500–4999 do not. */
export function closing(code: number, reason?: string): Refused {
  const known = Object.values(refusals).find((entry) => entry.code === code);
  const comeBack = code % 1000 < 500;
  return new Refused(
    known ?? refusal(code, "application", 403, code, comeBack, reason || "Disconnected by the application", ""),
    reason,
  );
}

/** The error object of every transport. */
export interface ErrorObject {
  readonly code: number;
  readonly name: string;
  readonly message: string;
  readonly doc: string;
}

/** Any thrown thing as the refusal that the peer gets; what was not meant for it becomes `internal`, without its text. */
export function asRefused(thrown: unknown): Refused {
  return thrown instanceof Refused ? thrown : new Refused("internal");
}

export function errorObject(refused: Refused): ErrorObject {
  const { code, name } = refused.refusal;
  return { code, name, message: refused.message, doc: `/docs/codes#${code}` };
}

/** `{"error":{…}}` as text. */
export function errorText(refused: Refused): string {
  return JSON.stringify({ error: errorObject(refused) });
}

/** The close code that is never sent (RFC 6455, 7.4.1): a goodbye with it breaks the connection. */
export const abnormalClosure = 1006;

const encoder = new TextEncoder();

/** A reason that fits a close frame: at most 123 bytes of UTF-8 (RFC 6455, 5.5.1), cut between characters. */
export function closeReason(text: string): string {
  if (text.length <= 41) return text;
  let cut = "";
  let bytes = 0;
  for (const character of text) {
    bytes += encoder.encode(character).length;
    if (bytes > 123) break;
    cut += character;
  }
  return cut;
}
