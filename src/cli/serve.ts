import type { Command } from "commander";
import { version } from "../../package.json" with { type: "json" };
import type { Config } from "../config/schema.ts";
import { messageOf } from "../core/thrown.ts";
import type { Gateway, Systemd } from "../gateway.ts";
import type { Log } from "../ports.ts";
import { addConfigOptions, configFlags } from "./config-options.ts";
import { CommandFailure, wrongUse } from "./failure.ts";
import { configOf, optionsOf } from "./globals.ts";
import { Launcher } from "./launcher.ts";
import { note, print, printJson } from "./output.ts";
import { predecessorOf } from "./predecessor.ts";
import { isTerminalGone } from "./terminal.ts";

interface Options {
  readonly moveDamagedAside?: boolean;
  readonly takeover?: boolean;
  readonly wsPort?: string;
}

export function addServe(program: Command): void {
  addConfigOptions(program.command("serve"))
    .description("run the gateway, until it gets SIGINT or SIGTERM")
    .option("--move-damaged-aside", "begin a new file in the place of a damaged one, which is kept under another name")
    .option("--takeover", "take over from the gateway that runs on the same data, if one does, losing no connection")
    .option(
      "--ws-port <port>",
      "the port of the WebSocket of listeners with the protocol deconz; 0: that of the listener",
    )
    .action((_: object, command: Command) => serve(optionsOf<Options>(command), command));
}

async function serve(globals: ReturnType<typeof optionsOf<Options>>, command: Command): Promise<void> {
  const signalled = stopSignal();
  let running: Running | undefined;
  let isWanted = false;
  void signalled.then(() => {
    isWanted = true;
  });
  // From the first moment: left alone, it would end the process.
  process.on("SIGHUP", () => running && reload(running));
  const readConfig = (): Config => withWebSocketPort(configOf(globals, configFlags(command)), globals.wsPort);
  const config = readConfig();
  const { openLog } = await import("./log.ts");
  const { Systemd, startGateway, systemClock } = await import("../gateway.ts");
  const log = openLog(config.log, process.stderr);
  const predecessor = globals.takeover === true ? await predecessorOf(config) : undefined;
  const launcher = Launcher.find();
  const gateway = await startGateway(config, {
    log,
    predecessor,
    readConfig,
    startSuccessor: launcher?.startSuccessor,
    moveDamagedAside: globals.moveDamagedAside === true,
  });
  if (globals.json) printJson(summaryOf(gateway));
  else announce(gateway);
  const manager = new Systemd({ env: process.env, clock: systemClock, log });
  running = { gateway, log, manager };
  // The launcher is the main process, whoever serves.
  manager.ready(predecessor !== undefined && launcher === undefined);
  const ending = await Promise.race([signalled, gateway.succeeded]);
  log.info(ending === undefined ? {} : { signal: ending }, "Stopping");
  if (ending === undefined) manager.fallSilent();
  else manager.stopping(gateway.config.drain + lastSteps);
  try {
    // Whoever presses Ctrl-C waits for it.
    const stopped = gateway.stop(ending === "SIGINT" ? 0 : gateway.config.drain);
    await Promise.race([
      stopped,
      launcher?.successorEnded.then(() => (isWanted ? stopped : nobodyServes())) ?? stopped,
    ]);
  } catch (thrown) {
    throw new CommandFailure(`Cannot stop in good order: ${messageOf(thrown)}`);
  }
}

/** Whoever watches over this process starts anew. */
function nobodyServes(): never {
  throw new Error("the successor has ended, and nobody serves");
}

interface Running {
  readonly gateway: Gateway;
  readonly log: Log;
  readonly manager: Systemd;
}

/** What the end may take beside `drain`, in ms. */
const lastSteps = 20_000;

/** What SIGHUP asks for. A terminal that is closed sends it too. */
function reload({ gateway, log, manager }: Running): void {
  if (isTerminalGone()) process.kill(process.pid, "SIGTERM");
  else {
    try {
      manager.reloading(() => gateway.reload());
    } catch (thrown) {
      log.error({}, `${messageOf(thrown)}\nNothing was changed.`);
    }
  }
}

/** As deCONZ's own switch. */
function withWebSocketPort(config: Config, text: string | undefined): Config {
  if (text === undefined) return config;
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw wrongUse(`Cannot use --ws-port ${text}: give a port, or 0`);
  if (!config.listeners.some(({ protocol }) => protocol === "deconz")) {
    throw wrongUse("Cannot use --ws-port: the configuration has no listener with the protocol deconz");
  }
  const ws_port = port === 0 ? ("shared" as const) : port;
  const listeners = config.listeners.map((one) => (one.protocol === "deconz" ? { ...one, ws_port } : one));
  return { ...config, listeners };
}

/** A terminal and a parent process may both pass on one Ctrl-C; in ms. */
const sameSignal = 300;

/** The first signal that asks for an end. The next one does not ask. */
export function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    let first: number | undefined;
    for (const name of ["SIGINT", "SIGTERM"] as const) {
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
