/** What the API answers to input that it cannot use: the one error object, naming the field. */
import type { z } from "@hono/zod-openapi";
import { Refused } from "../core/refusals.ts";

const kinds: Readonly<Record<string, string>> = {
  object: "an object",
  array: "a list",
  string: "a text",
  int: "whole",
};

/** The first thing that is wrong, as a refusal. */
export function refusedInput(error: { readonly issues: readonly z.core.$ZodIssue[] }): Refused {
  const [issue] = error.issues;
  return new Refused("badRequest", issue === undefined ? undefined : `Cannot use ${sayIssue(issue)}`);
}

function sayIssue(issue: z.core.$ZodIssue): string {
  const name = nameOf(issue.path);
  switch (issue.code) {
    case "invalid_type":
      if (issue.message.endsWith("received undefined")) return `${name}: it is missing`;
      return `${name}: it must be ${kinds[issue.expected] ?? `a ${issue.expected}`}`;
    case "unrecognized_keys":
      return `${nameOf([...issue.path, issue.keys[0] ?? ""])}: there is no such field`;
    case "too_small":
      return `${name}: it must have at least ${issue.minimum}`;
    case "too_big":
      return `${name}: it must have at most ${issue.maximum}`;
    default:
      return `${name}: ${issue.message}`;
  }
}

/** `grants.publish[1]`, cut where someone's own name of a field is long. */
function nameOf(path: readonly PropertyKey[]): string {
  const name = path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    return text === "" ? String(part) : `${text}.${String(part)}`;
  }, "");
  return name === "" ? "the body" : `\`${name.slice(0, 100)}\``;
}
