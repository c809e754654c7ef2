import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildTools } from "../../bench/build.ts";
import { endAll } from "../../bench/processes.ts";
import { verifyLoadClient } from "../../bench/verify.ts";

const folder = mkdtempSync(join(tmpdir(), "hearthwire-bench-test-"));

afterAll(async () => {
  await endAll();
  rmSync(folder, { recursive: true });
});

// The bench is for developers' machines: where it cannot be built, saying why is all that it has to do.
const buildable = process.platform === "linux" && Bun.which("gcc") !== null;

test("the bench tools build without a warning, and the load client counts what was sent", async () => {
  if (!buildable) return expect(() => buildTools(folder)).toThrow(/^Cannot (build|run) the bench/);
  await verifyLoadClient(buildTools(folder));
}, 20_000);

test("without a compiler one sentence says so", () => {
  expect(() => buildTools(folder, "no-such-gcc")).toThrow(/^Cannot (build the bench tools: there is no|run the bench)/);
});
