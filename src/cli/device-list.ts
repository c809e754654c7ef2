import type { Command } from "commander";
import { z } from "zod";
import { deviceShape } from "../http/api-shapes.ts";
import { askFor } from "./door.ts";
import { type Globals, optionsOf } from "./globals.ts";
import { identityDoor, through } from "./open-door.ts";
import { printJson, printTable, printTime, tame } from "./output.ts";

export function addDeviceList(parent: Command): void {
  parent
    .command("list")
    .description("show all devices")
    .action((_: object, command: Command) => listDevices(optionsOf(command)));
}

async function listDevices(globals: Globals): Promise<void> {
  const question = { method: "GET", path: "/admin/devices", what: "list the devices" } as const;
  const shape = z.object({ devices: z.array(deviceShape) });
  const { devices } = await through(identityDoor(globals), (door) => askFor(door, question, shape));
  if (globals.json) return printJson(devices);
  const rows = devices.map(({ id, name, key_id: key, last_seen: seen, sessions, state, channels, settings }) => [
    id,
    tame(name),
    sessions === undefined ? "?" : sessions > 0 ? "connected" : "away",
    state?.transport ?? "",
    state?.address ?? "",
    [state?.app, state?.battery === undefined ? undefined : `${state.battery} %`].filter(Boolean).join(", "),
    sessions !== undefined && sessions > 0 ? "now" : printTime(seen),
    key,
    channels.join(" "),
    Object.entries(settings)
      .map(([option, value]) => `${tame(option)}=${tame(value)}`)
      .join(" "),
  ]);
  const heads = ["ID", "NAME", "STATE", "TRANSPORT", "ADDRESS", "APP", "LAST SEEN", "KEY", "CHANNELS", "SETTINGS"];
  printTable(heads, rows, "There are no devices yet.");
}
