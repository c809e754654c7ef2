/** JSON of others, of which nothing is known before it was looked at. Pure. */
import type { JsonText } from "../ports.ts";

export interface JsonObject {
  readonly [member: string]: unknown;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function objectOf(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

/** A number, or one as text; NaN for anything else: `Number` would ask an object for its own `toString`, which may be none. */
export function numberIn(value: unknown): number {
  return typeof value === "number" || (typeof value === "string" && value.trim() !== "") ? Number(value) : Number.NaN;
}

/** As text, whatever it is: `String` would ask an object for its own `toString`, which may be none. */
export function textIn(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
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

/** JSON as one line, its numbers and members as they were written. Throws a `SyntaxError` where it is none. */
export function oneLine(text: string): JsonText {
  JSON.parse(text);
  // Strings have no line ends of their own.
  return text.trim().replaceAll(/[\r\n]+[\t ]*/g, "");
}
