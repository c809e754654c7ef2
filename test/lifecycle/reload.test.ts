import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { Simulator } from "../../simulators/deconz/server.ts";
import { Home } from "../cli/command-line.ts";
import { House } from "./house.ts";

// Several processes start in each of these, one after another.
setDefaultTimeout(60_000);

let home: Home;
beforeEach(() => {
  home = new Home();
});
afterEach(() => home.clear());

const open = "anonymous: { subscribe: [house/**], publish: [house/**] }\n";

describe("hearthwire reload", () => {
  test("says what changes and what needs a restart, and with --dry-run changes nothing", async () => {
    const house = await new House(home).start(open);
    const changed = `${open}limits: { publication: 10 }\nheartbeat: 30s\n`;
    const wanted = { changed: ["limits.publication"], needs_restart: ["heartbeat"] };
    expect(await house.reload(changed, "--dry-run")).toEqual({ dry_run: true, ...wanted });
    expect((await house.publish("house/hall", "more than ten bytes")).status).toBe(200);
    expect(await house.reload(changed)).toEqual({ dry_run: false, ...wanted });
    expect((await house.publish("house/hall", "more than ten bytes")).status).toBe(413);
    const { stdout } = await home.run(["reload"]);
    expect(stdout).toBe("needs a restart   heartbeat\n");
    await house.reload(open);
    const again = await home.run(["reload"]);
    expect(again.stdout).toBe("No option has changed. Certificates and the keys of tokens were read anew.\n");
    expect((await home.run(["reload", "--dry-run"])).stdout).toBe("No option has changed.\n");
  });

  test("of a bad file changes nothing, and says file, line and what is wrong", async () => {
    const house = await new House(home).start(open);
    house.write(`${open}limits: { publication: 10 }\nchanels: {}\n`);
    const { code, stderr } = await home.run(["reload"]);
    expect(code).toBe(1);
    expect(stderr).toContain(`${house.file}:6:1: Cannot use option \`chanels\``);
    expect((await house.publish("house/hall", "more than ten bytes")).status).toBe(200);
  });

  test("is refused without the grant admin", async () => {
    const house = await new House(home).start(open);
    expect(await house.status("/admin/reload", { method: "POST" })).toBe(401);
  });

  test("takes up origins, and who may come without a key: who is there comes back", async () => {
    const house = await new House(home).start(open);
    const page = { headers: { origin: "https://page.example" } };
    expect(await house.status("/channels/house/hall", page)).toBe(403);
    const { ended } = await house.listen("house/hall");
    await house.reload("anonymous: { subscribe: [house/hall] }\norigins: [https://page.example]\n");
    expect(await ended).toBe(3011);
    expect(await house.status("/channels/house/hall", page)).toBe(200);
    expect(await house.status("/channels/house/attic")).toBe(401);
    expect((await house.publish("house/hall")).status).toBe(401);
  });

  test("takes up limits, for connections that are there too", async () => {
    const house = await new House(home).start(open);
    for (let count = 0; count < 5; count++) expect((await house.publish("house/hall")).status).toBe(200);
    await house.reload(`${open}limits: { publish_rate: { address: 1 }, subscriptions: 1, body: 1048580 }\n`);
    const statuses = [await house.publish("house/hall"), await house.publish("house/hall")].map(({ status }) => status);
    expect(statuses).toContain(429);
    expect(await house.status("/channels/house/a,house/b")).toBe(413);
    expect((await house.publish("house/hall", "x".repeat(1_048_600))).status).toBe(413);
  });

  test("takes up channels: history is as long as it says, another kind begins anew, and who listens comes back", async () => {
    const house = await new House(home).start(open);
    for (const body of ["1", "2", "3", "4"]) await house.publish("house/hall", body);
    const { epoch } = await house.publish("house/lights");
    const [atHall, atLights] = [await house.listen("house/hall"), await house.listen("house/lights")];
    await house.reload(`${open}channels: { house/hall: { history: { size: 2 } }, house/lights: { kind: map } }\n`);
    expect(await atLights.ended).toBe(3014);
    const response = await fetch(`${house.url}/channels/house/hall?history=10`);
    const { publications } = (await response.json()) as { publications: { offset: number }[] };
    expect(publications.map(({ offset }) => offset)).toEqual([3, 4]);
    expect((await house.publish("house/lights")).status).toBe(400);
    const lamp = await house.publish("house/lights?key=lamp");
    expect(lamp).toMatchObject({ status: 200, offset: 1 });
    expect(lamp.epoch).not.toBe(epoch);
    // Whoever listens to what goes on hears it.
    expect(await house.publish("house/hall", '"five"')).toMatchObject({ offset: 5 });
    for (let heard = ""; !heard.includes("five"); ) heard = await atHall.next();
  });

  test("makes channels durable, and no longer: what is kept is there after a crash", async () => {
    const house = await new House(home).start(open);
    const { epoch } = await house.publish("house/hall", '"forgotten"');
    await house.reload(`${open}channels: { house/hall: { durable: true } }\n`);
    const kept = await house.publish("house/hall", '"kept"');
    expect(kept.epoch).not.toBe(epoch);
    await house.command?.end("SIGKILL");
    await house.start(readFileSync(house.file, "utf8").split("\n").slice(3).join("\n"));
    expect(await house.publish("house/hall", '"more"')).toMatchObject({
      offset: (kept.offset ?? 0) + 1,
      epoch: kept.epoch,
    });
    await house.reload(open);
    const anew = await house.publish("house/hall");
    expect(anew.offset).toBe(1);
    expect(anew.epoch).not.toBe(kept.epoch);
  });

  test("takes up bridges: a new one is read, one that is gone is not, and its calls are not there", async () => {
    const simulator = new Simulator({ port: 0, keys: ["key"], speed: 0 });
    simulator.start();
    const house = await new House(home).start(open);
    const bridge = `bridges: { house: { type: deconz, url: "${simulator.url}", key: key } }\n`;
    const state = await house.listen("house/lights");
    await house.reload(`${open}${bridge}`);
    expect(await state.ended).toBe(3014);
    const lights = await house.listen("house/lights");
    // The house may not be read yet.
    const first = await lights.next();
    expect(first.startsWith('{"live"') ? await lights.next() : first).toContain('"key":');
    const { key } = (await home.json(["key", "create", "caller", "--call", "**"])) as { key: string };
    const methods = async (): Promise<unknown> =>
      (await fetch(`${house.url}/calls`, { headers: { "x-api-key": key } })).json();
    expect(await methods()).toMatchObject({ methods: expect.arrayContaining(["house.set"]) });
    expect(await house.reload(open)).toMatchObject({ changed: ["bridges.house"] });
    expect(await methods()).not.toMatchObject({ methods: expect.arrayContaining(["house.set"]) });
    await simulator.stop();
  });

  test("SIGHUP does the same, and says in the log what was wrong", async () => {
    const house = await new House(home).start(open);
    const { command } = house;
    house.write(`${open}limits: { publication: 10 }\n`);
    command?.signal("SIGHUP");
    await command?.until(() => command.stderr.includes("The configuration was taken up"));
    expect((await house.publish("house/hall", "more than ten bytes")).status).toBe(413);
    house.write("nonsense: 1\n");
    command?.signal("SIGHUP");
    await command?.until(() => command.stderr.includes("Nothing was changed"));
    expect(command?.stderr).toContain("Cannot use option `nonsense`");
    expect(await house.status("/health/ready")).toBe(200);
    expect((await command?.end())?.code).toBe(0);
  });
});
