/** `hearthwire jeedomconnect`, as the plugin starts its daemon. */
import { afterAll, expect, test } from "bun:test";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort, keyOf, PluginEnd, pluginKey } from "../protocols/jeedomconnect/plugin-end.ts";
import { Phone } from "../protocols/jeedomconnect/stage.ts";
import { RawClient, until } from "../transports/raw-client.ts";
import { Home } from "./command-line.ts";

const home = new Home();
afterAll(() => home.clear());
const root = new URL("../..", import.meta.url).pathname;

async function words(plugin: PluginEnd, pid: string): Promise<readonly string[]> {
  const ports = ["--socketport", `${plugin.socketPort}`, "--websocketport", `${await freePort()}`];
  const keys = ["--user", "u", "--pwd", "p", "--callback", plugin.callback, "--apikey", pluginKey];
  return ["--loglevel", "debug", ...ports, ...keys, "--pid", pid];
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`takes the daemon's own options, has a pid file until ${signal}, and serves phones`, async () => {
    const plugin = await PluginEnd.open();
    const pid = join(home.folder, `${signal}.pid`);
    const given = await words(plugin, pid);
    const port = given[given.indexOf("--websocketport") + 1];
    const daemon = home.spawn(["jeedomconnect", ...given]);
    await until(() => existsSync(pid), "the pid file", 10_000);
    process.kill(Number(readFileSync(pid, "utf8")), 0);
    const phone = new Phone(`ws://127.0.0.1:${port}/`);
    await until(() => phone.socket.readyState === WebSocket.OPEN, "a phone");
    phone.ask("CONNECT", { apiKey: keyOf("anna") });
    await phone.hears("WELCOME");
    const [connect] = plugin.of("CONNECT");
    expect(connect).toMatchObject({ key: pluginKey, params: { connexionFrom: "WS" } });
    expect((await daemon.end(signal)).code).toBe(0);
    expect(existsSync(pid)).toBe(false);
    expect((await phone.ends()).code).toBe(1001);
    await plugin.stop();
  }, 30_000);
}

test("JeedomConnectd.py becomes it, and the port for answers is this machine's alone", async () => {
  const plugin = await PluginEnd.open();
  const pid = join(home.folder, "python.pid");
  const program = join(home.folder, "hearthwire");
  writeFileSync(program, `#!/bin/sh\nexec "${process.execPath}" "${join(root, "src/main.ts")}" "$@"\n`);
  chmodSync(program, 0o755);
  const script = join(root, "packaging/jeedomconnect/JeedomConnectd.py");
  const env = { HEARTHWIRE: program };
  const daemon = home.spawnProgram(["python3", script, ...(await words(plugin, pid))], { env });
  await until(() => existsSync(pid), "the pid file", 10_000);
  const listening = await Bun.file("/proc/net/tcp").text();
  const at = `0100007F:${plugin.socketPort.toString(16).toUpperCase().padStart(4, "0")} 00000000:0000 0A`;
  expect(listening).toContain(at);
  await RawClient.connect(plugin.socketPort);
  expect((await daemon.end()).code).toBe(0);
  expect(existsSync(pid)).toBe(false);
  await plugin.stop();
}, 30_000);
