import { randomUUID } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { Command } from "commander";
import { parseConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { messageOf } from "../core/thrown.ts";
import { CommandFailure, wrongUse } from "./failure.ts";
import { type Globals, optionsOf } from "./globals.ts";
import { stopSignal } from "./serve.ts";

interface Options {
  readonly loglevel: string;
  readonly socketport: string;
  readonly websocketport: string;
  readonly callback: string;
  readonly apikey: string;
  readonly pid?: string;
}

export function addJeedomConnect(program: Command): void {
  program
    .command("jeedomconnect")
    .description("run in the place of the daemon of Jeedom's plugin JeedomConnect, with that daemon's own options")
    .option("--loglevel <level>", "debug, info, warning, error or critical", "info")
    .option("--user <user>", "taken, and not needed")
    .option("--pwd <password>", "taken, and not needed")
    .option("--socketport <port>", "the port of this machine where the plugin brings its answers", "58090")
    .option("--websocketport <port>", "the port where phones come, by WebSocket or HTTP", "8090")
    .requiredOption("--callback <url>", "the plugin's API")
    .requiredOption("--apikey <key>", "the plugin's API key")
    .option("--pid <file>", "the file for the number of this process, which is removed at the end")
    .action((_: object, command: Command) => runAsDaemon(optionsOf<Options>(command)));
}

async function runAsDaemon(options: Options & Globals): Promise<void> {
  const signalled = stopSignal();
  const config = configOfDaemon(options);
  const { openLog } = await import("./log.ts");
  const { startGateway } = await import("../gateway.ts");
  const log = openLog(config.log, process.stderr);
  const gateway = await startGateway(config, { log, moveDamagedAside: true });
  try {
    if (options.pid !== undefined) writeFileSync(options.pid, String(process.pid));
    log.info({ signal: await signalled }, "Stopping");
    await gateway.stop();
  } catch (thrown) {
    throw new CommandFailure(`Cannot run as the plugin's daemon: ${messageOf(thrown)}`);
  } finally {
    if (options.pid !== undefined) rmSync(options.pid, { force: true });
    else if (options.data === undefined) rmSync(config.data, { recursive: true, force: true });
  }
}

/** The daemon's options as a configuration. Python's names of levels are taken too. */
function configOfDaemon({
  loglevel,
  socketport,
  websocketport,
  callback,
  apikey,
  pid,
  data,
}: Options & Globals): Config {
  const levels: Readonly<Record<string, string>> = { debug: "debug", warning: "warn", warn: "warn", error: "error" };
  const document = {
    // The plugin's phones are all that it is there for.
    listen: "127.0.0.1:0",
    anonymous: {},
    unix_socket: false,
    data: data ?? (pid === undefined ? join(tmpdir(), `hearthwire-${randomUUID()}`) : besides(pid)),
    log: { level: levels[loglevel.toLowerCase()] ?? (/^(critical|none)$/i.test(loglevel) ? "error" : "info") },
    bridges: {
      jc: { type: "jeedomconnect", url: callback, key: apikey, socket_port: portOf(socketport, "socketport") },
    },
    listeners: [{ listen: `0.0.0.0:${portOf(websocketport, "websocketport")}`, protocol: "jeedomconnect" }],
  };
  return parseConfig({ text: JSON.stringify(document), env: { HOME: process.env["HOME"] } });
}

/** Where the plugin's user may write, and where the next run finds what waits for phones. */
function besides(pid: string): string {
  return join(dirname(resolve(pid)), "hearthwire-jeedomconnect");
}

function portOf(text: string, name: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw wrongUse(`Cannot use --${name} ${text}: give a port`);
  return port;
}
