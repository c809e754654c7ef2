import type { Command } from "commander";
import { z } from "zod";
import { addressesShape } from "../http/device-shapes.ts";
import { askFor } from "./door.ts";
import { CommandFailure } from "./failure.ts";
import { optionsOf } from "./globals.ts";
import { identityDoor, through } from "./open-door.ts";
import { note, printJson } from "./output.ts";
import { readQrCode, showQrCode } from "./qr-code.ts";

interface Options {
  readonly qr?: string;
}

/** What the QR code of a phone says, in the shape of the JeedomConnect app; what else there is stays as it is. */
const appCode = z.looseObject({ apiKey: z.string().min(1), httpUrl: z.string(), internalHttpUrl: z.string() });

/** Where the app finds its WebSocket on the main listener. */
const webSocketPath = "/jeedomconnect";

export function addDeviceAppQr(parent: Command): void {
  parent
    .command("app-qr")
    .description("make a phone's QR code of the JeedomConnect plugin lead to this gateway; nothing of it is kept")
    .argument("<file>", "the plugin's QR code: its PNG, or the JSON in it")
    .option("--qr <folder>", "where to write the new one as PNG and SVG, besides showing it")
    .action((file: string, _: object, command: Command) => showAppQr(file, optionsOf<Options>(command)));
}

async function showAppQr(file: string, options: ReturnType<typeof optionsOf<Options>>): Promise<void> {
  const given = codeIn(file, await readQrCode(file));
  const question = { method: "GET", path: "/admin/addresses", what: "ask for the addresses" } as const;
  const { internal, external } = await through(identityDoor(options), (door) => askFor(door, question, addressesShape));
  const at = external ?? internal;
  if (at === undefined) {
    throw new CommandFailure("Cannot make the QR code: no phone can find the gateway; set `addresses`, or `listen`");
  }
  const home = internal ?? at;
  const code = {
    ...given,
    httpUrl: at.http,
    internalHttpUrl: home.http,
    wsAddress: `${at.websocket}${webSocketPath}`,
    internalWsAddress: `${home.websocket}${webSocketPath}`,
  };
  if (options.json) return printJson(code);
  const { qr: folder } = options;
  const files = await showQrCode(code, folder === undefined ? undefined : { folder, name: "jeedomconnect" });
  note(`Scan it with the app: it finds the phone's API at ${home.http} in the house, at ${at.http} from outside.`);
  if (files.length > 0) note(`It is in ${files.join(" and ")}: delete them when the phone has it.`);
}

function codeIn(file: string, text: string): z.output<typeof appCode> {
  try {
    return appCode.parse(JSON.parse(text));
  } catch {
    throw new CommandFailure(`Cannot use ${file}: it is no QR code of the JeedomConnect plugin`);
  }
}
