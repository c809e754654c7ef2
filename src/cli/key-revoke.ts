import type { Command } from "commander";
import { type Globals, optionsOf } from "./globals.ts";
import { identityDoor, through } from "./open-door.ts";
import { note, printJson } from "./output.ts";

export function addKeyRevoke(parent: Command): void {
  parent
    .command("revoke")
    .description("revoke a key; its sessions end at once")
    .argument("<id>", "its id, the middle part of `hw_<id>_<secret>`")
    .action((id: string, _: object, command: Command) => revokeKey(id, optionsOf(command)));
}

async function revokeKey(given: string, globals: Globals): Promise<void> {
  // Whoever has only the key itself at hand should not have to take it apart.
  const id = /^hw_([A-Za-z0-9]+)_/.exec(given)?.[1] ?? given;
  const path = `/admin/keys/${encodeURIComponent(id)}`;
  await through(identityDoor(globals), (door) => door.ask({ method: "DELETE", path, what: "revoke the key" }));
  if (globals.json) printJson({ revoked: id });
  else note(`Key ${id} is revoked.`);
}
