/** What the environment and the command line say, as trees like that of the file. */
import { resolve } from "node:path";
import { type ConfigFault, didYouMean } from "./faults.ts";
import { type Given, givenAt, merge, type Origin } from "./given.ts";
import { flagOf, type Option, variableOf } from "./option.ts";
import { readYaml, type YamlReading } from "./yaml.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Flags by their name without `--`; one that may be repeated is a list. */
export type Flags = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

export type ReadText = (path: string) => string;

const prefix = "HEARTHWIRE_";
/** Variables of ours that are no options: of the command line, and of the checks. */
const otherVariables = ["CONFIG", "URL", "KEY", "KEY_FILE", "LONG"];
/** What Kubernetes and Docker's links set for a service that is called hearthwire. */
const setByOthers = /^HEARTHWIRE_(SERVICE_|PORT(_|$)|NAME$|ENV_)/;

interface Sources {
  readonly options: readonly Option[];
  /** Where relative paths count from. */
  readonly base: string;
}

/** Values in which a person writes a list as `a,b` and a mapping as YAML or JSON. */
function readValue(text: string, option: Option, origin: Origin): YamlReading {
  if (option.form === "text") return { given: { origin, content: text }, faults: [] };
  if (option.form === "yaml" || text.trimStart().startsWith("[")) return readYaml(text, origin, false);
  const items = text.split(",").map((item) => item.trim());
  return {
    given: { origin, content: items.filter((item) => item !== "").map((content) => ({ origin, content })) },
    faults: [],
  };
}

/** Adds up what the single variables or flags say. */
class Layer {
  given: Given;
  readonly faults: ConfigFault[] = [];

  constructor(base: string) {
    this.given = { origin: { base }, content: new Map() };
  }

  add(text: string, option: Option, origin: Origin): void {
    const { given, faults } = readValue(text, option, origin);
    this.given = merge(this.given, givenAt(option.path, given));
    this.faults.push(...faults.map((fault) => ({ ...fault, path: option.path.join(".") })));
  }

  refuse(file: string, message: string, path = ""): void {
    this.faults.push({ file, path, message });
  }
}

/** `HEARTHWIRE_LISTEN` and the like; `HEARTHWIRE_…_FILE` names a file that has the value. */
export function readEnvironment(env: Environment, { options, base }: Sources, read: ReadText): YamlReading {
  const layer = new Layer(base);
  const known = new Set<string>();
  for (const option of options) {
    const variable = variableOf(option.path);
    if (variable === undefined) continue;
    known.add(variable).add(`${variable}_FILE`);
    const text = env[variable] || undefined;
    const file = env[`${variable}_FILE`] || undefined;
    if (text !== undefined) layer.add(text, option, { file: variable, base });
    if (file === undefined) continue;
    const fileVariable = `${variable}_FILE`;
    if (text !== undefined)
      layer.refuse(fileVariable, `Cannot use both ${variable} and ${fileVariable}`, option.path.join("."));
    else {
      try {
        layer.add(withoutLastLineBreak(read(resolve(base, file))), option, { file: fileVariable, base });
      } catch (error) {
        layer.refuse(fileVariable, `Cannot read ${file}: ${reasonOf(error)}`, option.path.join("."));
      }
    }
  }
  for (const variable of Object.keys(env).sort()) {
    if (!variable.startsWith(prefix) || known.has(variable) || setByOthers.test(variable)) continue;
    const rest = variable.slice(prefix.length);
    if (otherVariables.includes(rest)) continue;
    layer.refuse(variable, unknown(variable, [...known]));
  }
  return layer;
}

/** `--listen` and the like. */
export function readFlags(flags: Flags, { options, base }: Sources): YamlReading {
  const layer = new Layer(base);
  const known = new Map<string, Option>();
  for (const option of options) {
    const flag = flagOf(option.path);
    if (flag !== undefined) known.set(flag, option);
  }
  for (const [flag, value] of Object.entries(flags)) {
    if (value === undefined) continue;
    const option = known.get(flag);
    const name = `--${flag}`;
    if (option !== undefined)
      layer.add(typeof value === "object" ? joined(value, option) : String(value), option, { file: name, base });
    else
      layer.refuse(
        name,
        unknown(
          name,
          Array.from(known.keys(), (other) => `--${other}`),
        ),
      );
  }
  return layer;
}

function joined(values: readonly string[], option: Option): string {
  return option.form === "list" ? values.join(",") : (values.at(-1) ?? "");
}

function unknown(name: string, others: readonly string[]): string {
  return `Cannot use ${name}: there is no such option${didYouMean(name, others)}`;
}

export function withoutLastLineBreak(text: string): string {
  return text.replace(/\r?\n$/, "");
}

export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const reasons: Record<string, string> = {
    ENOENT: "it does not exist",
    EACCES: "its permissions do not allow it",
    EISDIR: "it is a folder",
  };
  return ("code" in error && reasons[String(error.code)]) || error.message;
}

/** Where things are when nobody says: systemd's folders, else the user's. */
export function machineDefaults(env: Environment, options: { readonly base: string }): Given {
  const origin: Origin = { base: options.base };
  const first = (name: string): string | undefined => env[name]?.split(":")[0] || undefined;
  const state = first("STATE_DIRECTORY");
  const states = env["XDG_STATE_HOME"] || (env["HOME"] ? `${env["HOME"]}/.local/state` : undefined);
  const data = state ?? (states === undefined ? undefined : `${states}/hearthwire`);
  const runtime = first("RUNTIME_DIRECTORY") ?? (env["XDG_RUNTIME_DIR"] || undefined);
  let given: Given = { origin, content: new Map() };
  if (data !== undefined) given = merge(given, givenAt(["data"], { origin, content: data }));
  if (runtime !== undefined) {
    given = merge(given, givenAt(["unix_socket", "path"], { origin, content: `${runtime}/hearthwire.sock` }));
  }
  return given;
}
