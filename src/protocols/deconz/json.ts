/** JSON as the gateway writes it: compact, the members of every object in alphabetical order. Pure. */
import { createHash } from "node:crypto";
import type { JsonText } from "../../ports.ts";

export interface JsonObject {
  readonly [member: string]: unknown;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function objectOf(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

/** The object that a text holds; nothing where it is something else, or no JSON. */
export function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function sortedText(value: unknown): JsonText {
  if (Array.isArray(value)) return `[${value.map(sortedText).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value ?? null);
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${sortedText(value[name])}`).join(",")}}`;
}

/** Texts by name as one object, in the order of the names as texts. */
export function joinTexts(texts: ReadonlyMap<string, JsonText>): JsonText {
  const names = [...texts.keys()].sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${texts.get(name)}`).join(",")}}`;
}

export function digestOf(text: string): string {
  return createHash("md5").update(text).digest("hex");
}
