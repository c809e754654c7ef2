import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Home, type RunningCommand } from "../cli/command-line.ts";
import { freePort } from "../free-port.ts";

// Several processes start in each of these, one after another.
setDefaultTimeout(60_000);

let home: Home;
beforeEach(() => {
  home = new Home();
});
afterEach(() => home.clear());

/** Prints every datagram as a line of JSON; the runtime has no such sockets. */
const listening = `
import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
name = sys.argv[1]
s.bind("\\0" + name[1:] if name.startswith("@") else name)
print("listening", flush=True)
while True: print(json.dumps(s.recv(4096).decode()), flush=True)
`;

class Manager {
  readonly socket: string;
  readonly #command: RunningCommand;

  private constructor(socket: string) {
    this.socket = socket;
    this.#command = home.spawnProgram(["python3", "-c", listening, socket]);
  }

  static async start(socket = join(home.folder, "notify.sock")): Promise<Manager> {
    const manager = new Manager(socket);
    await manager.#command.until(() => manager.#command.lines.length > 0);
    return manager;
  }

  get told(): string[] {
    return this.#command.lines.slice(1).map((line) => String(JSON.parse(line)));
  }

  until(...messages: (string | RegExp)[]): Promise<void> {
    const holds = (wanted: string | RegExp): boolean =>
      this.told.some((message) => (typeof wanted === "string" ? message === wanted : wanted.test(message)));
    return this.hears(() => messages.every(holds));
  }

  /** Looked at with each message. */
  hears(condition: () => boolean): Promise<void> {
    return this.#command.until(condition);
  }
}

async function serve(socket: string, env: Readonly<Record<string, string>> = {}, ...words: string[]) {
  const file = join(home.folder, "house.yaml");
  writeFileSync(file, `listen: 127.0.0.1:0\ndata: ${home.data}\nunix_socket: false\ndrain: 1s\n`);
  const options = { env: { NOTIFY_SOCKET: socket, ...env } };
  const command = home.spawn(["serve", "--json", "--config", file, ...words], options);
  await command.until(() => command.lines.length > 0);
  return { command, pid: (JSON.parse(command.lines[0] ?? "") as { pid: number }).pid };
}

test("The service manager hears of being ready, of reloads, of signs of life and of the end", async () => {
  const manager = await Manager.start();
  const { command } = await serve(manager.socket, { WATCHDOG_USEC: "100000" });
  await manager.until("READY=1", "WATCHDOG=1");
  const beats = (): number => manager.told.filter((message) => message === "WATCHDOG=1").length;
  const before = beats();
  command.signal("SIGHUP");
  await manager.until(/^RELOADING=1\nMONOTONIC_USEC=\d+$/);
  await manager.hears(() => beats() >= before + 2);
  expect((await command.end()).code).toBe(0);
  await manager.until("STOPPING=1\nEXTEND_TIMEOUT_USEC=21000000");
  const reloading = manager.told.findIndex((message) => message.startsWith("RELOADING"));
  expect(manager.told.indexOf("READY=1", reloading)).toBeGreaterThan(reloading);
});

test("A successor is the service from then on, and the old process does not say that the service stops", async () => {
  const manager = await Manager.start(`@hearthwire-test-${process.pid}-${Date.now()}`);
  const old = await serve(manager.socket);
  await manager.until("READY=1");
  const successor = await serve(manager.socket, {}, "--takeover");
  await manager.until(`MAINPID=${successor.pid}\nREADY=1`);
  expect((await old.command.outcome()).code).toBe(0);
  expect(manager.told.filter((message) => message.startsWith("STOPPING"))).toEqual([]);
});

test("At `hearthwire restart` the main process stays, and the successor says that it is ready", async () => {
  const manager = await Manager.start();
  const launcher = new URL("../../bin/hearthwire.mjs", import.meta.url).pathname;
  const words = ["serve", "--json", "--data", home.data, "--listen", `127.0.0.1:${freePort()}`];
  const env = { NOTIFY_SOCKET: manager.socket, WATCHDOG_USEC: "100000" };
  const command = home.spawnProgram(["node", launcher, ...words, "--unix-socket", "false"], { env });
  await manager.until("READY=1", "WATCHDOG=1");
  await home.json(["restart"]);
  await command.until(() => command.lines.length === 2);
  const before = manager.told.length;
  await manager.hears(() => manager.told.slice(before).includes("WATCHDOG=1"));
  expect(manager.told.filter((message) => message !== "WATCHDOG=1")).toEqual(["READY=1", "READY=1"]);
  expect((await command.end()).code).toBe(0);
  await manager.until(/^STOPPING=1/);
});

test("Where the service manager's socket is gone, the gateway runs all the same", async () => {
  const { command } = await serve(join(home.folder, "nobody.sock"), { WATCHDOG_USEC: "100000" });
  expect((await command.end()).code).toBe(0);
});
