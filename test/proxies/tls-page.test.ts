/** The commands of docs/tls.md for an authority of one's own, as they stand there, and what the doctor says of what they make. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Home } from "../cli/command-line.ts";

const page = readFileSync(new URL("../../docs/tls.md", import.meta.url), "utf8");

let home: Home;
beforeEach(() => {
  home = new Home();
});
afterEach(() => home.clear());

test("the certificate of docs/tls.md serves, and the doctor finds it good with --ca", async () => {
  const [, commands = ""] = /```sh\n(openssl req -x509[\s\S]*?)```/.exec(page) ?? [];
  const shell = Bun.spawnSync(["sh", "-ec", commands.replaceAll("push.home.arpa", "localhost")], { cwd: home.folder });
  expect([shell.exitCode, commands.length > 100]).toEqual([0, true]);
  const config = join(home.folder, "tls.yaml");
  writeFileSync(config, "tls: { cert: fullchain.pem, key: privkey.pem }\n");
  const { url } = await home.serve("--config", config);
  expect(url).toStartWith("https://localhost:");
  const { code, stdout } = await home.run(["doctor", url, "--no-silence", "--ca", join(home.folder, "ca.pem")]);
  expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining("good   Certificate good until") });
}, 20_000);
