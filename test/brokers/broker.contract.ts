/** What every `Broker` must do. Run by one test file per implementation. */
import { afterEach, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { matches } from "../../src/core/channels.ts";
import type { Broker, Draft, Past, Position } from "../../src/ports.ts";
import { FakeClock } from "../fakes/clock.ts";
import { Bench, data, now, numbers, refusal, type StartBroker, type StartOptions, since } from "./broker-bench.ts";

export function brokerContract(name: string, start: StartBroker): void {
  const benches: Bench[] = [];
  const bench: MakeBench = async (options = {}) => {
    const made = new Bench(await start(new FakeClock(), options));
    benches.push(made);
    return made;
  };

  describe(`Broker: ${name}`, () => {
    afterEach(async () => {
      for (const { broker } of benches.splice(0)) await broker.close();
    });
    describe("order", () => order(bench));
    describe("history", () => history(bench));
    describe("maps", () => maps(bench));
    describe("coming back", () => comingBack(bench));
    describe("what is transient", () => transient(bench));
    describe("pages", () => pages(bench));
    describe("refusals and bounds", () => bounds(bench));
  });
}

type MakeBench = (options?: StartOptions) => Promise<Bench>;

function order(bench: MakeBench): void {
  test("a publication is delivered as it was handed in, in its place, and its publisher is told the place", async () => {
    const { broker, clock, delivered, works } = await withWorks(bench);
    const draft: Draft = { data: '{"on":true}', tags: { room: "kitchen" }, info: '{"user":"me"}' };
    const receipt = broker.publish("a", draft);
    await works();
    expect(await receipt).toMatchObject({ channel: "a", offset: 1 });
    expect(delivered).toEqual([{ ...draft, channel: "a", offset: 1, seq: expect.any(Number), time: clock.now() }]);
  });

  test("offsets count by one in each channel, seq grows over all, and the epoch stays", async () => {
    const at = await bench();
    const epochs = new Set<string>();
    for (const channel of ["a", "b", "a", "a", "b"]) epochs.add((await at.publish(channel)).epoch);
    expect(at.delivered.map(({ channel, offset }) => [channel, offset])).toEqual([
      ["a", 1],
      ["b", 1],
      ["a", 2],
      ["a", 3],
      ["b", 2],
    ]);
    const seqs = at.delivered.map(({ seq }) => seq);
    expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
    expect(epochs.size).toBe(1);
  });

  test("what is published at once is delivered per channel in that order, each once", async () => {
    const at = await bench();
    const receipts = Array.from({ length: 200 }, (_, number) => {
      return at.broker.publish(number % 3 === 0 ? "none/a" : `a/${number % 5}`, { data: String(number) });
    });
    await at.works();
    await Promise.all(receipts);
    for (const channel of new Set(at.delivered.map((publication) => publication.channel))) {
      const numbers = at.delivered.filter((one) => one.channel === channel).map((one) => Number(one.data));
      expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    }
    expect(at.delivered).toHaveLength(200);
  });

  test("delivery has happened for all that a reading contains", async () => {
    const at = await bench();
    for (let number = 0; number < 20; number++) {
      const receipt = at.broker.publish("a", { data: String(number) });
      const { position, channels } = await at.read("a", now(100));
      expect(position.seq).toBe(at.delivered.at(-1)?.seq ?? position.seq);
      expect(channels[0]?.publications).toEqual(at.delivered.slice(-5));
      await at.works();
      await receipt;
    }
  });

  test("channels are named that hold something or were published on, by pattern, in order", async () => {
    const at = await bench();
    for (const channel of ["b/2", "b/1", "a", "$secret", "none/x"]) await at.publish(channel);
    await at.read("never/published", now(0));
    expect(await at.broker.channels("**")).toEqual(["a", "b/1", "b/2", "none/x"]);
    expect(await at.broker.channels("b/*")).toEqual(["b/1", "b/2"]);
    expect(await at.broker.channels("$secret")).toEqual(["$secret"]);
  });

  test("after closing nothing is taken", async () => {
    const at = await bench();
    await at.broker.close();
    expect(await refusal(() => at.broker.publish("a", { data: "1" }))).toBe("shutdown");
    expect(at.delivered).toEqual([]);
  });
}

function history(bench: MakeBench): void {
  test("keeps the last by size, oldest first, and as many as were asked for are read", async () => {
    const at = await bench();
    await at.fill("a", 8);
    expect(await at.one("a", now(100))).toMatchObject({ kind: "stream", as: "history", offset: 8 });
    expect(data(await at.one("a", now(100)))).toEqual(["4", "5", "6", "7", "8"]);
    expect(data(await at.one("a", now(2)))).toEqual(["7", "8"]);
    expect(data(await at.one("a", now(0)))).toEqual([]);
  });

  test("is forgotten when that is asked for, and the channel's place goes on", async () => {
    const at = await bench();
    await at.fill("a", 3);
    await at.broker.removeHistory?.("a");
    expect((await at.broker.history("a", { limit: -1 })).publications).toEqual([]);
    const { offset, epoch } = await at.publish("a", "4");
    expect(offset).toBe(4);
    expect((await at.one("a", { from: "offset", epoch, offset: 2 })).as).toBe("gap");
    expect(data(await at.one("a", { from: "offset", epoch, offset: 3 }))).toEqual(["4"]);
  });

  test("keeps none where its size is 0, and still counts", async () => {
    const at = await bench();
    await at.fill("none/a", 3);
    expect(await at.one("none/a", now(100))).toMatchObject({ as: "history", offset: 3, publications: [] });
  });

  test("lets go of what is older than its time, though nothing new comes", async () => {
    const at = await bench();
    await at.publish("brief/a", "old");
    at.clock.advance(6000);
    await at.publish("brief/a", "new");
    at.clock.advance(4000);
    expect(data(await at.one("brief/a", now(100)))).toEqual(["old", "new"]);
    at.clock.advance(1);
    expect(data(await at.one("brief/a", now(100)))).toEqual(["new"]);
    at.clock.advance(6000);
    expect(await at.one("brief/a", now(100))).toMatchObject({ offset: 2, publications: [] });
  });

  test("is exact over many publications", async () => {
    const at = await bench();
    for (let number = 1; number <= 400; number++) {
      await at.publish("a", String(number));
      if (number % 37 !== 0) continue;
      const least = Math.max(1, number - 4);
      expect(data(await at.one("a", now(100)))).toEqual(numbers(least, number));
    }
  });
}

function maps(bench: MakeBench): void {
  test("have the latest value of each key, in the order of offsets, and removed keys no more", async () => {
    const at = await bench();
    for (const [key, value] of [
      ["x", "1"],
      ["y", "2"],
      ["x", "3"],
      ["z", "4"],
    ] as const)
      await at.set("map/a", key, value);
    await at.remove("map/a", "y");
    const reading = await at.one("map/a", now(0));
    expect(reading).toMatchObject({ kind: "map", as: "snapshot", offset: 5 });
    expect(reading.publications.map(({ key, data: value, offset }) => [key, value, offset])).toEqual([
      ["x", "3", 3],
      ["z", "4", 4],
    ]);
  });

  test("tell of a removal as of any change", async () => {
    const at = await bench();
    await at.set("map/a", "x");
    const receipt = await at.remove("map/a", "x");
    expect(receipt.offset).toBe(2);
    expect(at.delivered.at(-1)).toMatchObject({ key: "x", removed: true, data: "null", offset: 2 });
  });

  test("do not change when something is removed that they do not have", async () => {
    const at = await bench();
    await at.set("map/a", "x");
    expect(await at.remove("map/a", "y")).toMatchObject({ offset: 1 });
    expect(at.delivered).toHaveLength(1);
  });

  test("have a key again that was removed", async () => {
    const at = await bench();
    await at.set("map/a", "x", "1");
    await at.remove("map/a", "x");
    await at.set("map/a", "x", "2");
    expect(data(await at.one("map/a", now(0)))).toEqual(["2"]);
  });

  test("keep values for ever, whatever becomes of history", async () => {
    const at = await bench();
    await at.set("map/a", "first", "1");
    for (let number = 0; number < 10; number++) await at.set("map/a", "second", String(number));
    await at.set("nomap/a", "x", "2");
    at.clock.advance(86_400_000);
    expect(data(await at.one("map/a", now(0)))).toEqual(["1", "9"]);
    expect(data(await at.one("nomap/a", now(0)))).toEqual(["2"]);
  });

  test("give the changes since a place, and are given whole after a gap", async () => {
    const at = await bench();
    await at.set("map/a", "x", "1");
    const position = await at.position();
    await at.set("map/a", "y", "2");
    await at.remove("map/a", "x");
    const missed = await at.one("map/a", since(position));
    expect(missed.as).toBe("missed");
    expect(missed.publications.map(({ key, removed }) => [key, removed])).toEqual([
      ["y", undefined],
      ["x", true],
    ]);
    for (let number = 0; number < 5; number++) await at.set("map/a", "y", String(number));
    const gap = await at.one("map/a", since(position));
    expect(gap).toMatchObject({ as: "gap", publications: [{ key: "y", data: "4" }] });
  });
}

function comingBack(bench: MakeBench): void {
  test("with a position gives all since then, of every channel, and no gap", async () => {
    const at = await bench();
    await at.fill("a/1", 2);
    const position = await at.position();
    await at.publish("a/1", "3");
    await at.publish("a/2", "1");
    await at.publish("b", "1");
    for (const selector of [["a/1", "a/2"], ["a/*"]]) {
      const reading = await at.read(selector, since(position));
      expect(reading.gap).toBe(false);
      expect(reading.position).toEqual(await at.position());
      const all = reading.channels.map((one) => [one.channel, one.as, data(one)]);
      expect(all.sort()).toEqual([
        ["a/1", "missed", ["3"]],
        ["a/2", "missed", ["1"]],
      ]);
    }
  });

  test("with a position of which history lacks something is a gap, with what is left", async () => {
    const at = await bench();
    const empty = await at.position();
    await at.publish("a", "1");
    const first = await at.position();
    for (const number of numbers(2, 6)) await at.publish("a", number);
    expect(await at.one("a", since(first))).toMatchObject({ as: "missed" });
    expect(data(await at.one("a", since(first)))).toEqual(numbers(2, 6));
    const reading = await at.read(["a", "b"], since(empty));
    expect(reading.gap).toBe(true);
    const [gap, whole] = [...reading.channels].sort((one, two) => one.channel.localeCompare(two.channel));
    expect(gap).toMatchObject({ channel: "a", as: "gap" });
    expect(data(gap ?? { publications: [] })).toEqual(numbers(2, 6));
    expect(whole).toMatchObject({ channel: "b", as: "missed", publications: [] });
  });

  test("to a channel without history is a gap as soon as something was missed", async () => {
    const at = await bench();
    await at.publish("none/a");
    const position = await at.position();
    expect((await at.one("none/a", since(position))).as).toBe("missed");
    await at.publish("elsewhere");
    expect((await at.one("none/a", since(position))).as).toBe("missed");
    await at.publish("none/a");
    expect((await at.one("none/a", since(position))).as).toBe("gap");
  });

  test("after history has gone by age is a gap only for what went", async () => {
    const at = await bench();
    const before = await at.position();
    await at.publish("brief/a");
    const after = await at.position();
    at.clock.advance(10_001);
    expect((await at.one("brief/a", since(before))).as).toBe("gap");
    expect((await at.one("brief/a", since(after))).as).toBe("missed");
  });

  test("with a position that this broker never gave is a gap", async () => {
    const at = await bench();
    await at.publish("a");
    const { run, seq } = await at.position();
    expect((await at.read("a", since({ run: `${run}x`, seq }))).gap).toBe(true);
    expect((await at.read("a", since({ run, seq: seq + 1 }))).gap).toBe(true);
    expect((await at.read("a/*", since({ run: `${run}x`, seq }))).gap).toBe(true);
    expect((await at.read("a", since({ run, seq }))).gap).toBe(false);
  });

  test("with an offset of the channel's epoch gives all after it, or a gap", async () => {
    const at = await bench();
    await at.fill("a", 7);
    const { epoch } = await at.one("a", now(0));
    const from = (offset: number, of = epoch): Past => ({ from: "offset", epoch: of, offset });
    expect(await at.one("a", from(7))).toMatchObject({ as: "missed", publications: [] });
    expect(data(await at.one("a", from(4)))).toEqual(["5", "6", "7"]);
    expect(data(await at.one("a", from(2)))).toEqual(numbers(3, 7));
    expect((await at.one("a", from(2))).as).toBe("missed");
    expect(await at.one("a", from(1))).toMatchObject({ as: "gap" });
    expect(data(await at.one("a", from(1)))).toEqual(numbers(3, 7));
    expect((await at.one("a", from(8))).as).toBe("gap");
    expect((await at.one("a", from(7, "other"))).as).toBe("gap");
    expect(data(await at.one("a", from(4, "")))).toEqual(["5", "6", "7"]);
    expect((await at.one("a", from(8, ""))).as).toBe("gap");
  });

  test("to names that nobody published on tells their place all the same", async () => {
    const at = await bench();
    const { channels, gap } = await at.read(["x", "y"], now(10));
    expect(gap).toBe(false);
    expect(channels.map(({ channel, offset, as }) => [channel, offset, as]).sort()).toEqual([
      ["x", 0, "history"],
      ["y", 0, "history"],
    ]);
    const { epoch } = await at.one("x", now(0));
    await at.publish("x");
    expect(await at.one("x", { from: "offset", epoch, offset: 0 })).toMatchObject({
      as: "missed",
      publications: [{ offset: 1 }],
    });
  });

  test("a pattern reaches channels that come later, and never reserved ones", async () => {
    const at = await bench();
    const names = async () => (await at.read(["a/**"], now(1))).channels.map(({ channel }) => channel).sort();
    expect(await names()).toEqual([]);
    await at.publish("a/1");
    await at.publish("b");
    expect(await names()).toEqual(["a/1"]);
    await at.publish("a/2/3");
    await at.publish("$a/1");
    expect(await names()).toEqual(["a/1", "a/2/3"]);
    expect((await at.read(["**"], now(1))).channels).toHaveLength(3);
  });

  test("whatever was published, a position gives exactly what came after it, or a gap (property)", async () => {
    const channel = fc.constantFrom("a/1", "a/2", "b", "none/1", "map/1");
    await fc.assert(
      fc.asyncProperty(fc.array(channel, { maxLength: 30 }), fc.nat(), async (published, at) => {
        const made = await bench();
        const positions: Position[] = [await made.position()];
        for (const one of published) {
          await made.publish(one, one === "map/1" ? { data: "1", key: "x" } : "1");
          positions.push(await made.position());
        }
        const from = at % positions.length;
        const reading = await made.read(["**"], since(positions[from] ?? (await made.position())));
        const seq = positions[from]?.seq ?? 0;
        for (const { channel: name, as, publications } of reading.channels) {
          const missed = made.delivered.filter((one) => one.channel === name && one.seq > seq);
          const size = name === "none/1" ? 0 : 5;
          expect(as, `${name} since ${from}`).toBe(missed.length > size ? "gap" : "missed");
          if (as === "missed") expect(publications).toEqual(missed);
        }
        expect(reading.gap).toBe(reading.channels.some(({ as }) => as === "gap"));
        const reached = new Set(published.filter((name) => matches("**", name)));
        expect(new Set(reading.channels.map((one) => one.channel))).toEqual(reached);
      }),
      { numRuns: 40 },
    );
  });
}

function transient(bench: MakeBench): void {
  const passing: Draft = { data: '"now"', transient: true };

  test.each(["a", "none/a"])("reaches those who listen to %s, without a place, and is not kept", async (channel) => {
    const { broker, clock, delivered, works } = await withWorks(bench);
    const first = broker.publish(channel, { data: "1" });
    await works();
    const { epoch } = await first;
    expect(await broker.publish(channel, passing)).toEqual({ channel, offset: 0, epoch });
    expect(delivered.at(-1)).toEqual({ ...passing, channel, offset: 0, seq: expect.any(Number), time: clock.now() });
    const second = broker.publish(channel, { data: "2" });
    await works();
    expect((await second).offset).toBe(2);
    const seqs = delivered.map(({ seq }) => seq);
    expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
    const { publications, offset } = await broker.history(channel, { limit: -1 });
    expect([offset, data({ publications })]).toEqual([2, channel === "none/a" ? [] : ["1", "2"]]);
  });

  test("is no gap to who comes back from before it or from it, by cursor or by offset", async () => {
    const at = await bench();
    const { epoch } = await at.publish("a", "1");
    const before = await at.position();
    for (let count = 0; count < 10; count++) await at.publish("a", passing);
    const after = await at.position();
    expect(after.seq).toBeGreaterThan(before.seq);
    await at.publish("a", "2");
    for (const past of [since(before), since(after), { from: "offset", epoch, offset: 1 } as const]) {
      const reading = await at.one("a", past);
      expect([reading.as, data(reading)]).toEqual(["missed", ["2"]]);
    }
  });

  test("is refused on a map, and alone makes no channel", async () => {
    const at = await bench();
    expect(await refusal(() => at.publish("map/a", passing))).toBe("bad_request");
    expect(await refusal(() => at.publish("map/a", { ...passing, key: "x" }))).toBe("bad_request");
    await at.publish("a", passing);
    expect(at.delivered.map(({ channel }) => channel)).toEqual(["a"]);
    expect(await at.broker.channels("**")).toEqual([]);
    expect(at.broker.holds?.("a") ?? false).toBe(false);
  });
}

function pages(bench: MakeBench): void {
  test("come oldest first, or newest first, up to a limit", async () => {
    const at = await bench();
    await at.fill("a", 7);
    const page = async (...[query]: [Parameters<Broker["history"]>[1]]) => data(await at.broker.history("a", query));
    expect(await page({ limit: -1 })).toEqual(numbers(3, 7));
    expect(await page({ limit: 2 })).toEqual(["3", "4"]);
    expect(await page({ limit: 2, reverse: true })).toEqual(["7", "6"]);
    expect(await page({ limit: -1, reverse: true })).toEqual(numbers(3, 7).reverse());
    expect(await page({ limit: 0 })).toEqual([]);
  });

  test("follow one another by `since`, in both directions", async () => {
    const at = await bench();
    await at.fill("a", 7);
    const { epoch, offset } = await at.broker.history("a", { limit: 0 });
    expect(offset).toBe(7);
    const page = async (from: number, limit: number, reverse = false) =>
      data(await at.broker.history("a", { limit, reverse, since: { epoch, offset: from } }));
    expect(await page(4, 2)).toEqual(["5", "6"]);
    expect(await page(6, 2)).toEqual(["7"]);
    expect(await page(7, 2)).toEqual([]);
    expect(await page(6, 2, true)).toEqual(["5", "4"]);
    expect(await page(4, 2, true)).toEqual(["3"]);
    expect(await page(8, 2, true)).toEqual(["7", "6"]);
    expect(await page(100, 2, true)).toEqual(["7", "6"]);
    expect(await page(0, -1)).toEqual(numbers(3, 7));
  });

  test("of an epoch that is gone are refused; without an epoch it is not asked for", async () => {
    const at = await bench();
    await at.fill("a", 3);
    const ask = (epoch: string) => at.broker.history("a", { limit: -1, since: { epoch, offset: 1 } });
    expect(await refusal(() => ask("other"))).toBe("unrecoverable_position");
    expect(data(await ask(""))).toEqual(["2", "3"]);
  });

  test("of a map's entries follow one another in the order of their last change, whatever changes between them", async () => {
    const at = await bench();
    for (const key of ["v", "w", "x", "y"]) await at.set("map/a", key);
    await at.set("map/a", "w");
    const page = async (from: number): Promise<(string | undefined)[]> => {
      const since = { epoch: "", offset: from };
      const { publications } = await at.broker.history("map/a", { limit: 2, since, entries: true });
      return publications.map(({ key }) => key);
    };
    expect(await page(0)).toEqual(["v", "x"]);
    await at.set("map/a", "v");
    await at.remove("map/a", "y");
    expect(await page(3)).toEqual(["w", "v"]);
    expect(await page(6)).toEqual([]);
  });

  test("leave out what went by age", async () => {
    const at = await bench();
    await at.fill("brief/a", 2);
    at.clock.advance(10_001);
    expect(await at.broker.history("brief/a", { limit: -1 })).toMatchObject({ offset: 2, publications: [] });
  });
}

function bounds(bench: MakeBench): void {
  test("a key on a stream and no key on a map are refused, and leave no trace", async () => {
    const at = await bench();
    expect(await refusal(() => at.set("a", "x"))).toBe("bad_request");
    expect(await refusal(() => at.publish("map/a"))).toBe("bad_request");
    expect(await refusal(() => at.publish("a", { data: "null", removed: true, key: "x" }))).toBe("bad_request");
    expect(at.delivered).toEqual([]);
    expect(await at.broker.channels("**")).toEqual([]);
    expect((await at.publish("a")).offset).toBe(1);
  });

  test("channels over the limit are refused while the others hold something", async () => {
    const at = await bench({ maxChannels: 3 });
    for (const channel of ["a", "b", "c"]) await at.publish(channel);
    expect(await refusal(() => at.publish("d"))).toBe("limit_exceeded");
    expect(await refusal(() => at.read("d", now(0)))).toBe("limit_exceeded");
    expect((await at.publish("a")).offset).toBe(2);
  });

  test("an empty channel makes room, and its place is known to be gone", async () => {
    const at = await bench({ maxChannels: 2 });
    const first = await at.publish("none/a");
    await at.publish("b");
    await at.publish("none/c");
    expect(await at.broker.channels("**")).toEqual(["b", "none/c"]);
    const second = await at.publish("none/a");
    expect(second.offset).toBe(1);
    expect(second.epoch).not.toBe(first.epoch);
    const place: Past = { from: "offset", epoch: first.epoch, offset: 1 };
    expect((await at.one("none/a", place)).as).toBe("gap");
  });

  test("what went with an evicted channel is a gap to who comes back to a pattern", async () => {
    const at = await bench({ maxChannels: 3 });
    const position = await latest(at);
    for (const channel of ["none/a", "b", "c", "d"]) await at.publish(channel);
    expect(await at.broker.channels("**")).toEqual(["b", "c", "d"]);
    expect((await at.read(["none/*"], since(position))).gap).toBe(true);
    expect((await at.read(["none/*"], since(await latest(at)))).gap).toBe(false);
  });

  test("what went with an evicted channel is a gap to who comes back to its name", async () => {
    const at = await bench({ maxChannels: 2 });
    const before = await latest(at);
    await at.publish("none/a");
    await at.publish("b");
    await at.publish("none/c");
    expect((await at.read(["none/a"], since(before))).gap).toBe(true);
    expect((await at.read(["none/a"], since(await latest(at)))).gap).toBe(false);
  });
}

/** The position, without a channel to be named for it. */
async function latest(at: Bench): Promise<Position> {
  return (await at.read(["nothing/here/*"], now(0))).position;
}

async function withWorks(bench: MakeBench) {
  const at = await bench();
  return { broker: at.broker, clock: at.clock, delivered: at.delivered, works: () => at.works() };
}
