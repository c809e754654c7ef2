/** Pairing, both ways: the gateway with a home system, and clients with the gateway. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Simulator } from "../../simulators/deconz/server.ts";
import { until } from "../transports/raw-client.ts";
import { Home, type ServingCommand } from "./command-line.ts";

const home = new Home();
const simulator = new Simulator().start();
const config = join(home.folder, "house.yaml");
let serving: ServingCommand;

beforeAll(async () => {
  writeFileSync(
    config,
    `bridges: { house: { type: deconz, url: "${simulator.url}" } }\nlisteners: [{ listen: "127.0.0.1:0", protocol: deconz }]\n`,
  );
  serving = await home.serve("--config", config);
});

afterAll(async () => {
  await home.clear();
  await simulator.stop();
});

const lights = async (key: string): Promise<number> => {
  const host = serving.addresses[1]?.url ?? "";
  return (await fetch(`${host}/api/${key}/lights`)).status;
};

describe("hearthwire bridge pair", () => {
  test("asks for the link button, waits for it, and a gateway that runs uses the key", async () => {
    const command = home.spawn(["--data", home.data, "--config", config, "bridge", "pair", "house"]);
    await command.until(() => command.stderr.includes("Waiting"));
    expect(command.stderr).toContain(simulator.url);
    simulator.keys.unlockedUntil = Date.now() + 60_000;
    const { code, stderr } = await command.outcome();
    expect([code, stderr]).toEqual([0, expect.stringContaining("It is kept in")]);
    simulator.keys.unlockedUntil = 0;
    const file = join(home.data, "secrets/house.key");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(simulator.keys.owners.has(readFileSync(file, "utf8").trim())).toBe(true);
    expect(stderr).not.toContain(readFileSync(file, "utf8").trim());
  }, 20_000);

  test("takes the password instead, and says what is wrong with it", async () => {
    const pair = (password: string, ...more: string[]) =>
      home.run(["--config", config, "bridge", "pair", "house", "--password-file", "-", ...more], { stdin: password });
    expect((await pair("delight\n")).code).toBe(0);
    expect(await pair("wrong")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("does not take this password"),
    });
  }, 20_000);

  test("needs neither on the gateway's own machine, by a loopback name, where the gateway lets it", async () => {
    const pair = () => home.run(["--config", config, "bridge", "pair", "house", "--for", "1s"]);
    simulator.keys.allowLocal = true;
    const { code, stderr } = await pair();
    simulator.keys.allowLocal = false;
    expect([code, stderr.includes("Waiting"), stderr.includes("It is kept in")]).toEqual([0, false, true]);
    expect((await pair()).code).toBe(1);
  }, 20_000);

  test("says what is wrong: an unknown bridge, nobody there, nobody at the button", async () => {
    const run = async (...words: string[]) => (await home.run(["--config", config, "bridge", "pair", ...words])).stderr;
    expect(await run("other")).toContain("no such bridge (it has house)");
    expect(await run("house", "--for", "1s")).toContain("nobody pressed the link button in time");
    expect(await run("house", "--for", "soon")).toContain("--for soon");
  }, 20_000);
});

describe("hearthwire pairing open", () => {
  const pair = async (): Promise<{ status: number; key: string }> => {
    const body = JSON.stringify({ devicetype: "app" });
    const response = await fetch(`${serving.addresses[1]?.url}/api`, { method: "POST", body });
    const text = await response.text();
    return { status: response.status, key: /hw_\w+/.exec(text)?.[0] ?? "" };
  };

  test("lets clients pair while it runs, and not before or after", async () => {
    expect((await pair()).status).toBe(403);
    const command = home.spawn(["--data", home.data, "--config", config, "pairing", "open", "--for", "60s"]);
    await command.until(() => command.stderr.includes("Clients may pair now"));
    const { status, key } = await pair();
    expect(status).toBe(200);
    // The gateway has found its own key by then.
    await until(async () => (await lights(key)) !== 503, "the gateway's own key");
    expect(await lights(key)).toBe(200);
    expect((await command.end("SIGINT")).code).toBe(0);
    expect((await pair()).status).toBe(403);
  }, 20_000);
});

test("serve --ws-port gives the WebSocket a port of its own, and 0 the listener's", async () => {
  const other = new Home();
  const free = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("") });
  const port = free.port ?? 0;
  await free.stop(true);
  const own = await other.serve("--config", config, "--ws-port", String(port));
  expect(own.addresses.map(({ protocol }) => protocol)).toEqual([undefined, "deconz", "deconz"] as never);
  expect(own.addresses[2]?.listen).toBe(`127.0.0.1:${port}`);
  await own.command.end();
  const shared = await other.serve("--config", config, "--ws-port=0");
  expect(shared.addresses).toHaveLength(2);
  await shared.command.end();
  const refused = await other.run(["serve", "--ws-port", "8088", "--listen", "127.0.0.1:0"]);
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining("no listener with the protocol deconz")]);
  await other.clear();
}, 20_000);
