import type { Command } from "commander";
import { type Reloaded, reloadedShape } from "../http/api-lifecycle.ts";
import { askFor } from "./door.ts";
import { type Globals, optionsOf } from "./globals.ts";
import { gatewayDoor, through } from "./open-door.ts";
import { print, printJson } from "./output.ts";

interface Options {
  readonly dryRun?: boolean;
}

export function addReload(program: Command): void {
  program
    .command("reload")
    .description("let the running gateway take up its configuration, as SIGHUP does; a bad one changes nothing")
    .option("--dry-run", "only show what would change, and what needs a restart")
    .action((_: object, command: Command) => reload(optionsOf<Options>(command)));
}

async function reload(globals: Globals & Options): Promise<void> {
  const path = `/admin/reload?dry_run=${globals.dryRun === true}`;
  const question = { method: "POST", path, what: "reload the configuration" } as const;
  const reloaded = await through(gatewayDoor(globals), (door) => askFor(door, question, reloadedShape));
  if (globals.json) printJson(reloaded);
  else for (const line of linesOf(reloaded)) print(line);
}

function linesOf({ dry_run: dryRun, changed, needs_restart: restart }: Reloaded): readonly string[] {
  if (changed.length + restart.length === 0) {
    const files = dryRun ? "" : " Certificates and the keys of tokens were read anew.";
    return [`No option has changed.${files}`];
  }
  return [
    ...changed.map((option) => `${dryRun ? "would change" : "changed"}   ${option}`),
    ...restart.map((option) => `needs a restart   ${option}`),
  ];
}
