// npm run docs: writes the documents that are made from the configuration's schema.
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { editorSchema, optionsPage } from "../src/config/document.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const schemaFile = `${root}docs/hearthwire.schema.json`;

mkdirSync(`${root}docs`, { recursive: true });
writeFileSync(`${root}docs/options.md`, optionsPage());
writeFileSync(schemaFile, `${JSON.stringify(editorSchema(), null, 2)}\n`);
const { status } = spawnSync(`${root}node_modules/.bin/biome`, ["format", "--write", schemaFile], { stdio: "inherit" });
process.exit(status ?? 1);
