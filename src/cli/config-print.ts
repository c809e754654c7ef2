import type { Command } from "commander";
import { printConfig } from "../config/print.ts";
import { addConfigOptions, configFlags } from "./config-options.ts";
import { configOf, type Globals, optionsOf } from "./globals.ts";
import { print } from "./output.ts";

export function addConfigPrint(parent: Command): void {
  addConfigOptions(parent.command("print"))
    .description("show every option as it holds, from file, environment, flags and defaults; secrets as …")
    .action((_: object, command: Command) => showConfig(optionsOf(command), command));
}

function showConfig(globals: Globals, command: Command): void {
  const config = configOf(globals, configFlags(command));
  print(printConfig(config, { as: globals.json ? "json" : "yaml" }).trimEnd());
}
