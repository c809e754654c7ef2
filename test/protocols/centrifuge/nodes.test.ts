/** Two gateways that a broker of several nodes joins: no request has to come to the node that holds its session. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Centrifuge as Client } from "centrifuge";
import { Centrifuge as ProtobufCentrifuge } from "centrifuge/build/protobuf";
import { EmbeddedBroker } from "../../../src/brokers/embedded/broker.ts";
import { systemChance, systemClock } from "../../../src/transports/system.ts";
import { Cluster } from "../../fakes/cluster.ts";
import { FakeLog } from "../../fakes/log.ts";
import { connect, sdk, until } from "./clients.ts";
import { openGateway, settingsOf, type TestGateway } from "./gateway.ts";

let holder: TestGateway;
let door: TestGateway;
beforeAll(async () => {
  const log = new FakeLog();
  const cluster = new Cluster(new EmbeddedBroker({ clock: systemClock, chance: systemChance, log, settingsOf }));
  holder = await openGateway({ broker: cluster.join("holder"), heartbeat: 1 });
  door = await openGateway({ broker: cluster.join("door"), heartbeat: 1 });
});
afterAll(async () => {
  for (const gateway of [holder, door]) {
    expect(gateway.log.errors).toEqual([]);
    await gateway.stop();
  }
});

const emulated = ["http_stream", "sse"] as const;
const text = new TextEncoder();

/** Clients whose stream comes from one node, and whose commands go to the other. */
const clients: readonly [string, () => Client, (value: number) => unknown][] = [
  ...emulated.map((transport): [string, () => Client, (value: number) => unknown] => [
    transport,
    () =>
      sdk([{ transport, endpoint: `${holder.url}/connection/${transport}` }], {
        emulationEndpoint: `${door.url}/emulation`,
      }),
    (value) => value,
  ]),
  [
    "http_stream in Protobuf",
    () =>
      new ProtobufCentrifuge([{ transport: "http_stream", endpoint: `${holder.url}/connection/http_stream` }], {
        fetch: fetch.bind(globalThis),
        emulationEndpoint: `${door.url}/emulation`,
      }) as unknown as Client,
    (value) => text.encode(JSON.stringify(value)),
  ],
];

test.each(clients)(
  "Commands reach a session by %s though they come to another node, and all nodes hear of it",
  async (name, make, worded) => {
    const channel = `far/${name.replaceAll(" ", "-")}`;
    const client = make();
    const neighbour = await connect(door);
    const heard = new Map<Client, unknown[]>();
    for (const one of [client, neighbour]) {
      const sub = one.newSubscription(channel);
      heard.set(one, []);
      sub.on("publication", ({ offset }) => heard.get(one)?.push(Number(offset)));
      one.connect();
      sub.subscribe();
      await sub.ready(5000);
    }
    let connects = 0;
    client.on("connected", () => connects++);
    for (let n = 0; n < 20; n++) await client.publish(channel, worded(n));
    const all = Array.from({ length: 20 }, (_, n) => n + 1);
    await until(() => [...heard.values()].every(({ length }) => length === 20), "all that it published");
    expect([...heard.values()]).toEqual([all, all]);
    expect([connects, holder.hub.sessions.size, door.hub.sessions.size]).toEqual([0, 1, 1]);
    for (const one of [client, neighbour]) one.disconnect();
    await until(() => holder.hub.sessions.size + door.hub.sessions.size === 0, "both to be gone");
  },
);

test("Who comes back to another node goes on where it was: cursors hold on all of them", async () => {
  const before = await connect(holder);
  const first = before.newSubscription("far/back");
  first.subscribe();
  await first.ready();
  await door.publish("far/back", 1);
  const since = (await first.history({ limit: 0 })) as { epoch: string; offset: number };
  before.disconnect();
  await holder.publish("far/back", 2);
  const after = await connect(door);
  const heard: unknown[] = [];
  const again = after.newSubscription("far/back", { since: { epoch: since.epoch, offset: since.offset } });
  again.on("publication", ({ data }) => heard.push(data));
  again.on("subscribed", ({ recovered }) => heard.push(recovered));
  again.subscribe();
  await again.ready();
  await holder.publish("far/back", 3);
  await until(() => heard.includes(3), "what came after");
  expect(heard).toEqual([true, 2, 3]);
  after.disconnect();
});

test("Of a node that is not there it is said (404), and sessions of two nodes never have one id", async () => {
  const body = JSON.stringify({ session: "x", node: "nowhere", data: "{}" });
  expect((await fetch(`${door.url}/emulation`, { method: "POST", body })).status).toBe(404);
  const ids: unknown[] = [];
  for (const gateway of [holder, door]) {
    const client = sdk(gateway.ws);
    client.on("connected", (context) => ids.push(context.client));
    client.connect();
    await client.ready();
    client.disconnect();
  }
  expect(new Set(ids).size).toBe(2);
});
