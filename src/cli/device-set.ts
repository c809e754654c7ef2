import { type Command, Option } from "commander";
import { deviceTransports } from "../core/device-connection.ts";
import { deviceShape } from "../http/api-shapes.ts";
import { askFor } from "./door.ts";
import { wrongUse } from "./failure.ts";
import { optionsOf } from "./globals.ts";
import { identityDoor, through } from "./open-door.ts";
import { note, printJson } from "./output.ts";

interface Options {
  readonly name?: string;
  readonly transport?: string;
  readonly singleSession?: boolean;
  readonly setting?: readonly string[];
}

export function addDeviceSet(parent: Command): void {
  parent
    .command("set")
    .description("change a device's name or settings")
    .argument("<id>", "the device")
    .option("--name <name>", "what to call it")
    .addOption(new Option("--transport <transport>", "how it is to connect").choices(deviceTransports))
    .option("--single-session", "its newest session ends the others")
    .option("--no-single-session", "it may have several sessions")
    .option("--setting <pairs...>", "name=value; name= takes it away")
    .action((id: string, _: object, command: Command) => setDevice(id, optionsOf<Options>(command)));
}

async function setDevice(id: string, options: ReturnType<typeof optionsOf<Options>>): Promise<void> {
  const { name, transport, singleSession, setting = [], json } = options;
  const settings = Object.fromEntries([
    ...setting.map(pairOf),
    ...(transport === undefined ? [] : [["transport", transport] as const]),
    ...(singleSession === undefined ? [] : [["single_session", singleSession ? "true" : null] as const]),
  ]);
  if (name === undefined && Object.keys(settings).length === 0) {
    throw wrongUse("Cannot change nothing of a device: say --name, --transport, --single-session or --setting");
  }
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
