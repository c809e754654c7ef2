// The rules of the source tree, checked on the syntax tree. CONTRIBUTING explains them; test/architecture.test.ts runs them.
import { isBuiltin } from "node:module";
import { dirname, join } from "node:path/posix";
import { parseSync } from "oxc-parser";

export interface Violation {
  file: string;
  line: number;
  rule: "imports" | "cycle" | "runtime" | "pure" | "names" | "any" | "syntax";
  what: string;
}

/** Who may import whom. A part may always import itself; `protocols/x` is a part for every x, and so is `brokers/x`. */
const mayImport: Record<string, readonly string[]> = {
  main: ["cli"],
  cli: ["gateway", "http", "storage", "config", "core", "ports"],
  gateway: ["assembly", "protocols", "transports", "brokers", "storage", "http", "config", "core", "ports"],
  assembly: ["protocols", "transports", "storage", "http", "config", "core", "ports"],
  protocols: ["core", "ports"],
  transports: ["core", "ports"],
  brokers: ["core", "ports"],
  storage: ["core", "ports"],
  http: ["core", "ports"],
  config: ["core", "ports"],
  core: ["ports"],
  ports: [],
};
const singleFiles = ["main", "gateway", "ports"];
const foldersOfParts = ["protocols", "brokers"];
const pluralFolders = ["protocols", "transports", "brokers", "simulators"];

/** Files outside src that code may read in: what is shown to a person, and the version. */
const shownFolders = ["dashboard", "docs", "examples", "package.json"];
const mayReadShown = ["main", "cli", "gateway", "http", "config"];

const knowsRuntime = ["transports", "storage"];

const pureModules = ["buffer", "events", "path", "path/posix", "querystring", "string_decoder", "url", "util", "zlib"];
const hashing = ["createHash", "createHmac", "hash", "timingSafeEqual"];
const impureGlobals = new Set(
  `performance setTimeout setInterval setImmediate fetch WebSocket EventSource XMLHttpRequest Worker BroadcastChannel MessageChannel
  process console navigator globalThis require eval Function`.split(/\s+/),
);

const vagueNames = ["util", "utils", "helper", "helpers", "manager", "managers", "misc", "common"];

/** Checks sources given by their path from the root of the repository. */
export function violations(sources: ReadonlyMap<string, string>): Violation[] {
  const found: Violation[] = [];
  const edges = new Map<string, Map<string, number>>();
  for (const [file, text] of sources) {
    const parsed = parseSync(file, text);
    const program = parsed.program as unknown as Node;
    const lineAt = (offset: number): number => text.slice(0, offset).split("\n").length;
    const report: Report = (rule, node, what) => found.push({ file, line: lineAt(node.start), rule, what });
    for (const error of parsed.errors) report("syntax", { start: error.labels[0]?.start ?? 0 }, error.message);

    const isTest = file.endsWith(".test.ts");
    const imports = importsOf(program);
    checkNames(file, report);
    checkAny(program, report);
    if (isTest) continue;
    checkImports(file, imports, report);
    if (!file.startsWith("src/")) continue;
    if (!knowsRuntime.includes(partOf(file)?.name ?? "")) checkRuntime(program, imports, report);
    if (isPure(file)) checkPure(program, imports, report);

    const targets = new Map<string, number>();
    for (const { node, target } of imports) {
      const path = target && projectPath(file, target);
      if (path) targets.set(path, lineAt(node.start));
    }
    edges.set(file, targets);
  }
  return [...found, ...cycles(edges)];
}

type Report = (rule: Violation["rule"], node: { start: number }, what: string) => void;

// --- (1) who imports whom

interface Part {
  name: string;
  /** Within a folder of parts, which one. */
  own: string;
}

