import { writeFileSync } from "node:fs";
import type { Command } from "commander";
import { messageOf } from "../core/thrown.ts";
import { identitiesShape } from "../http/api-transfer.ts";
import { askFor } from "./door.ts";
import { CommandFailure } from "./failure.ts";
import { type Globals, optionsOf } from "./globals.ts";
import { identityDoor, through } from "./open-door.ts";
import { note, print } from "./output.ts";

export function addExport(program: Command): void {
  program
    .command("export")
    .description("write all keys (their hashes, not the keys) and devices as JSON, for `hearthwire import`")
    .argument("[file]", "a new file; the standard output if absent")
    .action((file: string | undefined, _: object, command: Command) => exportIdentities(file, optionsOf(command)));
}

async function exportIdentities(file: string | undefined, globals: Globals): Promise<void> {
  const question = { method: "GET", path: "/admin/export", what: "export keys and devices" } as const;
  const identities = await through(identityDoor(globals), (door) => askFor(door, question, identitiesShape));
  const text = JSON.stringify(identities, null, 2);
  if (file === undefined) return print(text);
  try {
    writeFileSync(file, `${text}\n`, { mode: 0o600, flag: "wx" });
  } catch (thrown) {
    throw new CommandFailure(`Cannot export into ${file}: ${messageOf(thrown)}`);
  }
  note(`${identities.keys.length} keys and ${identities.devices.length} devices are in ${file}.`);
}
