/** Channels whose settings are others at the next start: what was, is honoured as a whole or told as a gap. */
import { afterAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { ChannelSettings, Past, Position, Publication, Receipt } from "../../src/ports.ts";
import { FakeJournal } from "../fakes/journal.ts";
import { TemporaryDirectories } from "../storage/temporary.ts";
import { type Bench, data, now, since, stream } from "./broker-bench.ts";
import { type Making, places, runAt, startEmbedded } from "./embedded-stage.ts";

const directories = new TemporaryDirectories();
afterAll(() => directories.clear());

/** All channels with these settings, and what the configuration would say of it. */
function all(settings: Partial<ChannelSettings>): Making {
  const whole: ChannelSettings = { ...stream, history: { size: 100, ttl: 600_000 }, ...settings };
  return { settingsOf: () => whole, durableRules: () => whole.durable };
}

const durable = all({ durable: "yes" });
const volatile = all({ durable: "no" });

interface Places {
  readonly receipt: Receipt;
  readonly position: Position;
}

async function published(at: Bench, channel = "a", text = "1"): Promise<Places> {
  const receipt = await at.publish(channel, text);
  return { receipt, position: await at.position() };
}

function after({ epoch, offset }: Receipt): Past {
  return { from: "offset", epoch, offset };
}

describe.each(places(directories))("with a journal %s", (_name, newPlace) => {
  /** Neither of the places is honoured, whatever has come since. */
  async function areGaps(at: Bench, ...before: readonly Places[]): Promise<void> {
    for (const { receipt, position } of before) {
      expect((await at.one("a", after(receipt))).as).toBe("gap");
      expect((await at.one("a", since(position))).as).toBe("gap");
      expect((await at.read("a", since(position))).gap).toBe(true);
    }
  }

  test("a channel that is durable again honours no place of the time before", async () => {
    const place = newPlace();
    const kept = await runAt(
      place,
      async (at) => [await published(at), await published(at), await published(at)],
      durable,
    );
    const lost = await runAt(
      place,
      async (at) => {
        await areGaps(at, ...kept);
        expect(await at.one("a", now(100))).toMatchObject({ offset: 0, publications: [] });
        return [await published(at), await published(at)];
      },
      volatile,
    );
    const again = await runAt(
      place,
      async (at) => {
        await areGaps(at, ...kept, ...lost);
        const first = await published(at, "a", "again");
        await at.publish("a", "and again");
        await areGaps(at, ...kept, ...lost);
        return first;
      },
      durable,
    );
    await runAt(
      place,
      async (at) => {
        await at.fill("a", 3);
        await areGaps(at, ...kept, ...lost);
        for (const past of [after(again.receipt), since(again.position)]) {
          const reading = await at.one("a", past);
          expect([reading.as, ...data(reading)]).toEqual(["missed", "and again", "1", "2", "3"]);
        }
      },
      durable,
    );
  });

  test("so it is when nothing was published on it before the next change", async () => {
    const place = newPlace();
    const kept = await runAt(place, (at) => published(at), durable);
    const lost = await runAt(place, (at) => published(at), volatile);
    const { epoch, position } = await runAt(
      place,
      async (at) => ({ epoch: (await at.one("a", now(0))).epoch, position: await at.position() }),
      durable,
    );
    const lostToo = await runAt(place, (at) => published(at), volatile);
    await runAt(
      place,
      async (at) => {
        const idle = { receipt: { channel: "a", epoch, offset: 0 }, position };
        await areGaps(at, kept, lost, idle, lostToo);
        await at.publish("a");
        await areGaps(at, kept, lost, idle, lostToo);
      },
      durable,
    );
  });

  test("a channel that was never durable before honours no place of the time before", async () => {
    const place = newPlace();
    const lost = await runAt(place, async (at) => [await published(at), await published(at)], volatile);
    for (let start = 0; start < 2; start++) {
      await runAt(
        place,
        async (at) => {
          await areGaps(at, ...lost);
          await at.publish("a");
          await areGaps(at, ...lost);
        },
        durable,
      );
    }
  });

  test("a channel of another kind begins anew, also when it becomes again what it was", async () => {
    const place = newPlace();
    const asStream = await runAt(place, (at) => published(at), durable);
    const asMap = await runAt(
      place,
      async (at) => {
        await areGaps(at, asStream);
        expect((await at.one("a", now(0))).publications).toEqual([]);
        const receipt = await at.set("a", "lamp");
        await areGaps(at, asStream);
        return { receipt, position: await at.position() };
      },
      all({ durable: "yes", kind: "map" }),
    );
    await runAt(
      place,
      async (at) => {
        await areGaps(at, asStream, asMap);
        expect((await at.one("a", now(100))).publications).toEqual([]);
        expect(await at.publish("a")).toMatchObject({ offset: 1 });
        await areGaps(at, asStream, asMap);
      },
      durable,
    );
  });

  test("a channel that went for others to have room honours nothing when it is durable after a reload", async () => {
    const forgetful: ChannelSettings = { ...stream, history: { size: 0, ttl: 600_000 } };
    let ofA = forgetful;
    const settingsOf = (channel: string): ChannelSettings => (channel === "a" ? ofA : forgetful);
    const making = { settingsOf, durableRules: () => ofA.durable };
    await runAt(
      newPlace(),
      async (at) => {
        const gone = await published(at);
        await at.publish("a");
        await at.publish("b");
        await at.publish("c");
        expect(await at.broker.channels("**")).not.toContain("a");
        ofA = { ...forgetful, durable: "yes" };
        at.broker.reconfigure?.();
        await areGaps(at, gone);
        await at.publish("a");
        await areGaps(at, gone);
      },
      { ...making, maxChannels: 2 },
    );
  });

  test("channels become of another kind by a reload that leaves less room than they take", async () => {
    const stays: ChannelSettings = { ...stream, durable: "yes" };
    let others = stays;
    let most = 3;
    await runAt(
      newPlace(),
      async (at) => {
        for (const channel of ["a", "b", "c"]) await at.publish(channel);
        most = 1;
        others = { ...stays, kind: "map" };
        expect(at.broker.reconfigure?.()).toEqual(["b", "c"]);
        for (const channel of ["b", "c"]) expect(await at.set(channel, "lamp")).toMatchObject({ offset: 1 });
        expect(await at.publish("a")).toMatchObject({ offset: 2 });
        await expect(at.publish("d")).rejects.toThrow("Cannot hold more than 1 channels");
      },
      { settingsOf: (channel) => (channel === "a" ? stays : others), maxChannels: () => most },
    );
  });

  test("a durable channel that nobody published on is no gap while the settings stay", async () => {
    const place = newPlace();
    const position = await runAt(
      place,
      async (at) => {
        await at.one("a", now(0));
        await at.publish("b");
        return at.position();
      },
      durable,
    );
    for (let start = 0; start < 2; start++) {
      await runAt(place, async (at) => expect((await at.one("a", since(position))).as).toBe("missed"), durable);
    }
  });
});

/** Everything that was ever delivered, with every place that somebody may come back with, over all starts. */
class Memory {
  readonly #delivered: Publication[] = [];
  readonly #positions: { readonly position: Position; readonly known: number }[] = [];
  readonly #offsets: { readonly receipt: Receipt; readonly known: number }[] = [];
  /** How many places were honoured, of those that there were. */
  honoured = 0;

  attach(at: Bench): void {
    at.broker.attach((publication) => this.#delivered.push(publication));
  }

  async note(at: Bench, receipt?: Receipt): Promise<void> {
    const known = this.#delivered.length;
    this.#positions.push({ position: await at.position(), known });
    if (receipt !== undefined) this.#offsets.push({ receipt, known });
  }

  /** Whoever comes back with any of them is told everything, or of a gap. */
  async check(at: Bench): Promise<void> {
    for (const { position, known } of this.#positions) {
      for (const channel of ["a", "b"]) this.#compare(await at.one(channel, since(position)), known, position);
      const { gap, channels } = await at.read(["*"], since(position));
      if (gap) continue;
      const told = channels.flatMap(({ publications }) => publications).sort((one, other) => one.seq - other.seq);
      expect(told, `all since ${position.seq}`).toEqual(this.#delivered.slice(known));
    }
    for (const { receipt, known } of this.#offsets) {
      this.#compare(await at.one(receipt.channel, after(receipt)), known, receipt);
    }
  }

  #compare({ channel, as, publications }: Awaited<ReturnType<Bench["one"]>>, known: number, place: object): void {
    if (as === "gap") return;
    this.honoured++;
    const missed = this.#delivered.slice(known).filter((one) => one.channel === channel);
    expect(publications, `${channel} since ${JSON.stringify(place)}`).toEqual(missed);
  }
}

const setting = fc.constantFrom<Partial<ChannelSettings>>(
  { durable: "yes" },
  { durable: "yes" },
  { durable: "no" },
  { durable: "yes", kind: "map" },
  { durable: "no", kind: "map" },
);
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant("publish" as const), channel: fc.constantFrom("a", "b") }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("restart" as const, "crash" as const, "reload" as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom("restart" as const, "crash" as const, "reload" as const),
      channel: fc.constantFrom("a", "b"),
      setting,
    }),
  },
);

