/** The configuration from everywhere it can come from: defaults < file < environment < flags. */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, resolve } from "node:path";
import { checkTogether } from "./checks.ts";
import {
  type Environment,
  type Flags,
  machineDefaults,
  type ReadText,
  readEnvironment,
  readFlags,
  reasonOf,
} from "./environment.ts";
import { ConfigError } from "./faults.ts";
import { type Given, givenAt, isMapping, locate, merge } from "./given.ts";
import { optionsOf } from "./option.ts";
import { apply, fillSecrets, resolvePaths } from "./read.ts";
import { type Config, schema } from "./schema.ts";
import { placeOf, readYaml } from "./yaml.ts";

/** Every option that there is, in the order of the documentation. */
export const options = optionsOf(schema);

export interface ConfigSources {
  /** YAML; absent when there is no file. */
  readonly text?: string | undefined;
  /** The file that the text is from: named in errors, and relative paths count from its folder. */
  readonly file?: string | undefined;
  readonly env?: Environment | undefined;
  readonly flags?: Flags | undefined;
  /** Where the command runs: relative paths of variables and flags count from it. */
  readonly folder?: string | undefined;
  /** Reads the files that hold secrets. */
  readonly read?: ReadText | undefined;
}

function readFile(path: string): string {
  return readFileSync(path, "utf8");
}

/** The socket's place when neither the configuration nor the machine names one: beside the data. */
function placeSocket(given: Given): Given {
  const { given: data, exact } = locate(given, ["data"]);
  const socket = locate(given, ["unix_socket"]);
  const wanted = !socket.exact || socket.given.content === null || isMapping(socket.given.content);
  if (!exact || typeof data.content !== "string" || !wanted) return given;
  const path: Given = { origin: { base: data.origin.base }, content: `${data.content}/push.sock` };
  return merge(givenAt(["unix_socket", "path"], path), given);
}

/** Refused as a whole (`ConfigError`) when anything is wrong with it. Reads nothing but files that variables name. */
export function parseConfig({
  text,
  file,
  env = {},
  flags = {},
  folder = process.cwd(),
  read = readFile,
}: ConfigSources): Config {
  const base = file === undefined ? folder : dirname(resolve(folder, file));
  const sources = { options, base: folder };
  const written = readYaml(text ?? "", { ...(file === undefined ? {} : { file }), base });
  const variables = readEnvironment(env, sources, read);
  const flagged = readFlags(flags, sources);
  const early = [...written.faults, ...variables.faults, ...flagged.faults];
  if (written.faults.length > 0) throw new ConfigError(early);
  if (written.given.content !== null && !isMapping(written.given.content)) {
    const message = "Cannot use the configuration: it must be a mapping of options, like `listen: 8642`";
    throw new ConfigError([...early, { ...placeOf(written.given.origin), path: "", message }]);
  }

  const layers = [written.given, variables.given, flagged.given];
  const merged = resolvePaths(layers.reduce(merge, machineDefaults(env, { base: folder })), options, env);
  const { given, faults } = fillSecrets(placeSocket(merged), options, read);
  const applied = apply(schema, given);
  const late = "faults" in applied ? applied.faults : checkTogether(applied.value, given);
  const found = [...early, ...faults, ...late];
  if (found.length > 0 || !("value" in applied)) throw new ConfigError(found);
  return applied.value;
}

/** Reads the file, if one is named (or by `HEARTHWIRE_CONFIG`), and everything else. */
export function loadConfig(sources: Omit<ConfigSources, "text" | "read">): Config {
  const { env = process.env, folder = process.cwd() } = sources;
  const file = sources.file ?? (env["HEARTHWIRE_CONFIG"] || undefined);
  const everything = { ...sources, file, folder, env: { ...env, HOME: env["HOME"] || homedir() } };
  if (file === undefined) return parseConfig(everything);
  let text: string;
  try {
    text = readFile(resolve(folder, file));
  } catch (error) {
    throw new ConfigError([{ file, path: "", message: `Cannot read the configuration: ${reasonOf(error)}` }]);
  }
  return parseConfig({ ...everything, text });
}
