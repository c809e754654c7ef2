import type { Command } from "commander";
import { newDeviceShape } from "../http/api-shapes.ts";
import { askFor } from "./door.ts";
import { type Globals, optionsOf } from "./globals.ts";
import { identityDoor, through } from "./open-door.ts";
import { note, print, printJson } from "./output.ts";

export function addDeviceRotate(parent: Command): void {
  parent
    .command("rotate")
    .description("give a device a new key, shown this once; sessions of the old one end at once")
    .argument("<id>", "the device")
    .action((id: string, _: object, command: Command) => rotateDevice(id, optionsOf(command)));
}

async function rotateDevice(id: string, globals: Globals): Promise<void> {
  const path = `/admin/devices/${encodeURIComponent(id)}/rotate`;
  const question = { method: "POST", path, what: "give the device a new key" } as const;
  const device = await through(identityDoor(globals), (door) => askFor(door, question, newDeviceShape));
  if (globals.json) return printJson(device);
  print(device.key);
  note(`Device ${device.id} ("${device.name}") has this new key; the old one is revoked. It is not shown again.`);
}
