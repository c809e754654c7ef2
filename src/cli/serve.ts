import type { Command } from "commander";
import { version } from "../../package.json" with { type: "json" };
import type { Gateway } from "../gateway.ts";
import { addConfigOptions, configFlags } from "./config-options.ts";
import { CommandFailure, messageOf } from "./failure.ts";
import { configOf, optionsOf } from "./globals.ts";
import { note, print, printJson } from "./output.ts";

interface Options {
  readonly moveDamagedAside?: boolean;
}

export function addServe(program: Command): void {
  addConfigOptions(program.command("serve"))
    .description("run the gateway, until it gets SIGINT or SIGTERM")
    .option("--move-damaged-aside", "begin a new file in the place of a damaged one, which is kept under another name")
    .action((_: object, command: Command) => serve(optionsOf<Options>(command), command));
}

async function serve(globals: ReturnType<typeof optionsOf<Options>>, command: Command): Promise<void> {
  const signalled = stopSignal();
  const config = configOf(globals, configFlags(command));
  const { openLog } = await import("./log.ts");
  const { startGateway } = await import("../gateway.ts");
  const log = openLog(config.log, process.stderr);
  const gateway = await startGateway(config, { log, moveDamagedAside: globals.moveDamagedAside === true });
  if (globals.json) printJson(summaryOf(gateway));
  else announce(gateway);
  const signal = await signalled;
  log.info({ signal }, "Stopping");
  try {
    await gateway.stop();
  } catch (thrown) {
    throw new CommandFailure(`Cannot stop in good order: ${messageOf(thrown)}`);
  }
}

/** A terminal and a parent process may both pass on one Ctrl-C; in ms. */
const sameSignal = 300;

/** The first signal that asks for an end. The next one does not ask. */
function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    let first: number | undefined;
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(name, () => {
        const now = performance.now();
        first ??= now;
        resolve(name);
        if (now - first < sameSignal) return;
        note("Ended at once, at a second signal.");
        process.exit(1);
      });
    }
  });
}

/** The same for programs. */
function summaryOf({ addresses, unixSocket, config, firstKey }: Gateway): object {
  return {
    version,
    pid: process.pid,
    addresses,
    ...(unixSocket === undefined ? {} : { unix_socket: unixSocket }),
    data: config.data,
    ...(firstKey === undefined ? {} : { first_key: firstKey }),
  };
}

function announce({ addresses, unixSocket, config, firstKey }: Gateway): void {
  print(`Hearthwire ${version} is running.\n`);
  for (const { url, listen, protocol } of addresses) {
    print(`  ${url}  (on ${listen}${protocol === undefined ? "" : `, ${protocol} only`})`);
  }
  if (unixSocket !== undefined) print(`  Unix socket  ${unixSocket}`);
  print(`  Data         ${config.data}`);
  if (firstKey !== undefined) print(`\n  The first admin key, shown this once:\n  ${firstKey}`);
  print("");
}
