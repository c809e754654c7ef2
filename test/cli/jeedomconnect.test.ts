/** `hearthwire jeedomconnect`, as the plugin starts its daemon. */
import { afterAll, expect, test } from "bun:test";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Simulator as Jeedom } from "../../simulators/jeedom/server.ts";
import { type Asked, Simulator } from "../../simulators/jeedomconnect/server.ts";
import { freePort } from "../free-port.ts";
import { BarePhone } from "../protocols/jeedomconnect/bare-phone.ts";
import { RawClient, until } from "../transports/raw-client.ts";
import { Home } from "./command-line.ts";

const home = new Home();
afterAll(() => home.clear());
const root = new URL("../..", import.meta.url).pathname;

const simulate = (): Simulator => new Simulator({ jeedom: new Jeedom(), socketPort: freePort() }).start();

function words({ socketPort, callback, pluginKey }: Simulator, pid: string): readonly string[] {
  const ports = ["--socketport", `${socketPort}`, "--websocketport", `${freePort()}`];
  const keys = ["--user", "u", "--pwd", "p", "--callback", callback, "--apikey", pluginKey];
  return ["--loglevel", "debug", ...ports, ...keys, "--pid", pid];
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`takes the daemon's own options, has a pid file until ${signal}, and serves phones`, async () => {
    const simulator = simulate();
    const pid = join(home.folder, `${signal}.pid`);
    const given = words(simulator, pid);
    const port = given[given.indexOf("--websocketport") + 1];
    const daemon = home.spawn(["jeedomconnect", ...given]);
    await until(() => existsSync(pid), "the pid file", 10_000);
    process.kill(Number(readFileSync(pid, "utf8")), 0);
    const connected = new Promise<Asked>((resolve) => {
      simulator.asked = (asked) => asked.method === "CONNECT" && resolve(asked);
    });
    const phone = new BarePhone(`ws://127.0.0.1:${port}/`);
    await until(() => phone.socket.readyState === WebSocket.OPEN, "a phone");
    phone.ask("CONNECT", { apiKey: simulator.plugin.add("anna").apiKey });
    await phone.hears("WELCOME");
    const { pluginKey } = simulator;
    expect(await connected).toMatchObject({ pluginKey, params: { connexionFrom: "WS" } });
    expect((await daemon.end(signal)).code).toBe(0);
    expect(existsSync(pid)).toBe(false);
    expect((await phone.ends()).code).toBe(1001);
    await simulator.stop();
  }, 30_000);
}

test("JeedomConnectd.py becomes it, and the port for answers is this machine's alone", async () => {
  const simulator = simulate();
  const pid = join(home.folder, "python.pid");
  const program = join(home.folder, "hearthwire");
  writeFileSync(program, `#!/bin/sh\nexec "${process.execPath}" "${join(root, "src/main.ts")}" "$@"\n`);
  chmodSync(program, 0o755);
  const script = join(root, "packaging/jeedomconnect/JeedomConnectd.py");
  const env = { HEARTHWIRE: program };
  const daemon = home.spawnProgram(["python3", script, ...words(simulator, pid)], { env });
  await until(() => existsSync(pid), "the pid file", 10_000);
  const listening = await Bun.file("/proc/net/tcp").text();
  const at = `0100007F:${simulator.socketPort.toString(16).toUpperCase().padStart(4, "0")} 00000000:0000 0A`;
  expect(listening).toContain(at);
  await RawClient.connect(simulator.socketPort);
  expect((await daemon.end()).code).toBe(0);
  expect(existsSync(pid)).toBe(false);
  await simulator.stop();
}, 30_000);
