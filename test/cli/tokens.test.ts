import { afterEach, beforeEach, expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { SignJWT } from "jose";
import { Home } from "./command-line.ts";

let home: Home;
beforeEach(() => {
  home = new Home();
});
afterEach(() => home.clear());

const secret = "the secret of an application";

/** The configuration with these options of tokens, as arguments of a command. */
function configured(tokens: string): string[] {
  const file = join(home.folder, "hearthwire.yaml");
  writeFileSync(file, `tokens: ${tokens}\n`);
  return ["--config", file];
}

test("hearthwire token create signs a token, and check says whose it is and what it may do", async () => {
  const config = configured(`{ hmac: [an old secret of theirs, ${secret}], audience: [house], issuer: app }`);
  const made = await home.run([...config, "token", "create", "ada", "--subscribe", "home/**", "--channels", "news"]);
  expect(made).toMatchObject({ code: 0, stderr: "" });
  const { code, stdout } = await home.run([...config, "token", "check", made.stdout.trim()]);
  expect(code).toBe(0);
  expect(stdout).toContain("user: ada\nmay: subscribe home/**\nchannels: $user/ada news\nexpires: 2");
  const one = await home.run([...config, "token", "create", "ada", "--channel", "safe", "--expires", "10m"]);
  const checked = await home.run([...config, "--json", "token", "check", one.stdout.trim()]);
  expect(JSON.parse(checked.stdout)).toMatchObject({ good: true, may: "subscribe safe", claims: { channel: "safe" } });
});

test("A token that the gateway would refuse is said to be so, and why", async () => {
  const config = configured(`{ hmac: [${secret}] }`);
  const { code, stderr } = await home.run([...config, "token", "check", "nonsense"]);
  expect({ code, stderr }).toEqual({ code: 1, stderr: "Cannot use the token: it is no JWT\n" });
  const none = await home.run(["token", "check", "nonsense"]);
  expect(none.stderr).toContain("the configuration has no `tokens`");
  expect((await home.run(["token", "create", "ada"])).stderr).toContain("no `tokens.hmac`");
});

test("Secrets come from a file too and are not printed; a public key is a file", async () => {
  writeFileSync(join(home.folder, "secrets"), `an old secret without spaces\n${"s".repeat(32)}\n`.replaceAll(" ", "-"));
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  writeFileSync(join(home.folder, "app.pem"), publicKey.export({ type: "spki", format: "pem" }));
  const config = configured("{ hmac_file: secrets, public_keys: [app.pem], default_grants: { subscribe: [a/*] } }");
  const printed = await home.run([...config, "config", "print"]);
  expect(printed.stdout).toContain("hmac: …");
  expect(printed.stdout).not.toContain("ssss");
  const token = await new SignJWT({ sub: "ada" }).setProtectedHeader({ alg: "EdDSA" }).sign(privateKey);
  expect((await home.run([...config, "token", "check", token])).stdout).toContain("user: ada\nmay: subscribe a/*");
  const made = await home.run([...config, "token", "create", "bob"]);
  expect((await home.run([...config, "token", "check", made.stdout.trim()])).stdout).toContain("user: bob");
});

test("A short secret, a wrong grant and a key that is none are refused with their place", async () => {
  const fault = async (tokens: string): Promise<string> =>
    (await home.run([...configured(tokens), "config", "check"])).stderr;
  expect(await fault("{ hmac: [short] }")).toContain("at least 16 characters");
  expect(await fault("{ default_grants: { subscribe: [a//b] } }")).toContain("empty level");
  writeFileSync(join(home.folder, "no.pem"), "nonsense");
  const { code, stderr } = await home.run([...configured("{ public_keys: [no.pem] }"), "token", "check", "x"]);
  expect(code).toBe(1);
  expect(stderr).toContain("Cannot use the public key");
});
