// The built files: those of the sources, small, and what the oldest interpreter for chips reads.
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { type Node, parse } from "acorn";
import { buildModule, modules } from "../../../scripts/build-espruino.mjs";

const built = Object.entries(modules).map(([name, module]) => [name, module] as const);

test.each(built)(
  "%s.js is what its sources give: else `npm run build:espruino` was forgotten",
  async (_, { source, file, most }) => {
    const code = readFileSync(file, "latin1");
    expect(code).toBe(await buildModule(source));
    expect(code.length).toBeLessThanOrEqual(most);
    expect(code).toMatch(/^[\n -~]*$/);
  },
);

test.each(built)("%s.js is ES5, without what some firmware does not read", (_, { file }) => {
  const program = parse(readFileSync(file, "latin1"), { ecmaVersion: 5 });
  const odd: string[] = [];
  walk(program, (node) => {
    if (node.type === "ForStatement" && "test" in node && node.test === null) odd.push("for (;;)");
    if (node.type === "Literal" && "regex" in node) odd.push("a regular expression");
    if (node.type === "Property" && "kind" in node && node.kind !== "init") odd.push("a getter or setter");
    if (node.type === "LabeledStatement") odd.push("a label");
    odd.push(...calledEarly(node));
  });
  expect(odd).toEqual([]);
});

test("The examples for boards are ES5", () => {
  const folder = new URL("../../../examples/espruino/", import.meta.url);
  for (const name of readdirSync(folder)) parse(readFileSync(new URL(name, folder), "utf8"), { ecmaVersion: 5 });
});

/** Functions that a block uses, not within another function, before they are declared: Espruino lifts none to the top. */
function calledEarly(node: Node): string[] {
  if (!("body" in node) || !Array.isArray(node.body)) return [];
  const statements = node.body as Node[];
  const early: string[] = [];
  for (const [i, statement] of statements.entries()) {
    if (statement.type !== "FunctionDeclaration" || !("id" in statement)) continue;
    const { name } = statement.id as { readonly name: string } & Node;
    for (const before of statements.slice(0, i).filter(({ type }) => type !== "FunctionDeclaration")) {
      walk(
        before,
        (inner) => {
          if (inner.type === "Identifier" && "name" in inner && inner.name === name)
            early.push(`${name} before its declaration`);
        },
        false,
      );
    }
  }
  return early;
}

function walk(node: Node, see: (node: Node) => void, intoFunctions = true): void {
  see(node);
  for (const value of Object.values(node).flat()) {
    if (typeof value !== "object" || value === null || !("type" in value)) continue;
    const child = value as Node;
    if (intoFunctions || !child.type.includes("Function")) walk(child, see, intoFunctions);
  }
}
