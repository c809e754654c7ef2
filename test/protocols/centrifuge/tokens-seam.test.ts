import { expect, test } from "bun:test";
import { Rights } from "../../../src/core/access.ts";
import { Refused } from "../../../src/core/refusals.ts";
import type { ConnectIdentity, Seams } from "../../../src/protocols/centrifuge/seams.ts";
import { Bare, connect, sdk, until } from "./clients.ts";
import { openGateway } from "./gateway.ts";

/** `<user> <seconds>`: whose token it is, and how long it is good. */
function identityOf(token: string, made: number): ConnectIdentity {
  const [user = "", seconds = "60"] = token.split(" ");
  if (user === "") throw new Refused("unauthorized");
  const expires = made + Number(seconds) * 1000;
  if (expires <= made) throw new Refused("tokenExpired");
  const rights = new Rights({ subscribe: ["open/**"], presence: ["**"] });
  const principal = { id: user, name: user, rights, info: '{"nick":"N"}', expires: expires + 500 };
  return { principal, expires, channels: [`$user/${user}`] };
}

const seams: Partial<Seams> = {
  authenticate: async (token) => identityOf(token, Date.now()),
  subscriptionToken: async (token, channel) => {
    if (!token.startsWith(channel)) throw new Refused("permissionDenied");
    return { expires: Date.now() + 1100 };
  },
  rpc: (method, data, session) => JSON.stringify({ method, data: JSON.parse(data), user: session.principal.id }),
};

test("A token says who one is, subscribes to channels without grant, and shows its info to others", async () => {
  const gateway = await openGateway({ seams });
  const client = await connect(gateway, { token: "ada" });
  const heard: unknown[] = [];
  client.on("publication", ({ channel, data }) => heard.push([channel, data]));
  await gateway.publish("$user/ada", "for you");
  await until(() => heard.length === 1, "the personal message");
  expect(heard).toEqual([["$user/ada", "for you"]]);
  expect(await client.rpc("who", { a: 1 })).toEqual({ data: { method: "who", data: { a: 1 }, user: "ada" } });
  expect(gateway.log.errors).toEqual([]);
  client.disconnect();
  await gateway.stop();
});

test("The SDK gets itself new tokens, in the connection and when its token is refused as expired (109)", async () => {
  const gateway = await openGateway({ seams });
  let tokens = 0;
  const client = sdk(gateway.ws, {
    token: "ada 0",
    getToken: async () => {
      tokens++;
      return "ada 1";
    },
  });
  const ends: number[] = [];
  client.on("connecting", ({ code }) => ends.push(code));
  client.connect();
  await client.ready();
  await until(() => tokens >= 3, "two refreshes in the connection");
  expect(ends.filter((code) => code >= 3000)).toEqual([]);
  client.disconnect();
  await gateway.stop();
}, 10_000);

test("Without a new token the connection ends with 3005", async () => {
  const gateway = await openGateway({ seams });
  const bare = await Bare.connected(gateway, { token: "ada 1" });
  expect(bare.replies[0]).toMatchObject({ connect: { expires: true, ttl: 1 } });
  expect(await bare.closes()).toBe(3005);
  await gateway.stop();
});

test("A token for a channel grants it, is refreshed, and is refused for another", async () => {
  const gateway = await openGateway({ seams });
  const client = await connect(gateway, { token: "ada" });
  let tokens = 0;
  const sub = client.newSubscription("closed/a", {
    getToken: async () => {
      tokens++;
      return "closed/a";
    },
  });
  sub.subscribe();
  await sub.ready();
  await until(() => tokens === 2, "the refresh");
  const other = client.newSubscription("closed/b", { token: "closed/a" });
  const codes: number[] = [];
  other.on("unsubscribed", ({ code }) => codes.push(code));
  other.subscribe();
  await until(() => codes.length === 1, "the refusal");
  expect(codes).toEqual([103]);
  client.disconnect();
  await gateway.stop();
});

test("Another user's token does not refresh, and nobody becomes another user", async () => {
  const gateway = await openGateway({ seams });
  const bare = await Bare.connected(gateway, { token: "ada" });
  expect(await bare.ask({ id: 2, refresh: { token: "ada 5" } })).toMatchObject({ refresh: { expires: true } });
  bare.send({ id: 3, refresh: { token: "eve" } });
  expect(await bare.closes()).toBe(3500);
  await gateway.stop();
});

test("Commands that came with a refused connect are passed over, so that its reason is heard", async () => {
  const gateway = await openGateway({ seams });
  const bare = await Bare.open(gateway.ws);
  bare.send({ id: 1, connect: { token: "ada 0" } }, { id: 2, subscribe: { channel: "open/a" } });
  bare.send({ id: 3, connect: { token: "ada" } }, { id: 4, subscribe: { channel: "open/a" } });
  await until(() => bare.replies.some(({ id }) => id === 4), "the second attempt");
  expect(bare.replies.map(({ id, error }) => [id, (error as { code: number } | undefined)?.code])).toEqual([
    [1, 109],
    [3, undefined],
    [4, undefined],
  ]);
  bare.close();
  await gateway.stop();
});

test("Who may do nothing is asked for a token (3500)", async () => {
  const gateway = await openGateway({ anonymous: {} });
  const bare = await Bare.open(gateway.ws);
  bare.send({ id: 1, connect: {} });
  expect(await bare.closes()).toBe(3500);
  const token = gateway.key({ subscribe: ["a"] });
  const told = await Bare.connected(gateway, { headers: { Authorization: `Bearer ${token}` } });
  expect(await told.ask({ id: 2, subscribe: { channel: "a" } })).toHaveProperty("subscribe");
  told.close();
  await gateway.stop();
});
