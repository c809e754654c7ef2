import { afterAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { EmbeddedBroker } from "../../src/brokers/embedded/broker.ts";
import type { ChannelSettings, Journal, Reading } from "../../src/ports.ts";
import { SqliteJournal } from "../../src/storage/journal.ts";
import { settle } from "../fakes/clock.ts";
import { FakeJournal } from "../fakes/journal.ts";
import { silent, TemporaryDirectories } from "../storage/temporary.ts";
import { brokerContract } from "./broker.contract.ts";
import { contractSettings, data, now, numbers, refusal, type StartBroker, since, stream } from "./broker-bench.ts";
import { places, runAt, startEmbedded } from "./embedded-stage.ts";

const directories = new TemporaryDirectories();
afterAll(() => directories.clear());

function embedded(
  newJournal: () => Promise<Journal> | undefined,
  durable: "no" | "yes",
  leastRoom?: number,
): StartBroker {
  return async (clock, { maxChannels }) => {
    const journal = await newJournal();
    const bench = await startEmbedded({
      clock,
      settingsOf: contractSettings(durable),
      onDisk: journal instanceof SqliteJournal,
      ...(journal === undefined ? {} : { journal }),
      ...(maxChannels === undefined ? {} : { maxChannels }),
      ...(leastRoom === undefined ? {} : { leastRoom }),
    });
    return { broker: bench.broker, clock, works: () => bench.works() };
  };
}

const noJournal = (): undefined => undefined;
const inMemory = async (): Promise<Journal> => new FakeJournal();
const onDisk = (): Promise<Journal> => SqliteJournal.open(directories.make(), { log: silent });

brokerContract("embedded, without a journal", embedded(noJournal, "no"));
brokerContract("embedded, all durable, journal in memory", embedded(inMemory, "yes"));
brokerContract("embedded, all durable, numbers running out", embedded(inMemory, "yes", 2));
brokerContract("embedded, all durable, journal in SQLite", embedded(onDisk, "yes"));

describe("A part of a large text does not keep the rest of it in memory", () => {
  const settings: ChannelSettings = { ...stream, history: { size: 1000, ttl: 60_000 } };
  const large = "x".repeat(1_000_000);
  const used = (): number => {
    Bun.gc(true);
    return process.memoryUsage.rss();
  };

  // Of parts of up to twelve letters the runtime makes texts of their own by itself.
  test.each<[string, ChannelSettings["kind"], (broker: EmbeddedBroker, part: string) => unknown]>([
    ["that a channel begins by", "stream", (broker, part) => broker.publish(part, { data: "1" })],
    ["that is a map's value", "map", (broker, part) => broker.publish("map", { data: part, key: part.slice(12, 15) })],
    ["that has tags", "stream", (broker, part) => broker.publish("tagged", { data: part, tags: { room: "hall" } })],
    ["that is too large to be packed", "stream", (broker, part) => broker.publish("large", { data: part })],
  ])("%s", async (what, kind, publish) => {
    const { broker } = await startEmbedded({ settingsOf: () => ({ ...settings, kind }) });
    broker.attach(() => undefined);
    const length = what.includes("large") ? 1000 : 20;
    const before = used();
    for (let number = 0; number < 300; number++) {
      const part = `thermometer-${number}`.padEnd(length, "x");
      // Of bytes, so that it is one text.
      await publish(
        broker as EmbeddedBroker,
        Buffer.from(part + large)
          .toString("latin1")
          .slice(0, length),
      );
    }
    // All 300 texts are 300 MB.
    expect(used() - before).toBeLessThan(150_000_000);
  });
});

test("memory is given back of channels that begin anew, and of what has become too old, within two minutes", async () => {
  let kind: ChannelSettings["kind"] = "stream";
  const settingsOf = (): ChannelSettings => ({ ...stream, kind, history: { size: 1000, ttl: 60_000 } });
  const bench = await startEmbedded({ settingsOf });
  const broker = bench.broker as EmbeddedBroker;
  await bench.fill("a", 100);
  await bench.fill("b", 100);
  expect(broker.publications.held).toBe(200);
  bench.clock.advance(61_000);
  bench.clock.advance(61_000);
  for (let turn = 0; turn < 1000; turn++) bench.clock.advance(1);
  expect(broker.publications.held).toBe(0);
  expect(broker.publications.size).toBeLessThan(30);
  await bench.fill("a", 100);
  kind = "map";
  broker.reconfigure();
  expect(broker.publications.held).toBe(0);
});

test("few channels that go on after many have fallen silent take as little memory as few", async () => {
  const { broker, clock } = await startEmbedded({
    settingsOf: () => ({ ...stream, history: { size: 100, ttl: 60_000 } }),
  });
  broker.attach(() => undefined);
  const embedded = broker as EmbeddedBroker;
  // On all, or on each hundredth.
  const publish = (step: number): void => {
    for (let number = 0; number < 3000; number += step) void broker.publish(`rooms/${number}`, { data: `${number}` });
  };
  for (let round = 0; round < 100; round++) publish(1);
  expect(embedded.publications.held).toBe(300_000);
  expect(embedded.publications.room).toBeGreaterThan(300_000);
  for (let minute = 0; minute < 3; minute++) {
    clock.advance(50_000);
    publish(100);
  }
  for (let turn = 0; turn < 1000; turn++) clock.advance(1);
  expect(embedded.publications.held).toBe(60);
  expect(embedded.publications.room).toBeLessThan(50_000);
  expect(broker.history("rooms/700", { limit: -1 })).toMatchObject({
    offset: 103,
    publications: [{ offset: 102 }, { offset: 103 }],
  });
  expect(broker.history("rooms/99", { limit: -1 })).toMatchObject({ offset: 100, publications: [] });
});

describe.each(places(directories))("a restart with a journal %s", (_name, newPlace) => {
  test("keeps the history, offsets and epoch of durable channels", async () => {
    const place = newPlace();
    const before = await runAt(place, async (at) => {
      await at.fill("durable/a", 7);
      return at.one("durable/a", now(100));
    });
    await runAt(place, async (at) => {
      const after = await at.one("durable/a", now(100));
      expect(after).toEqual(before);
      expect(data(after)).toEqual(numbers(3, 7));
      const receipt = await at.publish("durable/a", "8");
      expect(receipt).toEqual({ channel: "durable/a", offset: 8, epoch: before.epoch });
      expect(await at.broker.channels("**")).toEqual(["durable/a"]);
    });
  });

  test("keeps maps, with removals, in the order of offsets", async () => {
    const place = newPlace();
    const before = await runAt(place, async (at) => {
      for (const key of ["x", "y", "z", "x"]) await at.set("kept/a", key);
      await at.remove("kept/a", "y");
      for (let number = 0; number < 8; number++) await at.set("kept/a", "w", String(number));
      return at.one("kept/a", now(0));
    });
    await runAt(place, async (at) => {
      expect(await at.one("kept/a", now(0))).toEqual(before);
      expect(before.publications.map(({ key, offset }) => [key, offset])).toEqual([
        ["z", 3],
        ["x", 4],
        ["w", 13],
      ]);
    });
  });

  test("honours a cursor of an earlier run, over several runs, exactly", async () => {
    const place = newPlace();
    const cursor = await runAt(place, async (at) => {
      await at.publish("durable/a", "before");
      const position = await at.position();
      await at.publish("durable/a", "1");
      return position;
    });
    const second = await runAt(place, async (at) => {
      const position = await at.position();
      await at.publish("durable/a", "2");
      return position;
    });
    await runAt(place, async (at) => {
      await at.publish("durable/a", "3");
      const missed = await at.read("durable/a", since(cursor));
      expect(missed.gap).toBe(false);
      expect(missed.channels.map(data)).toEqual([["1", "2", "3"]]);
      const later = await at.read("durable/a", since(second));
      expect(later.gap).toBe(false);
      expect(later.channels.map(data)).toEqual([["2", "3"]]);
      for (let number = 4; number <= 7; number++) await at.publish("durable/a", String(number));
      expect((await at.read("durable/a", since(cursor))).gap).toBe(true);
      expect((await at.read("durable/a", since(second))).gap).toBe(true);
    });
  });

  test("is a gap for a cursor that no run gave", async () => {
    const place = newPlace();
    const { run: name, seq } = await runAt(place, async (at) => {
      await at.publish("durable/a");
      return at.position();
    });
    await runAt(place, async (at) => {
      const { seq: begins } = await at.position();
      expect((await at.read("durable/a", since({ run: name, seq }))).gap).toBe(false);
      expect((await at.read("durable/a", since({ run: name, seq: begins + 1 }))).gap).toBe(true);
      expect((await at.read("durable/a", since({ run: "other", seq }))).gap).toBe(true);
    });
  });

  test("gives volatile channels a new epoch, and tells who comes back so", async () => {
    const place = newPlace();
    const { epoch, position } = await runAt(place, async (at) => {
      const receipt = await at.publish("a");
      await at.publish("durable/a");
      return { epoch: receipt.epoch, position: await at.position() };
    });
    await runAt(place, async (at) => {
      expect((await at.one("a", { from: "offset", epoch, offset: 1 })).as).toBe("gap");
      const reading = await at.read(["a", "durable/a"], since(position));
      expect(reading.gap).toBe(true);
      expect(Object.fromEntries(reading.channels.map(({ channel, as }) => [channel, as]))).toEqual({
        a: "gap",
        "durable/a": "missed",
      });
      expect((await at.read(["durable/*"], since(position))).gap).toBe(true);
      const again = await at.publish("a");
      expect([again.offset, again.epoch === epoch]).toEqual([1, false]);
    });
  });

  test("numbers everything above all that was ever delivered, volatile channels too", async () => {
    const place = newPlace();
    let highest = 0;
    for (let round = 0; round < 4; round++) {
      await runAt(place, async (at) => {
        await at.publish(round % 2 === 0 ? "a" : "durable/a");
        await at.publish("a");
        expect(at.delivered.map(({ seq }) => seq > highest)).toEqual([true, true]);
        highest = at.delivered.at(-1)?.seq ?? 0;
      });
    }
  });

  test("keeps what is on its way when it closes", async () => {
    const place = newPlace();
    await runAt(place, async (at) => {
      const receipts = ["1", "2", "3"].map((text) => at.broker.publish("durable/a", { data: text }));
      await at.broker.close();
      expect(await Promise.all(receipts)).toHaveLength(3);
      expect(at.delivered.map((one) => one.data)).toEqual(["1", "2", "3"]);
    });
    await runAt(place, async (at) => {
      expect(data(await at.one("durable/a", now(100)))).toEqual(["1", "2", "3"]);
    });
  });

  test("with a shorter history keeps no more than that, and knows what it lacks", async () => {
    const place = newPlace();
    const { first, epoch } = await runAt(place, async (at) => {
      await at.publish("durable/a", "1");
      const position = await at.position();
      for (const number of numbers(2, 5)) await at.publish("durable/a", number);
      return { first: position, epoch: (await at.one("durable/a", now(0))).epoch };
    });
    for (const [size, left] of [
      [2, ["5", "6"]],
      [0, []],
    ] as const) {
      const settings: ChannelSettings = { ...stream, durable: "yes", history: { size, ttl: 600_000 } };
      await runAt(
        place,
        async (at) => {
          await at.publish("durable/a", "6");
          expect(data(await at.one("durable/a", now(100)))).toEqual([...left]);
          expect((await at.one("durable/a", since(first))).as).toBe("gap");
          expect((await at.one("durable/a", { from: "offset", epoch, offset: 2 })).as).toBe("gap");
        },
        { settingsOf: () => settings },
      );
    }
  });
});

describe("a durable channel", () => {
  async function held() {
    const journal = new FakeJournal();
    journal.holds = true;
    const bench = await startEmbedded({ journal, leastRoom: 4 });
    return { journal, bench };
  }

  test("is refused where there is no journal", async () => {
    const bench = await startEmbedded({});
    expect(await refusal(() => bench.broker.publish("durable/a", { data: "1" }))).toBe("not_available");
    expect(bench.delivered).toEqual([]);
  });

  test("delivers and acknowledges when the journal has it, not before", async () => {
    const { journal, bench } = await held();
    let receipt: unknown;
    const done = Promise.resolve(bench.broker.publish("durable/a", { data: "1" })).then((kept) => {
      receipt = kept;
    });
    await bench.works();
    expect([bench.delivered.length, receipt]).toEqual([0, undefined]);
    expect((await bench.one("durable/a", now(9))).publications).toEqual([]);
    journal.let();
    await done;
    expect(bench.delivered).toMatchObject([{ data: "1", offset: 1 }]);
    expect(receipt).toMatchObject({ offset: 1 });
  });

  test("whose append fails rejects all of the batch, leaves no trace, and goes on", async () => {
    const { journal, bench } = await held();
    const failing = [1, 2].map((number) => refusal(() => bench.broker.publish("durable/a", { data: `${number}` })));
    const map = refusal(() => bench.broker.publish("kept/a", { data: "1", key: "x" }));
    await bench.works();
    // Comes while the first batch is on its way, so it is in the next.
    const next = bench.broker.publish("durable/a", { data: "3" });
    journal.fail();
    await bench.works();
    expect(await Promise.all([...failing, map])).toEqual(["not_available", "not_available", "not_available"]);
    expect(bench.delivered).toEqual([]);
    expect((await bench.one("kept/a", now(0))).publications).toEqual([]);
    journal.let();
    expect(await next).toMatchObject({ offset: 1 });
    expect(bench.delivered.map(({ data: text, offset }) => [text, offset])).toEqual([["3", 1]]);
  });

  test("makes nobody else wait for its journal", async () => {
    const { bench } = await held();
    const durable = bench.broker.publish("durable/a", { data: "1" });
    await bench.works();
    const receipt = bench.broker.publish("a", { data: "1" });
    expect(receipt).toMatchObject({ offset: 1 });
    expect(bench.delivered).toMatchObject([{ channel: "a" }]);
    expect(durable).toBeInstanceOf(Promise);
  });

  test("makes what is transient wait for nothing, and the journal does not get it", async () => {
    const { journal, bench } = await held();
    const durable = bench.broker.publish("durable/a", { data: "1" });
    await bench.works();
    expect(bench.broker.publish("durable/a", { data: "0", transient: true })).toMatchObject({ offset: 0 });
    expect(bench.delivered.map(({ data: text }) => text)).toEqual(["0"]);
    journal.let();
    expect((await durable).offset).toBe(1);
    const [kept, ...more] = journal.load();
    expect([kept?.publications.map(({ data: text }) => text), more]).toEqual([["1"], []]);
  });

  test("waits with the others once the numbers before it have run out; all come in order", async () => {
    const { journal, bench } = await held();
    const durable = bench.broker.publish("durable/a", { data: "0" });
    await bench.works();
    const others = numbers(1, 9).map((text) => bench.broker.publish("a", { data: text }));
    const atOnce = bench.delivered.length;
    expect(atOnce).toBeGreaterThan(0);
    expect(atOnce).toBeLessThan(9);
    journal.let();
    await durable;
    const receipts = await Promise.all(others);
    expect(receipts.map(({ offset }) => offset)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(bench.delivered.filter(({ channel }) => channel === "a").map(({ data: text }) => text)).toEqual(
      numbers(1, 9),
    );
    expect(bench.delivered[atOnce]?.channel).toBe("durable/a");
    const seqs = bench.delivered.map(({ seq }) => seq);
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
  });

  test("a key that is set and removed while numbers have run out is not there afterwards", async () => {
    const { journal, bench } = await held();
    const durable = bench.broker.publish("durable/a", { data: "0" });
    await bench.works();
    for (let count = 0; count < 4; count++) void bench.broker.publish("a", { data: "1" });
    const set = bench.broker.publish("map/a", { data: "1", key: "x" });
    const removed = bench.broker.publish("map/a", { data: "null", key: "x", removed: true });
    expect(set).toBeInstanceOf(Promise);
    journal.let();
    await Promise.all([durable, set, removed]);
    expect((await bench.one("map/a", now(0))).publications).toEqual([]);
    expect((await removed).offset).toBe(2);
  });

  test("is synced where one of the batch asks for it", async () => {
    const { journal, bench } = await held();
    const receipts = [bench.broker.publish("durable/a", { data: "1" })];
    await bench.works();
    receipts.push(
      bench.broker.publish("durable/a", { data: "2" }),
      bench.broker.publish("kept/a", { data: "1", key: "x" }),
    );
    journal.let();
    await bench.works();
    journal.let();
    await Promise.all(receipts);
    expect(journal.asked).toEqual(["yes", "sync"]);
  });

  test("that is acknowledged survives the end of the process at any moment (property)", async () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          do: fc.constantFrom("durable/a", "durable/b", "kept/a", "a"),
          key: fc.constantFrom("x", "y"),
        }),
      },
      {
        weight: 4,
        arbitrary: fc.record({ do: fc.constantFrom("turn", "commit", "refuse", "crash"), key: fc.constant("") }),
      },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        let journal = new FakeJournal();
        journal.holds = true;
        let bench = await startEmbedded({ journal, leastRoom: 2 });
        const acknowledged = new Map<string, number>();
        let highest = 0;
        const crash = async (): Promise<void> => {
          journal = journal.crash();
          journal.holds = true;
          bench = await startEmbedded({ journal, leastRoom: 2 });
          for (const [channel, offset] of acknowledged) {
            const reading = await bench.one(channel, now(100));
            expect(reading.offset, `the offset of ${channel}`).toBeGreaterThanOrEqual(offset);
            if (channel === "kept/a") continue;
            const { publications } = reading;
            expect(publications.map((one) => one.offset)).toEqual(expect.arrayContaining([offset]));
          }
        };
        for (const { do: what, key } of steps) {
          if (what === "turn") await bench.works();
          else if (what === "commit") journal.let();
          else if (what === "refuse") journal.fail();
          else if (what === "crash") await crash();
          else {
            const receipt = bench.broker.publish(what, what === "kept/a" ? { data: "1", key } : { data: "1" });
            const kept = Promise.resolve(receipt).then(
              ({ channel, offset }) => {
                if (channel !== "a") acknowledged.set(channel, Math.max(offset, acknowledged.get(channel) ?? 0));
              },
              () => undefined,
            );
            void kept;
          }
          await settle();
          const seqs = bench.delivered.map(({ seq }) => seq);
          expect(Math.min(...seqs, Number.POSITIVE_INFINITY)).toBeGreaterThan(what === "crash" ? highest : 0);
          highest = Math.max(highest, ...seqs);
        }
        await crash();
      }),
      { numRuns: process.env["HEARTHWIRE_LONG"] === "1" ? 5000 : 200 },
    );
  });
});

describe("bounds", () => {
  test("time lets go of history by itself, so that quiet channels hold nothing for ever", async () => {
    const journal = new FakeJournal();
    const bench = await startEmbedded({ journal, settingsOf: () => ({ ...stream, durable: "yes" }) });
    await bench.fill("a", 3);
    bench.clock.advance(700_000);
    expect([...journal.load()]).toMatchObject([{ offset: 3, publications: [] }]);
  });

  test("an evicted channel is not read by patterns that were asked for before", async () => {
    const bench = await startEmbedded({ maxChannels: 2 });
    await bench.publish("none/a");
    const read = async (): Promise<Reading> => bench.read(["none/*"], now(0));
    expect((await read()).channels).toHaveLength(1);
    await bench.publish("b");
    await bench.publish("c");
    expect((await read()).channels).toEqual([]);
  });
});
