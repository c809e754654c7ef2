import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";

const page = readFileSync(new URL("../docs/threat-model.md", import.meta.url), "utf8");
const named = Array.from(page.matchAll(/\[([^\]]+)\]\(\.\.\/(test\/[^)]+)\)/g), ([, name = "", file = ""]) => [
  file,
  name,
]);

test("every test that docs/threat-model.md names is there, in the file that it names", () => {
  expect(named.length).toBeGreaterThan(40);
  const missing = named.filter(([file = "", name = ""]) => {
    const url = new URL(`../${file}`, import.meta.url);
    return !existsSync(url) || !readFileSync(url, "utf8").includes(`"${name}"`);
  });
  expect(missing).toEqual([]);
});
