import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Centrifuge, MapSubscription, MapSubscriptionOptions, MapUpdateContext } from "centrifuge";
import { Bare, connect, type Json, until } from "./clients.ts";
import { openGateway, type TestGateway } from "./gateway.ts";

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await openGateway();
});
afterAll(async () => {
  expect(gateway.log.errors).toEqual([]);
  await gateway.stop();
});

/** A map as an application keeps it. */
interface Mirror {
  readonly sub: MapSubscription;
  entries: Map<string, unknown>;
  syncs: number;
  readonly updates: MapUpdateContext[];
}

function mirror(client: Centrifuge, channel: string, options: MapSubscriptionOptions = {}): Mirror {
  const sub = client.newMapSubscription(channel, { minResubscribeDelay: 10, maxResubscribeDelay: 50, ...options });
  const kept: Mirror = { sub, entries: new Map(), syncs: 0, updates: [] };
  sub.on("sync", ({ entries }) => {
    kept.entries = new Map(entries.map(({ key, data }) => [key, data]));
    kept.syncs++;
  });
  sub.on("update", (update) => {
    kept.updates.push(update);
    if (update.removed === true) kept.entries.delete(update.key);
    else kept.entries.set(update.key, update.data);
  });
  sub.subscribe();
  return kept;
}

function set(channel: string, key: string, data: unknown): Promise<unknown> {
  return gateway.publish(channel, data, { key });
}

function remove(channel: string, key: string): Promise<unknown> {
  return gateway.publish(channel, null, { key, removed: true });
}

