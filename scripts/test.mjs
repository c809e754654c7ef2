// Runs every check, also after one has failed, and ends with the line `N passed, N failed`.
// npm test [-- part of a test file's path …]; --long runs the long runs whole.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { findRuntime } from "../bin/runtime.mjs";
import { found } from "./secrets.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const long = process.argv.includes("--long");
const filters = process.argv.slice(2).filter((argument) => argument !== "--" && !argument.startsWith("-"));
const colors = process.stdout.isTTY ? "force" : "off";
const minute = 60_000;
/**
 * Most of the time is spent waiting for sockets, so twice as many processes as cores are done in half the time; those files that take
 * longest begin first (`npm test -- --update-timings` measures them). Long runs measure, and want the machine for themselves.
 */
const besideEachOther = [
  `--parallel=${Math.min(2 * availableParallelism(), 8)}`,
  "--no-isolate",
  "--timings=test/timings.json",
];

let passed = 0;
let failed = 0;
let skipped = 0;

await check("Format and lint", "node_modules/@biomejs/biome/bin/biome", [
  "ci",
  "--error-on-warnings",
  `--colors=${colors}`,
  ".",
]);
await check("Types", "node_modules/typescript/bin/tsc", []);
if (filesIn("dashboard").some((file) => file.endsWith(".js")))
  await check("Types of the dashboard", "node_modules/typescript/bin/tsc", ["-p", "dashboard"]);
await check("Types of the modules for boards", "node_modules/typescript/bin/tsc", ["-p", "devices/espruino"]);
await tests();

console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
// What is skipped is not tested, and nobody reads that on the last line of a green run.
process.exit(failed + skipped === 0 ? 0 : 1);

/** @param {string} title @param {string} script @param {string[]} args */
async function check(title, script, args) {
  heading(title);
  const { ok, ended } = await run(process.execPath, [join(root, script), ...args], 5 * minute);
  if (ok) passed++;
  else {
    failed++;
    console.log(`${title}: failed (${ended})`);
  }
}

async function tests() {
  heading(long ? "Tests, with the long runs whole" : "Tests");
  const files = testFiles().filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)));
  const runtime = findRuntime();
  if (files.length === 0 || runtime === undefined) {
    failed++;
    console.log(runtime === undefined ? "Cannot find the runtime: run `npm install`." : "There is no such test file.");
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), "hearthwire-test-"));
  const report = join(folder, "junit.xml");
  const args = [
    "test",
    "--reporter=junit",
    `--reporter-outfile=${report}`,
    "--preload=./test/secrets/ledger.ts",
    `--timeout=${long ? 10 * minute : 2 * minute}`,
    ...(long ? [] : besideEachOther),
    ...(process.argv.includes("--update-timings") ? ["--update-timings"] : []),
  ];
  const words = [...args, ...files.map((file) => `./${file}`)];
  const { ok, ended, printed } = await run(runtime, words, (long ? 80 : 20) * minute, folder);
  count(files, readReport(report), { ok, ended });
  secretsIn(folder, printed);
  rmSync(folder, { recursive: true });
}

/** @param {readonly string[]} files @param {ReturnType<typeof readReport>} sums @param {{ ok: boolean, ended: string }} run */
function count(files, sums, { ok, ended }) {
  for (const name of sums.skippedNames) console.log(`Skipped: ${name}`);
  // A file that cannot be loaded, ends the process or holds no test is missing from the report.
  const silent = sums.complete ? files.filter((file) => !sums.files.has(file)) : [];
  for (const file of silent) console.log(`No test was reported from ${file}.`);
  if (!ok) console.log(`Tests: failed (${ended})`);
  const failures = sums.failures + silent.length;
  passed += sums.tests - sums.failures - sums.skipped;
  skipped += sums.skipped;
  // An error outside any test, or a crash, shows in the exit code or in the lack of a report only.
  failed += ok && sums.complete ? failures : Math.max(failures, 1);
}

/** What the suite used as secrets stands in nothing that it printed or logged. @param {string} folder @param {string} printed */
function secretsIn(folder, printed) {
  const ledger = (/** @type {string} */ name) => {
    const file = join(folder, name);
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  };
  const leaks = found(ledger("secrets"), { printed, logged: ledger("logged") });
  for (const leak of leaks) console.log(`A secret: ${leak}`);
  if (leaks.length === 0) passed++;
  else failed++;
}

/** @param {string} report */
function readReport(report) {
  let xml = "";
  try {
    xml = readFileSync(report, "utf8");
  } catch {
    console.log("The test run left no report.");
  }
  const head = /<testsuites\b[^>]*>/.exec(xml)?.[0] ?? "";
  const sum = (/** @type {string} */ name) => Number(new RegExp(` ${name}="(\\d+)"`).exec(head)?.[1] ?? 0);
  const files = new Set(Array.from(xml.matchAll(/<testcase\b[^>]* file="([^"]*)"/g), (match) => match[1]));
  const skippedNames = Array.from(
    xml.matchAll(/<testcase\b[^>]*? name="([^"]*)"[^>]*>\s*<skipped\b/g),
    (match) => match[1],
  );
  const complete = xml.includes("</testsuites>");
  return { complete, tests: sum("tests"), failures: sum("failures"), skipped: sum("skipped"), files, skippedNames };
}

/** Every test file of the project, wherever it stands. */
function testFiles() {
  const folders = ["src", "test", "simulators", "dashboard", "devices", "demo", "bench", "packaging"];
  return folders.flatMap(filesIn).filter((file) => /[._](test|spec)\.[cm]?[jt]sx?$/.test(file));
}

/** @param {string} folder @returns {string[]} */
function filesIn(folder) {
  try {
    return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => !name.split(sep).includes("node_modules"))
      .map((name) => relative(root, join(root, folder, name)).replaceAll(sep, "/"))
      .sort();
  } catch {
    return [];
  }
}

/**
 * @param {string} program @param {string[]} args @param {number} limit in milliseconds
 * @param {string} [ledger] a folder for what the tests note; what they print is kept then
 * @returns {Promise<{ ok: boolean, ended: string, printed: string }>}
 */
function run(program, args, limit, ledger) {
  return new Promise((resolve) => {
    const env = {
      ...process.env,
      ...(long && { HEARTHWIRE_LONG: "1" }),
      ...(ledger !== undefined && { TEST_LEDGER: ledger }),
    };
    const to = ledger === undefined ? "inherit" : "pipe";
    const child = spawn(program, args, { cwd: root, env, stdio: ["ignore", to, to] });
    let printed = "";
    for (const from of [child.stdout, child.stderr]) {
      from?.setEncoding("utf8").on("data", (text) => {
        printed += text;
        process.stdout.write(text);
      });
    }
    const timer = setTimeout(() => child.kill("SIGKILL"), limit);
    child.on("error", (error) => resolve({ ok: false, ended: error.message, printed }));
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const ended =
        code !== null ? `exit code ${code}` : signal === "SIGKILL" ? "killed, perhaps after its time limit" : signal;
      resolve({ ok: code === 0, ended: ended ?? "no exit code", printed });
    });
  });
}

/** @param {string} title */
function heading(title) {
  console.log(`\n── ${title} ${"─".repeat(Math.max(0, 76 - title.length))}`);
}
