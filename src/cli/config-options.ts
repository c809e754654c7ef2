/** Every option of the configuration as a flag. */
import { type Command, Option } from "commander";
import type { Flags } from "../config/environment.ts";
import { options } from "../config/load.ts";
import { flagOf } from "../config/option.ts";

/** Options of all commands; `data` is one of them. */
const ofAllCommands = ["data"];

const flags = options.flatMap(({ path, notes, form }) => {
  const flag = flagOf(path);
  return flag === undefined || ofAllCommands.includes(flag) ? [] : [{ flag, notes, form }];
});

export const configHeading = "The configuration (see docs/options.md):";

export function addConfigOptions(command: Command): Command {
  for (const { flag, notes, form } of flags) {
    const [sentence = notes.is] = notes.is.split(/(?<=[.;])\s/);
    const option = new Option(`--${flag} <value>`, sentence.replace(/[.;]$/, "")).helpGroup(configHeading);
    if (form === "list") option.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value]);
    command.addOption(option);
  }
  return command;
}

/** What of the configuration the command line says. */
export function configFlags(command: Command): Flags {
  const values = command.opts<Readonly<Record<string, string | readonly string[] | undefined>>>();
  return Object.fromEntries(flags.map(({ flag }) => [flag, values[new Option(`--${flag} <value>`).attributeName()]]));
}
