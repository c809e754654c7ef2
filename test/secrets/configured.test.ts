import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

test("every secret of a configuration is one that nothing may print", async () => {
  const folder = mkdtempSync(join(tmpdir(), "hearthwire-secrets-"));
  const script = `
    import { parseConfig } from "./src/config/load.ts";
    import { registerConfigured } from "./test/secrets/configured.ts";
    registerConfigured(parseConfig({ text: process.argv[1] }));`;
  const yaml = `
data: /tmp
bridges: { deconz: { type: deconz, url: "http://192.168.1.10", key: "0A1B2C3D4E" } }
tokens: { hmac: ["an-old-secret-of-the-application", "a-new-secret-of-the-application"] }`;
  const env = { ...process.env, TEST_LEDGER: folder };
  const root = join(import.meta.dir, "../..");
  const child = Bun.spawn([process.execPath, "--eval", script, yaml], {
    cwd: root,
    env,
    stdout: "pipe",
    stderr: "pipe",
  });
  expect(await child.exited).toBe(0);
  const registered = readFileSync(join(folder, "secrets"), "utf8").trim().split("\n");
  rmSync(folder, { recursive: true });
  expect(registered.sort()).toEqual([
    "0A1B2C3D4E",
    "a-new-secret-of-the-application",
    "an-old-secret-of-the-application",
  ]);
});

test("so is every secret of a gateway in a process of its own, right or wrong, and of what it has taken up", async () => {
  const folder = mkdtempSync(join(tmpdir(), "hearthwire-secrets-"));
  const root = join(import.meta.dir, "../..");
  const script = `
    import { writeFileSync } from "node:fs";
    import "./test/secrets/ledger.ts";
    const folder = process.argv[1];
    const write = (name, secret, more) => writeFileSync(folder + name, "bridges: { deconz: { type: deconz, url: 'http://10.0.0.1', key: " + secret + " } }\\n" + more);
    const run = (env, ...words) => Bun.spawn([process.execPath, "src/main.ts", "config", "check", ...words], { cwd: "${root}", env, stdout: "ignore", stderr: "ignore" });
    write("/right.yaml", "of-the-right-one", "data: /tmp\\n");
    write("/wrong.yaml", "of-the-wrong-one", "nonsense: true\\n");
    const children = [run({}, "--config", folder + "/right.yaml"), run({ HEARTHWIRE_CONFIG: folder + "/wrong.yaml" })];
    write("/right.yaml", "of-the-later-one", "data: /tmp\\n");
    for (const child of children) await child.exited;`;
  const child = Bun.spawn([process.execPath, "--eval", script, folder], {
    cwd: root,
    env: { ...process.env, TEST_LEDGER: folder },
    stdout: "inherit",
    stderr: "inherit",
  });
  expect(await child.exited).toBe(0);
  const registered = readFileSync(join(folder, "secrets"), "utf8").trim().split("\n");
  rmSync(folder, { recursive: true });
  expect(new Set(registered)).toEqual(new Set(["of-the-later-one", "of-the-right-one", "of-the-wrong-one"]));
}, 20_000);
