/** Filters over the tags of publications (`tf`): a tree of comparisons, checked once and then only evaluated. Pure. */
import { Refused } from "../../core/refusals.ts";

type Tags = Readonly<Record<string, string>>;

export interface TagsFilter {
  /** The same for filters that say the same in the same words. */
  readonly id: string;
  readonly passes: (tags: Tags | undefined) => boolean;
}

/** Far above what people write, little enough to bound what a hostile one costs. */
const mostNodes = 64;
const longest = 4096;

type Test = (tags: Tags) => boolean;

export function parseFilter(node: unknown): TagsFilter {
  const id = JSON.stringify(node) ?? "";
  if (id.length > longest) throw new Refused("limitExceeded", `Cannot filter by more than ${longest} characters`);
  const budget = { nodes: mostNodes };
  const test = testOf(node, budget);
  return { id, passes: (tags) => test(tags ?? {}) };
}

function testOf(node: unknown, budget: { nodes: number }): Test {
  if (typeof node !== "object" || node === null || Array.isArray(node)) throw fault("a node must be an object");
  budget.nodes--;
  if (budget.nodes < 0) throw new Refused("limitExceeded", `Cannot filter by more than ${mostNodes} nodes`);
  const fields = node as Readonly<Record<string, unknown>>;
  const op = fields["op"] ?? "";
  if (op === "") return comparisonOf(fields);
  const nodes = fields["nodes"] ?? [];
  if (!Array.isArray(nodes) || nodes.length === 0) throw fault("`nodes` must be a list of nodes");
  const tests = nodes.map((child: unknown) => testOf(child, budget));
  switch (op) {
    case "and":
      return (tags) => tests.every((test) => test(tags));
    case "or":
      return (tags) => tests.some((test) => test(tags));
    case "not": {
      const [test] = tests;
      if (test === undefined || tests.length > 1) throw fault("`not` has exactly one node");
      return (tags) => !test(tags);
    }
    default:
      throw fault("`op` must be and, or, not, or nothing");
  }
}

type Comparison = (tag: string | undefined, value: string, values: ReadonlySet<string>) => boolean;

const numeric =
  (holds: (tag: number, value: number) => boolean): Comparison =>
  (tag, value) => {
    const one = tag === undefined || tag.trim() === "" ? Number.NaN : Number(tag);
    return holds(one, Number(value));
  };

const comparisons = new Map<string, Comparison>([
  ["eq", (tag, value) => tag === value],
  ["neq", (tag, value) => tag !== value],
  ["in", (tag, _, values) => tag !== undefined && values.has(tag)],
  ["nin", (tag, _, values) => tag === undefined || !values.has(tag)],
  ["ex", (tag) => tag !== undefined],
  ["nex", (tag) => tag === undefined],
  ["sw", (tag, value) => tag?.startsWith(value) === true],
  ["ew", (tag, value) => tag?.endsWith(value) === true],
  ["ct", (tag, value) => tag?.includes(value) === true],
  ["lt", numeric((tag, value) => tag < value)],
  ["lte", numeric((tag, value) => tag <= value)],
  ["gt", numeric((tag, value) => tag > value)],
  ["gte", numeric((tag, value) => tag >= value)],
]);
const ofNumbers = new Set(["lt", "lte", "gt", "gte"]);

function comparisonOf(fields: Readonly<Record<string, unknown>>): Test {
  const { key, cmp, val = "", vals = [] } = fields;
  if (typeof key !== "string" || key === "") throw fault("`key` must be the name of a tag");
  const comparison = typeof cmp === "string" ? comparisons.get(cmp) : undefined;
  if (comparison === undefined) throw fault(`\`cmp\` must be one of ${[...comparisons.keys()].join(", ")}`);
  if (typeof val !== "string") throw fault("`val` must be a text");
  if (ofNumbers.has(String(cmp)) && (val.trim() === "" || !Number.isFinite(Number(val)))) {
    throw fault("`val` must be a number as text");
  }
  if (!Array.isArray(vals) || !vals.every((one) => typeof one === "string")) throw fault("`vals` must be texts");
  const values = new Set(vals as readonly string[]);
  return (tags) => comparison(Object.hasOwn(tags, key) ? tags[key] : undefined, val, values);
}

function fault(what: string): Refused {
  return new Refused("badRequest", `Cannot use the filter: ${what}`);
}
