/** Turning what publishers send into drafts, on every protocol of ours. Pure. */
import type { Draft, JsonText } from "../ports.ts";
import { isObject, type JsonObject, oneLine } from "./json.ts";
import { memberText } from "./member-text.ts";
import { Refused } from "./refusals.ts";
import { messageOf } from "./thrown.ts";

const longestKey = 255;
const mostTags = 32;
const longestTag = 255;

/** A JSON object's members, or refused. */
export function requireMembers(value: unknown, fault: string): JsonObject {
  if (isObject(value)) return value;
  throw new Refused("badRequest", fault);
}

/** One line of JSON from a publisher's JSON text, whose own spelling of numbers and order of members stay. */
export function jsonLine(text: string): JsonText {
  try {
    return oneLine(text);
  } catch (thrown) {
    throw new Refused("badRequest", `Cannot parse the JSON: ${messageOf(thrown)}`);
  }
}

/** A value that was parsed, as JSON. The parser takes what is nested so deeply that writing it overflows the stack. */
export function jsonOf(value: unknown): JsonText {
  try {
    return JSON.stringify(value);
  } catch {
    throw new Refused("badRequest", "Cannot use JSON that is nested so deeply");
  }
}

export function requireKey(key: unknown): string {
  if (typeof key === "string" && key.length > 0 && key.length <= longestKey) return key;
  throw new Refused("badRequest", `Cannot use the key: it must be a text of 1 to ${longestKey} characters`);
}

/** Tags as an object of texts. */
export function requireTags(tags: unknown): Readonly<Record<string, string>> {
  const fault = `Cannot use the tags: give an object of at most ${mostTags} texts of up to ${longestTag} characters`;
  const entries = Object.entries(requireMembers(tags, fault));
  const good = ([name, value]: readonly [string, unknown]): boolean =>
    name.length <= longestTag && typeof value === "string" && value.length <= longestTag;
  if (entries.length > mostTags || !entries.every(good)) throw new Refused("badRequest", fault);
  return tags as Readonly<Record<string, string>>;
}

/**
 * A draft from the members `data`, `key`, `removed`, `tags` and `transient` of an object. `text` is the object as it was written, out
 * of which the data is cut, so that no number loses digits.
 */
export function draftOf({ data, key, removed, tags, transient }: JsonObject, text: string): Draft {
  if (key === undefined && removed === undefined && tags === undefined && transient === undefined) {
    return { data: dataOf(data, text) };
  }
  if (removed === true && key === undefined) throw new Refused("badRequest", "Cannot remove without a `key`");
  return {
    data: removed === true ? "null" : dataOf(data, text),
    ...(key === undefined ? {} : { key: requireKey(key) }),
    ...(removed === true ? { removed } : {}),
    ...(tags === undefined ? {} : { tags: requireTags(tags) }),
    ...(transient === true ? { transient } : {}),
  };
}

function dataOf(data: unknown, text: string): JsonText {
  if (data === undefined) throw new Refused("badRequest", "Cannot publish without `data`");
  return memberText(text, "data") ?? jsonOf(data);
}
