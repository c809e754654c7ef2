/** The plugin for Jeedom's plugin page, as built, run by real PHP in a Jeedom of which only the classes are stood in for. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { unzipSync } from "fflate";
import { Simulator } from "../../../simulators/jeedom/server.ts";
import { keyOf } from "../../../simulators/jeedom/users.ts";
import { freePort } from "../../free-port.ts";
import { eventually, Peer } from "../../protocols/deconz/stage.ts";

const checkout = new URL("../../..", import.meta.url).pathname;
let root: string;
let plugin: string;
let simulator: Simulator;
let port: number;

/** Unpacks like Jeedom: files alone, all of one mode. */
function install(zip: string): void {
  for (const [path, bytes] of Object.entries(unzipSync(readFileSync(zip)))) {
    const file = join(plugin, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
  }
}

function configure(settings: Readonly<Record<string, string>>): void {
  const core = { api: simulator.users.apiKey, internal: simulator.url };
  writeFileSync(join(root, "config.json"), JSON.stringify({ core, Websocket: settings }));
}

/** What PHP answers to an expression. */
function php(expression: string): unknown {
  const code = `require "core/php/core.inc.php"; echo json_encode(${expression});`;
  const { stdout, stderr, exitCode } = Bun.spawnSync(["php", "-d", "display_errors=stderr", "-r", code], {
    cwd: root,
    env: { ...process.env, HEARTHWIRE_LISTEN: "127.0.0.1:0" },
  });
  if (exitCode !== 0 || stderr.length > 0) throw new Error(`${stdout}${stderr}`);
  return JSON.parse(String(stdout));
}

async function peer(): Promise<Peer> {
  const opened = await new Peer(`ws://127.0.0.1:${port}/any`, { origin: "http://192.168.1.20" }).opens();
  opened.socket.send(JSON.stringify({ apiKey: keyOf("admin") }));
  return opened;
}

/** The gateway itself, below the script that keeps it running. */
function gatewayProcess(): number {
  const script = readFileSync(join(root, "tmp/Websocket/pid"), "utf8").trim();
  return Number(readFileSync(`/proc/${script}/task/${script}/children`, "utf8").trim());
}

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "hearthwire-jeedom-"));
  plugin = join(root, "plugins/Websocket");
  mkdirSync(join(root, "core/php"), { recursive: true });
  mkdirSync(join(root, "log"));
  copyFileSync(new URL("core.inc.php", import.meta.url), join(root, "core/php/core.inc.php"));
  const zip = join(root, "Websocket.zip");
  const built = Bun.spawnSync(["node", "packaging/jeedom-plugin/build.mjs", zip], { cwd: checkout });
  if (built.exitCode !== 0) throw new Error(String(built.stderr));
  install(zip);
  simulator = new Simulator({ waitPollingTime: 20 }).start();
  port = freePort();
}, 60_000);

afterAll(async () => {
  if (existsSync(join(root, "tmp/Websocket/pid"))) php("Websocket::deamon_stop()");
  await simulator.stop();
  rmSync(root, { recursive: true });
});

test("Every page of the plugin is PHP without a fault, and nothing is in it that is not the plugin's or Hearthwire's", () => {
  const pages = readdirSync(plugin, { recursive: true })
    .map(String)
    .filter((file) => file.endsWith(".php"));
  expect(pages.sort()).toEqual([
    "core/class/Websocket.class.php",
    "desktop/php/Websocket.php",
    "plugin_info/configuration.php",
    "plugin_info/install.php",
  ]);
  for (const page of pages) expect(Bun.spawnSync(["php", "-l", page], { cwd: plugin }).exitCode).toBe(0);
  expect(readdirSync(plugin).sort()).toEqual(["core", "desktop", "plugin_info", "resources"]);
  const manifest = JSON.parse(readFileSync(join(plugin, "resources/hearthwire/package.json"), "utf8"));
  expect(Object.keys(manifest)).not.toContain("devDependencies");
  expect(JSON.parse(readFileSync(join(plugin, "plugin_info/info.json"), "utf8"))).toMatchObject({
    id: "Websocket",
    hasOwnDeamon: true,
    hasDependency: true,
    pluginVersion: JSON.parse(readFileSync(join(checkout, "package.json"), "utf8")).version,
  });
});

