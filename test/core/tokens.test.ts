import { expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from "jose";
import { Tokens } from "../../src/core/tokens.ts";
import { VerifyingKeys } from "../../src/core/verifying-keys.ts";
import { FakeClock } from "../fakes/clock.ts";
import { FakeLog } from "../fakes/log.ts";
import { outcome } from "./setting.ts";

const secret = "a secret of the application";
const encoder = new TextEncoder();

interface Options {
  readonly secrets?: readonly string[];
  readonly publicKeys?: readonly JWK[];
  readonly fetchKeys?: () => Promise<string>;
  readonly audience?: readonly string[];
  readonly issuer?: string;
  readonly clock?: FakeClock;
}

function tokensOf({ secrets = [secret], publicKeys = [], fetchKeys, clock = new FakeClock(), ...more }: Options = {}) {
  const keys = new VerifyingKeys({ clock, log: new FakeLog(), secrets, publicKeys, fetchKeys });
  return new Tokens({ clock, keys, defaultGrants: { subscribe: ["default/**"] }, ...more });
}

function sign(claims: JWTPayload, by = secret, alg = "HS256"): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg }).sign(encoder.encode(by));
}

const seconds = (clock: FakeClock): number => Math.floor(clock.now() / 1000);

test("A token signed with any of the secrets says who its bearer is and what it may do", async () => {
  const tokens = tokensOf({ secrets: ["the old secret of the app", secret] });
  for (const by of ["the old secret of the app", secret]) {
    const claims = {
      sub: "ada",
      info: { name: "Ada" },
      grants: { publish: ["a/*"] },
      channels: ["news"],
      subs: { b: {} },
    };
    const { principal, channels } = await tokens.identity(await sign(claims, by));
    expect(principal).toMatchObject({ id: "ada", name: "ada", info: '{"name":"Ada"}' });
    expect(principal.rights.may("publish", "a/1")).toBeTrue();
    expect(principal.rights.may("subscribe", "default/1")).toBeFalse();
    expect(channels).toEqual(["$user/ada", "news", "b"]);
  }
  const { principal } = await tokens.identity(await sign({ sub: "bob" }));
  expect(principal.rights.grants).toEqual({ subscribe: ["default/**"] });
  expect(await outcome(async () => tokens.identity(await sign({ sub: "eve" }, "another secret")))).toBe("unauthorized");
});

test("A token that is shown again is not verified again for a minute, nor taken longer than it lasts", async () => {
  const clock = new FakeClock();
  const keys = new VerifyingKeys({ clock, log: new FakeLog(), secrets: [secret], publicKeys: [] });
  let asked = 0;
  const { fitting } = keys;
  keys.fitting = (header) => {
    asked++;
    return fitting.call(keys, header);
  };
  const tokens = new Tokens({ clock, keys, defaultGrants: {} });
  const lasting = await sign({ sub: "ada" });
  for (let count = 0; count < 1000; count++) await tokens.identity(lasting);
  expect(asked).toBe(1);
  clock.advance(60_000);
  await tokens.identity(lasting);
  expect(asked).toBe(2);
  const short = await sign({ sub: "bob", exp: seconds(clock) + 5 });
  await tokens.identity(short);
  clock.advance(5000);
  expect(await outcome(() => tokens.identity(short))).toBe("token_expired");
  expect(await outcome(async () => tokens.identity(`${lasting}x`))).toBe("unauthorized");
});

test.each(["HS384", "HS512"])("Secrets sign by %s too", async (alg) => {
  expect((await tokensOf().identity(await sign({ sub: "ada" }, secret, alg))).principal.id).toBe("ada");
});

test.each(["RS256", "RS512", "PS256", "ES256", "ES384", "ES512", "EdDSA"])(
  "A public key verifies %s, and is never taken for a secret",
  async (alg) => {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
    const jwk = await exportJWK(publicKey);
    const tokens = tokensOf({ secrets: [], publicKeys: [jwk] });
    const token = await new SignJWT({ sub: "ada" }).setProtectedHeader({ alg }).sign(privateKey);
    expect((await tokens.identity(token)).principal.id).toBe("ada");
    expect(await outcome(async () => tokens.identity(await sign({ sub: "eve" }, JSON.stringify(jwk))))).toBe(
      "unauthorized",
    );
  },
);

