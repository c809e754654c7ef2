import type { Command } from "commander";
import { type Globals, optionsOf } from "./globals.ts";
import { identityDoor, through } from "./open-door.ts";
import { note, printJson } from "./output.ts";

export function addDeviceRemove(parent: Command): void {
  parent
    .command("remove")
    .description("remove a device and its key; its sessions end at once")
    .argument("<id>", "the device")
    .action((id: string, _: object, command: Command) => removeDevice(id, optionsOf(command)));
}

async function removeDevice(id: string, globals: Globals): Promise<void> {
  const path = `/admin/devices/${encodeURIComponent(id)}`;
  await through(identityDoor(globals), (door) => door.ask({ method: "DELETE", path, what: "remove the device" }));
  if (globals.json) printJson({ removed: id });
  else note(`Device ${id} is removed.`);
}
