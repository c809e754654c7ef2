import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { found } from "../../scripts/secrets.mjs";

const root = new URL("../..", import.meta.url).pathname;

test("a secret is found wherever it stands, and told by its beginning alone", () => {
  const secrets = "AbCdEfGhIjKlMnOpQrStUvWx\na pass phrase of theirs\nAbCdEfGhIjKlMnOpQrStUvWx\n";
  expect(found(secrets, { printed: "nothing", logged: "no more" })).toEqual([]);
  expect(found(secrets, { logged: 'x {"key":"hw_ab12_AbCdEfGhIjKlMnOpQrStUvWx"}\n' })).toEqual([
    'AbCd… was logged: x {"key":"hw_ab12_…"}',
  ]);
  expect(found(secrets, { printed: "it is [a pass phrase of theirs]" })).toEqual(["a pa… was printed: it is […]"]);
});

test("keys, tickets and tokens are found by their form too", () => {
  expect(found("", { printed: "hwt_AbCdEfGhIjKlMnOpQrStUvWxYz12" })).toHaveLength(1);
  expect(found("", { printed: "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl" })).toHaveLength(1);
});

test("every log of a test is overheard", () => {
  const logs = readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !file.startsWith("secrets/"))
    .filter((file) => /: Log = \{|implements Log\b/.test(readFileSync(join(root, "test", file), "utf8")))
    .filter((file) => !/overheard\(|heard\(/.test(readFileSync(join(root, "test", file), "utf8")));
  expect(logs).toEqual([]);
});

test("what a gateway of a test makes and says comes into the ledger, in this process and in one of its own", () => {
  const folder = mkdtempSync(join(tmpdir(), "hearthwire-ledger-"));
  const some = "shows the first admin key|one stands for its key once";
  const files = ["./test/cli/serve.test.ts", "./test/http/everyone.test.ts"];
  const words = ["test", "--preload", "./test/secrets/ledger.ts", "--timeout=30000", "-t", some, ...files];
  const env = { ...process.env, TEST_LEDGER: folder };
  const { exitCode } = Bun.spawnSync([process.execPath, ...words], { cwd: root, env });
  const read = (file: string): string => readFileSync(join(folder, file), "utf8");
  expect(exitCode).toBe(0);
  expect(read("secrets").split("\n").length).toBeGreaterThan(2);
  expect(read("logged")).toContain("Stopping");
  expect(found(read("secrets"), { logged: read("logged") })).toEqual([]);
  rmSync(folder, { recursive: true });
}, 60_000);