test("whatever settings become, over reloads, restarts and crashes: nobody misses or hears twice without being told (property)", async () => {
  let honoured = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const memory = new Memory();
      const chosen = new Map<string, ChannelSettings>();
      const settingsOf = (channel: string): ChannelSettings => chosen.get(channel) ?? stream;
      const durableRules = (): string => JSON.stringify(Array.from(chosen, ([name, one]) => [name, one.durable]));
      let journal = new FakeJournal();
      const start = async (): Promise<Bench> => {
        const made = await startEmbedded({ journal, settingsOf, durableRules, leastRoom: 4 });
        memory.attach(made);
        return made;
      };
      let bench = await start();
      for (const one of steps) {
        if (one.do === "publish") {
          const draft = settingsOf(one.channel).kind === "map" ? { data: "1", key: "x" } : "1";
          await memory.note(bench, await bench.publish(one.channel, draft));
          continue;
        }
        if ("setting" in one) chosen.set(one.channel, { ...stream, ...one.setting });
        if (one.do === "reload") bench.broker.reconfigure?.();
        else {
          if (one.do === "restart") await bench.broker.close();
          journal = journal.crash();
          bench = await start();
        }
        await memory.note(bench);
        await memory.check(bench);
      }
      await memory.check(bench);
      honoured += memory.honoured;
    }),
    { numRuns: process.env["HEARTHWIRE_LONG"] === "1" ? 5000 : 300 },
  );
  expect(honoured).toBeGreaterThan(1000);
});
