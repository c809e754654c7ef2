import type { Command } from "commander";
import { newDeviceShape } from "../http/api-shapes.ts";
import { type QrOptions, showDevice } from "./device-qr.ts";
import { askFor } from "./door.ts";
import { optionsOf } from "./globals.ts";
import { addGrantOptions, type GrantOptions, grantsOf } from "./grant-options.ts";
import { identityDoor, through } from "./open-door.ts";
import { printJson } from "./output.ts";

type Options = GrantOptions & QrOptions;

export function addDeviceAdd(parent: Command): void {
  addGrantOptions(parent.command("add"), "of a device")
    .description("add a device; its key and a QR code of it are shown this once, the key alone on the standard output")
    .argument("<name>", "what to call it")
    .option("--qr <folder>", "where to write the QR code as PNG and SVG", ".")
    .option("--no-qr", "show and write no QR code")
    .action((name: string, _: object, command: Command) => addDevice(name, optionsOf<Options>(command)));
}

async function addDevice(name: string, options: ReturnType<typeof optionsOf<Options>>): Promise<void> {
  const body = JSON.stringify({ name, grants: grantsOf(options) });
  const question = { method: "POST", path: "/admin/devices", what: "add the device", body } as const;
  const device = await through(identityDoor(options), (door) => askFor(door, question, newDeviceShape));
  if (options.json) printJson(device);
  else await showDevice(device, options);
}
