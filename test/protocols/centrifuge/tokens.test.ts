// Tokens as clients bring them: the official SDK, a clock whose hands the test turns, and what becomes of old tokens.
import { afterEach, expect, test } from "bun:test";
import { type JWTPayload, SignJWT } from "jose";
import { Calls } from "../../../src/core/calls.ts";
import { Tokens } from "../../../src/core/tokens.ts";
import { VerifyingKeys } from "../../../src/core/verifying-keys.ts";
import type { Grants } from "../../../src/ports.ts";
import { FakeLog } from "../../fakes/log.ts";
import { AheadClock } from "./ahead-clock.ts";
import { Bare, connect, type Json, sdk, until } from "./clients.ts";
import { openGateway, type TestGateway } from "./gateway.ts";

const secret = "a secret of the application";
let gateway: TestGateway;
let clock: AheadClock;
afterEach(() => gateway.stop());

async function open(defaultGrants: Grants = {}, anonymous: Grants = {}): Promise<void> {
  clock = new AheadClock();
  const keys = new VerifyingKeys({ clock, log: new FakeLog(), secrets: [secret], publicKeys: [] });
  const tokens = new Tokens({ clock, keys, defaultGrants });
  const calls = new Calls();
  calls.register("echo", (params, by) => `{"got":${params},"by":${JSON.stringify(by.id)}}`);
  gateway = await openGateway({ clock, tokens, calls, anonymous });
}

/** A token that is good for so many seconds. */
function token(claims: JWTPayload, ttl = 60): Promise<string> {
  const exp = Math.floor(clock.now() / 1000) + ttl;
  return new SignJWT({ exp, ...claims }).setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(secret));
}

test("A token's grants are what its bearer may do, and its channels come by themselves", async () => {
  await open();
  const grants = { subscribe: ["house/*"], publish: ["house/*"], call: ["echo"] };
  const client = sdk(gateway.ws, { token: await token({ sub: "ada", grants, channels: ["news"], info: { a: 1 } }) });
  const heard: unknown[] = [];
  client.on("publication", ({ channel, data }) => heard.push([channel, data]));
  client.connect();
  await client.ready();
  await until(() => client.state === "connected", "the connection");
  await gateway.publish("news", 1);
  await gateway.publish("$user/ada", 2);
  await until(() => heard.length === 2, "both publications");
  expect(heard).toEqual([
    ["news", 1],
    ["$user/ada", 2],
  ]);
  const sub = client.newSubscription("house/1");
  const infos: unknown[] = [];
  sub.on("publication", ({ info }) => infos.push(info));
  sub.subscribe();
  await sub.ready();
  await sub.publish({ b: 2 });
  await until(() => infos.length === 1, "its own publication");
  expect(infos[0]).toMatchObject({ user: "ada", connInfo: { a: 1 } });
  expect((await client.rpc("echo", { n: 1 })).data).toEqual({ got: { n: 1 }, by: "ada" });
  expect(client.rpc("other", {})).rejects.toMatchObject({ code: 103 });
  const closed = client.newSubscription("closed/1");
  const failed = new Promise((resolve) => closed.on("unsubscribed", resolve));
  closed.subscribe();
  expect(await failed).toMatchObject({ code: 103 });
  client.disconnect();
});

test("Without the claim `grants` the default ones hold, and an API key is a token too", async () => {
  await open({ subscribe: ["default/*"] });
  const bare = await Bare.connected(gateway, { token: await token({ sub: "ada" }) });
  expect(await bare.ask({ id: 2, subscribe: { channel: "default/1" } })).toHaveProperty("subscribe");
  expect(await bare.ask({ id: 3, subscribe: { channel: "other/1" } })).toMatchObject({ error: { code: 103 } });
  const keyed = await Bare.connected(gateway, { token: gateway.key({ subscribe: ["other/*"] }) });
  expect(await keyed.ask({ id: 2, subscribe: { channel: "other/1" } })).toHaveProperty("subscribe");
  bare.close();
  keyed.close();
});

