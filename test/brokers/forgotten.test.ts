import { expect, test } from "bun:test";
import fc from "fast-check";
import { EmbeddedBroker } from "../../src/brokers/embedded/broker.ts";
import { ChannelLog } from "../../src/brokers/embedded/channel-log.ts";
import { ChannelSet } from "../../src/brokers/embedded/channel-set.ts";
import { Forgotten } from "../../src/brokers/embedded/forgotten.ts";
import { HistoryStore } from "../../src/brokers/embedded/history-store.ts";
import { select } from "../../src/core/channels.ts";
import type { Reading } from "../../src/ports.ts";
import { FakeChance } from "../fakes/chance.ts";
import { stream } from "../fakes/channels.ts";
import { FakeClock } from "../fakes/clock.ts";
import { FakeJournal } from "../fakes/journal.ts";
import { FakeLog } from "../fakes/log.ts";
import { now, since } from "./broker-bench.ts";

/** Longer than any history, and than the broker takes to look. */
const later = 180_000;

async function open(idlePlaces: number, listened: (channel: string) => boolean = () => false) {
  const clock = new FakeClock();
  const settingsOf = (channel: string) => {
    const durable = channel.startsWith("kept/") ? "yes" : "no";
    return { ...stream, durable, history: { size: 5, ttl: 60_000 } } as const;
  };
  const parts = { clock, chance: new FakeChance(), log: new FakeLog(), journal: new FakeJournal(), settingsOf };
  const broker = new EmbeddedBroker({ ...parts, idlePlaces });
  await broker.start();
  broker.attach(() => undefined, listened);
  const publish = async (...channels: readonly string[]): Promise<void> => {
    for (const channel of channels) {
      const receipt = broker.publish(channel, { data: "1" });
      clock.endTurn();
      await receipt;
    }
  };
  const read = (channel: string, past = now(0)): Reading => broker.read(select([channel]), past);
  return { broker, clock, publish, read };
}

test("of channels that hold nothing so many keep their place, those that were published on last", async () => {
  const { broker, clock, publish, read } = await open(2);
  await publish("rooms/a", "rooms/b", "rooms/c", "rooms/a");
  expect(broker.channels("**")).toEqual(["rooms/a", "rooms/b", "rooms/c"]);
  clock.advance(later);
  expect(broker.channels("**")).toEqual(["rooms/a", "rooms/c"]);
  await publish("rooms/a", "rooms/b");
  expect([read("rooms/a"), read("rooms/b")].map(({ channels }) => channels[0]?.offset)).toEqual([3, 1]);
});

test("a channel that somebody listens to by name, holds something, or is durable keeps its place", async () => {
  const { broker, clock, publish } = await open(0, (channel) => channel === "rooms/listened");
  await publish("rooms/listened", "rooms/left", "kept/a");
  clock.advance(later - 1000);
  await publish("rooms/new");
  clock.advance(1000);
  expect(broker.channels("**")).toEqual(["kept/a", "rooms/listened", "rooms/new"]);
});

test("a channel that was only asked for is not kept", async () => {
  const { broker, clock, publish, read } = await open(2);
  await publish("rooms/a");
  for (const name of ["x", "y", "z"]) read(`rooms/${name}`);
  clock.advance(later);
  expect(broker.channels("**")).toEqual(["rooms/a"]);
});

test("nor is a durable one that never had anything", async () => {
  const { broker, clock, publish, read } = await open(2);
  await publish("kept/a");
  const place = { from: "offset", epoch: read("kept/b").channels[0]?.epoch ?? "", offset: 0 } as const;
  for (const name of ["x", "y", "z"]) read(`kept/${name}`);
  clock.advance(later);
  expect(broker.channelsHeld).toBe(1);
  await publish("kept/b");
  expect(read("kept/b", place)).toMatchObject({ gap: false, channels: [{ offset: 1, publications: [{ offset: 1 }] }] });
});

test("many go in parts, between which others have their turn: who comes to one of them meanwhile finds it", () => {
  const channels = new ChannelSet({ run: "run", secret: "secret", most: () => 100_000, idlePlaces: 0 });
  for (let room = 0; room < 25_000; room++)
    channels.add(new ChannelLog(new HistoryStore(), `rooms/${room}`, stream, "run", room));
  const { size } = channels.byName;
  let listened = "";
  let before = size;
  for (const _ of channels.dropLongIdle((channel) => channel === listened)) {
    expect(before - channels.byName.size).toBeLessThanOrEqual(10_000);
    before = channels.byName.size;
    if (before < size) listened = "rooms/24999";
  }
  expect(Array.from(channels.byName.values(), ({ channel }) => channel)).toEqual(["rooms/24999"]);
});

test("who comes back to a place that is forgotten is told of a gap; who was there since, or elsewhere, is not", async () => {
  const { clock, publish, read } = await open(1);
  await publish("house/light");
  const { position } = read("house/light");
  const place = { from: "offset", epoch: read("rooms/a").channels[0]?.epoch ?? "", offset: 1 } as const;
  await publish("rooms/a", "rooms/b");
  const later2 = read("rooms/a").position;
  clock.advance(later);
  for (const name of ["rooms/a", "rooms/*", "**"]) {
    expect(read(name, since(position)).gap).toBe(true);
    expect(read(name, since(later2)).gap).toBe(false);
  }
  expect(read("rooms/a", place).gap).toBe(true);
  expect(read("house/*", since(position)).gap).toBe(false);
});

test("what was forgotten is known by first levels, and never taken for older than it is (property)", () => {
  const level = fc.integer({ min: 0, max: 1500 }).map(String);
  fc.assert(
    fc.property(fc.array(level, { minLength: 1, maxLength: 3000, size: "max" }), (levels) => {
      const forgotten = new Forgotten();
      const newest = new Map<string, number>();
      for (const [seq, name] of levels.entries()) {
        forgotten.note(`${name}/room`, seq);
        newest.set(name, seq);
      }
      for (const [name, seq] of newest) {
        const known = forgotten.newest(`${name}/*`);
        expect(known).toBeGreaterThanOrEqual(seq);
        if (newest.size <= 1000) expect(known).toBe(seq);
      }
      expect(forgotten.newest("*/room")).toBe(levels.length - 1);
    }),
    { numRuns: 30 },
  );
});
