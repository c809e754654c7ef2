/** The documentation of the options, and the JSON Schema for editors: both made from the one schema. */
import { stringify } from "yaml";
import { z } from "zod";
import { isLive } from "./changes.ts";
import { options } from "./load.ts";
import { flagOf, notesOf, type Option, variableOf } from "./option.ts";
import { schema } from "./schema.ts";

/** What `docs/hearthwire.schema.json` holds, and `hearthwire config schema` prints. */
export function editorSchema(): Record<string, unknown> {
  return { title: "Hearthwire's configuration", ...jsonSchema(schema) };
}

function jsonSchema(from: z.core.$ZodType): Record<string, unknown> {
  return z.toJSONSchema(from, {
    io: "input",
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema: made }) => {
      if (zodSchema instanceof z.ZodObject) {
        // A secret may stand in a file of its own.
        for (const [name, member] of Object.entries(zodSchema.shape)) {
          if (notesOf(member)?.secret !== true) continue;
          const description = `A file that has \`${name}\`.`;
          made.properties = { ...made.properties, [`${name}_file`]: { type: "string", description } };
        }
      }
      // What is required although the machine has a default for it, editors must not ask for.
      if (zodSchema instanceof z.ZodObject && made.required !== undefined) {
        const { shape } = zodSchema;
        const asked = made.required.filter((name) => notesOf(shape[name])?.byDefault === undefined);
        if (asked.length > 0) made.required = asked;
        else delete made.required;
      }
      if (!(zodSchema instanceof z.ZodMap)) return;
      const { $schema: _, ...values } = jsonSchema(zodSchema.def.valueType);
      made.type = "object";
      made.additionalProperties = values;
    },
  });
}

const introduction = `# Options

<!-- Made from src/config by \`npm run docs\`; changes here are lost. -->

Hearthwire reads one YAML file (\`hearthwire serve --config FILE\`, or \`HEARTHWIRE_CONFIG\`). It needs none: without it the
gateway listens on loopback only, and without a key only \`demo/**\` can be read and published on, and devices can connect
from the same machine.

- Every option is also an environment variable and a flag, named below. Flags come before variables, variables before the
  file, the file before the defaults. Lists are written with commas (\`HEARTHWIRE_ORIGINS=https://a.example,https://b.example\`),
  mappings as YAML or JSON. An empty variable counts as not set.
- \`HEARTHWIRE_…_FILE\` names a file that has the value, for every variable.
- Durations: \`250ms\`, \`3s\`, \`10m\`, \`1h\`, \`7d\`, or a number of seconds. Sizes: \`64KB\` (64,000 bytes), \`64KiB\` (65,536),
  \`1MiB\`, or a number of bytes.
- Relative paths count from the folder of the configuration file; those of variables and flags from where the command runs.
  \`~/\` is the home folder.
- What is not an option is refused, and so is a bad value, with file, line and column. \`hearthwire config check\` says so
  without starting anything, \`hearthwire config print\` shows what holds.
- No option: a request's head must arrive within 10 to 12 seconds and have at most 16 KiB (431); the runtime sees to that.
- For help in an editor begin the file with \`# yaml-language-server: $schema=<path or URL>/hearthwire.schema.json\`.

\`hearthwire reload\`, or SIGHUP, takes up a changed file and says what changed and what needs a restart; with \`--dry-run\` it
only says so. A bad file, or a certificate that cannot be used, changes nothing. What a reload brings about has **reload** below:

- A channel that is of another kind than before, or durable now, or no longer, begins anew; who listens there comes back.
- A bridge that is not wanted otherwise goes on; whoever came without a key comes back when what such may do has changed.
- Sessions that are there keep what they have by limits that became narrower; whatever they ask for next meets the new ones.
`;

function list(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(", ");
}

/** What `docs/options.md` holds. */
export function optionsPage(): string {
  return `${introduction}\n${options.map(section).join("\n")}`;
}

function section(option: Option): string {
  const { path, notes } = option;
  const variable = variableOf(path);
  const flag = flagOf(path);
  const cells = [
    formOfValue(option),
    defaultOf(option),
    variable === undefined ? "–" : `\`${variable}\``,
    flag === undefined ? "–" : `\`--${flag}\``,
    isLive(path) ? "reload" : "restart",
  ];
  return `${path.length === 1 ? "##" : "###"} ${titleOf(path)}

${notes.is}

| value | default | variable | flag | change by |
|---|---|---|---|---|
| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |

\`\`\`yaml
${stringify(exampleOf(option), { lineWidth: 0 }).trimEnd()}
\`\`\`
`;
}

/** Mappings whose names are someone's choice: how the name is called, and one for examples. */
const choosers: Readonly<Record<string, { readonly title: string; readonly example: string }>> = {
  channels: { title: "<pattern>", example: "home/**" },
  calls: { title: "<methods>", example: "app.*" },
  bridges: { title: "<name>", example: "deconz" },
};

/** `listeners[].tls.cert`, `channels.<pattern>.kind`. */
function titleOf(path: readonly string[]): string {
  const name = path.reduce((title, part, at) => {
    if (part !== "*") return `${title}.${part}`;
    const names = choosers[path[at - 1] ?? ""];
    return names === undefined ? `${title}[]` : `${title}.${names.title}`;
  });
  return `\`${name}\``;
}

function formOfValue({ notes, choices, group, form }: Option): string {
  const unit = notes.unit;
  if (choices.length > 0) return list(choices);
  if (notes.path) return "file or folder";
  if (form === "list") return `list of ${unit ?? "texts"}`;
  if (unit !== undefined) return unit;
  return group ? "options below" : "text";
}

function defaultOf({ notes, fallback, required, group }: Option): string {
  if (notes.byDefault !== undefined) return notes.byDefault;
  if (required) return "must be given";
  if (fallback === undefined) return "none";
  const written = fallback instanceof Map ? "{}" : JSON.stringify(fallback);
  if (written === "{}") return group ? "as below" : "none";
  return written === "[]" ? "none" : `\`${typeof fallback === "string" ? fallback : written}\``;
}

/** The option's example in its place, with what its group cannot do without. */
export function exampleOf({ path, notes }: Option): unknown {
  return path.reduceRight<unknown>((value, name, at) => {
    const group = path.slice(0, at);
    const chooser = choosers[group.at(-1) ?? ""];
    if (name === "*") return chooser === undefined ? [value] : { [chooser.example]: value };
    const needed = options.filter((one) => one.required && one.path.length === at + 1 && startsWith(one.path, group));
    const beside = needed.map((one) => [one.path.at(-1), one.notes.example] as const);
    return { ...Object.fromEntries(beside), [name]: value };
  }, notes.example);
}

function startsWith(path: readonly string[], start: readonly string[]): boolean {
  return start.every((name, at) => path[at] === name);
}
