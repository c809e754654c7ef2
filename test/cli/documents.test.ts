import { test } from "bun:test";
import { readFileSync } from "node:fs";
import { commandsPage } from "../../src/cli/document.ts";
import { describedPaths } from "../../src/gateway.ts";
import { apiPage } from "../../src/http/api-document.ts";
import { codesMarkdown } from "../../src/http/codes.ts";

test.each([
  ["docs/cli.md", commandsPage],
  ["docs/http-api.md", () => apiPage(describedPaths())],
  ["docs/codes.md", codesMarkdown],
])("%s is as `npm run docs` makes it", (path, make) => {
  const kept = readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
  if (kept !== make()) throw new Error(`${path} is stale: run \`npm run docs\``);
});
