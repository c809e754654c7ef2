/** The one message of a peer that has a meaning: its first. Pure. */

export interface FirstMessage {
  readonly apiKey: string;
  /** The `datetime` of the last message that it got, when it wants what it missed since. */
  readonly since?: number;
}

/** No first message that makes sense is longer, in bytes. */
const longest = 4096;
/** Jeedom takes no key that is shorter. */
const shortestKey = 16;
const longestKey = 256;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Text or binary, `{"apiKey": …}` and, as an addition of ours, `"since"`; other members say nothing. */
export function readFirstMessage(data: string | Uint8Array): FirstMessage | { readonly fault: string } {
  if (data.length > longest) return { fault: `it is longer than ${longest} bytes` };
  let value: unknown;
  try {
    value = JSON.parse(typeof data === "string" ? data : utf8.decode(data));
  } catch {
    return { fault: "it is no JSON" };
  }
  if (typeof value !== "object" || value === null || !("apiKey" in value)) return { fault: "it has no apiKey" };
  const { apiKey } = value;
  if (typeof apiKey !== "string") return { fault: "its apiKey is no text" };
  if (apiKey.length < shortestKey || apiKey.length > longestKey) return { fault: "its apiKey is none of Jeedom's" };
  const since = "since" in value ? datetimeOf(value.since) : undefined;
  return since === undefined ? { apiKey } : { apiKey, since };
}

/** Seconds since the epoch, which Jeedom writes as a number or, by its database, as a text. */
export function datetimeOf(value: unknown): number | undefined {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : undefined;
}