function partOf(file: string): Part | undefined {
  const [top, name = "", own = "", ...rest] = file.split("/");
  if (top === "simulators") return { name: "simulators", own: "" };
  if (top !== "src") return undefined;
  const single = name.replace(/\.ts$/, "");
  if (single !== name) return singleFiles.includes(single) ? { name: single, own: "" } : undefined;
  if (!(name in mayImport) || singleFiles.includes(name)) return undefined;
  if (!foldersOfParts.includes(name)) return { name, own: "" };
  return rest.length > 0 ? { name, own } : undefined;
}

function checkImports(file: string, imports: readonly Import[], report: Report): void {
  const from = partOf(file);
  if (from === undefined) {
    if (file.startsWith("src/"))
      report("imports", { start: 0 }, "this place in src/ has no row in the table of test/architecture.ts");
    return;
  }
  for (const { node, target } of imports) {
    if (target === undefined) {
      report("imports", node, "an import must name its module in the text, or nobody can tell who imports whom");
      continue;
    }
    if (target.startsWith("#") || target === "hearthwire" || target.startsWith("hearthwire/")) {
      report("imports", node, `the project's own files are imported by relative path, not as "${target}"`);
    }
    const path = projectPath(file, target);
    if (path === undefined) continue;
    const reason = from.name === "simulators" ? simulatorMayNot(path) : mayNot(from, path);
    if (reason !== undefined) report("imports", node, `may not import ${path}: ${reason}`);
  }
}

function mayNot(from: Part, path: string): string | undefined {
  const to = partOf(path);
  if (to === undefined || to.name === "simulators") {
    const shown = shownFolders.includes(path.split("/")[0] ?? "");
    if (!shown) return "it is not a part of src/";
    return mayReadShown.includes(from.name) ? undefined : `${from.name} reads nothing from outside src/`;
  }
  if (to.name === from.name) return to.own === from.own ? undefined : `nothing crosses between two ${from.name}`;
  if (mayImport[from.name]?.includes(to.name)) return undefined;
  return `${from.name} imports only ${[from.name, ...(mayImport[from.name] ?? [])].join(", ")}`;
}

function simulatorMayNot(path: string): string | undefined {
  const plural = partOf(path)?.name ?? "";
  return plural !== "simulators" && pluralFolders.includes(plural)
    ? "nothing crosses between two plural folders"
    : undefined;
}

function projectPath(file: string, target: string): string | undefined {
  return target.startsWith(".") ? join(dirname(file), target) : undefined;
}

// --- (2) cycles

function cycles(edges: ReadonlyMap<string, ReadonlyMap<string, number>>): Violation[] {
  const found: Violation[] = [];
  const done = new Set<string>();
  const trail: string[] = [];
  const visit = (file: string): void => {
    if (done.has(file)) return;
    trail.push(file);
    for (const [target, line] of edges.get(file) ?? []) {
      const at = trail.indexOf(target);
      if (at < 0) visit(target);
      else found.push({ file, line, rule: "cycle", what: [...trail.slice(at), target].join(" → ") });
    }
    trail.pop();
    done.add(file);
  };
  for (const file of edges.keys()) visit(file);
  return found;
}

// --- (3) the runtime

function checkRuntime(program: Node, imports: readonly Import[], report: Report): void {
  const where = "belongs in src/transports and src/storage only";
  for (const { node, target } of imports) {
    if (target === "bun" || target?.startsWith("bun:")) report("runtime", node, `"${target}" ${where}`);
  }
  for (const { name, node } of globalsOf(program)) {
    if (name === "Bun") report("runtime", node, `Bun ${where}`);
    if (name === "globalThis") report("runtime", node, "globalThis hides which global is meant");
  }
}

// --- (4) no clock, no chance, no I/O

function isPure(file: string): boolean {
  return ["core", "protocols"].includes(partOf(file)?.name ?? "");
}

