// Where the runtime is. Shared by the command and by the set-up, so it runs on plain Node with nothing installed.
import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

/** @returns {string | undefined} why this machine cannot run Hearthwire, or nothing if it can */
export function unsupported(arch = /** @type {string} */ (process.arch)) {
  if (arch !== "arm") return undefined;
  return (
    "Hearthwire cannot run on 32-bit ARM: there is no build of its runtime (Bun) for it. " +
    "A Raspberry Pi 3 or later works with a 64-bit system and a 64-bit Node."
  );
}

/**
 * The runtime's binary: the package's own or, where npm was told to ignore install scripts (the package then holds a
 * text file that says so), the one in the package for this platform.
 * @returns {string | undefined}
 */
export function findRuntime(from = import.meta.url) {
  const home = packageFolder("bun", from);
  if (home === undefined) return undefined;
  const inside = join(home, "package.json");
  const exe = process.platform === "win32" ? "bun.exe" : "bun";
  const own = join(home, "bin", "bun.exe");
  if (isProgram(own)) return own;
  return platformPackages()
    .map((name) => packageFolder(name, inside))
    .map((folder) => folder && join(folder, "bin", exe))
    .find((path) => path && isProgram(path));
}

function platformPackages() {
  const os = process.platform === "win32" ? "windows" : process.platform;
  const arch = process.arch === "arm64" ? "aarch64" : process.arch;
  const name = `@oven/bun-${os}-${arch}`;
  return os === "linux" && isMusl() ? [`${name}-musl`, name] : [name, `${name}-musl`];
}

function isMusl() {
  const report = /** @type {{ header?: { glibcVersionRuntime?: string } }} */ (process.report.getReport());
  return report.header?.glibcVersionRuntime === undefined;
}

/** @param {string} name @param {string} from @returns {string | undefined} */
function packageFolder(name, from) {
  const folders = createRequire(from).resolve.paths(name) ?? [];
  return folders.map((folder) => join(folder, name)).find((folder) => existsSync(join(folder, "package.json")));
}

/** A program, not the text file that stands in for one: by its first bytes (ELF, Mach-O, PE). @param {string} path */
function isProgram(path) {
  try {
    const file = openSync(path, "r");
    const head = Buffer.alloc(4);
    readSync(file, head, 0, 4, 0);
    closeSync(file);
    const magic = head.toString("hex");
    return magic === "7f454c46" || magic === "cffaedfe" || magic === "cafebabe" || magic.startsWith("4d5a");
  } catch {
    return false;
  }
}
