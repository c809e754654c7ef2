import { existsSync, mkdtempSync, renameSync, rmSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { Command } from "commander";
import type { Config } from "../config/schema.ts";
import { messageOf } from "../core/thrown.ts";
import { CommandFailure } from "./failure.ts";
import { GatewayDoor, NoGateway } from "./gateway-door.ts";
import { configOf, elsewhereOf, optionsOf } from "./globals.ts";
import { ownGateway } from "./open-door.ts";
import { note, printJson } from "./output.ts";

interface Options {
  readonly force?: boolean;
}

type Bytes = AsyncIterable<Uint8Array>;
const what = "back up";

export function addBackup(program: Command): void {
  program
    .command("backup")
    .description("write all that is kept (durable channels, keys, devices) into a file, while the gateway goes on")
    .argument("<file>", "a tar file, for `hearthwire restore`")
    .option("--force", "replace the file if it is there")
    .action((file: string, _: object, command: Command) => backUp(file, optionsOf<Options>(command)));
}

async function backUp(file: string, options: ReturnType<typeof optionsOf<Options>>): Promise<void> {
  if (existsSync(file) && options.force !== true) {
    throw new CommandFailure(`Cannot back up into ${file}: it is there already. With --force it is replaced`);
  }
  const elsewhere = elsewhereOf(options);
  if (elsewhere !== undefined) await keep(file, await download(new GatewayDoor(elsewhere)));
  else {
    const config = configOf(options);
    try {
      await keep(file, await download(ownGateway(config)));
    } catch (thrown) {
      if (!(thrown instanceof NoGateway)) throw thrown;
      await backUpDirectory(file, config, thrown);
    }
  }
  const bytes = statSync(file).size;
  if (options.json) printJson({ file, bytes });
  else note(`The backup is ${file} (${Math.ceil(bytes / 1024)} KB).`);
}

function download(door: GatewayDoor): Promise<Bytes> {
  return door.download("/admin/backup", what);
}

/** While no gateway runs: the same, by this process. */
async function backUpDirectory(file: string, { data: directory, log }: Config, noGateway: NoGateway): Promise<void> {
  // Opening would make an empty one, and its backup would be a surprise.
  if (!existsSync(join(directory, "keys.db"))) throw noGateway;
  const { openDataDirectory } = await import("../storage/data-directory.ts");
  const { openLog } = await import("./log.ts");
  const data = await openDataDirectory(directory, { log: openLog(log, process.stderr) });
  try {
    await keep(file, await data.backUp());
  } finally {
    await data.close();
  }
}

/** The name is the file's when all of it is on the disk: what has it is a whole backup. */
async function keep(file: string, bytes: Bytes): Promise<void> {
  const path = resolve(file);
  let folder: string | undefined;
  try {
    folder = mkdtempSync(join(dirname(path), `.${basename(path)}-`));
    const partial = join(folder, "partial");
    const handle = await open(partial, "wx", 0o600);
    try {
      for await (const chunk of bytes) await handle.writeFile(chunk);
      await handle.sync();
    } finally {
      await handle.close();
    }
    renameSync(partial, path);
  } catch (thrown) {
    throw new CommandFailure(`Cannot back up into ${file}: ${messageOf(thrown)}`);
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
}
