// Tokens as the configuration has them, in a whole gateway: secrets, and keys that are asked for by HTTP.
import { expect, test } from "bun:test";
import { Centrifuge } from "centrifuge";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { TestGateway } from "./gateway.ts";

const secret = "the secret of an application";

test("A client is let in by a secret's token and by one whose key the JWKS URL tells, and calls what it may", async () => {
  const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
  const keys = [{ ...(await exportJWK(publicKey)), kid: "a" }];
  const provider = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => Response.json({ keys }) });
  const gateway = await TestGateway.start(`
tokens: { hmac: [${secret}], jwks_url: "http://127.0.0.1:${provider.port}/keys", default_grants: { call: [time] } }
`);
  const byKey = new SignJWT({ sub: "ada" }).setProtectedHeader({ alg: "ES256", kid: "a" }).sign(privateKey);
  const bySecret = new SignJWT({ sub: "bob" })
    .setProtectedHeader({ alg: "HS256" })
    .sign(new TextEncoder().encode(secret));
  for (const token of [await byKey, await bySecret]) {
    const url = `${gateway.url.replace("http", "ws")}/connection/websocket`;
    const client = new Centrifuge(url, { token, websocket: WebSocket });
    client.connect();
    await client.ready(5000);
    expect((await client.rpc("time", {})).data).toEqual({ time: expect.any(Number) });
    client.disconnect();
  }
  await gateway.stop();
  await provider.stop(true);
});

test("A token as Bearer is taken wherever a key is, with its grants, and refused where it is none of ours or over", async () => {
  const grants = { subscribe: ["news/*"], publish: ["news/*"], call: ["time"] };
  const gateway = await TestGateway.start(`tokens: { hmac: [${secret}] }\nanonymous: { subscribe: ["demo/**"] }\n`);
  const sign = (ends: string, by = secret): Promise<string> =>
    new SignJWT({ sub: "ada", grants })
      .setProtectedHeader({ alg: "HS256" })
      .setExpirationTime(ends)
      .sign(new TextEncoder().encode(by));
  const headers = { "content-type": "application/json" };
  const status = async (key: string, path: string, body?: object): Promise<number> =>
    (await gateway.ask(path, { key, ...(body === undefined ? {} : { method: "POST", body, headers }) })).status;
  const good = await sign("1m");
  expect(await status(good, "/channels/news/a", { n: 1 })).toBe(200);
  expect(await status(good, "/channels/news/a")).toBe(200);
  expect(await status(good, "/channels/other/a", { n: 1 })).toBe(403);
  expect(await status(good, "/calls/time", {})).toBe(200);
  expect(await status(good, "/api/publish", { channel: "news/a", data: 2 })).toBe(200);
  expect((await gateway.ask("/api/info", { method: "POST", key: good, body: {} })).body).toMatchObject({
    error: { code: 103 },
  });
  const socket = new WebSocket(`${gateway.url.replace("http", "ws")}/channels/news/a`, {
    headers: { authorization: `Bearer ${good}` },
  } as never);
  const heard = new Promise((resolve) => {
    socket.onmessage = ({ data }) => String(data).includes('"n":3') && resolve(true);
  });
  await new Promise((resolve) => {
    socket.onopen = resolve;
  });
  expect(await status(good, "/channels/news/a", { n: 3 })).toBe(200);
  expect(await heard).toBe(true);
  socket.close();
  for (const bad of [await sign("-1m"), await sign("1m", "of another application"), `${good}x`]) {
    expect(await status(bad, "/channels/news/a", { n: 1 })).toBe(401);
    // Not a stranger either, who may listen here.
    expect(await status(bad, "/channels/demo/a")).toBe(401);
  }
  expect(gateway.errors).toEqual([]);
  await gateway.stop();
});
