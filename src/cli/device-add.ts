import type { Command } from "commander";
import { newDeviceShape } from "../http/api-shapes.ts";
import { askFor } from "./door.ts";
import { optionsOf } from "./globals.ts";
import { addGrantOptions, type GrantOptions, grantsOf } from "./grant-options.ts";
import { identityDoor, through } from "./open-door.ts";
import { note, print, printJson } from "./output.ts";

export function addDeviceAdd(parent: Command): void {
  addGrantOptions(parent.command("add"), "of a device")
    .description("add a device; its key is shown this once, alone on the standard output")
    .argument("<name>", "what to call it")
    .action((name: string, _: object, command: Command) => addDevice(name, optionsOf<GrantOptions>(command)));
}

async function addDevice(name: string, options: ReturnType<typeof optionsOf<GrantOptions>>): Promise<void> {
  const body = JSON.stringify({ name, grants: grantsOf(options) });
  const question = { method: "POST", path: "/admin/devices", what: "add the device", body } as const;
  const { key, ...device } = await through(identityDoor(options), (door) => askFor(door, question, newDeviceShape));
  if (options.json) return printJson({ ...device, key });
  print(key);
  note(`Device ${device.id} ("${device.name}") listens to $device/${device.id} with this key. It is not shown again.`);
}
