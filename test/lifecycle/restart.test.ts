import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Home, type RunningCommand } from "../cli/command-line.ts";
import { freePort } from "../free-port.ts";
import { migrateConnections } from "./migrating.ts";
import { Visitors } from "./stream-of-visitors.ts";

migrateConnections();

// Several processes start in each of these, one after another.
setDefaultTimeout(60_000);

const launcher = new URL("../../bin/hearthwire.mjs", import.meta.url).pathname;

let home: Home;
let file: string;
const launched: RunningCommand[] = [];
beforeEach(() => {
  home = new Home();
  file = join(home.folder, "house.yaml");
});
afterEach(async () => {
  // Those that were launched outlive a launcher that is killed.
  for (const pid of launched.splice(0).flatMap(pids)) if (isThere(pid)) process.kill(pid, "SIGKILL");
  await home.clear();
});

function write(port: number, more = ""): void {
  const anonymous = "{ subscribe: [house/**], publish: [house/**] }";
  const own = `listen: 127.0.0.1:${port}\ndata: ${home.data}\nunix_socket: false\nanonymous: ${anonymous}\n`;
  writeFileSync(file, `${own}channels: { house/**: { durable: true, history: { size: 100000, ttl: 1h } } }\n${more}`);
}

/** As systemd and a container start it: one process that stays. */
async function launch(): Promise<RunningCommand> {
  const command = home.spawnProgram(["node", launcher, "serve", "--json", "--config", file]);
  launched.push(command);
  await command.until(() => command.lines.length > 0);
  return command;
}

/** Of the gateways that the launcher has started, in order. */
function pids(command: RunningCommand): number[] {
  return command.lines.map((line) => (JSON.parse(line) as { pid: number }).pid);
}

async function listening(port: number): Promise<{ readonly ended: Promise<number> }> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/channels/house/hall`);
  await new Promise((resolve) => {
    socket.onmessage = resolve;
  });
  return { ended: new Promise((resolve) => (socket.onclose = ({ code }) => resolve(code))) };
}

describe("hearthwire restart", () => {
  test("loses no connection attempt and nothing that was acknowledged; the process that was started stays", async () => {
    const port = freePort();
    write(port, "drain: 200ms\n");
    const command = await launch();
    const visitors = new Visitors(port, "house/attic");
    await visitors.more(50);
    const { ended } = await listening(port);
    const runs = new Set<string>();
    for (let restart = 0; restart < 3; restart++) {
      const { run } = (await home.json(["restart"])) as { run: string };
      runs.add(run);
      await visitors.more(50);
    }
    expect(await ended).toBe(3001);
    await visitors.leave();
    expect(visitors.lost).toEqual([]);
    const published = visitors.published.toSorted((a, b) => a.offset - b.offset);
    expect(published.map(({ offset }) => offset)).toEqual(published.map((_, at) => at + 1));
    expect(runs.size).toBe(3);
    expect(new Set(pids(command)).size).toBe(4);
    // A moment after the last one is told to stop, all of them are gone.
    expect((await command.end()).code).toBe(0);
    expect(pids(command).filter(isThere)).toEqual([]);
  });

  test("takes up what needs a restart", async () => {
    const [port, other] = [freePort(), freePort()];
    write(port, "drain: 0s\n");
    await launch();
    write(port, `drain: 0s\nlisteners: [{ listen: 127.0.0.1:${other} }]\n`);
    const { stdout } = await home.run(["restart"]);
    expect(stdout).toMatch(/^Hearthwire \d+\.\d+\.\d+ has taken over\.\n$/);
    expect((await fetch(`http://127.0.0.1:${other}/health/ready`)).status).toBe(200);
  });

  test("with a bad file or other data is refused and starts nothing; a successor that fails leaves all as it was", async () => {
    const port = freePort();
    write(port);
    const command = await launch();
    const { ended } = await listening(port);
    const failing = async (): Promise<string> => {
      const { code, stderr } = await home.run(["restart"]);
      expect(code).toBe(1);
      return stderr;
    };
    write(port, "nonsense: 1\n");
    expect(await failing()).toContain(`${file}:6:1: Cannot use option \`nonsense\``);
    writeFileSync(file, `listen: 127.0.0.1:${port}\nunix_socket: false\ndata: ${home.folder}/other\n`);
    expect(await failing()).toBe("Cannot restart on another data directory: stop this gateway, and start one there\n");
    const taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
    write(port, `listeners: [{ listen: 127.0.0.1:${taken.port} }]\n`);
    expect(await failing()).toContain("Cannot restart: the successor has ended");
    expect(command.stderr).toContain(`Cannot listen on 127.0.0.1:${taken.port}: another program has the port`);
    taken.stop(true);
    expect(await Promise.race([ended, home.json(["status"])])).toMatchObject({ ready: true });
    // What was in its way is gone.
    expect((await home.run(["restart"])).code).toBe(0);
    expect(await ended).toBe(3001);
  });

  test("whose successor dies ends the one before too, so that the service manager starts anew", async () => {
    const port = freePort();
    write(port, "drain: 1h\n");
    const command = await launch();
    const sessions = [await listening(port), await listening(port)];
    await home.json(["restart"]);
    await command.until(() => pids(command).length === 2);
    await Promise.race(sessions.map(({ ended }) => ended));
    process.kill(pids(command)[1] ?? 0, "SIGKILL");
    const { code, stderr } = await command.outcome();
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining("the successor has ended, and nobody serves"),
    });
    expect(pids(command).filter(isThere)).toEqual([]);
  });

  test("is refused where nobody can start a successor", async () => {
    await home.serve();
    const { code, stderr } = await home.run(["restart"]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: "Cannot restart: this gateway was not started by the command `hearthwire`\n",
    });
  });
});

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
