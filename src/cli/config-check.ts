import type { Command } from "commander";
import { ConfigError } from "../config/faults.ts";
import { addConfigOptions, configFlags } from "./config-options.ts";
import { configOf, type Globals, optionsOf } from "./globals.ts";
import { print, printJson } from "./output.ts";

export function addConfigCheck(parent: Command): void {
  addConfigOptions(parent.command("check"))
    .description("say what is wrong with the configuration, all at once; starts nothing")
    .action((_: object, command: Command) => checkConfig(optionsOf(command), command));
}

function checkConfig(globals: Globals, command: Command): void {
  try {
    configOf(globals, configFlags(command));
  } catch (thrown) {
    if (globals.json && thrown instanceof ConfigError) printJson({ good: false, faults: thrown.faults });
    throw thrown;
  }
  const file = globals.config ?? (process.env["HEARTHWIRE_CONFIG"] || undefined);
  if (globals.json) printJson({ good: true, faults: [] });
  else print(`${file ?? "The configuration (no file: defaults, environment and flags)"} is good.`);
}
