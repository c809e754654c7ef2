import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Centrifuge, PublicationContext, SubscribedContext, Subscription, SubscriptionOptions } from "centrifuge";
import { Centrifuge as ProtobufCentrifuge } from "centrifuge/build/protobuf";
import type { Draft } from "../../../src/ports.ts";
import { connect, sdk, until } from "./clients.ts";
import { openGateway, type TestGateway } from "./gateway.ts";

const utf8 = new TextDecoder();

/** The two builds of the SDK; what they carry is the same, as values or as bytes. */
interface Build {
  readonly name: string;
  connect(gateway: TestGateway, options?: { readonly token?: string }): Promise<Centrifuge>;
  /** Data as this build wants it. */
  data(value: unknown): unknown;
  /** Data as this build gives it. */
  value(data: unknown): unknown;
}

const builds: readonly Build[] = [
  { name: "the SDK in JSON", connect, data: (value) => value, value: (data) => data },
  {
    name: "the SDK in Protobuf",
    async connect(gateway, options = {}) {
      const client = new ProtobufCentrifuge(gateway.ws, { websocket: WebSocket, minReconnectDelay: 20, ...options });
      client.connect();
      await client.ready();
      return client as unknown as Centrifuge;
    },
    data: (value) => new TextEncoder().encode(JSON.stringify(value)),
    value: (data) => JSON.parse(utf8.decode(data as Uint8Array)) as unknown,
  },
];

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await openGateway();
});
afterAll(async () => {
  expect(gateway.log.errors).toEqual([]);
  await gateway.stop();
});

interface Heard {
  readonly sub: Subscription;
  readonly publications: PublicationContext[];
  readonly subscribed: SubscribedContext[];
}

async function subscribe(client: Centrifuge, channel: string, options: SubscriptionOptions = {}): Promise<Heard> {
  const sub = client.newSubscription(channel, options);
  const publications: PublicationContext[] = [];
  const subscribed: SubscribedContext[] = [];
  sub.on("publication", (publication) => publications.push(publication));
  sub.on("subscribed", (context) => subscribed.push(context));
  sub.subscribe();
  await sub.ready();
  return { sub, publications, subscribed };
}

/** The connection breaks under the client, and is made again. */
async function breakOff(client: Centrifuge, meanwhile: () => Promise<void>): Promise<void> {
  client.disconnect();
  await meanwhile();
  client.connect();
  await client.ready();
}

