import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Home, type ServingCommand } from "./command-line.ts";

let home: Home;
let elsewhere: Home;
beforeEach(() => {
  home = new Home();
  elsewhere = new Home();
});
afterEach(async () => {
  await home.clear();
  await elsewhere.clear();
});

/** A gateway whose `kept/*` are durable. */
function serve(of: Home, ...words: string[]): Promise<ServingCommand> {
  const file = join(of.folder, "house.yaml");
  writeFileSync(
    file,
    "channels: { kept/map: { kind: map, durable: true }, kept/*: { durable: true } }\nanonymous: { subscribe: ['**'], publish: ['**'] }\n",
  );
  return of.serve("--config", file, ...words);
}

async function publish(url: string, channel: string, count: number): Promise<void> {
  for (let n = 1; n <= count; n++) {
    const { status } = await fetch(`${url}/channels/${channel}`, { method: "POST", body: String(n) });
    expect(status).toBe(200);
  }
}

async function poll(url: string, query: string): Promise<{ gap?: true; cursor: string; publications: unknown[] }> {
  return (await fetch(`${url}/channels/kept/a?${query}`)).json() as never;
}

describe("hearthwire backup and restore", () => {
  test("carry channels, keys and devices of a running gateway to another, whose clients are told of a gap", async () => {
    const { url, command } = await serve(home);
    await publish(url, "kept/a", 5);
    await publish(url, "kept/map?key=k", 2);
    const key = (await home.run(["key", "create", "phone", "--subscribe", "kept/*"])).stdout.trim();
    const device = (await home.json(["device", "add", "chip"])) as { id: string };
    const { cursor } = await poll(url, "history=1");
    const file = join(home.folder, "backup.tar");
    expect((await home.run(["backup", file])).stderr).toMatch(/^The backup is .*backup.tar \(\d+ KB\)\.\n$/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    await publish(url, "kept/a", 1);
    expect(await home.run(["restore", file, "--replace"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("another Hearthwire is running on it"),
    });
    await command.end("SIGKILL");

    expect((await elsewhere.run(["restore", file])).code).toBe(0);
    const other = await serve(elsewhere);
    expect(other.first_key).toBeUndefined();
    const history = await fetch(`${other.url}/channels/kept/a?history=10`, { headers: { "x-api-key": key } });
    const { publications } = (await history.json()) as { publications: { data: string; offset: number }[] };
    expect(publications.map(({ data, offset }) => [data, offset])).toEqual([1, 2, 3, 4, 5].map((n) => [String(n), n]));
    expect((await poll(other.url, `since=${cursor}`)).gap).toBe(true);
    expect(await elsewhere.json(["device", "list"])).toMatchObject([{ id: device.id, name: "chip" }]);
    // The restored one gives out the same offsets for other publications: in another epoch.
    const more = await fetch(`${other.url}/channels/kept/a`, { method: "POST", body: "6" });
    expect(await more.json()).toMatchObject({ offset: 6 });
  }, 30_000);

  test("work while no gateway runs, keep what is there unless told otherwise, and make no gateway up", async () => {
    expect((await home.run(["backup", join(home.folder, "nothing.tar")])).code).toBe(3);
    const { url, command } = await serve(home);
    await publish(url, "kept/a", 3);
    await command.end("SIGKILL");
    const file = join(home.folder, "backup.tar");
    expect(await home.json(["backup", file])).toMatchObject({ file, bytes: expect.any(Number) });
    expect(await home.run(["backup", file])).toMatchObject({ code: 1, stderr: expect.stringContaining("--force") });
    expect((await home.run(["backup", file, "--force"])).code).toBe(0);
    expect(await home.run(["restore", file])).toMatchObject({ code: 1, stderr: expect.stringContaining("--replace") });
    expect(await home.json(["restore", file, "--replace"])).toMatchObject({
      moved: [{}, {}].map(() => expect.any(String)),
    });
    const again = await serve(home);
    expect((await poll(again.url, "history=9")).publications).toHaveLength(3);
    expect(readdirSync(home.folder).filter((name) => name.startsWith(".backup"))).toEqual([]);
  }, 30_000);

  test("a backup by URL needs a key with the grant admin, and a folder that cannot be written is told", async () => {
    const { url, first_key: admin = "" } = await serve(home);
    const file = join(elsewhere.folder, "far.tar");
    const denied = await elsewhere.run(["--url", url, "backup", file]);
    expect(denied).toMatchObject({ code: 1, stderr: "Cannot administrate without a key: send one\n" });
    expect(existsSync(file)).toBe(false);
    expect((await elsewhere.run(["--url", url, "backup", file], { env: { HEARTHWIRE_KEY: admin } })).code).toBe(0);
    expect(readFileSync(file).subarray(0, 10).toString()).toBe("journal.db");
    const nowhere = join(elsewhere.folder, "no", "such", "folder.tar");
    expect((await home.run(["backup", nowhere])).stderr).toStartWith(`Cannot back up into ${nowhere}: `);
  });
});

describe("hearthwire export and import", () => {
  test("carry keys and devices, with no secret, from one running gateway to another", async () => {
    const from = await serve(home);
    const key = (await home.run(["key", "create", "phone", "--publish", "kept/**"])).stdout.trim();
    const device = (await home.json(["device", "add", "chip"])) as { id: string; key: string };
    const file = join(home.folder, "identities.json");
    expect((await home.run(["export", file])).stderr).toBe(`3 keys and 1 devices are in ${file}.\n`);
    const text = readFileSync(file, "utf8");
    for (const secret of [key, device.key, from.first_key ?? ""]) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(secret.split("_")[2] ?? "no secret");
    }
    expect(statSync(file).mode & 0o777).toBe(0o600);

    const { url } = await serve(elsewhere);
    const counts = { keys: { added: 3, replaced: 0, unchanged: 0 }, devices: { added: 1, replaced: 0, unchanged: 0 } };
    expect(await elsewhere.json(["import", file])).toEqual(counts);
    const post = (by: string) =>
      fetch(`${url}/channels/kept/a`, { method: "POST", body: "x", headers: { "x-api-key": by } });
    expect((await post(key)).status).toBe(200);
    expect(await elsewhere.json(["import", "-"], { stdin: text })).toMatchObject({
      keys: { added: 0, replaced: 0, unchanged: 3 },
      devices: { added: 0, unchanged: 1 },
    });
    expect(await elsewhere.json(["device", "list"])).toMatchObject([{ id: device.id }]);
  }, 30_000);

  test("work on the data directory while no gateway runs", async () => {
    await (await serve(home)).command.end();
    const { stdout } = await home.run(["export"]);
    expect(JSON.parse(stdout).keys).toHaveLength(1);
    expect((await elsewhere.run(["import", "-"], { stdin: stdout })).stderr).toContain("Of keys 1 are new");
    expect((await serve(elsewhere)).first_key).toBeUndefined();
  });

  test("another key of the same id is replaced only when asked to, and with it nothing else is imported", async () => {
    await serve(home);
    const { stdout } = await home.run(["export"]);
    const document = JSON.parse(stdout);
    const changed = { ...document.keys[0], name: "renamed" };
    const fresh = { ...document.keys[0], id: "fresh" };
    const stdin = JSON.stringify({ ...document, keys: [fresh, changed] });
    const refused = await home.run(["import", "-"], { stdin });
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("there is another one of this id") });
    expect(await home.json(["key", "list"])).toHaveLength(1);
    expect(await home.json(["import", "-", "--replace"], { stdin })).toMatchObject({ keys: { added: 1, replaced: 1 } });
    expect(await home.json(["key", "list"])).toMatchObject([{ name: "renamed" }, { id: "fresh" }]);
  });

  test("whatever is no export is refused in words", async () => {
    await serve(home);
    const head = '{"hearthwire":"keys and devices, 1"';
    for (const stdin of [
      "",
      "{}",
      "no json",
      `${head},"keys":[{}],"devices":[]}`,
      `${head},"keys":[],"devices":[],"more":1}`,
    ]) {
      const { code, stderr } = await home.run(["import", "-"], { stdin });
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/^Cannot /) });
    }
    const { url, first_key: key = "" } = await home.serve("--data", elsewhere.data, "--unix-socket", "false");
    const large = await fetch(`${url}/admin/import`, { method: "POST", body: "x".repeat(100_000) });
    expect(large.status).toBe(413);
    const headers = { authorization: `Bearer ${key}` };
    expect((await fetch(`${url}/admin/import`, { method: "POST", body: "x".repeat(100_000), headers })).status).toBe(
      400,
    );
  });
});

