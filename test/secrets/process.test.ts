/** What other users of the machine see of a process. */
import { afterEach, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Home, type Serving } from "../cli/command-line.ts";

const homes: Home[] = [];
afterEach(async () => {
  for (const home of homes.splice(0)) await home.clear();
});

test("the command line, the title and the threads' names of a gateway tell no secret of its file, environment or keys", async () => {
  const home = new Home();
  homes.push(home);
  const secrets = ["upstream-key-of-a-house-0123456789", "token-secret-of-an-application-0123456789abcdef"];
  const file = join(home.folder, "house.yaml");
  writeFileSync(file, `bridges: { deconz: { type: deconz, url: "http://127.0.0.1:9", key: ${secrets[0]} } }\n`);
  const env = { HEARTHWIRE_TOKENS_HMAC: secrets[1] ?? "" };
  const command = home.spawn(["--json", "--data", home.data, "serve", "--listen", "127.0.0.1:0", "--config", file], {
    env,
  });
  await command.until(() => command.lines.length > 0);
  const { pid, addresses, first_key: first = "" } = JSON.parse(command.lines[0] ?? "") as Serving & { pid: number };
  const url = addresses[0]?.url;
  expect((await fetch(`${url}/admin/status`, { headers: { authorization: `Bearer ${first}` } })).status).toBe(200);
  const names = readdirSync(`/proc/${pid}/task`).map((task) => `task/${task}/comm`);
  const shown = ["cmdline", "comm", "stat", ...names]
    .map((name) => readFileSync(`/proc/${pid}/${name}`, "utf8"))
    .join("\n");
  expect(shown).toContain("serve");
  for (const secret of [...secrets, first, first.split("_").at(-1) ?? first]) expect(shown).not.toContain(secret);
});
