/** What is wrong with a configuration, where, and what was probably meant. */
import { distance } from "fastest-levenshtein";
import type { z } from "zod";

export interface ConfigFault {
  /** The file, or the variable (`HEARTHWIRE_LISTEN`) or flag (`--listen`) that says it; absent for what is missing. */
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  /** The option, its names joined by dots; empty for the whole. */
  readonly path: string;
  readonly message: string;
}

export function printFault({ file, line, column, message }: ConfigFault): string {
  const place = [file, line, column].filter((part) => part !== undefined).join(":");
  return place === "" ? message : `${place}: ${message}`;
}

/** All that is wrong with a configuration, found at once. */
export class ConfigError extends Error {
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    const inOrder = faults.toSorted(
      (one, other) => (one.line ?? 0) - (other.line ?? 0) || (one.column ?? 0) - (other.column ?? 0),
    );
    super(inOrder.map(printFault).join("\n"));
    this.name = "ConfigError";
    this.faults = inOrder;
  }
}

/** `; did you mean …?`, or nothing when none of the names is near. */
export function didYouMean(given: string, names: readonly string[]): string {
  if (given.length > 100) return "";
  const near = names
    .map((name) => ({ name, far: distance(given.toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, far }) => far <= Math.max(given.length < 4 ? 1 : 2, Math.floor(name.length / 3)))
    .sort((one, other) => one.far - other.far)[0];
  return near === undefined ? "" : `; did you mean \`${near.name}\`?`;
}

/** An option as one would name it: `listeners[1].listen`, `channels."home/**".kind`. */
export function printPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    const name = /^[\w-]+$/.test(String(part)) ? String(part) : JSON.stringify(part);
    return text === "" ? name : `${text}.${name}`;
  }, "");
}

const kinds: Record<string, string> = {
  object: "a mapping of options",
  map: "a mapping",
  array: "a list",
  boolean: "true or false",
  string: "text",
  number: "a number",
  int: "a whole number",
};

/** What an issue of the schema means, without the name of the option. */
export function explain(issue: z.core.$ZodIssue, given: unknown): string {
  switch (issue.code) {
    case "invalid_type":
      if (given === undefined) return "is missing";
      return `must be ${kinds[issue.expected] ?? issue.expected}`;
    case "invalid_value":
      return `must be ${oneOf(issue.values.map(String))}${typeof given === "string" ? didYouMean(given, issue.values.map(String)) : ""}`;
    case "too_small":
      return issue.origin === "string" ? "must not be empty" : `must be at least ${issue.minimum}`;
    case "too_big":
      return `must be at most ${issue.maximum}`;
    case "invalid_union":
      return `must be ${oneOf(issue.errors.flatMap((errors) => errors.flatMap(alternative)))}`;
    default:
      return issue.message;
  }
}

function alternative(issue: z.core.$ZodIssue): readonly string[] {
  if (issue.code === "invalid_type" && issue.expected === "boolean") return ["true", "false"];
  if (issue.code === "invalid_type") return [kinds[issue.expected] ?? issue.expected];
  return issue.code === "invalid_value" ? issue.values.map(String) : [];
}

function oneOf(words: readonly string[]): string {
  const last = words.at(-1);
  return words.length < 2 ? (last ?? "something else") : `${words.slice(0, -1).join(", ")} or ${last}`;
}
