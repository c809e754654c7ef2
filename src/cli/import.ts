import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { messageOf } from "../core/thrown.ts";
import { importedShape } from "../http/api-transfer.ts";
import { askFor } from "./door.ts";
import { CommandFailure } from "./failure.ts";
import { optionsOf } from "./globals.ts";
import { identityDoor, through } from "./open-door.ts";
import { note, printJson } from "./output.ts";

interface Options {
  readonly replace?: boolean;
}

export function addImport(program: Command): void {
  program
    .command("import")
    .description("add the keys and devices that `hearthwire export` wrote: all of them or none")
    .argument("<file>", "what it wrote; - for the standard input")
    .option("--replace", "replace what is there under the same id; sessions of replaced keys end")
    .action((file: string, _: object, command: Command) => importIdentities(file, optionsOf<Options>(command)));
}

async function importIdentities(file: string, options: ReturnType<typeof optionsOf<Options>>): Promise<void> {
  const body = read(file);
  const path = options.replace === true ? "/admin/import?replace=true" : "/admin/import";
  const question = { method: "POST", path, what: "import keys and devices", body } as const;
  const { keys, devices } = await through(identityDoor(options), (door) => askFor(door, question, importedShape));
  if (options.json) return printJson({ keys, devices });
  for (const [name, { added, replaced, unchanged }] of Object.entries({ keys, devices })) {
    note(`Of ${name} ${added} are new, ${replaced} replaced, ${unchanged} were there already.`);
  }
}

function read(file: string): string {
  try {
    return readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (thrown) {
    throw new CommandFailure(`Cannot read ${file}: ${messageOf(thrown)}`);
  }
}
