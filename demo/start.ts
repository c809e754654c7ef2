/** What `npm start` runs: the gateway with examples/demo.yaml, and beside it a house that lives. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseConfig } from "../src/config/load.ts";
import { House } from "./house.ts";
import { PushSocket } from "./push-socket.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const file = fileURLToPath(new URL("../examples/demo.yaml", import.meta.url));
const config = parseConfig({ text: readFileSync(file, "utf8"), file, env: process.env });
const { listen, unix_socket: unixSocket } = config;
const host = ["127.0.0.1", "::1", "::", "*"].includes(listen.host) ? "localhost" : listen.host;
const url = `http://${host}:${listen.port}`;

const gateway = spawn(process.execPath, ["src/main.ts", "serve", "--config", file], { cwd: root, stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => gateway.kill(signal));

const house = new House();
let greeted = false;
const socket = unixSocket === false ? undefined : new PushSocket(unixSocket.path, arrive);
let step = setTimeout(live, house.pause());

gateway.on("error", (error) => stop(`Cannot start the gateway: ${error.message}`, 1));
gateway.on("exit", (code, signal) => stop("", code ?? (signal === "SIGINT" || signal === "SIGTERM" ? 0 : 1)));

/** A gateway is there, perhaps a new one: it is told of everything. */
function arrive(): void {
  for (const push of house.everything()) socket?.send(push);
  if (greeted) return;
  greeted = true;
  console.log(`
  A small house is living in the gateway. Five things to try:

    open      ${url}/
    publish   curl -d 'Hello' ${url}/channels/demo/hello
    watch     curl -N -H 'Accept: text/event-stream' '${url}/channels/home/**,demo/**'
    new key   bin/hearthwire key create phone --subscribe 'home/**' --config examples/demo.yaml
    stop      Ctrl-C
`);
}

function live(): void {
  socket?.send(house.next());
  step = setTimeout(live, house.pause());
}

function stop(text: string, code: number): void {
  if (text !== "") console.error(text);
  clearTimeout(step);
  socket?.close();
  process.exit(code);
}