function checkPure(program: Node, imports: readonly Import[], report: Report): void {
  for (const { node, target } of imports) {
    if (target === undefined || !isBuiltin(target)) continue;
    const module = target.replace(/^node:/, "");
    if (module === "crypto") checkHashing(node, report);
    else if (!pureModules.includes(module))
      report("pure", node, `"${target}" is I/O, clock or chance: take it through a port`);
  }
  for (const { name, node, parents } of globalsOf(program)) {
    const use = impureUse(name, parents);
    if (use !== undefined) report("pure", node, `${use} is I/O, clock or chance: take it through a port`);
  }
  walk(program, (node) => {
    if (node.type === "MetaProperty" && nameOf(node["meta"]) === "import")
      report("pure", node, "import.meta tells where the code runs");
  });
}

function checkHashing(node: Node, report: Report): void {
  const specifiers = node.type === "ImportDeclaration" ? list(node["specifiers"]) : [];
  const taken = specifiers.map((specifier) => nameOf(specifier["imported"]) ?? "*");
  const typeOnly = node["importKind"] === "type" || node.type === "TSImportType";
  if (typeOnly || (taken.length > 0 && taken.every((name) => hashing.includes(name)))) return;
  report("pure", node, `of node:crypto only ${hashing.join(", ")} are pure: import them by name`);
}

/** What is impure about this use of a global, if anything. `parents` are the nodes around it, the nearest first. */
function impureUse(name: string, [parent, grandparent]: readonly Node[]): string | undefined {
  if (impureGlobals.has(name)) return name;
  const member = parent?.type === "MemberExpression" ? (nameOf(parent["property"]) ?? "[…]") : undefined;
  if (name === "Math")
    return member === undefined || member === "random" || member === "[…]" ? `${name}.${member ?? "*"}` : undefined;
  if (name === "crypto") return member === "subtle" ? undefined : `${name}.${member ?? "*"}`;
  if (name !== "Date") return undefined;
  if (parent?.type === "TSTypeReference" || parent?.type === "BinaryExpression") return undefined;
  if (parent?.type === "NewExpression") return list(parent["arguments"]).length > 0 ? undefined : "new Date()";
  const called = grandparent?.type === "CallExpression" || grandparent?.type === "MemberExpression";
  return called && ["parse", "UTC", "prototype"].includes(member ?? "") ? undefined : `Date.${member ?? "*"}`;
}

// --- (5) names, and no `any`

function checkNames(file: string, report: Report): void {
  for (const piece of file.split("/")) {
    const stem = piece.replace(/(\.test|\.d)?\.ts$/, "");
    if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(stem)) report("names", { start: 0 }, `"${piece}" is not kebab-case`);
    const vague = stem.split("-").find((word) => vagueNames.includes(word));
    if (vague !== undefined) report("names", { start: 0 }, `"${vague}" does not say what "${piece}" is`);
  }
}

function checkAny(program: Node, report: Report): void {
  walk(program, (node) => {
    if (node.type === "TSAnyKeyword") report("any", node, "`any` switches the types off: say what it is, or `unknown`");
  });
}

// --- the syntax tree

type Node = { type: string; start: number } & { [field: string]: unknown };

interface Import {
  node: Node;
  /** Absent when the text does not say. */
  target: string | undefined;
}

/** Imports and re-exports of every kind: types only, dynamic, `import("x").T`, `import x = require("x")`, `require("x")`. */
function importsOf(program: Node): Import[] {
  const found: Import[] = [];
  walk(program, (node) => {
    const source = sourceOf(node);
    if (source) found.push({ node, target: textOf(source) });
  });
  return found;
}

function sourceOf(node: Node): unknown {
  switch (node.type) {
    case "ImportDeclaration":
    case "ExportAllDeclaration":
    case "ExportNamedDeclaration":
    case "ImportExpression":
    case "TSImportType":
      return node["source"] ?? node["argument"];
    case "TSExternalModuleReference":
      return node["expression"];
    case "CallExpression":
      return nameOf(node["callee"]) === "require" ? list(node["arguments"])[0] : undefined;
    default:
      return undefined;
  }
}

function textOf(source: unknown): string | undefined {
  if (!isNode(source)) return undefined;
  if (source.type === "TSLiteralType") return textOf(source["literal"]);
  if (source.type === "TemplateLiteral" && list(source["expressions"]).length === 0) {
    const value = list(source["quasis"])[0]?.["value"];
    return (value as { cooked?: string } | undefined)?.cooked;
  }
  return typeof source["value"] === "string" ? source["value"] : undefined;
}