describe.each(builds)("$name", ({ name, connect: open, data, value }) => {
  const place = name.replaceAll(" ", "-");

  test("publishes and hears, with who published, tags and offset", async () => {
    const client = await open(gateway);
    const { sub, publications } = await subscribe(client, `${place}/a`);
    await sub.publish(data({ on: true }));
    await gateway.publish(`${place}/a`, { on: false }, { tags: { room: "kitchen" } });
    await until(() => publications.length === 2, "two publications");
    expect(publications.map((publication) => value(publication.data))).toEqual([{ on: true }, { on: false }]);
    expect(publications[0]).toMatchObject({ offset: 1, info: { user: "" } });
    expect(publications[0]?.info?.client).toBeString();
    expect(publications[1]).toMatchObject({ offset: 2, tags: { room: "kitchen" } });
    client.disconnect();
  });

  test("comes back to all that it missed, in order, once", async () => {
    const client = await open(gateway);
    const { publications, subscribed } = await subscribe(client, `long/${place}`);
    await gateway.publish(`long/${place}`, 0);
    await until(() => publications.length === 1, "the first");
    await breakOff(client, async () => {
      for (let n = 1; n <= 1000; n++) await gateway.publish(`long/${place}`, n);
    });
    await until(() => publications.length === 1001, "all");
    await gateway.publish(`long/${place}`, 1001);
    await until(() => publications.length === 1002, "what comes after");
    expect(publications.map((publication) => value(publication.data))).toEqual(
      Array.from({ length: 1002 }, (_, n) => n),
    );
    expect(subscribed).toMatchObject([
      { wasRecovering: false, recovered: false },
      { wasRecovering: true, recovered: true, hasRecoveredPublications: true },
    ]);
    client.disconnect();
  });

  test("is told when more was missed than is kept", async () => {
    const client = await open(gateway);
    const { publications, subscribed } = await subscribe(client, `short/${place}`);
    await breakOff(client, async () => {
      for (let n = 1; n <= 10; n++) await gateway.publish(`short/${place}`, n);
    });
    await until(() => subscribed.length === 2, "the second beginning");
    expect(subscribed[1]).toMatchObject({ wasRecovering: true, recovered: false, streamPosition: { offset: 10 } });
    expect(publications).toEqual([]);
    client.disconnect();
  });

  test("loads its state anew when its place is not known any more", async () => {
    const client = await open(gateway);
    let loads = 0;
    for (let n = 1; n <= 10; n++) await gateway.publish(`short/load/${place}`, n);
    const { subscribed } = await subscribe(client, `short/load/${place}`, {
      minResubscribeDelay: 10,
      maxResubscribeDelay: 20,
      getState: async () => {
        loads++;
        return { offset: loads === 1 ? 1 : 10, epoch: "" };
      },
    });
    expect(loads).toBe(2);
    expect(subscribed).toHaveLength(1);
    client.disconnect();
  });

  test("gets the last value at once of a channel that keeps one", async () => {
    const client = await open(gateway);
    await gateway.publish(`value/${place}`, "first");
    await gateway.publish(`value/${place}`, "second");
    const { publications, subscribed } = await subscribe(client, `value/${place}`);
    await until(() => publications.length === 1, "the value");
    await breakOff(client, async () => {
      for (const word of ["third", "fourth"]) await gateway.publish(`value/${place}`, word);
    });
    await until(() => publications.length === 2, "the new value");
    expect(publications.map((publication) => value(publication.data))).toEqual(["second", "fourth"]);
    expect(subscribed[1]).toMatchObject({ wasRecovering: true, recovered: true });
    await breakOff(client, async () => undefined);
    await until(() => subscribed.length === 3, "the third beginning");
    expect(subscribed[2]).toMatchObject({ recovered: true, hasRecoveredPublications: false });
    client.disconnect();
  });

  test("sees who is there, who comes and who goes", async () => {
    const client = await open(gateway);
    const other = await open(gateway, { token: gateway.key({ subscribe: ["rooms/**"] }) });
    const { sub } = await subscribe(client, `rooms/${place}`, { joinLeave: true });
    const joins: string[] = [];
    const leaves: string[] = [];
    sub.on("join", ({ info }) => joins.push(info.user));
    sub.on("leave", ({ info }) => leaves.push(info.user));
    await subscribe(other, `rooms/${place}`);
    await until(() => joins.length === 2, "both joins");
    expect(joins[0]).toBe("");
    expect(await sub.presenceStats()).toEqual({ numClients: 2, numUsers: 2 });
    const { clients } = await sub.presence();
    expect(
      Object.values(clients)
        .map(({ user }) => user)
        .sort(),
    ).toEqual(["", joins[1] ?? ""]);
    other.disconnect();
    await until(() => leaves.length === 1, "the leave");
    expect(leaves).toEqual([joins[1] ?? ""]);
    client.disconnect();
  });

  test("reads history, and sends what nobody answers", async () => {
    const client = await open(gateway);
    const { sub } = await subscribe(client, `${place}/history`);
    for (let n = 1; n <= 3; n++) await gateway.publish(`${place}/history`, n);
    const history = await sub.history({ limit: 2, reverse: true });
    expect(history.offset).toBe(3);
    expect(history.publications.map((publication) => value(publication.data))).toEqual([3, 2]);
    await client.send(data({ nobody: "answers" }));
    const refused = await client.rpc("dance", data({})).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 104 });
    client.disconnect();
  });

  test("hears its device's inbox without asking, and what came while it slept", async () => {
    const token = gateway.key({ subscribe: ["$device/d1"] }, { device: "d1" });
    const client = await open(gateway, { token });
    const heard: unknown[] = [];
    const positions: unknown[] = [];
    client.on("publication", ({ channel, data: sent }) => heard.push([channel, value(sent)]));
    client.on("subscribed", ({ recovered }) => positions.push(recovered));
    await gateway.publish("$device/d1", "awake");
    await until(() => heard.length === 1, "the message");
    await breakOff(client, async () => void (await gateway.publish("$device/d1", "asleep")));
    await until(() => heard.length === 2, "the message that it missed");
    expect(heard).toEqual([
      ["$device/d1", "awake"],
      ["$device/d1", "asleep"],
    ]);
    expect(positions.at(-1)).toBe(true);
    client.disconnect();
  });

  test("gets changes instead of values where it asks for them", async () => {
    const client = await open(gateway);
    const late = await open(gateway);
    const state = (n: number): object => ({ text: "long and always the same, ".repeat(20), ü: "ä€😀", n });
    await gateway.publish(`${place}/delta`, state(0));
    const first = await subscribe(client, `${place}/delta`, { delta: "fossil" });
    const plain = await subscribe(late, `${place}/delta`);
    for (let n = 1; n <= 3; n++) await gateway.publish(`${place}/delta`, state(n));
    const second = await subscribe(await open(gateway), `${place}/delta`, { delta: "fossil" });
    await breakOff(client, async () => {
      for (let n = 4; n <= 6; n++) await gateway.publish(`${place}/delta`, state(n));
    });
    for (let n = 7; n <= 9; n++) await gateway.publish(`${place}/delta`, state(n));
    await until(() => first.publications.length === 9 && second.publications.length === 6, "all");
    expect(first.publications.map((publication) => value(publication.data))).toEqual(
      Array.from({ length: 9 }, (_, n) => state(n + 1)),
    );
    expect(second.publications.map((publication) => value(publication.data))).toEqual(
      Array.from({ length: 6 }, (_, n) => state(n + 4)),
    );
    expect(plain.publications.map((publication) => value(publication.data))).toHaveLength(9);
    expect(first.sub.deltaStats().numDeltaPayloads).toBeGreaterThanOrEqual(4);
    client.disconnect();
    late.disconnect();
  });

  test("hears what skips the history while it listens, and misses nothing of the rest for it", async () => {
    const channel = `passing/${place}`;
    const client = await open(gateway);
    const state = (n: number): object => ({ text: "always the same, ".repeat(20), n });
    const changes = await subscribe(client, channel, { delta: "fossil" });
    const pattern = await subscribe(await open(gateway), "passing/*");
    const say = (n: number, transient: boolean) => gateway.publish(channel, state(n), transient ? { transient } : {});
    for (const n of [1, 2, 3]) await say(n, n === 2);
    await until(() => changes.publications.length === 3, "the first");
    await breakOff(client, async () => {
      for (const n of [4, 5]) await say(n, n === 4);
    });
    await say(6, true);
    await say(7, false);
    await until(() => changes.publications.length === 6 && pattern.publications.length === 7, "the last");
    expect(changes.publications.map(({ data: one, offset = 0 }) => [value(one), Number(offset)])).toEqual(
      [1, 2, 3, 5, 6, 7].map((n) => [state(n), { 1: 1, 3: 2, 5: 3, 7: 4 }[n] ?? 0]),
    );
    expect(changes.subscribed.map(({ recovered }) => recovered)).toEqual([false, true]);
    expect(pattern.publications.map(({ data: one }) => value(one))).toEqual([1, 2, 3, 4, 5, 6, 7].map(state));
    client.disconnect();
  });

  test("gets only what its filter lets through, also of the past", async () => {
    const client = await open(gateway);
    const say = async (data_: unknown, tags: Draft["tags"]): Promise<void> =>
      void (await gateway.publish(`${place}/filter`, data_, tags === undefined ? {} : { tags }));
    const { publications } = await subscribe(client, `${place}/filter`, {
      tagsFilter: {
        op: "and",
        nodes: [
          { key: "room", cmp: "in", vals: ["kitchen", "hall"] },
          { op: "not", nodes: [{ key: "level", cmp: "lt", val: "10" }] },
        ],
      },
    });
    await say("no tags", undefined);
    await say("another room", { room: "attic", level: "20" });
    await say("too low", { room: "hall", level: "9" });
    await say("good", { room: "hall", level: "10" });
    await until(() => publications.length === 1, "the first");
    await breakOff(client, async () => {
      await say("too low again", { room: "hall", level: "1" });
      await say("good again", { room: "kitchen", level: "11" });
    });
    await until(() => publications.length === 2, "the second");
    expect(publications.map((publication) => value(publication.data))).toEqual(["good", "good again"]);
    client.disconnect();
  });
});

test("The SDK comes back by itself after the gateway says so", async () => {
  const client = sdk(gateway.ws);
  const codes: number[] = [];
  client.on("connecting", ({ code }) => codes.push(code));
  client.connect();
  await client.ready();
  const { Refused } = await import("../../../src/core/refusals.ts");
  gateway.hub.end(
    () => true,
    () => new Refused("shutdown"),
  );
  await until(() => codes.includes(3001), "the end");
  await client.ready();
  client.disconnect();
});
