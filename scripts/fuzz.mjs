// npm run fuzz [-- --minutes <n>] [-- part of a test file's path …]: every parser of network input, for 10 minutes unless told otherwise.
//
// Two ways at once, one for each of two cores. The pure parsers run by themselves in Node, guided by what their inputs reach
// (test/fuzz/guided.mjs), from a corpus that is kept in test/fuzz/corpus and run by every `npm test`. The property tests, whose
// parsers stand behind real sockets, run in the runtime with new seeds over and over; it has no coverage that a program could ask for.
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { findRuntime } from "../bin/runtime.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const { values, positionals } = parseArgs({
  options: { minutes: { type: "string", default: "10" } },
  allowPositionals: true,
});
const minutes = Number(values.minutes);
const runtime = findRuntime();
if (!(minutes > 0) || runtime === undefined) {
  console.error(
    runtime === undefined ? "Cannot find the runtime: run `npm install`." : "Cannot use --minutes: give a number",
  );
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), "hearthwire-fuzz-"));
const started = performance.now();
const results =
  availableParallelism() > 1 ? await Promise.all([guided(), properties()]) : [await guided(), await properties()];
rmSync(folder, { recursive: true });
const took = Math.round((performance.now() - started) / 1000);
console.log(`\n${results.every(Boolean) ? "No parser was at fault" : "A parser was at fault"}, in ${took} s.`);
process.exit(results.every(Boolean) ? 0 : 1);

async function guided() {
  if (positionals.length > 0) return true;
  const bundle = join(folder, "targets.mjs");
  const built = await run(runtime ?? "", ["build", "test/fuzz/targets.ts", "--target=node", `--outfile=${bundle}`]);
  if (!built) return false;
  return run(process.execPath, ["test/fuzz/guided.mjs", bundle, join(root, "test/fuzz/corpus"), String(minutes)]);
}

async function properties() {
  const files = propertyTests();
  const asserts = files.reduce(
    (sum, file) => sum + (readFileSync(join(root, file), "utf8").match(/\bfc\.assert\(/g)?.length ?? 0),
    0,
  );
  const counts = join(folder, "counts");
  const seconds = (minutes * 60) / asserts;
  const env = { FUZZ_SECONDS: String(seconds), FUZZ_COUNTS: counts };
  const limit = Math.ceil(Math.max(minutes * 60, 60) * 1000);
  const preload = ["--preload", "./test/fuzz/at-length.ts", `--timeout=${limit}`];
  const good = await run(runtime ?? "", ["test", ...preload, ...files.map((file) => `./${file}`)], env);
  const cases = readFileSync(counts, "utf8")
    .split("\n")
    .reduce((sum, line) => sum + Number(line), 0);
  console.log(`${cases} cases of ${asserts} properties in ${files.length} files`);
  return good;
}

/** Those that use fast-check on what the network brings. */
function propertyTests() {
  return readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" })
    .map((file) => `test/${file}`)
    .filter((file) => file.endsWith(".test.ts") && /^test\/(core|fuzz|http|protocols|transports)\//.test(file))
    .filter((file) => positionals.length === 0 || positionals.some((part) => file.includes(part)))
    .filter((file) => readFileSync(join(root, file), "utf8").includes("fc.assert("))
    .sort();
}

/** @param {string} program @param {string[]} args @param {Record<string, string>} [env] @returns {Promise<boolean>} */
function run(program, args, env = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ["ignore", "inherit", "inherit"],
    });
    child.on("error", () => resolve(false));
    child.on("close", (code) => resolve(code === 0));
  });
}
