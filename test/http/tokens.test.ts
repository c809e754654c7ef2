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
