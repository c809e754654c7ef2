import type { Command } from "commander";
import { deviceShape } from "../http/api-shapes.ts";
import { askFor } from "./door.ts";
import { wrongUse } from "./failure.ts";
import { optionsOf } from "./globals.ts";
import { identityDoor, through } from "./open-door.ts";
import { note, printJson } from "./output.ts";

interface Options {
  readonly name?: string;
  readonly setting?: readonly string[];
}

export function addDeviceSet(parent: Command): void {
  parent
    .command("set")
    .description("change a device's name or settings")
    .argument("<id>", "the device")
    .option("--name <name>", "what to call it")
    .option("--setting <pairs...>", "name=value; name= takes it away")
    .action((id: string, _: object, command: Command) => setDevice(id, optionsOf<Options>(command)));
}

async function setDevice(id: string, options: ReturnType<typeof optionsOf<Options>>): Promise<void> {
  const { name, setting, json } = options;
  if (name === undefined && setting === undefined) {
    throw wrongUse("Cannot change nothing of a device: say --name or --setting");
  }
  const settings = setting && Object.fromEntries(setting.map(pairOf));
  const body = JSON.stringify({ name, settings });
  const path = `/admin/devices/${encodeURIComponent(id)}`;
  const question = { method: "PATCH", path, what: "change the device", body } as const;
  const device = await through(identityDoor(options), (door) => askFor(door, question, deviceShape));
  if (json) printJson(device);
  else note(`Device ${device.id} ("${device.name}") is changed.`);
}

function pairOf(text: string): readonly [string, string | null] {
  const at = text.indexOf("=");
  if (at < 1) throw wrongUse(`Cannot use --setting ${text}: write name=value`);
  return [text.slice(0, at), text.slice(at + 1) || null];
}
