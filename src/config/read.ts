/** From a merged tree to what a schema makes of it, or to all that is wrong with it. Knows no particular option. */
import { isAbsolute, resolve } from "node:path";
import type { z } from "zod";
import { type Environment, type ReadText, reasonOf, withoutLastLineBreak } from "./environment.ts";
import { type ConfigFault, didYouMean, explain, printPath } from "./faults.ts";
import { changeAt, type Given, isMapping, locate, plain } from "./given.ts";
import { isOrderedMap, namesAt, type Option } from "./option.ts";
import { placeOf } from "./yaml.ts";

/** Makes the paths of files absolute: relative to the file that names them, or to where the command runs. */
export function resolvePaths(given: Given, options: readonly Option[], env: Environment): Given {
  return options
    .filter(({ notes }) => notes.path)
    .reduce(
      (tree, { path }) =>
        changeAt(tree, path, (there) => {
          const { content, origin } = there;
          if (typeof content !== "string" || content === "" || isAbsolute(content)) return there;
          const home = env["HOME"];
          const named = home && content.startsWith("~/") ? `${home}${content.slice(1)}` : content;
          return { ...there, content: resolve(origin.base, named) };
        }),
      given,
    );
}

/** Puts the text of the file that `<name>_file` names in the place of the secret `<name>`. */
export function fillSecrets(
  given: Given,
  options: readonly Option[],
  read: ReadText,
): { readonly given: Given; readonly faults: readonly ConfigFault[] } {
  const faults: ConfigFault[] = [];
  const fill =
    (name: string) =>
    (group: Given): Given => {
      const named = isMapping(group.content) ? group.content.get(`${name}_file`) : undefined;
      if (!isMapping(group.content) || typeof named?.content !== "string") return group;
      const { origin, content } = named;
      const others = new Map(group.content);
      others.delete(`${name}_file`);
      const refuse = (message: string): void => void faults.push({ ...placeOf(origin), path: name, message });
      if (others.has(name)) refuse(`Cannot use both \`${name}\` and \`${name}_file\``);
      else {
        try {
          others.set(name, { origin, content: withoutLastLineBreak(read(resolve(origin.base, content))) });
        } catch (error) {
          refuse(`Cannot read ${content}: ${reasonOf(error)}`);
        }
      }
      return { ...group, content: others };
    };
  const filled = options
    .filter(({ notes }) => notes.secret)
    .reduce((tree, { path }) => changeAt(tree, path.slice(0, -1), fill(path.at(-1) ?? "")), given);
  return { given: filled, faults };
}

/** The value that a schema makes of a tree, or what it finds wrong. */
export function apply<S extends z.ZodType>(
  schema: S,
  given: Given,
): { readonly value: z.output<S> } | { readonly faults: readonly ConfigFault[] } {
  const isOrdered = (path: readonly string[]): boolean => isOrderedMap(schema, path);
  const result = schema.safeParse(plain(given, isOrdered));
  if (result.success) return { value: result.data };
  const faultOf = new Explainer(schema, given);
  return { faults: result.error.issues.flatMap((issue) => faultOf.faults(issue, [])) };
}

type Path = readonly PropertyKey[];

class Explainer {
  readonly #schema: z.ZodType;
  readonly #given: Given;

  constructor(schema: z.ZodType, given: Given) {
    this.#schema = schema;
    this.#given = given;
  }

  faults(issue: z.core.$ZodIssue, before: Path): readonly ConfigFault[] {
    const path = [...before, ...issue.path];
    if (issue.code === "unrecognized_keys") return issue.keys.map((key) => this.#unknown([...path, key]));
    if (issue.code === "invalid_union") {
      // The alternative that was meant is the one that got further than its first look.
      const meant = issue.errors.find((errors) =>
        errors.some((one) => one.path.length > 0 || one.code === "unrecognized_keys"),
      );
      if (meant !== undefined) return meant.flatMap((one) => this.faults(one, path));
    }
    return [this.#bad(issue, path)];
  }

  #unknown(path: Path): ConfigFault {
    const { origin, nameOrigin } = locate(this.#given, path).given;
    const name = String(path.at(-1));
    const why = `there is no such option${didYouMean(name, namesAt(this.#schema, path.slice(0, -1)))}`;
    return this.#fault(path, `Cannot use option \`${printPath(path)}\`: ${why}`, nameOrigin ?? origin);
  }

  #bad(issue: z.core.$ZodIssue, path: Path): ConfigFault {
    const { given, exact } = locate(this.#given, path);
    const isName = isOrderedMap(this.#schema, path.slice(0, -1).map(String));
    const origin = (isName || !exact ? given.nameOrigin : undefined) ?? given.origin;
    if (!exact || (given.content === null && issue.code === "invalid_type")) {
      return this.#fault(path, `Cannot do without \`${printPath(path)}\`: give it a value`, origin);
    }
    return this.#fault(path, `Cannot use \`${printPath(path)}\`: it ${explain(issue, given.content)}`, origin);
  }

  #fault(path: Path, message: string, origin: Given["origin"]): ConfigFault {
    return { ...placeOf(origin), path: printPath(path), message };
  }
}