describe("hearthwire serve on damaged files", () => {
  test("says what to do, begins anew when told to, and tells the clients of a gap", async () => {
    const first = await serve(home);
    await publish(first.url, "kept/a", 3);
    const { cursor } = await poll(first.url, "history=1");
    await first.command.end();
    truncateSync(join(home.data, "journal.db"), 8192);
    const refused = await home.run(["serve", "--listen", "127.0.0.1:0"]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(
      /^Cannot open .*journal\.db: the file is damaged .*hearthwire restore.*--move-damaged-aside/,
    );
    const again = await serve(home, "--move-damaged-aside");
    expect(again.command.stderr).toContain("A damaged file was moved aside");
    expect(await poll(again.url, `since=${cursor}`)).toMatchObject({ gap: true, publications: [] });
    await publish(again.url, "kept/a", 1);
    // The keys were not damaged.
    expect(again.first_key).toBeUndefined();
    expect(readdirSync(home.data).filter((name) => name.includes("damaged"))).toHaveLength(1);
  }, 30_000);

  test("with damaged keys begins without any, and shows a first one", async () => {
    await (await serve(home)).command.end();
    writeFileSync(join(home.data, "keys.db"), "no database ".repeat(500));
    chmodSync(join(home.data, "keys.db"), 0o600);
    expect((await serve(home, "--move-damaged-aside")).first_key).toMatch(/^hw_/);
  });
});
