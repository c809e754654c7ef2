/** A gateway for `sdk-features.mjs`, in whatever the SDK runs: how it is configured, what it holds, and what is then found. */
import { SignJWT } from "jose";

const secret = "the secret of an application";

export const featuresYaml = `
tokens: { hmac: [${secret}] }
channels:
  maps/*: { kind: map, history: { size: 20000, ttl: 1h } }
  demo/kept: { durable: true }
  demo/*: { presence: true, history: { size: 10, ttl: 1m } }
limits: { publish_rate: { key: 0, address: 0 } }
`;

export interface About {
  readonly url: string;
  readonly tokens: readonly string[];
}

/** Fills the map, and makes the tokens: the first ends in three seconds. */
export async function prepareFeatures(url: string, admin: string): Promise<About> {
  const keys = Array.from({ length: 10_000 }, (_, at) => ({ channel: "maps/large", key: `key ${at + 1}`, data: at }));
  const headers = { "content-type": "application/json", authorization: `Bearer ${admin}` };
  const filled = await fetch(`${url}/channels`, { method: "POST", headers, body: JSON.stringify(keys) });
  if (!filled.ok) throw new Error(await filled.text());
  const all = ["maps/*", "demo/*"];
  const sign = (ends: string): Promise<string> =>
    new SignJWT({ sub: "ada", grants: { subscribe: all, publish: all, presence: all, history: all, call: ["time"] } })
      .setProtectedHeader({ alg: "HS256" })
      .setExpirationTime(ends)
      .sign(new TextEncoder().encode(secret));
  return { url, tokens: [await sign("3s"), await sign("1h")] };
}

/** One key more than there was, and one less; one token renewed, in one connection. */
export const featuresFound = {
  whole: 10_000,
  entries: 10_000,
  heard: [1, 2, 3, 4],
  deltas: 2,
  passed: ["yes"],
  asked: 2,
  connects: 1,
  methods: { users: ["ada"], numUsers: 1, last: { n: 4 }, time: true },
};