test("Without a signature, or with one by a key of another kind, a token is no good", async () => {
  const none = `${btoa('{"alg":"none"}').replaceAll("=", "")}.${btoa('{"sub":"eve"}').replaceAll("=", "")}.`;
  expect(await outcome(() => tokensOf().identity(none))).toBe("unauthorized");
  const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
  const tokens = tokensOf({ secrets: [], publicKeys: [publicKey.export({ format: "jwk" }) as JWK] });
  expect(await outcome(async () => tokens.identity(await sign({ sub: "eve" }, pem)))).toBe("unauthorized");
});

test("The keys of a JWKS URL are asked for when needed, kept for ten minutes, and a new one is found in half a minute", async () => {
  const clock = new FakeClock();
  const first = await generateKeyPair("ES256", { extractable: true });
  const second = await generateKeyPair("ES256", { extractable: true });
  const published: JWK[] = [{ ...(await exportJWK(first.publicKey)), kid: "1" }];
  let asked = 0;
  const fetchKeys = async (): Promise<string> => {
    asked++;
    return JSON.stringify({ keys: published });
  };
  const tokens = tokensOf({ secrets: [], fetchKeys, clock });
  const by = (key: CryptoKey, kid: string): Promise<string> =>
    new SignJWT({ sub: "ada" }).setProtectedHeader({ alg: "ES256", kid }).sign(key);
  const old = await by(first.privateKey, "1");
  const young = await by(second.privateKey, "2");
  await Promise.all([tokens.identity(old), tokens.identity(old)]);
  expect(asked).toBe(1);
  published.push({ ...(await exportJWK(second.publicKey)), kid: "2" });
  expect(await outcome(() => tokens.identity(young))).toBe("unauthorized");
  expect(asked).toBe(1);
  clock.advance(31_000);
  expect((await tokens.identity(young)).principal.id).toBe("ada");
  expect(asked).toBe(2);
  published.shift();
  clock.advance(10 * 60_000 + 1);
  expect(await outcome(() => tokens.identity(old))).toBe("unauthorized");
});

test("Keys that cannot be had now make tokens unavailable, and those that were there stay", async () => {
  const clock = new FakeClock();
  const { privateKey, publicKey } = await generateKeyPair("EdDSA", { extractable: true });
  const jwk = await exportJWK(publicKey);
  let there = false;
  const fetchKeys = async (): Promise<string> => {
    if (!there) throw new Error("no such host");
    return JSON.stringify({ keys: [jwk] });
  };
  const tokens = tokensOf({ secrets: [], fetchKeys, clock });
  const token = await new SignJWT({ sub: "ada" }).setProtectedHeader({ alg: "EdDSA" }).sign(privateKey);
  expect(await outcome(() => tokens.identity(token))).toBe("not_available");
  there = true;
  clock.advance(31_000);
  expect((await tokens.identity(token)).principal.id).toBe("ada");
  there = false;
  clock.advance(11 * 60_000);
  expect((await tokens.identity(token)).principal.id).toBe("ada");
});

test("A token ends at `exp`, or its connection at `expire_at`, a while before the session does", async () => {
  const clock = new FakeClock();
  const tokens = tokensOf({ clock });
  const now = seconds(clock);
  const { expires, principal } = await tokens.identity(await sign({ sub: "ada", exp: now + 60 }));
  expect(expires).toBe((now + 60) * 1000);
  expect(principal.expires).toBe((now + 85) * 1000);
  expect(await outcome(async () => tokens.identity(await sign({ sub: "ada", exp: now - 1 })))).toBe("token_expired");
  const forever = await tokens.identity(await sign({ sub: "ada", exp: now + 60, expire_at: 0 }));
  expect(forever.expires).toBeUndefined();
  const later = await tokens.identity(await sign({ sub: "ada", exp: now + 60, expire_at: now + 600 }));
  expect(later.expires).toBe((now + 600) * 1000);
  clock.advance(61_000);
  expect(await outcome(async () => tokens.identity(await sign({ sub: "ada", exp: now + 60 })))).toBe("token_expired");
});

