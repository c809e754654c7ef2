#!/usr/bin/env node
// Runs the gateway's command line on the runtime that npm brought with it, from a checkout or from an installed package.
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import { findRuntime, unsupported } from "./runtime.mjs";

const refusal = unsupported();
const runtime = refusal === undefined ? findRuntime() : undefined;
if (runtime === undefined) {
  console.error(
    refusal ?? "Cannot find the runtime (the npm package bun). Run `npm install` again, without --omit=optional.",
  );
  process.exit(1);
}

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const child = spawn(runtime, [main, ...process.argv.slice(2)], { stdio: "inherit" });

// A terminal sends Ctrl-C to both processes: passed on as well, it would look like a second, impatient one.
process.on("SIGINT", () => process.stdin.isTTY || child.kill("SIGINT"));
process.on("SIGTERM", () => child.kill("SIGTERM"));
process.on("SIGHUP", () => child.kill("SIGHUP"));
child.on("error", (error) => {
  console.error(`Cannot start ${runtime}: ${error.message}`);
  process.exit(1);
});
child.on("exit", (code, signal) => {
  process.exit(signal === null ? (code ?? 1) : 128 + constants.signals[signal]);
});
