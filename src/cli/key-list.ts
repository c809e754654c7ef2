import type { Command } from "commander";
import { z } from "zod";
import { keyShape } from "../http/api-shapes.ts";
import { askFor } from "./door.ts";
import { type Globals, optionsOf } from "./globals.ts";
import { printGrants } from "./grant-options.ts";
import { identityDoor, through } from "./open-door.ts";
import { printJson, printTable, printTime, tame } from "./output.ts";

export function addKeyList(parent: Command): void {
  parent
    .command("list")
    .description("show all keys, without their texts")
    .action((_: object, command: Command) => listKeys(optionsOf(command)));
}

async function listKeys(globals: Globals): Promise<void> {
  const question = { method: "GET", path: "/admin/keys", what: "list the keys" } as const;
  const shape = z.object({ keys: z.array(keyShape) });
  const { keys } = await through(identityDoor(globals), (door) => askFor(door, question, shape));
  if (globals.json) return printJson(keys);
  const rows = keys.map(({ id, name, grants, created, expires, last_used: used, device }) => [
    id,
    tame(name),
    printTime(created),
    printTime(used),
    printTime(expires),
    device ?? "",
    printGrants(grants),
  ]);
  printTable(["ID", "NAME", "CREATED", "LAST USED", "EXPIRES", "DEVICE", "MAY"], rows, "There are no keys yet.");
}
