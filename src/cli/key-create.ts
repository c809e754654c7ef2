import type { Command } from "commander";
import { duration } from "../config/values.ts";
import { newKeyShape } from "../http/api-shapes.ts";
import { askFor } from "./door.ts";
import { wrongUse } from "./failure.ts";
import { optionsOf } from "./globals.ts";
import { addGrantOptions, type GrantOptions, grantsOf, printGrants } from "./grant-options.ts";
import { identityDoor, through } from "./open-door.ts";
import { note, print, printJson, printTime } from "./output.ts";

interface Options extends GrantOptions {
  readonly expires?: string;
}

export function addKeyCreate(parent: Command): void {
  addGrantOptions(parent.command("create"), "all")
    .description("make a key; its text is shown this once, alone on the standard output")
    .argument("<name>", "what it is for")
    .option("--expires <duration>", "how long it is valid, like 12h or 30d (default: forever)")
    .action((name: string, _: object, command: Command) => createKey(name, optionsOf<Options>(command)));
}

async function createKey(name: string, options: ReturnType<typeof optionsOf<Options>>): Promise<void> {
  const grants = grantsOf(options);
  if (Object.keys(grants).length === 0) {
    throw wrongUse("Cannot create a key that may do nothing: say --subscribe, --publish or another grant");
  }
  const { expires } = options;
  const wish = { name, grants, ...(expires === undefined ? {} : { expires_in: secondsOf(expires) }) };
  const question = { method: "POST", path: "/admin/keys", what: "create the key", body: JSON.stringify(wish) } as const;
  const made = await through(identityDoor(options), (door) => askFor(door, question, newKeyShape));
  if (options.json) return printJson(made);
  print(made.key);
  const until = made.expires === undefined ? "" : ` until ${printTime(made.expires)}`;
  note(`Key ${made.id} ("${made.name}") may: ${printGrants(made.grants)}${until}. It is not shown again.`);
}

function secondsOf(text: string): number {
  const parsed = duration({ least: 1000 }).safeParse(text);
  if (parsed.success) return Math.round(parsed.data / 1000);
  throw wrongUse(`Cannot use --expires ${text}: it ${parsed.error.issues[0]?.message}`);
}
