import type { Command } from "commander";
import { type StatusView, statusShape } from "../http/api-shapes.ts";
import { askFor } from "./door.ts";
import { type Globals, optionsOf } from "./globals.ts";
import { gatewayDoor, through } from "./open-door.ts";
import { print, printJson, printTime } from "./output.ts";

export function addStatus(program: Command): void {
  program
    .command("status")
    .description("show where the gateway listens and how it is")
    .action((_: object, command: Command) => showStatus(optionsOf(command)));
}

async function showStatus(globals: Globals): Promise<void> {
  const question = { method: "GET", path: "/admin/status", what: "show the status" } as const;
  const status = await through(gatewayDoor(globals), (door) => askFor(door, question, statusShape));
  if (globals.json) return printJson(status);
  for (const [name, value] of linesOf(status)) print(`${name.padEnd(13)}${value}`);
}

/** States of bridges in which nothing is wrong. */
const well = ["connected", "polling", "resting"];

function linesOf(status: StatusView): readonly (readonly [string, string])[] {
  const {
    version,
    started,
    reasons,
    addresses,
    unix_socket: socket,
    data,
    journal,
    sessions,
    bridges,
    keys,
    devices,
    devices_connected: present,
  } = status;
  const faults = bridges.filter(({ state }) => !well.includes(state));
  const wrong = [...reasons, ...faults.map(({ name, state }) => `the bridge ${name} is ${state}`)];
  return [
    ["Hearthwire", `${version}, since ${printTime(started)}`],
    ["State", wrong.length === 0 ? "OK" : `not OK: ${wrong.join("; ")}`],
    ...addresses.map(({ url, listen, protocol }) => {
      return ["Listens", `${url}  (${listen}${protocol === undefined ? "" : `, ${protocol} only`})`] as const;
    }),
    ...(socket === undefined ? [] : ([["Unix socket", socket]] as const)),
    ["Data", data],
    ...(journal.failing === undefined ? [] : ([["Journal", `cannot be written: ${journal.failing}`]] as const)),
    ["Sessions", String(sessions)],
    ...bridges.map(({ name, state, since, last_error: error }) => {
      const trouble = error === undefined ? "" : `${state === "connected" ? "; before that" : ""}: ${error}`;
      return ["Bridge", `${name} is ${state} since ${printTime(since)}${trouble}`] as const;
    }),
    ["Keys", String(keys)],
    ["Devices", `${devices}${present === 0 ? "" : `, ${present} of them connected`}`],
  ];
}