interface Mention {
  name: string;
  node: Node;
  parents: readonly Node[];
}

/** Every mention of a name, as a value or in a type, that nothing in the file declares around it. */
function globalsOf(program: Node): Mention[] {
  const found: Mention[] = [];
  walk(program, (node, parents) => {
    if (node.type !== "Identifier" || isLabel(node, parents)) return;
    const name = String(node["name"]);
    if (!parents.some((parent) => scopeOf(parent)?.has(name))) found.push({ name, node, parents });
  });
  return found;
}

/** Whether an identifier is only the name of a member, a property or a label. */
function isLabel(node: Node, [parent]: readonly Node[]): boolean {
  if (parent === undefined) return false;
  if (parent["computed"] === true) return false;
  const shorthand = parent.type === "Property" && parent["shorthand"] === true;
  if (parent["key"] === node) return !shorthand;
  if (parent.type === "TSQualifiedName") return parent["right"] === node;
  if (parent.type.endsWith("Specifier")) return true;
  if (parent.type === "TSEnumMember") return parent["id"] === node;
  return parent["property"] === node || parent["label"] === node;
}

const scopes = new WeakMap<Node, Set<string> | undefined>();

/** What a program or a function declares, wherever in it; blocks are not told apart. */
function scopeOf(node: Node): Set<string> | undefined {
  if (scopes.has(node)) return scopes.get(node);
  const opens = node.type === "Program" || isFunction(node);
  const names = opens ? new Set<string>() : undefined;
  scopes.set(node, names);
  if (names === undefined) return undefined;
  for (const parameter of list(node["params"])) bind(parameter, names);
  walk(node, (inner, parents) => {
    const owner = parents.find((parent) => parent === node || isFunction(parent));
    if (owner !== node || inner["declare"] === true || parents.some((parent) => parent["declare"] === true)) return;
    if (inner.type.startsWith("Import") && inner.type.endsWith("Specifier")) bind(inner["local"], names);
    if (/^(Variable|Function|Class|TS\w+)Declarat(or|ion)$/.test(inner.type)) bind(inner["id"], names);
    if (inner.type === "CatchClause") bind(inner["param"], names);
  });
  return names;
}

/** Anything with parameters: functions, and in types what looks like one. */
function isFunction(node: Node): boolean {
  return Array.isArray(node["params"]) && !node.type.startsWith("TSTypeParameter");
}

function bind(pattern: unknown, names: Set<string>): void {
  if (!isNode(pattern)) return;
  if (pattern.type === "Identifier") names.add(String(pattern["name"]));
  if (pattern.type === "ObjectPattern")
    for (const property of list(pattern["properties"])) bind(property["value"] ?? property, names);
  if (pattern.type === "ArrayPattern") for (const element of list(pattern["elements"])) bind(element, names);
  if (pattern.type === "AssignmentPattern") bind(pattern["left"], names);
  if (pattern.type === "RestElement") bind(pattern["argument"], names);
  if (pattern.type === "TSParameterProperty") bind(pattern["parameter"], names);
}

/** Visits a node and all nodes in it; the visitor is told the nodes around, the nearest first. */
function walk(node: Node, visit: (node: Node, parents: readonly Node[]) => void, parents: readonly Node[] = []): void {
  visit(node, parents);
  const around = [node, ...parents];
  for (const value of Object.values(node)) {
    if (isNode(value)) walk(value, visit, around);
    else if (Array.isArray(value)) for (const item of list(value)) walk(item, visit, around);
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

function list(value: unknown): Node[] {
  return Array.isArray(value) ? value.filter(isNode) : [];
}

/** The name of an identifier, or the text of a literal that stands for one. */
function nameOf(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  return node.type === "Identifier" ? String(node["name"]) : textOf(node);
}
