/** What differs between the configuration in force and another one, and what of it a reload brings about. */
import { isDeepStrictEqual } from "node:util";
import { printPath } from "./faults.ts";
import { options } from "./load.ts";
import type { Config } from "./schema.ts";

export interface Change {
  readonly path: readonly string[];
  /** As people write it: `channels."home/**".kind`. Never its value, which may be a secret. */
  readonly option: string;
  /** Without it, a restart brings it about. */
  readonly live: boolean;
}

export function changesBetween(before: Config, after: Config): readonly Change[] {
  return differences(before, after, []).map((path) => {
    return {
      path,
      option: printPath(path.map((part) => (/^\d+$/.test(part) ? Number(part) : part))),
      live: isLive(path),
    };
  });
}

/** Whether a reload brings an option about: as it says itself, or the group that it is in. */
export function isLive(path: readonly string[]): boolean {
  return options.some((option) => {
    const inside =
      option.path.length <= path.length && option.path.every((part, at) => part === "*" || part === path[at]);
    return inside && option.notes.live === true;
  });
}

function differences(before: unknown, after: unknown, path: readonly string[]): readonly (readonly string[])[] {
  const [one, other] = [membersOf(before), membersOf(after)];
  if (one === undefined || other === undefined) return isDeepStrictEqual(before, after) ? [] : [path];
  // Whoever comes first in a mapping by patterns matters, and a list of another length is another list.
  if (before instanceof Map ? !sameOrder(one, other) : Array.isArray(before) && one.size !== other.size) return [path];
  return [...new Set([...one.keys(), ...other.keys()])].flatMap((name) =>
    differences(one.get(name), other.get(name), [...path, name]),
  );
}

function sameOrder(one: ReadonlyMap<string, unknown>, other: ReadonlyMap<string, unknown>): boolean {
  const common = [...one.keys()].filter((name) => other.has(name));
  return isDeepStrictEqual(
    common,
    [...other.keys()].filter((name) => one.has(name)),
  );
}

/** Options of a group, entries of a mapping, and items of a list of groups that is as long as it was. */
function membersOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (value instanceof Map) return value;
  if (Array.isArray(value)) {
    if (value.some((item) => typeof item !== "object")) return undefined;
    return new Map(Object.entries(value));
  }
  return typeof value === "object" && value !== null ? new Map(Object.entries(value)) : undefined;
}
