/** What a request shows to say who it is, before anybody has looked whether it is true. */

export interface Credential {
  readonly kind: "key" | "ticket";
  readonly text: string;
}

export const subprotocol = "hearthwire";
const keySubprotocol = "hearthwire.key.";
const cookieName = "hearthwire_key";

/** `hw_<id>_<secret>`: the id names the key, the secret has 24 characters of 62 (142 bits). */
const keyForm = /^hw_([A-Za-z0-9]{4,32})_([A-Za-z0-9]{16,64})$/;

export function keyId(key: string): string | undefined {
  return keyForm.exec(key)?.[1];
}

/** Whether it has the form of a token (JWT): three parts in base64url. */
export function isToken(text: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(text);
}

/** Subprotocols that a WebSocket request offers, in its order. */
export function offeredSubprotocols(headers: Headers): readonly string[] {
  const offered = headers.get("sec-websocket-protocol");
  return offered === null ? [] : offered.split(",").map((name) => name.trim());
}

/** The first credential of a request, in this order: Authorization, X-API-Key, subprotocol, ticket, cookie. */
export function credentialOf(headers: Headers, query: URLSearchParams | undefined): Credential | undefined {
  const authorization = headers.get("authorization");
  if (authorization !== null) {
    const [, text] = /^bearer\s+(\S+)$/i.exec(authorization) ?? [];
    if (text !== undefined) return { kind: "key", text };
  }
  const apiKey = headers.get("x-api-key");
  if (apiKey !== null) return { kind: "key", text: apiKey };
  const offered = headers.get("sec-websocket-protocol");
  if (offered?.includes(keySubprotocol)) {
    const name = offeredSubprotocols(headers).find((protocol) => protocol.startsWith(keySubprotocol));
    if (name !== undefined) return { kind: "key", text: name.slice(keySubprotocol.length) };
  }
  const ticket = query?.get("ticket");
  if (ticket !== undefined && ticket !== null) return { kind: "ticket", text: ticket };
  const cookie = headers.get("cookie");
  if (cookie !== null) {
    for (const part of cookie.split(";")) {
      const [name, text] = part.split("=").map((side) => side.trim());
      if (name === cookieName && text !== undefined && text !== "") return { kind: "key", text };
    }
  }
  return undefined;
}

/** The key in a first message `{"apiKey": "hw_…"}`, the same on every protocol of ours. */
export function keyInMessage(text: string): string | undefined {
  if (!text.includes('"apiKey"')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || !("apiKey" in value)) return undefined;
    return typeof value.apiKey === "string" ? value.apiKey : "";
  } catch {
    return undefined;
  }
}
