#!/usr/bin/env node
// Runs the gateway's command line on the runtime that npm brought with it, from a checkout or from an installed package.
// It stays while the gateway runs, and when that asks for it starts a successor beside it: so a restart that loses no
// connection has one main process all the time, for systemd, a container or a terminal.
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import { findRuntime, unsupported } from "./runtime.mjs";

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const words = process.argv.slice(2);
/** What src/cli/launcher.ts says and hears. */
const succeed = "succeed";
const successorEnded = "successor ended";

/** The newest last. @type {import("node:child_process").ChildProcess[]} */
const running = [];

/** @param {readonly string[]} given */
function start(given) {
  const refusal = unsupported();
  // Looked for each time: an update may have brought another one.
  const runtime = refusal === undefined ? findRuntime() : undefined;
  if (runtime === undefined) {
    console.error(
      refusal ?? "Cannot find the runtime (the npm package bun). Run `npm install` again, without --omit=optional.",
    );
    return noSuccessor(1);
  }
  const talks = given.includes("serve");
  const child = spawn(runtime, [main, ...given], {
    stdio: ["inherit", "inherit", "inherit", talks ? "ipc" : "ignore"],
  });
  running.push(child);
  /** @param {number} code */
  const ended = (code) => {
    const at = running.indexOf(child);
    if (at < 0) return;
    running.splice(at, 1);
    if (at === running.length) noSuccessor(code);
  };
  child.on("message", (message) => message === succeed && start([...words, "--takeover"]));
  child.on("error", (error) => {
    console.error(`Cannot start ${runtime}: ${error.message}`);
    ended(1);
  });
  child.on("exit", (code, signal) => ended(signal === null ? (code ?? 1) : 128 + constants.signals[signal]));
}

/** The newest has ended: whoever it was to succeed hears of it; without one this ends too. @param {number} code */
function noSuccessor(code) {
  const before = running.at(-1);
  if (before === undefined) process.exit(code);
  // It may be about to end itself.
  before.send(successorEnded, () => undefined);
}

/** @param {NodeJS.Signals} signal */
function passOn(signal) {
  for (const child of running) child.kill(signal);
}

// A terminal sends Ctrl-C to all processes: passed on as well, it would look like a second, impatient one.
process.on("SIGINT", () => process.stdin.isTTY || passOn("SIGINT"));
process.on("SIGTERM", () => passOn("SIGTERM"));
// Of one that is being succeeded nothing is to be reloaded any more.
process.on("SIGHUP", () => running.at(-1)?.kill("SIGHUP"));
start(words);
