/** The options that say what a key may do. */
import type { Command } from "commander";
import type { Grants } from "../ports.ts";

export interface GrantOptions {
  readonly subscribe?: readonly string[];
  readonly publish?: readonly string[];
  readonly history?: readonly string[];
  readonly presence?: readonly string[];
  readonly call?: readonly string[];
  readonly admin?: boolean;
}

const pattern = "`*` is one level, `**` the rest";

export function addGrantOptions(command: Command, verbs: "all" | "of a device"): Command {
  command
    .option("--subscribe <patterns...>", `channels that it may listen to: ${pattern}`)
    .option("--publish <patterns...>", "channels that it may publish on");
  if (verbs === "of a device") return command;
  return command
    .option("--history <patterns...>", "channels whose history it may ask for without listening")
    .option("--presence <patterns...>", "channels of which it may ask who is there")
    .option("--call <patterns...>", "methods that it may call, levels separated by `.`")
    .option("--admin", "whether it may do everything under /admin");
}

export function grantsOf({ subscribe, publish, history, presence, call, admin }: GrantOptions): Grants {
  return {
    ...(subscribe === undefined ? {} : { subscribe }),
    ...(publish === undefined ? {} : { publish }),
    ...(history === undefined ? {} : { history }),
    ...(presence === undefined ? {} : { presence }),
    ...(call === undefined ? {} : { call }),
    ...(admin === true ? { admin: ["**"] } : {}),
  };
}

/** `subscribe home/**, publish home/kitchen`. */
export function printGrants(grants: Readonly<Record<string, readonly string[] | undefined>>): string {
  const parts = Object.entries(grants)
    .filter(([, patterns]) => patterns !== undefined && patterns.length > 0)
    .map(([verb, patterns]) => (verb === "admin" ? verb : `${verb} ${patterns?.join(" ")}`));
  return parts.length === 0 ? "nothing" : parts.join(", ");
}
