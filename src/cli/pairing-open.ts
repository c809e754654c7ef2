import type { Command } from "commander";
import { duration } from "../config/values.ts";
import { pairingShape } from "../http/api-pairing.ts";
import { askFor, type Door } from "./door.ts";
import { wrongUse } from "./failure.ts";
import { type Globals, optionsOf } from "./globals.ts";
import { gatewayDoor, through } from "./open-door.ts";
import { note, printJson } from "./output.ts";

interface Options {
  readonly for: string;
}

/** The window is open as long as this command runs: it is renewed so often, for so long, in seconds. */
const renewal = 3;
const atATime = 8;

export function addPairingOpen(parent: Command): void {
  parent
    .command("open")
    .description("let clients of the protocol deconz pair, as long as this command runs")
    .option("--for <duration>", "how long at most, up to 10m", "60s")
    .action((_: object, command: Command) => openPairing(optionsOf<Options>(command)));
}

async function openPairing(options: Options & Globals): Promise<void> {
  const length = lengthOf(options.for);
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => resolve());
  });
  await through(gatewayDoor(options), async (door) => {
    const end = performance.now() + length * 1000;
    await renew(door, Math.min(length, atATime));
    note(`Clients may pair now, for ${length} s. Ctrl-C ends it.`);
    let over = false;
    void stopped.then(() => {
      over = true;
    });
    for (let left = length; left > 0 && !over; left = (end - performance.now()) / 1000) {
      await Promise.race([stopped, new Promise((resolve) => setTimeout(resolve, Math.min(left, renewal) * 1000))]);
      const rest = Math.ceil((end - performance.now()) / 1000);
      if (!over && rest > 0) await renew(door, Math.min(rest, atATime));
    }
    await door.ask({ method: "DELETE", path: "/admin/pairing", what: "close the pairing" });
  });
  if (options.json) printJson({ open: false });
  else note("Nobody may pair any more.");
}

async function renew(door: Door, seconds: number): Promise<void> {
  const body = JSON.stringify({ for: seconds });
  await askFor(door, { method: "POST", path: "/admin/pairing", what: "open the pairing", body }, pairingShape);
}

function lengthOf(text: string): number {
  const parsed = duration({ least: 1000, most: 600_000 }).safeParse(text);
  if (parsed.success) return Math.round(parsed.data / 1000);
  throw wrongUse(`Cannot use --for ${text}: it ${parsed.error.issues[0]?.message}`);
}
