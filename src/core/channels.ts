/**
 * Names of channels, patterns over them, and finding which of many patterns match a name.
 *
 * A name is 1–255 bytes of UTF-8: levels separated by `/`, none empty, without control characters, space, `,` or `*`.
 * In a pattern the level `*` stands for any one level, and `**`, only as the last level, for one or more levels.
 * Names that begin with `$` are reserved: only their exact name reaches them, never a wildcard.
 */
import type { Selector } from "../ports.ts";
import { Refused } from "./refusals.ts";

export const maxNameBytes = 255;

// Control characters are forbidden, which is what the expression looks for.
const forbidden = /[\u0000-\u0020\u007f-\u009f,*]/;
const encoder = new TextEncoder();

function byteLength(text: string): number {
  // At most three bytes for each UTF-16 unit, so that short names need no encoding.
  return text.length * 3 <= maxNameBytes ? text.length : encoder.encode(text).length;
}

/** Names of which nothing more needs to be asked: most of them. */
const plainName = /^[\w$.:@-]+(?:\/[\w$.:@-]+)*$/;
const plainLevel = /^[\w.:@-][\w$.:@-]*$/;

/** What is wrong with a channel name, or nothing. */
export function nameFault(name: string): string | undefined {
  if (name.length <= maxNameBytes && plainName.test(name)) return undefined;
  if (name === "") return "it is empty";
  if (byteLength(name) > maxNameBytes) return `it is longer than ${maxNameBytes} bytes`;
  if (forbidden.test(name)) return "it has a space, a control character, `,` or `*`";
  if (name.startsWith("/") || name.endsWith("/") || name.includes("//")) return "it has an empty level";
  if (!name.isWellFormed()) return "it is not valid Unicode";
  return undefined;
}

/** Refuses what is not a channel name. */
export function requireName(name: string): string {
  const fault = nameFault(name);
  if (fault === undefined) return name;
  const bad = byteLength(name) > maxNameBytes ? "limitExceeded" : "badRequest";
  throw new Refused(bad, `Cannot use channel ${JSON.stringify(name.slice(0, 80))}: ${fault}`);
}

export function isPattern(text: string): boolean {
  return text.includes("*");
}

/** What is wrong with a pattern (an exact name is one too), or nothing. */
export function patternFault(pattern: string): string | undefined {
  if (!isPattern(pattern)) return nameFault(pattern);
  const levels = pattern.split("/");
  for (const [at, level] of levels.entries()) {
    if (level === "**") {
      if (at !== levels.length - 1) return "`**` must be its last level";
    } else if (level !== "*" && level.includes("*")) return "`*` must be a whole level";
  }
  return nameFault(pattern.replaceAll("*", "x"));
}

export function requirePattern(pattern: string): string {
  const fault = patternFault(pattern);
  if (fault === undefined) return pattern;
  const bad = byteLength(pattern) > maxNameBytes ? "limitExceeded" : "badRequest";
  throw new Refused(bad, `Cannot use pattern ${JSON.stringify(pattern.slice(0, 80))}: ${fault}`);
}

/** Whether a pattern (or exact name) matches a name. The plain rule; `PatternTable` is the quick way for many. */
export function matches(pattern: string, name: string): boolean {
  if (!isPattern(pattern)) return pattern === name;
  if (name.startsWith("$")) return false;
  return covers(pattern, name);
}

/**
 * Whether every name that `inner` matches is matched by `outer` too. Both are patterns or names. A wildcard in `outer`
 * covers the same or a narrower wildcard, and never anything that is reserved.
 */
export function covers(outer: string, inner: string): boolean {
  if (outer === inner) return true;
  if (!isPattern(outer) || inner.startsWith("$")) return false;
  const wide = outer.split("/");
  const narrow = inner.split("/");
  for (const [at, level] of wide.entries()) {
    const other = narrow[at];
    if (other === undefined) return false;
    if (level === "**") return true;
    if (other === "**") return false;
    if (level !== "*" && level !== other) return false;
  }
  return wide.length === narrow.length;
}

/** Shared by all selectors without patterns: a channel with one subscriber holds little else. */
const noPatterns: readonly string[] = [];

/** Builds a selector of names and patterns, each refused when it is not one. Doubles count once. */
export function select(parts: readonly string[]): Selector {
  const only = parts[0];
  if (parts.length === 1 && only !== undefined && !isPattern(only)) {
    return { id: requireName(only), names: [only], patterns: noPatterns };
  }
  const names = new Set<string>();
  const patterns = new Set<string>();
  for (const part of parts) {
    if (isPattern(part)) patterns.add(requirePattern(part));
    else names.add(requireName(part));
  }
  if (names.size + patterns.size === 0) throw new Refused("badRequest", "Cannot subscribe to nothing: name a channel");
  return {
    id: [...names, ...patterns].sort().join(","),
    names: [...names].filter((name) => ![...patterns].some((pattern) => matches(pattern, name))),
    patterns: [...patterns],
  };
}

