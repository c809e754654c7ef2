/** The secrets of a configuration, which a gateway of a test is given. */
import { parse } from "yaml";
import { z } from "zod";
import { ConfigError } from "../../src/config/faults.ts";
import { type ConfigSources, parseConfig } from "../../src/config/load.ts";
import { optionsOf } from "../../src/config/option.ts";
import { type Config, schema } from "../../src/config/schema.ts";
import { registerSecret } from "./ledger.ts";

/** Shorter ones are words that stand in many places. */
const shortest = 8;

export function registerConfigured(config: Config): void {
  registerAll(z.encode(schema, config));
}

/** Those of a configuration that need not be right. */
export function registerWritten(sources: ConfigSources): void {
  try {
    registerConfigured(parseConfig(sources));
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    registerAll(parsed(sources.text ?? ""));
  }
}

function parsed(text: string): unknown {
  try {
    return parse(text);
  } catch {
    // No YAML: nothing in it is known to be a secret.
    return undefined;
  }
}

function registerAll(written: unknown): void {
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
