/** Taking up a changed configuration while the gateway runs: all of it that can be, or, when something is wrong, nothing. */
import { type Change, changesBetween } from "../config/changes.ts";
import { ConfigError } from "../config/faults.ts";
import type { InForce } from "../config/in-force.ts";
import type { Config } from "../config/schema.ts";
import { Refused } from "../core/refusals.ts";
import type { Reloaded } from "../http/api-lifecycle.ts";

/** What a part of the gateway does for a reload. */
export interface Reloading {
  /** Reads and checks what `next` names, without changing anything, and throws when it is wrong; the answer takes it up. */
  prepare(next: Config, changes: readonly Change[]): () => void;
}

export interface ReloadParts {
  readonly inForce: InForce;
  /** Reads the configuration anew, as at the start. Throws a `ConfigError`. */
  readonly read: () => Config;
  /** In the order in which they take up what changed, once the options in force are the new ones. */
  readonly parts: readonly Reloading[];
}

export function reload({ inForce, read, parts }: ReloadParts, dryRun: boolean): Reloaded {
  try {
    const next = read();
    const changes = changesBetween(inForce.config, next);
    const takeUps = parts.map((part) => part.prepare(next, changes));
    if (!dryRun) {
      inForce.takeUp(next, changes);
      for (const takeUp of takeUps) takeUp();
    }
    const named = (live: boolean): string[] => changes.filter((one) => one.live === live).map(({ option }) => option);
    return { dry_run: dryRun, changed: named(true), needs_restart: named(false) };
  } catch (thrown) {
    if (!(thrown instanceof Error) || thrown instanceof Refused) throw thrown;
    const why = thrown instanceof ConfigError ? `Cannot use the configuration:\n${thrown.message}` : thrown.message;
    throw new Refused("badRequest", why);
  }
}

/** Whether an option, or one inside it, is another. */
export function concerns(changes: readonly Change[], ...options: readonly string[]): boolean {
  return changes.some(({ path, live }) => live && path.some((part) => options.includes(part)));
}
