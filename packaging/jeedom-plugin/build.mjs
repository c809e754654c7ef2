// Builds Websocket.zip for Jeedom's plugin page: node packaging/jeedom-plugin/build.mjs [file]
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { zipSync } from "fflate";

const root = fileURLToPath(new URL("../..", import.meta.url));
const target = resolve(process.argv[2] ?? "Websocket.zip");
const folder = mkdtempSync(join(tmpdir(), "hearthwire-plugin-"));
try {
  cpSync(fileURLToPath(new URL("Websocket", import.meta.url)), folder, { recursive: true });
  copyHearthwire(join(folder, "resources", "hearthwire"));
  writeVersion(join(folder, "plugin_info", "info.json"));
  writeFileSync(target, zipSync(entriesOf(folder), { level: 9, mtime: "2020-01-01" }));
  console.log(`${target}: ${(statSync(target).size / 1024).toFixed(0)} KiB`);
} finally {
  rmSync(folder, { recursive: true });
}

/** What npm would publish, without what only development needs: Jeedom lets npm install the rest. @param {string} to */
function copyHearthwire(to) {
  const [packed] = JSON.parse(npm("pack", "--dry-run", "--json", "--ignore-scripts"));
  for (const { path } of packed.files) if (!path.startsWith("packaging/")) cpSync(join(root, path), join(to, path));
  const { name, version, license, type, dependencies, allowScripts } = manifest();
  const own = { name, version, license, type, private: true, dependencies, allowScripts };
  writeFileSync(join(to, "package.json"), `${JSON.stringify(own, undefined, 2)}\n`);
  cpSync(join(root, "package-lock.json"), join(to, "package-lock.json"));
  // The same versions as here, without the packages that are not needed.
  npm("install", "--prefix", to, "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund", "--offline");
}

/** @param {string} file */
function writeVersion(file) {
  const info = { ...JSON.parse(readFileSync(file, "utf8")), pluginVersion: manifest().version };
  writeFileSync(file, `${JSON.stringify(info, undefined, 2)}\n`);
}

function manifest() {
  return JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
}

/** Files by their paths in the archive. Jeedom unpacks them without their modes. @param {string} from */
function entriesOf(from) {
  const files = readdirSync(from, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort();
  return Object.fromEntries(paths.map((path) => [relative(from, path), readFileSync(path)]));
}

/** @param {string[]} args */
function npm(...args) {
  return execFileSync("npm", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
}