/** Whether it is a channel name of the usual letters, which any protocol and JSON write as it is. */
export function isPlainName(name: string): boolean {
  return name.length <= maxNameBytes && plainName.test(name);
}

/**
 * A name from a foreign protocol as a channel name: bytes that ours forbid are percent-encoded, and so is a `%` that
 * would read as such an encoding, so that two names never become one. `level` makes one level of it (rooms): `/` and a
 * leading `$` are encoded too.
 */
export function foreignName(name: string, shape: "levels" | "level"): string {
  if (shape === "level" ? name.length <= maxNameBytes && plainLevel.test(name) : isPlainName(name)) return name;
  let safe = name
    .toWellFormed()
    .replace(/%(?=[0-9A-Fa-f]{2})|[\u0000-\u0020\u007f-\u009f,*]/g, encodeURIComponentStrictly);
  if (shape === "level") safe = safe.replaceAll("/", "%2F").replace(/^\$/, "%24");
  else safe = safe.replace(/^\/|\/$|\/(?=\/)/g, "%2F");
  return requireName(safe);
}

function encodeURIComponentStrictly(character: string): string {
  return character === "*" ? "%2A" : encodeURIComponent(character);
}

interface Filed<T> {
  readonly order: number;
  readonly value: T;
}

/** One level of the tree that patterns form. */
interface Filing<T> {
  /** What is filed under exactly this pattern. */
  values: Filed<T>[] | undefined;
  /** What is filed under this pattern followed by `**`. */
  rest: Filed<T>[] | undefined;
  any: Filing<T> | undefined;
  next: Map<string, Filing<T>> | undefined;
}

function emptyLevel<T>(): Filing<T> {
  return { values: undefined, rest: undefined, any: undefined, next: undefined };
}

/**
 * Values filed under patterns, found by name in a time that depends on the name's levels and not on how many patterns
 * there are. The order of `add` is the order of the answers.
 */
export class PatternTable<T> {
  readonly #root: Filing<T> = emptyLevel();
  #added = 0;
  size = 0;

  add(pattern: string, value: T): void {
    const { level, rest } = this.#find(requirePattern(pattern));
    const filed = { order: this.#added++, value };
    if (rest) level.rest = [...(level.rest ?? []), filed];
    else level.values = [...(level.values ?? []), filed];
    this.size++;
  }

  remove(pattern: string, value: T): void {
    this.#removeBelow(this.#root, pattern.split("/"), 0, value);
  }

  /** All values whose pattern matches the name, in the order in which they were added. */
  match(name: string): T[] {
    if (this.size === 0) return [];
    const found: Filed<T>[] = [];
    const levels = name.split("/");
    const reserved = name.startsWith("$");
    const walk = (level: Filing<T>, at: number): void => {
      const part = levels[at];
      if (part === undefined) {
        if (level.values !== undefined) found.push(...level.values);
        return;
      }
      if (level.rest !== undefined && !reserved) found.push(...level.rest);
      const literal = level.next?.get(part);
      if (literal !== undefined) walk(literal, at + 1);
      if (level.any !== undefined && !reserved) walk(level.any, at + 1);
    };
    walk(this.#root, 0);
    return found.sort((a, b) => a.order - b.order).map((entry) => entry.value);
  }

  /** Takes the value out; levels that are left with nothing go too. */
  #removeBelow(level: Filing<T>, parts: readonly string[], at: number, value: T): void {
    const part = parts[at];
    if (part === undefined) level.values = this.#without(level.values, value);
    else if (part === "**") level.rest = this.#without(level.rest, value);
    else {
      const next = part === "*" ? level.any : level.next?.get(part);
      if (next === undefined) return;
      this.#removeBelow(next, parts, at + 1, value);
      if (next.values !== undefined || next.rest !== undefined || next.any !== undefined || next.next !== undefined)
        return;
      if (part === "*") level.any = undefined;
      else level.next?.delete(part);
      if (level.next?.size === 0) level.next = undefined;
    }
  }

  #without(filed: Filed<T>[] | undefined, value: T): Filed<T>[] | undefined {
    if (filed === undefined) return undefined;
    const kept = filed.filter((entry) => entry.value !== value);
    this.size -= filed.length - kept.length;
    return kept.length > 0 ? kept : undefined;
  }

  #find(pattern: string): { level: Filing<T>; rest: boolean } {
    let level = this.#root;
    for (const part of pattern.split("/")) {
      if (part === "**") return { level, rest: true };
      if (part === "*") {
        level.any ??= emptyLevel();
        level = level.any;
      } else {
        level.next ??= new Map();
        let next = level.next.get(part);
        if (next === undefined) {
          next = emptyLevel();
          level.next.set(part, next);
        }
        level = next;
      }
    }
    return { level, rest: false };
  }
}