test("Who has no token is what `anonymous` says; a wrong token is no such thing", async () => {
  await open({}, { subscribe: ["open/*"] });
  const stranger = await Bare.connected(gateway);
  expect(await stranger.ask({ id: 2, subscribe: { channel: "open/1" } })).toHaveProperty("subscribe");
  stranger.close();
  for (const wrong of ["nonsense", `${await token({ sub: "ada" })}x`]) {
    const bare = await Bare.open(gateway.ws);
    bare.send({ id: 1, connect: { token: wrong } });
    expect(await bare.closes()).toBe(3500);
  }
});

test("An old token is refused with 109, and the SDK comes with a new one", async () => {
  await open({ subscribe: ["**"] });
  const bare = await Bare.open(gateway.ws);
  const old = await token({ sub: "ada" }, -1);
  expect(await bare.ask({ id: 1, connect: { token: old } })).toMatchObject({ error: { code: 109 } });
  bare.close();
  let asked = 0;
  const client = sdk(gateway.ws, {
    token: old,
    getToken: () => {
      asked++;
      return token({ sub: "ada" });
    },
  });
  client.connect();
  await client.ready();
  await until(() => client.state === "connected", "the connection with the new token");
  expect(asked).toBe(1);
  client.disconnect();
});

test("A token is renewed in the connection, which goes on; of another user, it ends it", async () => {
  await open({ subscribe: ["**"] });
  const bare = await Bare.open(gateway.ws);
  const reply = await bare.ask({ id: 1, connect: { token: await token({ sub: "ada" }, 60) } });
  expect(reply).toMatchObject({ connect: { expires: true, ttl: expect.any(Number) } });
  clock.advance(70_000);
  const renewed = await bare.ask({ id: 2, refresh: { token: await token({ sub: "ada" }, 60) } });
  expect(renewed).toMatchObject({ refresh: { expires: true, ttl: expect.any(Number) } });
  clock.advance(30_000);
  expect(await bare.ask({ id: 3, ping: {} })).not.toHaveProperty("closed");
  expect(await bare.ask({ id: 4, refresh: { token: await token({ sub: "ada" }, -1) } })).toMatchObject({
    error: { code: 109 },
  });
  bare.send({ id: 5, refresh: { token: await token({ sub: "eve" }) } });
  expect(await bare.closes()).toBe(3500);
});

test("Whoever brings no new token in time is disconnected with 3005, and may come back", async () => {
  await open({ subscribe: ["**"] });
  const bare = await Bare.connected(gateway, { token: await token({ sub: "ada" }, 60) });
  clock.advance(60_000 + 26_000);
  expect(await bare.closes()).toBe(3005);
});

test("A token for one channel opens it to its user, is renewed, and ends with 2501 otherwise", async () => {
  await open();
  const bare = await Bare.connected(gateway, { token: await token({ sub: "ada" }, 600) });
  const ask = async (id: number, claims: JWTPayload, channel = "safe") =>
    bare.ask({ id, subscribe: { channel, token: await token(claims) } });
  expect(await bare.ask({ id: 2, subscribe: { channel: "safe" } })).toMatchObject({ error: { code: 103 } });
  expect(await ask(3, { sub: "ada", channel: "other" })).toMatchObject({ error: { code: 103 } });
  expect(await ask(4, { sub: "eve", channel: "safe" })).toMatchObject({ error: { code: 103 } });
  expect(await ask(5, { sub: "ada", channel: "safe", exp: 1 })).toMatchObject({ error: { code: 109 } });
  expect(await ask(6, { sub: "ada", channel: "safe" })).toMatchObject({ subscribe: { expires: true } });
  clock.advance(50_000);
  const renewed = { channel: "safe", token: await token({ sub: "ada", channel: "safe" }) };
  expect(await bare.ask({ id: 7, sub_refresh: renewed })).toMatchObject({ sub_refresh: { expires: true } });
  clock.advance(50_000);
  expect(await bare.ask({ id: 8, ping: {} })).not.toHaveProperty("closed");
  expect(bare.pushes).toEqual([]);
  clock.advance(40_000);
  await until(() => bare.pushes.length === 1, "the end of the subscription");
  expect(bare.pushes[0]).toMatchObject({ channel: "safe", unsubscribe: { code: 2501 } });
  bare.close();
});

