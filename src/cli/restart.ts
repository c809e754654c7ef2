import type { Command } from "commander";
import { statusShape } from "../http/api-shapes.ts";
import { askFor } from "./door.ts";
import { type Globals, optionsOf } from "./globals.ts";
import { gatewayDoor, through } from "./open-door.ts";
import { print, printJson } from "./output.ts";

const what = "restart the gateway";

export function addRestart(program: Command): void {
  program
    .command("restart")
    .description(
      "start the running gateway anew, with its configuration and program as they are now, losing no connection",
    )
    .action((_: object, command: Command) => restart(optionsOf(command)));
}

async function restart(globals: Globals): Promise<void> {
  await through(gatewayDoor(globals), async (door) => {
    await door.ask({ method: "POST", path: "/admin/restart", what });
    // The successor listens already, and answers when it does its work.
    const { version, run, started } = await askFor(door, { method: "GET", path: "/admin/status", what }, statusShape);
    if (globals.json) printJson({ version, run, started });
    else print(`Hearthwire ${version} has taken over.`);
  });
}
