/** What someone gave, with where they gave it: the tree that files, environment and flags are merged into. */

export interface Origin {
  /** A file's name, a variable's, or a flag's; absent for defaults. */
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  /** The folder that relative paths count from. */
  readonly base: string;
}

export type Scalar = string | number | boolean | null;

/** A mapping keeps the order of its keys, which plain objects do not. */
export type Content = Scalar | readonly Given[] | ReadonlyMap<string, Given>;

export interface Given {
  readonly origin: Origin;
  /** Where the name stands that leads here, when that is somewhere else. */
  readonly nameOrigin?: Origin;
  readonly content: Content;
}

export function isMapping(content: Content | undefined): content is ReadonlyMap<string, Given> {
  return content instanceof Map;
}

function isList(content: Content): content is readonly Given[] {
  return Array.isArray(content);
}

/** A value that stands at `path`, alone in an otherwise empty tree. */
export function givenAt(path: readonly string[], value: Given): Given {
  return path.reduceRight<Given>((inner, name) => ({ origin: value.origin, content: new Map([[name, inner]]) }), value);
}

/** `over` laid on `under`: mappings are joined, everything else replaces what was there. An empty value gives nothing. */
export function merge(under: Given, over: Given): Given {
  if (over.content === null) return under;
  if (!isMapping(under.content) || !isMapping(over.content)) return over;
  const joined = new Map(under.content);
  for (const [name, value] of over.content) {
    const there = joined.get(name);
    joined.set(name, there === undefined ? value : merge(there, value));
  }
  return { ...over, content: joined };
}

/**
 * The plain value of a tree. Names without a value count as not given, so that a section whose lines are all commented
 * out is no error; in an ordered mapping they are entries without options.
 */
export function plain(
  given: Given,
  isOrdered: (path: readonly string[]) => boolean,
  path: readonly string[] = [],
): unknown {
  const { content } = given;
  if (isList(content)) return content.map((item) => plain(item, isOrdered, [...path, "*"]));
  if (!isMapping(content)) return content;
  if (isOrdered(path)) {
    return new Map(
      [...content].map(([name, value]) => [
        name,
        value.content === null ? {} : plain(value, isOrdered, [...path, name]),
      ]),
    );
  }
  const object = Object.create(null) as Record<string, unknown>;
  for (const [name, value] of content)
    if (value.content !== null) object[name] = plain(value, isOrdered, [...path, name]);
  return object;
}

/** What stands at a path, or the nearest around it. */
export function locate(given: Given, path: readonly PropertyKey[]): { readonly given: Given; readonly exact: boolean } {
  let found = given;
  for (const part of path) {
    const { content } = found;
    const next = isMapping(content) ? content.get(String(part)) : isList(content) ? content[Number(part)] : undefined;
    if (next === undefined) return { given: found, exact: false };
    found = next;
  }
  return { given: found, exact: true };
}

/** The tree with `change` done to all that stands at `path`, in which `*` is every entry. */
export function changeAt(given: Given, path: readonly string[], change: (there: Given) => Given): Given {
  const [first, ...rest] = path;
  if (first === undefined) return change(given);
  const { content } = given;
  if (isList(content)) {
    return first === "*" ? { ...given, content: content.map((item) => changeAt(item, rest, change)) } : given;
  }
  if (!isMapping(content)) return given;
  const changed = new Map(content);
  for (const [name, value] of content)
    if (first === "*" || first === name) changed.set(name, changeAt(value, rest, change));
  return { ...given, content: changed };
}
