import type { Command } from "commander";
import { editorSchema } from "../config/document.ts";
import { print } from "./output.ts";

export function addConfigSchema(parent: Command): void {
  parent
    .command("schema")
    .description("show the JSON Schema of the configuration, for editors")
    .action(() => print(JSON.stringify(editorSchema(), null, 2)));
}