test("A map with 10,000 keys comes in pages while it changes, and is then live", async () => {
  const channel = "maps/large";
  const truth = new Map<string, unknown>();
  for (let n = 0; n < 10_000; n++) {
    truth.set(`key${n}`, n);
    await set(channel, `key${n}`, n);
  }
  const client = await connect(gateway);
  const map = mirror(client, channel, { pageSize: 500 });
  let round = 0;
  while (map.syncs === 0 && round < 3000) {
    const key = `key${(round * 37) % 10_000}`;
    if (round % 3 === 0) {
      truth.delete(key);
      await remove(channel, key);
    } else {
      truth.set(key, `changed ${round}`);
      await set(channel, key, `changed ${round}`);
    }
    round++;
    if (round % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  truth.set("last", true);
  await set(channel, "last", true);
  await until(() => map.entries.has("last"), "the last change");
  expect(round).toBeGreaterThan(20);
  expect([...map.entries].sort()).toEqual([...truth].sort());
  client.disconnect();
});

test("A client that comes back gets the changes, with removals, and not the map", async () => {
  const channel = "maps/back";
  await set(channel, "stays", 1);
  await set(channel, "goes", 1);
  const client = await connect(gateway);
  const map = mirror(client, channel);
  await map.sub.ready();
  client.disconnect();
  await remove(channel, "goes");
  await set(channel, "comes", 2);
  client.connect();
  await until(() => map.entries.has("comes"), "what came");
  expect(map.syncs).toBe(1);
  expect(map.updates.map(({ key, removed }) => [key, removed])).toEqual([
    ["goes", true],
    ["comes", undefined],
  ]);
  expect([...map.entries]).toEqual([
    ["stays", 1],
    ["comes", 2],
  ]);
  client.disconnect();
});

test("Each of a crowd that wants a large map at once gets all of it while it changes, once, and others are heard meanwhile", async () => {
  const channel = "maps/crowd";
  const truth = new Map<string, unknown>();
  const change = async (key: string, data: unknown): Promise<void> => {
    truth.set(key, data);
    await set(channel, key, data);
  };
  for (let key = 0; key < 2000; key++) await change(`key ${key}`, key);
  const crowd = await Promise.all(Array.from({ length: 100 }, () => connect(gateway)));
  const other = await connect(gateway);
  const heard: unknown[] = [];
  const calm = other.newSubscription("calm/crowd");
  calm.on("publication", ({ data }) => heard.push(data));
  calm.subscribe();
  await calm.ready();
  const maps = crowd.map((client) => mirror(client, channel, { pageSize: 1000 }));
  const whole = (): number => maps.filter(({ syncs }) => syncs === 1).length;
  for (let round = 0; whole() < crowd.length; round++) {
    await change(`key ${round % 2000}`, `changed ${round}`);
    await gateway.publish("calm/crowd", round);
    await until(() => heard.length === round + 1, "what the other hears");
  }
  expect(heard.length).toBeGreaterThan(1);
  await change("last", true);
  await until(() => maps.every(({ entries }) => entries.has("last")), "the last change");
  for (const { entries, syncs, updates } of maps) {
    expect([...entries].sort()).toEqual([...truth].sort());
    const offsets = updates.map(({ offset = 0 }) => offset);
    expect([syncs, offsets]).toEqual([1, [...new Set(offsets)].sort((a, b) => a - b)]);
  }
  for (const client of [...crowd, other]) client.disconnect();
}, 30_000);

test("What changed is caught up with in pages too", async () => {
  const channel = "maps/pages";
  const client = await connect(gateway);
  await set(channel, "start", 0);
  const map = mirror(client, channel, { pageSize: 10 });
  await map.sub.ready();
  client.disconnect();
  for (let n = 0; n < 95; n++) await set(channel, `key${n % 40}`, n);
  client.connect();
  await until(() => map.updates.length === 95, "all changes");
  expect(map.entries.get("key14")).toBe(94);
  client.disconnect();
});

test("A map without history comes whole at once, also again", async () => {
  const channel = "bare/lights";
  for (let n = 0; n < 30; n++) await set(channel, `key${n}`, n);
  const client = await connect(gateway);
  const map = mirror(client, channel, { pageSize: 10 });
  await map.sub.ready();
  expect(map.entries.size).toBe(30);
  client.disconnect();
  await remove(channel, "key3");
  client.connect();
  await until(() => map.syncs === 2, "the map again");
  expect(map.entries.size).toBe(29);
  client.disconnect();
});

test("Clients that may write set and remove keys, and see who did; others are refused", async () => {
  const channel = "maps/shared";
  const writer = await connect(gateway);
  const reader = await connect(gateway, { token: gateway.key({ subscribe: ["maps/**"] }) });
  const map = mirror(reader, channel);
  await map.sub.ready();
  await writer.mapPublish(channel, "lamp", { on: true });
  await writer.mapRemove(channel, "lamp");
  await until(() => map.updates.length === 2, "both changes");
  expect(map.updates).toMatchObject([
    { key: "lamp", data: { on: true }, info: { user: "" } },
    { key: "lamp", removed: true },
  ]);
  expect(await map.sub.publish("lamp", 1).catch((error: unknown) => error)).toMatchObject({ code: 103 });
  writer.disconnect();
  reader.disconnect();
});

test("A map filtered by tags tells of removals all the same", async () => {
  const channel = "maps/tagged";
  await gateway.publish(channel, 1, { key: "in", tags: { room: "hall" } });
  await gateway.publish(channel, 2, { key: "out", tags: { room: "attic" } });
  const client = await connect(gateway);
  const map = mirror(client, channel, { tagsFilter: { key: "room", cmp: "eq", val: "hall" } });
  await map.sub.ready();
  expect([...map.entries]).toEqual([["in", 1]]);
  await remove(channel, "in");
  await until(() => map.entries.size === 0, "the removal");
  client.disconnect();
});

test("Who knows nothing of maps gets the whole map and then its changes, each with its key", async () => {
  const channel = "maps/plain";
  await set(channel, "a", 1);
  await set(channel, "b", 2);
  const bare = await Bare.connected(gateway);
  const reply = await bare.ask({ id: 2, subscribe: { channel } });
  const { publications, offset } = reply["subscribe"] as { publications: readonly Json[]; offset: number };
  expect(publications).toMatchObject([
    { key: "a", data: 1, offset: 1 },
    { key: "b", data: 2, offset: 2 },
  ]);
  expect(offset).toBe(2);
  await remove(channel, "a");
  await until(() => bare.pushes.length === 1, "the removal");
  expect(bare.pushes[0]).toMatchObject({ pub: { key: "a", removed: true, offset: 3 } });
  bare.close();
});