test("Its configuration page has the four settings by the names that they have always had", () => {
  const { stdout } = Bun.spawnSync(["php", "plugins/Websocket/plugin_info/configuration.php"], { cwd: root });
  const keys = Array.from(String(stdout).matchAll(/data-l1key="(\w+)"/g), ([, key]) => key);
  expect(keys).toEqual(["port", "readDelay", "authDelay", "allowedHosts"]);
});

test("The daemon is not to be started before npm has brought what it needs, nor while Jeedom's API is off", () => {
  configure({ port: String(port) });
  expect(php("Websocket::deamon_info()")).toMatchObject({ state: "nok", launchable: "nok" });
  symlinkSync(join(checkout, "node_modules"), join(plugin, "resources/hearthwire/node_modules"));
  expect(php("Websocket::deamon_info()")).toEqual({ log: "Websocket", state: "nok", launchable: "ok" });
  writeFileSync(join(root, "config.json"), JSON.stringify({ core: { "api::core::mode": "disable" } }));
  expect(php("Websocket::deamon_info()")).toMatchObject({
    launchable: "nok",
    launchable_message: expect.stringContaining("API"),
  });
  for (const wrong of [{ port: "x" }, { port: "70000" }, { readDelay: "soon" }, { authDelay: "-1" }]) {
    configure({ port: String(port), ...wrong } as Record<string, string>);
    expect(php("Websocket::deamon_info()")).toMatchObject({ launchable: "nok" });
  }
});

test("An installation keeps what was set, and sets the rest", () => {
  configure({ port: String(port), readDelay: "2" });
  php("(require 'plugins/Websocket/plugin_info/install.php') && Websocket_install()");
  const { Websocket } = JSON.parse(readFileSync(join(root, "config.json"), "utf8"));
  expect(Websocket).toEqual({ port: String(port), readDelay: "2", authDelay: "1", allowedHosts: "" });
});

test("Started, it gives Jeedom's events to its clients, comes back after a crash, and is gone when stopped", async () => {
  configure({ port: String(port), allowedHosts: " 10.0.0.42, 192.168.1.20" });
  expect(php("Websocket::deamon_start()")).toBe(true);
  expect(php("Websocket::deamon_info()")).toMatchObject({ state: "ok" });
  const key = join(root, "tmp/Websocket/key");
  expect([statSync(key).mode & 0o777, readFileSync(key, "utf8")]).toEqual([0o600, simulator.users.apiKey]);
  const first = await peer();
  const [command] = simulator.house.building.commands.keys();
  const heard = async (one: Peer): Promise<void> => {
    let value = 0;
    await eventually(async () => {
      simulator.house.set(command ?? 0, ++value);
      await Bun.sleep(50);
      return one.frames.some((frame) => frame.includes(`"cmd_id"`));
    }, "an event");
  };
  await heard(first);
  const crashed = gatewayProcess();
  process.kill(crashed, "SIGKILL");
  await eventually(async () => first.closed !== undefined, "the end of the connection");
  expect(first.closed?.code).toBe(1006);
  await eventually(async () => (php("Websocket::deamon_info()") as { state: string }).state === "ok", "its return");
  expect(gatewayProcess()).not.toBe(crashed);
  await heard(await peer());
  php("Websocket::deamon_stop()");
  expect(php("Websocket::deamon_info()")).toMatchObject({ state: "nok" });
  expect(existsSync(join(root, "tmp/Websocket/pid"))).toBe(false);
}, 60_000);

test("Where another program has the port it is not said to run, and nothing is left that tries on", () => {
  const taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  configure({ port: String(taken.port) });
  expect(php("Websocket::deamon_start()")).toBe(false);
  expect(php("Websocket::deamon_info()")).toMatchObject({ state: "nok" });
  expect(existsSync(join(root, "tmp/Websocket/pid"))).toBe(false);
  expect(readFileSync(join(root, "log/Websocket"), "utf8")).toContain("another program has the port");
  taken.stop();
}, 60_000);
