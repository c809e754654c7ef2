// npm run docs: writes the documents that are made from the code: of the options, the command line, the HTTP API, the codes.
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { commandsPage } from "../src/cli/document.ts";
import { editorSchema, optionsPage } from "../src/config/document.ts";
import { describedPaths } from "../src/gateway.ts";
import { apiPage } from "../src/http/api-document.ts";
import { codesMarkdown } from "../src/http/codes.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const schemaFile = `${root}docs/hearthwire.schema.json`;

mkdirSync(`${root}docs`, { recursive: true });
writeFileSync(`${root}docs/options.md`, optionsPage());
writeFileSync(`${root}docs/cli.md`, commandsPage());
writeFileSync(`${root}docs/http-api.md`, apiPage(describedPaths()));
writeFileSync(`${root}docs/codes.md`, codesMarkdown());
writeFileSync(schemaFile, `${JSON.stringify(editorSchema(), null, 2)}\n`);
const { status } = spawnSync(`${root}node_modules/.bin/biome`, ["format", "--write", schemaFile], { stdio: "inherit" });
process.exit(status ?? 1);
