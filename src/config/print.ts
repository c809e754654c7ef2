/** The configuration as it is in force, as text that reads back as the same. */
import { stringify } from "yaml";
import { z } from "zod";
import { optionsOf } from "./option.ts";
import { type Config, schema } from "./schema.ts";

export interface PrintOptions {
  readonly as?: "yaml" | "json";
  /** Secrets as they are; otherwise as `…`, and then the text does not read back. */
  readonly secrets?: boolean;
}

/** As `hearthwire config print` shows it: every option with its value. */
export function printConfig(config: Config, options: PrintOptions = {}): string {
  return printWritten(schema, z.encode(schema, config), options);
}

/** Prints what a schema's options are written as; apart from `printConfig` so that it can be tried on secrets. */
export function printWritten(
  from: z.ZodType,
  written: unknown,
  { as = "yaml", secrets = false }: PrintOptions = {},
): string {
  const hidden = optionsOf(from).filter(({ notes }) => notes.secret);
  const shown = secrets ? written : hidden.reduce((value, { path }) => redactAt(value, path), written);
  // JSON is YAML in its flow style; unlike an object of JavaScript it keeps the order of all names.
  if (as === "yaml") return stringify(shown, { lineWidth: 0, aliasDuplicateObjects: false });
  return stringify(shown, {
    collectionStyle: "flow",
    defaultStringType: "QUOTE_DOUBLE",
    defaultKeyType: "QUOTE_DOUBLE",
    lineWidth: 0,
    aliasDuplicateObjects: false,
  });
}

/** A copy in which what stands at `path` (`*`: every entry) is hidden. */
function redactAt(value: unknown, path: readonly string[]): unknown {
  const [first, ...rest] = path;
  if (first === undefined) return value === undefined ? undefined : "…";
  if (Array.isArray(value)) return first === "*" ? value.map((item) => redactAt(item, rest)) : value;
  if (typeof value !== "object" || value === null) return value;
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  return new Map(
    entries.map(([name, inner]) => [name, first === "*" || first === name ? redactAt(inner, rest) : inner]),
  );
}
