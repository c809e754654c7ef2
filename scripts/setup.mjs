// Makes a checkout ready to run; with --test, ready to be tested. Needs Node and npm, nothing installed. Quiet when there is nothing to do.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename, delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findRuntime, unsupported } from "../bin/runtime.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

const refusal = unsupported();
if (refusal !== undefined) fail(refusal);
if (Number.parseInt(process.versions.node, 10) < 20) {
  fail(`Hearthwire needs Node 20 or later; this is ${process.versions.node}.`);
}

const testing = process.argv.includes("--test");
// Each waits for another server and another lock. What one of them has begun is ended well, also where the other fails.
const done = await Promise.allSettled([setUpPackages(), testing && installSystemPackages()]);
for (const one of done) if (one.status === "rejected") fail(one.reason.message);
if (testing) nameToolchains();

async function setUpPackages() {
  if (!packagesAreInstalled()) {
    console.log("Installing the packages that package-lock.json names…");
    await npm("ci", "--include=dev", "--include=optional", "--no-audit", "--no-fund", "--loglevel=error");
  }
  await repairRuntime();
}

/** Compares the lockfile with npm's own record of what it put into node_modules. */
function packagesAreInstalled() {
  const wanted = lockedPackages("package-lock.json");
  const present = lockedPackages("node_modules/.package-lock.json");
  if (wanted === undefined || present === undefined) return false;
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === "") continue;
    const found = present[path];
    if (found === undefined ? !entry.optional : found.version !== entry.version) return false;
  }
  return Object.keys(present).every((path) => path in wanted);
}

/** @param {string} file @returns {Record<string, { version?: string, optional?: boolean }> | undefined} */
function lockedPackages(file) {
  try {
    return JSON.parse(readFileSync(join(root, file), "utf8")).packages;
  } catch {
    return undefined;
  }
}

/** After an install without install scripts, `node_modules/.bin/bun` is a text that says so. */
async function repairRuntime() {
  const runtime = findRuntime();
  const own = join(root, "node_modules", "bun");
  if (runtime?.startsWith(join(own, "bin"))) return;
  await run(process.execPath, [join(own, "install.js")], "Cannot set up the runtime (the npm package bun)");
}

/** @param {string[]} args */
async function npm(...args) {
  // The npm that runs this script, so that both see the same settings.
  const path = process.env["npm_execpath"];
  const what = "Cannot install the packages";
  if (path !== undefined && basename(path) === "npm-cli.js") await run(process.execPath, [path, ...args], what);
  else await run(process.platform === "win32" ? "npm.cmd" : "npm", args, what);
}

/** What the tests need that npm does not bring: a browser, PHP for the sender that docs/ shows, the proxies of docs/proxies.md, an interpreter for chips, Python for what a service manager hears. */
async function installSystemPackages() {
  const chromium = process.env["CHROMIUM_PATH"];
  if (chromium !== undefined && !existsSync(chromium)) throw new Error(`CHROMIUM_PATH names no file: ${chromium}`);
  const packages = {
    php: "php-cli",
    nginx: "nginx-light",
    apache2: "apache2",
    caddy: "caddy",
    curl: "curl",
    strace: "strace",
    duk: "duktape",
    python3: "python3",
    "systemd-analyze": "systemd",
  };
  const missing = Object.entries(packages).flatMap(([program, name]) => (onPath(program) ? [] : [name]));
  if (chromium === undefined && !existsSync("/usr/bin/chromium")) missing.push("chromium");
  if (missing.length === 0) return;
  const command = `apt-get install -y --no-install-recommends ${missing.join(" ")}`;
  if (process.getuid?.() !== 0 || !onPath("apt-get")) {
    throw new Error(
      `The tests need ${missing.join(", ")}. Run: sudo ${command}` +
        (missing.includes("chromium") ? "\n(or set CHROMIUM_PATH to a Chromium or Chrome that is elsewhere)" : ""),
    );
  }
  console.log(`Installing what the tests need: ${missing.join(", ")}…`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  await run("apt-get", ["update", "-q"], "Cannot read the list of Debian's packages", env);
  await run("apt-get", command.split(" ").slice(1), `Cannot install ${missing.join(", ")}`, env);
}

/** What the long runs (`npm run test:long`) run the examples of docs/clients.md with; they install its libraries themselves. */
function nameToolchains() {
  const missing = ["go", "java", "mvn"].filter((program) => !onPath(program));
  if (missing.length === 0) return;
  console.log(
    `Not here: ${missing.join(", ")}. Without them the long runs leave out those examples of docs/clients.md.`,
  );
}

/** @param {string} program */
function onPath(program) {
  // Servers are not on the path of everybody.
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin"];
  return folders.some((folder) => existsSync(join(folder, program)));
}

/**
 * Quiet unless it fails.
 * @param {string} program @param {string[]} args @param {string} failure @param {NodeJS.ProcessEnv} [env] @returns {Promise<void>}
 */
function run(program, args, failure, env = process.env) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: root,
      env,
      stdio: ["ignore", "pipe", "pipe"],
      shell: program.endsWith(".cmd"),
    });
    let said = "";
    for (const from of [child.stdout, child.stderr]) from.setEncoding("utf8").on("data", (text) => (said += text));
    const failed = (/** @type {string} */ why) =>
      reject(new Error(`${failure}: ${[program, ...args].join(" ")}\n${why}`));
    child.on("error", (error) => failed(error.message));
    child.on("close", (code) => (code === 0 ? resolve() : failed(said)));
  });
}

/** @param {string} message @returns {never} */
function fail(message) {
  console.error(message.trimEnd());
  process.exit(1);
}
