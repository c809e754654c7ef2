/**
 * What an option is, beside the form of its value: said once, here, and read by the documentation, the editors' schema,
 * the environment, the flags and the messages.
 */
import { z } from "zod";

export interface OptionNotes {
  /** One or two sentences for the person who sets it. */
  readonly is: string;
  /** As one would write it in YAML. */
  readonly example: unknown;
  /** What a value is counted in, or what it consists of. */
  readonly unit?: string;
  /** The default in words, where it depends on the machine or on another option. */
  readonly byDefault?: string;
  /** A file or folder: relative ones count from the configuration file, or from where the command runs. */
  readonly path?: true;
  /** A reload brings it about, and not only a restart. What is inside is like it. */
  readonly live?: true;
  /** Never shown; `<name>_file` names a file that has it. */
  readonly secret?: true;
}

const notes = z.registry<OptionNotes>();

/** Gives a schema the notes that make it an option. */
export function option<S extends z.ZodType>(about: OptionNotes, schema: S): S {
  const noted = schema.meta({ description: about.is, examples: [about.example] });
  notes.add(noted, about);
  return noted;
}

/** How the text of an environment variable or a flag is read. */
export type TextForm = "text" | "list" | "yaml";

export interface Option {
  /** Names from the top; `*` is any entry of a list or mapping. */
  readonly path: readonly string[];
  readonly notes: OptionNotes;
  /** The default as one would write it, unless there is none. */
  readonly fallback: unknown;
  readonly required: boolean;
  readonly form: TextForm;
  /** It has options of its own. */
  readonly group: boolean;
  /** The only values that it takes, where they are few. */
  readonly choices: readonly string[];
}

/** The schema without default, optionality, codec and alternatives to its main form. */
function bare(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional) return bare(schema.def.innerType);
  if (schema instanceof z.ZodPipe) return bare(schema.def.in);
  if (schema instanceof z.ZodUnion) {
    const mapping = schema.def.options.find((one) => bare(one) instanceof z.ZodObject);
    return mapping === undefined ? schema : bare(mapping);
  }
  return schema;
}

function choicesOf(schema: z.core.$ZodType): readonly string[] {
  const inner = bare(schema);
  if (inner instanceof z.ZodBoolean) return ["true", "false"];
  return inner instanceof z.ZodEnum ? inner.options.map(String) : [];
}

/** What was said of the option whose schema this is. */
export function notesOf(schema: z.core.$ZodType): OptionNotes | undefined {
  return notes.get(schema);
}

function formOf(schema: z.core.$ZodType): TextForm {
  const inner = bare(schema);
  if (inner instanceof z.ZodArray) return bare(inner.def.element) instanceof z.ZodObject ? "yaml" : "list";
  if (inner instanceof z.ZodString || inner instanceof z.ZodEnum) return "text";
  if (inner instanceof z.ZodUnion && inner.def.options.some((one) => one instanceof z.ZodArray)) return "list";
  // Durations, sizes and addresses: texts or numbers, and a number written as text means the same.
  const texts = inner instanceof z.ZodUnion && inner.def.options.some((one) => one instanceof z.ZodString);
  return texts && !inner.def.options.some((one) => one instanceof z.ZodBoolean || one instanceof z.ZodLiteral)
    ? "text"
    : "yaml";
}

function entriesOf(schema: z.core.$ZodType): readonly (readonly [string, z.core.$ZodType])[] {
  const inner = bare(schema);
  if (inner instanceof z.ZodObject) return Object.entries(inner.def.shape);
  if (inner instanceof z.ZodMap) return [["*", inner.def.valueType]];
  if (inner instanceof z.ZodArray) return [["*", inner.def.element]];
  return [];
}

/** Every option of a schema, groups before what they contain, in the order in which they are written. */
export function optionsOf(schema: z.core.$ZodType, path: readonly string[] = []): readonly Option[] {
  return entriesOf(schema).flatMap(([name, entry]) => {
    const at = [...path, name];
    const inner = optionsOf(entry, at);
    const about = notesOf(entry);
    if (about === undefined) return inner;
    const found: Option = {
      path: at,
      notes: about,
      fallback: entry instanceof z.ZodPrefault ? entry.def.defaultValue : undefined,
      required: !(entry instanceof z.ZodPrefault || entry instanceof z.ZodOptional) && about.byDefault === undefined,
      form: formOf(entry),
      group: inner.length > 0,
      choices: choicesOf(entry),
    };
    return [found, ...inner];
  });
}

/** The names that may stand at a place of a schema; nothing where any name may. */
export function namesAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): readonly string[] {
  const [first, ...rest] = path;
  const inner = bare(schema);
  if (first === undefined) return inner instanceof z.ZodObject ? Object.keys(inner.def.shape) : [];
  const next = entriesOf(schema).find(([name]) => name === "*" || name === first);
  return next === undefined ? [] : namesAt(next[1], rest);
}

/** Whether a place of a schema is a mapping whose keys are names of someone's choice, in an order that matters. */
export function isOrderedMap(schema: z.core.$ZodType, path: readonly string[]): boolean {
  const [first, ...rest] = path;
  if (first === undefined) return bare(schema) instanceof z.ZodMap;
  const next = entriesOf(schema).find(([name]) => name === "*" || name === first);
  return next !== undefined && isOrderedMap(next[1], rest);
}

function words(path: readonly string[]): readonly string[] | undefined {
  return path.includes("*") ? undefined : path.flatMap((name) => name.split(/[_-]/));
}

/** `HEARTHWIRE_LIMITS_QUEUE_BYTES`; nothing for entries of lists and mappings. */
export function variableOf(path: readonly string[]): string | undefined {
  const parts = words(path);
  return parts && `HEARTHWIRE_${parts.join("_").toUpperCase()}`;
}

/** `limits-queue-bytes`, to be written after `--`. */
export function flagOf(path: readonly string[]): string | undefined {
  return words(path)?.join("-");
}
