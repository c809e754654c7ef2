/** The options that every command has, and the configuration that they name. */

import { readFileSync } from "node:fs";
import type { Command } from "commander";
import type { Flags } from "../config/environment.ts";
import { loadConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { messageOf } from "../core/thrown.ts";
import { CommandFailure } from "./failure.ts";

export interface Globals {
  readonly config?: string;
  readonly data?: string;
  readonly url?: string;
  readonly key?: string;
  readonly json?: boolean;
}

export function addGlobals(program: Command): void {
  program
    .option("--config <file>", "the configuration (or HEARTHWIRE_CONFIG)")
    .option("--data <dir>", "the data directory, where the gateway's control socket is")
    .option("--url <url>", "a gateway elsewhere (or HEARTHWIRE_URL); needs a key")
    .option(
      "--key <key>",
      "the key to show there (better: HEARTHWIRE_KEY or HEARTHWIRE_KEY_FILE, which no process list shows)",
    )
    .option("--json", "answer with JSON, for scripts");
}

/** The options of a command together with those of all. */
export function optionsOf<Options extends object>(command: Command): Options & Globals {
  return command.optsWithGlobals<Options & Globals>();
}

export function configOf({ config, data }: Globals, flags: Flags = {}): Config {
  return loadConfig({ file: config, flags: { ...flags, data } });
}

/** A gateway elsewhere: where, and as whom. */
export interface Elsewhere {
  readonly url: URL;
  readonly key: string | undefined;
}

/** The gateway that `--url` or the environment names, if one does. */
export function elsewhereOf({ url, key }: Globals): Elsewhere | undefined {
  const { HEARTHWIRE_URL: named } = process.env;
  const text = url ?? (named || undefined);
  if (text === undefined) {
    if (key === undefined) return undefined;
    throw new CommandFailure("Cannot use --key without --url: the gateway of this machine asks its owner for none", 2);
  }
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) {
    throw new CommandFailure(`Cannot use --url ${text}: give a URL like https://push.example.org`, 2);
  }
  return { url: new URL(text), key: key ?? keyOfEnvironment() };
}

function keyOfEnvironment(): string | undefined {
  const { HEARTHWIRE_KEY: key, HEARTHWIRE_KEY_FILE: file } = process.env;
  if (key) return key;
  if (!file) return undefined;
  try {
    return readFileSync(file, "utf8").trim();
  } catch (thrown) {
    throw new CommandFailure(`Cannot read HEARTHWIRE_KEY_FILE: ${messageOf(thrown)}`);
  }
}