test("Audience and issuer are asked for where they are configured", async () => {
  const tokens = tokensOf({ audience: ["house", "garden"], issuer: "app" });
  const ask = (claims: JWTPayload) => outcome(async () => tokens.identity(await sign({ sub: "ada", ...claims })));
  expect(await ask({ aud: "house", iss: "app" })).not.toBe("unauthorized");
  expect(await ask({ aud: ["garden", "x"], iss: "app" })).not.toBe("unauthorized");
  expect(await ask({ aud: "x", iss: "app" })).toBe("unauthorized");
  expect(await ask({ aud: "house", iss: "x" })).toBe("unauthorized");
  expect(await ask({})).toBe("unauthorized");
});

test("A token for one channel is good for that channel and user alone, and not for a connection", async () => {
  const clock = new FakeClock();
  const tokens = tokensOf({ clock });
  const exp = seconds(clock) + 60;
  const token = await sign({ sub: "ada", channel: "a", exp });
  expect(await tokens.subscription(token, "a", "ada")).toEqual({ expires: exp * 1000 });
  expect(await outcome(() => tokens.subscription(token, "b", "ada"))).toBe("permission_denied");
  expect(await outcome(() => tokens.subscription(token, "a", "bob"))).toBe("permission_denied");
  expect(await outcome(() => tokens.subscription("x", "a", "ada"))).toBe("permission_denied");
  expect(await outcome(() => tokens.identity(token))).toBe("unauthorized");
  expect(await tokens.subscription(await sign({ channel: "a" }), "a", "anonymous")).toEqual({});
  clock.advance(61_000);
  expect(await outcome(() => tokens.subscription(token, "a", "ada"))).toBe("token_expired");
});

const odd: JWTPayload[] = [
  { grants: { fly: ["**"] } },
  { grants: { subscribe: "**" } },
  { grants: { subscribe: ["a//b"] } },
  { grants: [] },
  { channels: "a" },
  { channels: ["a b"] },
  { channels: Array.from({ length: 300 }, (_, at) => `c/${at}`) },
  { expire_at: "soon" },
  { subs: "a" },
];
test.each(odd)("A token with claims that make no sense is refused (%#)", async (claims) => {
  expect(await outcome(async () => tokensOf().identity(await sign({ sub: "ada", ...claims })))).toBe("unauthorized");
});

test("Arbitrary texts and claims are refused or understood, and never anything else", async () => {
  const tokens = tokensOf();
  const dotted = fc.array(fc.base64String(), { maxLength: 4 }).map((parts) => parts.join("."));
  const texts = fc.oneof(fc.string({ maxLength: 200 }), dotted);
  const known = ["unauthorized", "token_expired", "limit_exceeded", "bad_request"];
  await fc.assert(
    fc.asyncProperty(texts, async (text) => {
      expect(known as unknown[]).toContain(await outcome(() => tokens.identity(text)));
    }),
    { numRuns: 300 },
  );
  const names = fc.constantFrom("sub", "channels", "subs", "grants", "expire_at", "info", "b64info", "channel", "exp");
  const claims = fc.dictionary(names, fc.jsonValue(), { maxKeys: 4 });
  await fc.assert(
    fc.asyncProperty(claims, async (given) => {
      const token = await sign({ sub: "ada" }).then(() => signAnything(given));
      try {
        const { principal } = await tokens.identity(token);
        expect(principal.id).toBeString();
      } catch (thrown) {
        expect(known as unknown[]).toContain(await outcome(() => Promise.reject(thrown)));
      }
    }),
    { numRuns: 300 },
  );
});

/** jose's own signer would refuse claims of a wrong type. */
async function signAnything(claims: unknown): Promise<string> {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part({ alg: "HS256" })}.${part(claims)}`;
  const { createHmac } = await import("node:crypto");
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}
