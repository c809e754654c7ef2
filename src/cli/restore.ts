import type { Command } from "commander";
import { configOf, optionsOf } from "./globals.ts";
import { note, printJson } from "./output.ts";

interface Options {
  readonly replace?: boolean;
}

export function addRestore(program: Command): void {
  program
    .command("restore")
    .description("put a backup into the data directory, on which no gateway may run")
    .argument("<file>", "what `hearthwire backup` wrote")
    .option("--replace", "move the data that is there aside")
    .action((file: string, _: object, command: Command) => restore(file, optionsOf<Options>(command)));
}

async function restore(file: string, options: ReturnType<typeof optionsOf<Options>>): Promise<void> {
  const { data } = configOf(options);
  const { restoreBackup } = await import("../storage/restore.ts");
  const moved = restoreBackup(file, data, { replace: options.replace === true });
  if (options.json) return printJson({ restored: data, moved });
  for (const path of moved) note(`What was there is now ${path}.`);
  note(`${data} is as it was at the backup. Clients that come back are told of a gap.`);
}
