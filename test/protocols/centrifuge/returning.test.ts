import { afterEach, expect, test } from "bun:test";
import { SqliteJournal } from "../../../src/storage/journal.ts";
import { silent, TemporaryDirectories } from "../../storage/temporary.ts";
import { Bare, connect, type Json, until } from "./clients.ts";
import { openGateway } from "./gateway.ts";

const directories = new TemporaryDirectories();
afterEach(() => directories.clear());

test("1,000 clients that come back at once each get the 1,000 that they missed, and what others say meanwhile, once", async () => {
  const gateway = await openGateway({ limits: { queue: { bytes: 16 * 1024 * 1024, age: 60_000 } } });
  const missed = 1000;
  for (let n = 1; n <= missed; n++) await gateway.publish("long/herd", n);
  const { epoch } = await gateway.publish("long/herd", missed + 1);
  const other = await Bare.connected(gateway);
  await other.ask({ id: 2, subscribe: { channel: "calm" } });
  const live = 20;
  const clients: Promise<readonly number[]>[] = [];
  for (let n = 0; n < 1000; n++) clients.push(herdClient(gateway.ws, epoch, missed + 1 + live));
  for (let n = 1; n <= live; n++) {
    await gateway.publish("long/herd", missed + 1 + n);
    await gateway.publish("calm", n);
    await until(() => other.pushes.length === n, "what the other hears");
  }
  const all = Array.from({ length: missed + live }, (_, n) => n + 2);
  for (const offsets of await Promise.all(clients)) expect(offsets).toEqual(all);
  expect(other.pushes).toHaveLength(live);
  expect(gateway.log.errors).toEqual([]);
  other.close();
  await gateway.stop();
}, 60_000);

/** Comes back to where it had seen the first, and answers the offsets that it got up to the last. */
function herdClient(url: string, epoch: string, last: number): Promise<readonly number[]> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    const offsets: number[] = [];
    const note = ({ offset }: { offset: number }): void => {
      offsets.push(offset);
      if (offset < last) return;
      socket.close();
      resolve(offsets);
    };
    socket.onopen = () => {
      const subscribe = { channel: "long/herd", recover: true, epoch, offset: 1 };
      socket.send(`{"id":1,"connect":{}}\n${JSON.stringify({ id: 2, subscribe })}`);
    };
    socket.onmessage = ({ data }) => {
      for (const line of String(data).split("\n")) {
        const reply = JSON.parse(line) as {
          push?: { pub: { offset: number } };
          subscribe?: { publications: { offset: number }[] };
        };
        if (reply.push !== undefined) note(reply.push.pub);
        for (const publication of reply.subscribe?.publications ?? []) note(publication);
      }
    };
    socket.onclose = ({ code }) => reject(new Error(`closed with ${code} after ${offsets.length}`));
  });
}

test("The SDK finds its way through a restart of the gateway, and misses nothing of a durable channel", async () => {
  const directory = directories.make();
  const before = await openGateway({ journal: await SqliteJournal.open(directory, { log: silent }) });
  const client = await connect(before);
  const heard: unknown[] = [];
  const recovered: boolean[] = [];
  const sub = client.newSubscription("kept/news");
  sub.on("publication", ({ data }) => heard.push(data));
  sub.on("subscribed", (context) => recovered.push(context.recovered));
  sub.subscribe();
  await sub.ready();
  await sub.publish(1);
  await until(() => heard.length === 1, "the first");
  await before.stop();
  const journal = await SqliteJournal.open(directory, { log: silent });
  const after = await openGateway({ journal, port: before.port });
  await after.publish("kept/news", 2);
  await until(() => heard.length === 2, "the second");
  await sub.publish(3);
  await until(() => heard.length === 3, "the third");
  expect(heard).toEqual([1, 2, 3]);
  expect(recovered).toEqual([false, true]);
  client.disconnect();
  await after.stop();
});

test("Of a channel that is not durable the SDK is told that its place is gone", async () => {
  const before = await openGateway();
  const client = await connect(before);
  const recovered: Json[] = [];
  const sub = client.newSubscription("lost/news");
  sub.on("subscribed", ({ wasRecovering, recovered: all }) => recovered.push({ wasRecovering, all }));
  sub.subscribe();
  await sub.ready();
  await before.stop();
  const after = await openGateway({ port: before.port });
  await until(() => recovered.length === 2, "the return");
  expect(recovered).toEqual([
    { wasRecovering: false, all: false },
    { wasRecovering: true, all: false },
  ]);
  client.disconnect();
  await after.stop();
});
