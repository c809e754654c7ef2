/** JSON as the gateway writes it: compact, the members of every object in alphabetical order. Pure. */
import { createHash } from "node:crypto";
import { isObject } from "../../core/json.ts";
import type { JsonText } from "../../ports.ts";

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
