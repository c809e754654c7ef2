import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Home } from "./command-line.ts";

let home: Home;
beforeEach(() => {
  home = new Home();
});
afterEach(() => home.clear());

const keyForm = /^hw_(\w{10})_\w{24}\n$/;

async function newKey(...words: string[]): Promise<{ key: string; id: string }> {
  const { stdout } = await home.run(["key", "create", "test", ...words]);
  return { key: stdout.trim(), id: keyForm.exec(stdout)?.[1] ?? "" };
}

const bearer = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });

describe.each(["with a running gateway", "without one, on the data directory"])("Keys %s", (where) => {
  beforeEach(async () => {
    if (where === "with a running gateway") await home.serve();
  });

  test("key create writes the key alone on the standard output, and what it may do beside it", async () => {
    const { code, stdout, stderr } = await home.run([
      "key",
      "create",
      "phone",
      "--subscribe",
      "home/**",
      "demo/*",
      "--admin",
    ]);
    expect(code).toBe(0);
    expect(stdout).toMatch(keyForm);
    expect(stderr).toContain('("phone") may: subscribe home/** demo/*, admin.');
  });

  test("key list shows what is kept, and never a key's text", async () => {
    const { key, id } = await newKey("--publish", "home/**", "--expires", "30d");
    const { stdout } = await home.run(["key", "list"]);
    expect(stdout).toContain(`${id}  test`);
    expect(stdout).toContain("publish home/**");
    expect(stdout).not.toContain(key);
    const listed = (await home.json(["key", "list"])) as { id: string; created: number; expires: number }[];
    const found = listed.find((one) => one.id === id);
    expect((found?.expires ?? 0) - (found?.created ?? 0)).toBe(30 * 86_400_000);
  });

  test("key revoke takes it away, by its id or by the key itself", async () => {
    const one = await newKey("--subscribe", "a");
    const other = await newKey("--subscribe", "a");
    expect((await home.run(["key", "revoke", one.id])).code).toBe(0);
    expect((await home.run(["key", "revoke", other.key])).code).toBe(0);
    const { code, stderr } = await home.run(["key", "revoke", one.id]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: `Cannot revoke key ${one.id}: there is no such key\n` });
  });

  test("a pattern that is none is refused, and named", async () => {
    const { code, stderr } = await home.run(["key", "create", "x", "--subscribe", "home/**/lamp"]);
    expect(code).toBe(1);
    expect(stderr).toBe("Cannot use `grants.subscribe[0]`: it is no pattern: `**` must be its last level\n");
  });
});

describe("Keys", () => {
  test("a key that is made before the first start works at it, and no other admin key is made", async () => {
    const { key } = await newKey("--subscribe", "home/**");
    const { url, first_key } = await home.serve();
    expect(first_key).toBeUndefined();
    expect((await fetch(`${url}/channels/home/a`, bearer(key))).status).toBe(200);
  });

  test("a key that is made while the gateway runs works at once, for what it may and nothing else", async () => {
    const { url } = await home.serve();
    const { key } = await newKey("--subscribe", "home/**");
    const may = async (channel: string, method: string) =>
      (await fetch(`${url}/channels/${channel}`, { ...bearer(key), method })).status;
    expect(await may("home/a", "GET")).toBe(200);
    expect(await may("other/a", "GET")).toBe(403);
    expect(await may("home/a", "POST")).toBe(403);
  });

  test("revoking a key ends its sessions, and closes it out", async () => {
    const { url } = await home.serve();
    const { key, id } = await newKey("--subscribe", "home/**");
    const socket = new WebSocket(`${url.replace("http", "ws")}/channels/home/a`, [
      "hearthwire",
      `hearthwire.key.${key}`,
    ]);
    await new Promise((resolve) => socket.addEventListener("message", resolve, { once: true }));
    const closed = new Promise<CloseEvent>((resolve) => socket.addEventListener("close", resolve));
    expect((await home.run(["key", "revoke", id])).code).toBe(0);
    expect((await closed).code).toBe(3500);
    expect((await fetch(`${url}/channels/home/a`, bearer(key))).status).toBe(401);
  });

  test("a key without a grant is a wrong use, and so is a duration that is none", async () => {
    expect((await home.run(["key", "create", "idle"])).code).toBe(2);
    const { code, stderr } = await home.run(["key", "create", "x", "--subscribe", "a", "--expires", "soon"]);
    expect(code).toBe(2);
    expect(stderr).toStartWith("Cannot use --expires soon: it must be a duration like");
  });

  test("commands reach a gateway elsewhere with --url and a key from a flag, the environment or a file", async () => {
    const { url, first_key: key = "" } = await home.serve();
    const elsewhere = new Home();
    const file = join(home.folder, "key");
    writeFileSync(file, `${key}\n`);
    const list = ["--url", url, "key", "list"];
    expect((await elsewhere.run([...list, "--key", key])).code).toBe(0);
    expect((await elsewhere.run(list, { env: { HEARTHWIRE_KEY: key } })).code).toBe(0);
    expect((await elsewhere.run(list, { env: { HEARTHWIRE_KEY_FILE: file } })).code).toBe(0);
    expect((await elsewhere.run(["key", "list"], { env: { HEARTHWIRE_URL: url, HEARTHWIRE_KEY: key } })).code).toBe(0);
    const without = await elsewhere.run(list);
    expect(without).toMatchObject({ code: 1, stderr: "Cannot administrate without a key: send one\n" });
    await elsewhere.clear();
  });

  test("a URL where nobody answers, that is none, or a key without a URL, are told apart", async () => {
    const nobody = await home.run(["--url", "http://127.0.0.1:1", "key", "list"]);
    expect(nobody.code).toBe(3);
    expect(nobody.stderr).toStartWith("Cannot list the keys: http://127.0.0.1:1/ does not answer");
    expect((await home.run(["--url", "gateway", "key", "list"])).code).toBe(2);
    expect((await home.run(["--key", "hw_abcd_0123456789abcdef", "key", "list"])).code).toBe(2);
  });
});