test("The SDK gets and renews its subscription's token by itself", async () => {
  await open();
  const client = await connect(gateway, { token: await token({ sub: "ada" }, 600) });
  const sub = client.newSubscription("safe", { getToken: ({ channel }) => token({ sub: "ada", channel }, 3600) });
  const heard: unknown[] = [];
  sub.on("publication", ({ data }) => heard.push(data));
  sub.subscribe();
  await sub.ready();
  await gateway.publish("safe", "secret");
  await until(() => heard.length === 1, "the publication");
  client.disconnect();
});

test("Rights are those of the token that came last", async () => {
  await open();
  const bare = await Bare.connected(gateway, { token: await token({ sub: "ada", grants: {} }) });
  const subscribe = (id: number): Promise<Json> => bare.ask({ id, subscribe: { channel: "new/1" } });
  expect(await subscribe(2)).toMatchObject({ error: { code: 103 } });
  await bare.ask({ id: 3, refresh: { token: await token({ sub: "ada", grants: { subscribe: ["new/*"] } }) } });
  expect(await subscribe(4)).toHaveProperty("subscribe");
  bare.close();
});

test("`subs` says what a subscription begins with, what others are told of it there, and whether it hears of joins", async () => {
  await open({ presence: ["rooms/*"], publish: ["rooms/*"], subscribe: ["rooms/*"] });
  const subs = {
    "rooms/hall": { data: { welcome: true }, info: { seat: 1 }, override: { join_leave: { value: true } } },
    "rooms/yard": { b64data: btoa('"plain"') },
  };
  const ada = await Bare.open(gateway.ws);
  const reply = await ada.ask({ id: 1, connect: { token: await token({ sub: "ada", subs }) } });
  expect(reply).toMatchObject({
    connect: { subs: { "rooms/hall": { data: { welcome: true } }, "rooms/yard": { data: "plain" } } },
  });
  const bob = await Bare.connected(gateway, { token: await token({ sub: "bob" }) });
  const ticket = await token({ sub: "bob", channel: "rooms/hall", info: { seat: 2 } });
  expect(await bob.ask({ id: 2, subscribe: { channel: "rooms/hall", token: ticket } })).toHaveProperty("subscribe");
  const joined = { channel: "rooms/hall", join: { info: { user: "bob", chan_info: { seat: 2 } } } };
  await until(() => ada.pushes.length >= 2, "the joins");
  expect(ada.pushes).toContainEqual(
    expect.objectContaining({ ...joined, join: { info: expect.objectContaining(joined.join.info) } }),
  );
  const { presence } = (await bob.ask({ id: 3, presence: { channel: "rooms/hall" } })) as { presence: Json };
  expect(Object.values(presence["presence"] as Json)).toMatchObject([
    { user: "ada", chan_info: { seat: 1 } },
    { user: "bob", chan_info: { seat: 2 } },
  ]);
  await ada.ask({ id: 4, publish: { channel: "rooms/hall", data: 1 } });
  await until(() => bob.pushes.some((push) => "pub" in push), "the publication");
  expect(bob.pushes.find((push) => "pub" in push)).toMatchObject({
    pub: { info: { user: "ada", chan_info: { seat: 1 } } },
  });
  expect(bob.pushes.some((push) => "join" in push)).toBe(false);
  ada.close();
  bob.close();
});
