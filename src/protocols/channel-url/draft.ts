/** Turning what publishers send into drafts. Pure. */
import { Refused } from "../../core/refusals.ts";
import type { Draft, JsonText } from "../../ports.ts";

const longestKey = 255;
const mostTags = 32;
const longestTag = 255;

/** One line of JSON from a publisher's JSON text, whose own spelling of numbers and order of members stay. */
export function jsonLine(text: string): JsonText {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Refused("badRequest", `Cannot parse the JSON: ${(error as Error).message}`);
  }
  return text.includes("\n") || text.includes("\r") ? jsonOf(value) : text.trim();
}

/** A value that was parsed, as JSON. The parser takes what is nested so deeply that writing it overflows the stack. */
export function jsonOf(value: unknown): JsonText {
  try {
    return JSON.stringify(value);
  } catch {
    throw new Refused("badRequest", "Cannot use JSON that is nested so deeply");
  }
}

export function requireKey(key: string): string {
  if (key.length > 0 && key.length <= longestKey) return key;
  throw new Refused("badRequest", `Cannot use the map key: it must have 1 to ${longestKey} characters`);
}

/** Tags as an object of strings. */
export function requireTags(tags: unknown): Readonly<Record<string, string>> {
  const fault = `Cannot use the tags: give an object of at most ${mostTags} strings, each up to ${longestTag} characters`;
  if (typeof tags !== "object" || tags === null || Array.isArray(tags)) throw new Refused("badRequest", fault);
  const entries = Object.entries(tags);
  const good = entries.every(
    ([name, value]) => name.length <= longestTag && typeof value === "string" && value.length <= longestTag,
  );
  if (!good || entries.length > mostTags) throw new Refused("badRequest", fault);
  return Object.fromEntries(entries);
}

/** Tags as they stand in a header: `Hearthwire-Tags: room=kitchen, kind=light`, each side percent-decoded. */
export function tagsOfHeader(header: string): Readonly<Record<string, string>> {
  const pairs = header.split(",").map((pair) => {
    const [name, value, ...more] = pair.split("=").map((side) => decodeSide(side.trim()));
    if (name === undefined || name === "" || value === undefined || more.length > 0) {
      throw new Refused("badRequest", "Cannot read Hearthwire-Tags: write name=value, separated by commas");
    }
    return [name, value] as const;
  });
  return requireTags(Object.fromEntries(pairs));
}

function decodeSide(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Refused("badRequest", "Cannot read Hearthwire-Tags: percent-encode what is not plain text");
  }
}

/** A draft from an item of a batch or a WebSocket message: `{"channel","data","key"?,"removed"?,"tags"?}`. */
export function draftOf(value: unknown): { channel: string; draft: Draft } {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Refused("badRequest", 'Cannot publish it: give {"channel": …, "data": …}');
  }
  const { channel, data, key, removed, tags } = value as Readonly<Record<string, unknown>>;
  if (typeof channel !== "string") throw new Refused("badRequest", "Cannot publish without `channel`, a text");
  if (data === undefined && removed !== true) throw new Refused("badRequest", "Cannot publish without `data`");
  if (key !== undefined && typeof key !== "string")
    throw new Refused("badRequest", "Cannot use a `key` that is no text");
  if (removed === true && key === undefined) throw new Refused("badRequest", "Cannot remove without a `key`");
  return {
    channel,
    draft: {
      data: removed === true ? "null" : jsonOf(data),
      ...(key === undefined ? {} : { key: requireKey(key) }),
      ...(removed === true ? { removed } : {}),
      ...(tags === undefined ? {} : { tags: requireTags(tags) }),
    },
  };
}
