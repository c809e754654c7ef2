// The built modules in Duktape, an interpreter for chips as Espruino's is: no other one of them can be installed here.
import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = new URL("../../../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), "utf8");

test("A small interpreter of another make runs check.js with the modules: a board that serves itself", () => {
  const firmware = read("test/devices/espruino/small-interpreter.js");
  const load = (name: string): string =>
    `modules["${name}"] = (function () { var exports = {}; ${read(`devices/espruino/${name}.js`)}\n; return exports; })();\n`;
  const loading = `var modules = {};\n${load("hearthwire")}${load("hearthwire-channels")}`;
  const folder = mkdtempSync(join(tmpdir(), "hearthwire-board-"));
  const file = join(folder, "board.js");
  writeFileSync(file, `${firmware}${loading}${read("examples/espruino/check.js")}\nrun();\n`);
  const { stdout, stderr } = spawnSync("duk", [file], { encoding: "utf8", timeout: 20_000 });
  rmSync(folder, { recursive: true });
  expect(`${stdout}${stderr}`).toBe("All is well\n");
});
