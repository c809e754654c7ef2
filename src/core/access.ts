/**
 * What a peer may do: grants, and the rights that they come to. One `Rights` object serves all sessions of a key, so
 * that each question is answered once.
 */
import type { Grants, Verb } from "../ports.ts";
import { covers, isPattern, patternFault } from "./channels.ts";
import { Refused } from "./refusals.ts";

export const verbs = [
  "subscribe",
  "publish",
  "history",
  "presence",
  "call",
  "admin",
] as const satisfies readonly Verb[];

/** How a refusal says what was not granted. */
const spelled: { readonly [verb in Verb]: string } = {
  subscribe: "subscribe to",
  publish: "publish on",
  history: "read the history of",
  presence: "tell who is in",
  call: "call",
  admin: "administrate",
};

/** Questions of one verb that a `Rights` remembers; far more than a peer asks, little enough to bound what a hostile one costs. */
const remembered = 4096;

export class Rights {
  readonly #grants: Grants;
  /** By verb, then by name. */
  readonly #answers: { [verb in Verb]?: Map<string, boolean> } = {};

  constructor(grants: Grants) {
    this.#grants = grants;
  }

  /** Whether `verb` is granted on a channel name or on all that a pattern matches; for `call` on a method name. */
  may(verb: Verb, name: string): boolean {
    const patterns = this.#grants[verb];
    if (patterns === undefined || patterns.length === 0) return false;
    this.#answers[verb] ??= new Map();
    const answers = this.#answers[verb];
    let answer = answers.get(name);
    if (answer === undefined) {
      const subject = verb === "call" ? name.replaceAll(".", "/") : name;
      answer = patterns.some((pattern) => covers(verb === "call" ? pattern.replaceAll(".", "/") : pattern, subject));
      if (answers.size >= remembered) answers.clear();
      answers.set(name, answer);
    }
    return answer;
  }

  /** Whether `verb` is granted on anything at all. */
  mayAny(verb: Verb): boolean {
    return (this.#grants[verb]?.length ?? 0) > 0;
  }

  require(verb: Verb, name: string): void {
    if (this.may(verb, name)) return;
    const what = isPattern(name) ? `all of ${name}` : name;
    throw new Refused("permissionDenied", `Cannot ${spelled[verb]} ${what}: no such grant`);
  }

  get grants(): Grants {
    return this.#grants;
  }
}

class EveryRight extends Rights {
  override may(): boolean {
    return true;
  }
  override mayAny(): boolean {
    return true;
  }
}

/** Who may open the control socket or the Unix socket may do everything, reserved channels included. */
export const everyRight: Rights = new EveryRight({ admin: ["**"] });

export const noRight = new Rights({});

/** The grants of both; for a peer that holds several sources of them (a key, and what its address may do anyway). */
export function joinGrants(one: Grants, other: Grants): Grants {
  const joined: { [verb in Verb]?: readonly string[] } = {};
  for (const verb of verbs) {
    const patterns = [...new Set([...(one[verb] ?? []), ...(other[verb] ?? [])])];
    if (patterns.length > 0) joined[verb] = patterns;
  }
  return joined;
}

/** What is wrong with grants that someone wrote, or nothing. */
export function grantsFault(grants: Grants): string | undefined {
  for (const verb of verbs) {
    for (const pattern of grants[verb] ?? []) {
      const fault = patternFault(verb === "call" ? pattern.replaceAll(".", "/") : pattern);
      if (fault !== undefined) return `${verb} ${JSON.stringify(pattern)}: ${fault}`;
    }
  }
  return undefined;
}
