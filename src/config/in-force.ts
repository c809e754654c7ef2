/** The configuration in force: one object, whose options everybody reads when they need them, so that a reload reaches all. */
import type { Change } from "./changes.ts";
import type { Config } from "./schema.ts";

type Group = Record<string, unknown>;

export class InForce {
  /** Always the same object. */
  readonly config: Config;
  #version = 0;

  constructor(config: Config) {
    this.config = copyOf(config) as Config;
  }

  /** What follows from the configuration: made when it is first asked for, and anew after a reload. */
  readonly derive = <T>(make: () => T): (() => T) => {
    let made: { readonly value: T; readonly version: number } | undefined;
    return () => {
      if (made?.version !== this.#version) made = { value: make(), version: this.#version };
      return made.value;
    };
  };

  /** Takes what changes live out of the next configuration. */
  takeUp(next: Config, changes: readonly Change[]): void {
    for (const { path, live } of changes) if (live) setAt(this.config as Group, next as Group, path);
    this.#version++;
  }
}

function isGroup(value: unknown): value is Group {
  return typeof value === "object" && value !== null && !(value instanceof Map);
}

/** Mappings by names of someone's choice are taken whole. */
function setAt(target: Group, source: Group, [name = "", ...rest]: readonly string[]): void {
  const [mine, theirs] = [target[name], source[name]];
  if (rest.length > 0 && isGroup(mine) && isGroup(theirs)) setAt(mine, theirs, rest);
  else if (name in source) target[name] = copyOf(theirs);
  else delete target[name];
}

function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf);
  if (!isGroup(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, copyOf(inner)]));
}
