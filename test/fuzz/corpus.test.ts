/** Every input that `npm run fuzz` has kept, because it reached something new or was at fault once. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { targets } from "./targets.ts";

const corpus = new URL("corpus/", import.meta.url);

test("every parser has a corpus, and every corpus a parser", () => {
  expect(readdirSync(corpus).sort()).toEqual(Object.keys(targets).sort());
});

test.each(Object.entries(targets))("%s takes all that was kept of earlier runs", (name, target) => {
  const folder = new URL(`${name}/`, corpus);
  for (const file of readdirSync(folder)) {
    try {
      target(new Uint8Array(readFileSync(new URL(file, folder))));
    } catch (thrown) {
      throw new Error(`${name}/${file}: ${String(thrown)}`, { cause: thrown });
    }
  }
});
