/** What `npm start` runs: a simulated deCONZ gateway whose house lives, and Hearthwire with examples/demo.yaml before it. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Simulator } from "../simulators/deconz/server.ts";
import { parseConfig } from "../src/config/load.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const file = fileURLToPath(new URL("../examples/demo.yaml", import.meta.url));
const config = parseConfig({ text: readFileSync(file, "utf8"), file, env: process.env });
const { listen } = config;
const host = ["127.0.0.1", "::1", "::", "*"].includes(listen.host) ? "localhost" : listen.host;
const url = `http://${host}:${listen.port}`;

const home = config.bridges.get("home");
const simulator = new Simulator({ port: Number(new URL(home?.url ?? "").port), keys: [home?.key ?? ""], speed: 1 });
try {
  simulator.start();
} catch (thrown) {
  console.error(
    `Cannot simulate a house at ${home?.url}: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
  );
  process.exit(1);
}

const gateway = spawn(process.execPath, ["src/main.ts", "serve", "--config", file], { cwd: root, stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => gateway.kill(signal));

void greet();
gateway.on("error", (error) => stop(`Cannot start the gateway: ${error.message}`, 1));
gateway.on("exit", (code, signal) => stop("", code ?? (signal === "SIGINT" || signal === "SIGTERM" ? 0 : 1)));

/** The gateway answers: time for a word. */
async function greet(): Promise<void> {
  while (!(await fetch(`${url}/health/live`).catch(() => undefined))?.ok)
    await new Promise((next) => setTimeout(next, 100));
  console.log(`
  A house lives behind a deCONZ gateway, which is simulated at ${simulator.url}. Five things to try:

    open      ${url}/
    publish   curl -d 'Hello' ${url}/channels/demo/hello
    watch     curl -N -H 'Accept: text/event-stream' '${url}/channels/home/**,demo/**'
    new key   bin/hearthwire key create phone --subscribe 'home/**' --config examples/demo.yaml
    stop      Ctrl-C
`);
}

function stop(text: string, code: number): void {
  if (text !== "") console.error(text);
  void simulator.stop();
  process.exit(code);
}