describe.each(["with a running gateway", "without one, on the data directory"])("Devices %s", (where) => {
  beforeEach(async () => {
    if (where === "with a running gateway") await home.serve();
  });

  test("a device is added, listed, renamed, set, and removed with its key", async () => {
    const added = (await home.json(["device", "add", "tablet", "--subscribe", "home/**"])) as Record<string, string>;
    expect(added["id"]).toMatch(/^[A-Za-z0-9]{15}$/);
    expect(added["key"]).toMatch(/^hw_/);
    const id = added["id"] ?? "";
    const set = ["device", "set", id, "--name", "wall tablet", "--setting", "transport=sse", "room=kitchen"];
    expect((await home.run(set)).code).toBe(0);
    await home.run(["device", "set", id, "--setting", "room="]);
    const [listed] = (await home.json(["device", "list"])) as unknown[];
    expect(listed).toMatchObject({ id, name: "wall tablet", settings: { transport: "sse" }, key_id: added["key_id"] });
    expect(await home.json(["key", "list"])).toContainEqual(
      expect.objectContaining({ device: id, grants: { subscribe: [`$device/${id}`, "home/**"] } }),
    );
    expect((await home.run(["device", "remove", id])).code).toBe(0);
    expect(await home.json(["device", "list"])).toEqual([]);
    expect(await home.json(["key", "list"])).not.toContainEqual(expect.objectContaining({ device: id }));
  });

  test("device rotate gives it a new key with the rights of the old one, which is gone", async () => {
    const added = (await home.json(["device", "add", "chip", "--publish", "sensors/*"])) as Record<string, string>;
    const { stdout } = await home.run(["device", "rotate", added["id"] ?? ""]);
    expect(stdout).toMatch(keyForm);
    const keys = (await home.json(["key", "list"])) as Record<string, unknown>[];
    const own = keys.filter((key) => key["device"] === added["id"]);
    expect(own).toHaveLength(1);
    expect(own[0]?.["id"]).not.toBe(added["key_id"]);
    expect(own[0]?.["grants"]).toEqual({ subscribe: [`$device/${added["id"]}`], publish: ["sensors/*"] });
  });

  test("what concerns no device is refused, and changing nothing is a wrong use", async () => {
    for (const words of [["remove"], ["rotate"], ["set", "--name", "x"]]) {
      const { code, stderr } = await home.run(["device", ...words, "nobody"]);
      expect(code).toBe(1);
      expect(stderr).toMatch(/^Cannot .* device nobody: there is no such device\n$/);
    }
    expect((await home.run(["device", "set", "nobody"])).code).toBe(2);
    expect((await home.run(["device", "set", "nobody", "--setting", "x"])).code).toBe(2);
  });
});

describe("The data directory without a gateway", () => {
  test("commands on it wait for each other, and leave no socket behind", async () => {
    const made = await Promise.all(
      ["a", "b", "c"].map((name) => home.run(["key", "create", name, "--subscribe", name])),
    );
    expect(made.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(await home.json(["key", "list"])).toHaveLength(3);
    expect(existsSync(join(home.data, "control.sock"))).toBeFalse();
  });
});
