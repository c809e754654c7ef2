/** The secrets of a configuration, which a gateway of a test is given. */
import { z } from "zod";
import { optionsOf } from "../../src/config/option.ts";
import { type Config, schema } from "../../src/config/schema.ts";
import { registerSecret } from "./ledger.ts";

/** Shorter ones are words that stand in many places. */
const shortest = 8;

export function registerConfigured(config: Config): void {
  const written: unknown = z.encode(schema, config);
  const paths = optionsOf(schema).flatMap(({ notes, path }) => (notes.secret === true ? [path] : []));
  for (const secret of paths.flatMap((path) => textsAt(written, path))) {
    if (secret.length >= shortest) registerSecret(secret);
  }
}

function textsAt(value: unknown, [first, ...rest]: readonly string[]): readonly string[] {
  if (first === undefined) {
    if (typeof value === "string") return value.split(/\s+/);
    return Array.isArray(value) ? value.flatMap((one: unknown) => textsAt(one, [])) : [];
  }
  if (typeof value !== "object" || value === null) return [];
  const entries: readonly (readonly [unknown, unknown])[] = value instanceof Map ? [...value] : Object.entries(value);
  return entries.flatMap(([name, inner]) => (first === "*" || first === name ? textsAt(inner, rest) : []));
}
