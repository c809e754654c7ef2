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
