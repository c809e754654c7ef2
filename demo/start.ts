/**
 * What `npm start` runs: a simulated deCONZ gateway and a simulated Jeedom whose houses live, and Hearthwire with
 * examples/demo.yaml before them.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Simulator as DeconzSimulator } from "../simulators/deconz/server.ts";
import { Simulator as JeedomSimulator } from "../simulators/jeedom/server.ts";
import { parseConfig } from "../src/config/load.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const file = fileURLToPath(new URL("../examples/demo.yaml", import.meta.url));
const config = parseConfig({ text: readFileSync(file, "utf8"), file, env: process.env });
const { listen } = config;
const host = ["127.0.0.1", "::1", "::", "*"].includes(listen.host) ? "localhost" : listen.host;
const url = `http://${host}:${listen.port}`;

const simulators = Array.from(config.bridges.values(), ({ type, url: at, key = "" }) => {
  const common = { port: Number(new URL(at).port), speed: 1 };
  return type === "deconz"
    ? new DeconzSimulator({ ...common, keys: [key] })
    : new JeedomSimulator({ ...common, apiKey: key, waitPollingTime: 100 });
});
try {
  for (const simulator of simulators) simulator.start();
} catch (thrown) {
  stop(`Cannot simulate the houses: ${thrown instanceof Error ? thrown.message : String(thrown)}`, 1);
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
  Two houses live behind a deCONZ gateway and a Jeedom, which are simulated at ${simulators.map((one) => one.url).join(" and ")}. Five things to try:

    open      ${url}/
    publish   curl -d 'Hello' ${url}/channels/demo/hello
    watch     curl -N -H 'Accept: text/event-stream' '${url}/channels/home/**,jeedom/**,demo/**'
    new key   bin/hearthwire key create phone --subscribe 'home/**' --config examples/demo.yaml
    stop      Ctrl-C
`);
}

function stop(text: string, code: number): void {
  if (text !== "") console.error(text);
  for (const simulator of simulators) void simulator.stop();
  process.exit(code);
}
