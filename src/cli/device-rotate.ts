import type { Command } from "commander";
import { newDeviceShape } from "../http/api-shapes.ts";
import { type QrOptions, showDevice } from "./device-qr.ts";
import { askFor } from "./door.ts";
import { optionsOf } from "./globals.ts";
import { identityDoor, through } from "./open-door.ts";
import { printJson } from "./output.ts";

export function addDeviceRotate(parent: Command): void {
  parent
    .command("rotate")
    .description("give a device a new key and QR code, shown this once; sessions of the old one end at once")
    .argument("<id>", "the device")
    .option("--qr <folder>", "where to write the QR code as PNG and SVG", ".")
    .option("--no-qr", "show and write no QR code")
    .action((id: string, _: object, command: Command) => rotateDevice(id, optionsOf<QrOptions>(command)));
}

async function rotateDevice(id: string, options: ReturnType<typeof optionsOf<QrOptions>>): Promise<void> {
  const path = `/admin/devices/${encodeURIComponent(id)}/rotate`;
  const question = { method: "POST", path, what: "give the device a new key" } as const;
  const device = await through(identityDoor(options), (door) => askFor(door, question, newDeviceShape));
  if (options.json) printJson(device);
  else await showDevice(device, options);
}
