/** What every `Journal` must do. Run by one test file per implementation. */
import { afterEach, describe, expect, test } from "bun:test";
import type { Journal, JournalChannel, JournalRecord } from "../../src/ports.ts";

/** One place that journals are kept in. */
export interface JournalPlace {
  open(): Promise<Journal>;
  clear(): void;
}

export function record(channel: string, offset: number, seq: number, more: Partial<JournalRecord> = {}): JournalRecord {
  return { channel, offset, seq, time: 1_700_000_000_000 + seq, data: `{"n":${seq}}`, kind: "stream", ...more };
}

export function entry(channel: string, offset: number, seq: number, key: string, removed = false): JournalRecord {
  const value = removed ? { data: "null", removed: true as const } : {};
  return record(channel, offset, seq, { kind: "map", key, ...value });
}

export function streamOf(channel: string, count: number, from = 1): JournalRecord[] {
  return Array.from({ length: count }, (_, at) => record(channel, from + at, from + at));
}

export function loaded(journal: Journal): Record<string, JournalChannel> {
  return Object.fromEntries(Array.from(journal.load(), (channel) => [channel.channel, channel]));
}

export function offsets(channel: JournalChannel | undefined): number[] {
  return channel?.publications.map(({ offset }) => offset) ?? [];
}

export function journalContract(name: string, newPlace: () => JournalPlace): void {
  const places: JournalPlace[] = [];
  const place = (): JournalPlace => {
    const made = newPlace();
    places.push(made);
    return made;
  };
  /** Opens the place, does the work, and closes it again. */
  const visit = async <Result>(at: JournalPlace, work: (journal: Journal) => Result): Promise<Awaited<Result>> => {
    const journal = await at.open();
    try {
      return await work(journal);
    } finally {
      await journal.close();
    }
  };

  describe(`Journal: ${name}`, () => {
    afterEach(() => {
      for (const made of places.splice(0)) made.clear();
    });
    describe("what is kept", () => keeps(place, visit));
    describe("maps", () => keepsMaps(place, visit));
    describe("what is let go", () => letsGo(place, visit));
    describe("runs and order", () => counts(place, visit));
  });
}

type Place = () => JournalPlace;
type Visit = <Result>(at: JournalPlace, work: (journal: Journal) => Result) => Promise<Awaited<Result>>;

function keeps(place: Place, visit: Visit): void {
  test("a new journal is empty and has an epoch of its own", async () => {
    const at = place();
    const first = await visit(at, (journal) => ({ epoch: journal.epoch, channels: loaded(journal) }));
    expect(first.epoch).toMatch(/^[a-z0-9]{10}$/);
    expect(first.channels).toEqual({});
    expect(await visit(at, ({ epoch, runs, nextSeq }) => ({ epoch, runs, nextSeq }))).toEqual({
      epoch: first.epoch,
      runs: [],
      nextSeq: 0,
    });
    expect(await visit(place(), ({ epoch }) => epoch)).not.toBe(first.epoch);
  });

  test("all fields of a publication come back as they were, and no others", async () => {
    const at = place();
    const plain = record("a/b", 1, 1);
    const rich = record("a/b", 2, 5, {
      data: '{"text":"ünï\\u0000\\n \u2028 😀"}',
      tags: { lang: "de", "a b": "" },
      info: '{"user":"é"}',
    });
    const keyed = record("m", 1, 6, { kind: "map", key: 'a "key"\u0000\n' });
    await visit(at, (journal) => journal.append([plain, rich, keyed], "yes"));
    const channels = await visit(at, loaded);
    const withoutKind = ({ kind: _, ...publication }: JournalRecord) => publication;
    expect(channels["a/b"]).toEqual({
      channel: "a/b",
      kind: "stream",
      since: 0,
      offset: 2,
      trimmedSeq: 0,
      publications: [plain, rich].map(withoutKind),
      entries: [],
    });
    expect(channels["m"]?.publications).toEqual([withoutKind(keyed)]);
    expect(channels["m"]?.entries).toEqual([withoutKind(keyed)]);
  });

  test("records of many channels, over many reopenings, come back per channel in order", async () => {
    const at = place();
    for (let round = 0; round < 3; round++) {
      const records = Array.from({ length: 40 }, (_, n) => {
        return record(`c/${n % 4}`, round * 10 + Math.floor(n / 4) + 1, round * 100 + n + 1);
      });
      await visit(at, (journal) => journal.append(records, round === 1 ? "sync" : "yes"));
    }
    const channels = await visit(at, loaded);
    expect(Object.keys(channels).sort()).toEqual(["c/0", "c/1", "c/2", "c/3"]);
    for (const channel of Object.values(channels)) {
      expect(offsets(channel)).toEqual(Array.from({ length: 30 }, (_, n) => n + 1));
    }
  });

  test("more records than are read at a time come back whole", async () => {
    const at = place();
    await visit(at, (journal) => journal.append(streamOf("long", 10_000), "yes"));
    expect(offsets((await visit(at, loaded))["long"])).toEqual(Array.from({ length: 10_000 }, (_, n) => n + 1));
  });

  test("of an append that is refused nothing is kept, and the next one is", async () => {
    const at = place();
    await visit(at, async (journal) => {
      await journal.append([record("a", 1, 1)], "yes");
      // A seq that was given out already.
      const twice = [record("a", 2, 2), record("new", 1, 3), record("a", 3, 1)];
      expect(await outcome(journal.append(twice, "yes"))).toBe("notAvailable");
      await journal.append([record("a", 2, 4)], "yes");
    });
    const channels = await visit(at, loaded);
    expect(offsets(channels["a"])).toEqual([1, 2]);
    expect(channels["new"]).toBeUndefined();
  });

  test("an append after closing is refused", async () => {
    const journal = await place().open();
    await journal.close();
    expect(await outcome(journal.append([record("a", 1, 1)], "yes"))).toBe("shutdown");
    await journal.close();
  });
}

function keepsMaps(place: Place, visit: Visit): void {
  const keys = (channel: JournalChannel | undefined) => channel?.entries.map(({ key, offset }) => [key, offset]);

  test("the map has the last value of each key, in the order of offsets, and no removed ones", async () => {
    const at = place();
    await visit(at, async (journal) => {
      await journal.append([entry("m", 1, 1, "a"), entry("m", 2, 2, "b"), entry("m", 3, 3, "c")], "yes");
      await journal.append([entry("m", 4, 4, "a"), entry("m", 5, 5, "b", true)], "yes");
    });
    const { m } = await visit(at, loaded);
    expect(keys(m)).toEqual([
      ["c", 3],
      ["a", 4],
    ]);
    expect(offsets(m)).toEqual([1, 2, 3, 4, 5]);
    expect(m?.publications[4]).toMatchObject({ key: "b", removed: true, data: "null" });
  });

  test("a value stays in the map when the history no longer has it, and a removed one does not come back", async () => {
    const at = place();
    await visit(at, async (journal) => {
      await journal.append([entry("m", 1, 1, "stays"), entry("m", 2, 2, "goes")], "yes");
      await journal.append([entry("m", 3, 3, "goes", true)], "yes");
      journal.trim("m", 3, 3);
      // Enough spent publications to make any journal tidy up, several times.
      for (let n = 4; n < 2000; n++) {
        void journal.append([entry("m", n, n, `k${n % 7}`)], "yes");
        journal.trim("m", n - 1, n - 1);
      }
      await journal.append([entry("m", 2000, 2000, "last", true)], "yes");
    });
    for (let round = 0; round < 2; round++) {
      const { m } = await visit(at, loaded);
      expect(m?.entries[0]).toMatchObject({ key: "stays", offset: 1 });
      expect(
        keys(m)
          ?.map(([key]) => key)
          .sort(),
      ).toEqual(["k0", "k1", "k2", "k3", "k4", "k5", "k6", "stays"]);
      expect(offsets(m)).toEqual([1999, 2000]);
      expect(m).toMatchObject({ offset: 2000, trimmedSeq: 1998 });
    }
  });

  test("a channel that becomes a stream has no map any more", async () => {
    const at = place();
    await visit(at, async (journal) => {
      await journal.append([entry("m", 1, 1, "a")], "yes");
      await journal.append([record("m", 2, 2)], "yes");
    });
    expect((await visit(at, loaded))["m"]).toMatchObject({ offset: 2, entries: [] });
  });
}

function letsGo(place: Place, visit: Visit): void {
  test("what is trimmed is gone after reopening, and says up to where", async () => {
    const at = place();
    await visit(at, async (journal) => {
      await journal.append(streamOf("a", 100), "yes");
      journal.trim("a", 90, 90);
      journal.trim("unknown", 5, 5);
    });
    const { a } = await visit(at, loaded);
    expect(offsets(a)).toEqual([91, 92, 93, 94, 95, 96, 97, 98, 99, 100]);
    expect(a).toMatchObject({ offset: 100, trimmedSeq: 90 });
  });

  test("offsets continue when everything was trimmed", async () => {
    const at = place();
    await visit(at, async (journal) => {
      await journal.append(streamOf("a", 1000), "yes");
      journal.trim("a", 1000, 1000);
      await journal.append([record("other", 1, 1001)], "yes");
    });
    for (let round = 0; round < 2; round++) {
      expect((await visit(at, loaded))["a"]).toMatchObject({ offset: 1000, trimmedSeq: 1000, publications: [] });
    }
    await visit(at, (journal) => journal.append([record("a", 1001, 1002)], "yes"));
    expect((await visit(at, loaded))["a"]).toMatchObject({ offset: 1001, trimmedSeq: 1000 });
  });

  test("a forgotten channel is gone, and one that comes again under its name begins anew", async () => {
    const at = place();
    await visit(at, async (journal) => {
      await journal.append(streamOf("gone", 300), "yes");
      void journal.append([record("again", 1, 301), record("again", 2, 302)], "yes");
      journal.forget("gone");
      journal.forget("again");
      journal.forget("unknown");
      await journal.append([record("again", 1, 303)], "yes");
    });
    for (let round = 0; round < 2; round++) {
      const channels = await visit(at, loaded);
      expect(Object.keys(channels)).toEqual(["again"]);
      expect(channels["again"]).toMatchObject({ offset: 1, trimmedSeq: 0 });
      expect(channels["again"]?.publications.map(({ seq }) => seq)).toEqual([303]);
    }
  });
}

function counts(place: Place, visit: Visit): void {
  test("the rules that say what is durable come back, the last ones, and under which of them a channel began", async () => {
    const at = place();
    expect(await visit(at, ({ rules }) => rules)).toBeUndefined();
    await visit(at, async (journal) => {
      journal.rule({ text: "one", from: 0 });
      await journal.append([record("a", 1, 1, { since: 0 })], "yes");
      journal.rule({ text: "two", from: 5 });
      await journal.append([record("a", 2, 6), entry("b", 1, 7, "x")], "yes");
      await journal.append([record("c", 1, 8, { since: 5 }), record("c", 2, 9, { since: 5 })], "yes");
    });
    for (let round = 0; round < 2; round++) {
      const { rules, channels } = await visit(at, (journal) => ({ rules: journal.rules, channels: loaded(journal) }));
      expect(rules).toEqual({ text: "two", from: 5 });
      expect(channels["a"]).toMatchObject({ kind: "stream", since: 0, trimmedSeq: 0 });
      expect(channels["b"]).toMatchObject({ kind: "map", since: 0 });
      expect(channels["c"]).toMatchObject({ kind: "stream", since: 5, trimmedSeq: 5, offset: 2 });
    }
  });

  test("runs come back, oldest first, without the one that is going on", async () => {
    const at = place();
    for (const [round, run] of ["one", "two", "three"].entries()) {
      await visit(at, async (journal) => {
        expect(journal.runs.map((earlier) => earlier.run)).toEqual(["one", "two", "three"].slice(0, round));
        journal.begin({ run, from: round * 10 });
        await journal.reserve(round * 10 + 10);
      });
    }
    expect(await visit(at, ({ runs }) => runs)).toEqual([
      { run: "one", from: 0 },
      { run: "two", from: 10 },
      { run: "three", from: 20 },
    ]);
  });

  test("numbers begin at the reserved mark, which never goes back, and above every publication", async () => {
    const at = place();
    await visit(at, async (journal) => {
      await journal.reserve(500);
      await journal.reserve(400);
    });
    expect(await visit(at, ({ nextSeq }) => nextSeq)).toBe(500);
    await visit(at, (journal) => journal.append([record("a", 1, 2 ** 52)], "yes"));
    expect(await visit(at, ({ nextSeq }) => nextSeq)).toBe(2 ** 52 + 1);
  });

  test("200 concurrent appends are answered and kept in the order in which they came", async () => {
    const at = place();
    const answered: number[] = [];
    await visit(at, async (journal) => {
      const appends = Array.from({ length: 200 }, async (_, n) => {
        // Some begin while others are on their way.
        for (let turn = 0; turn < n % 5; turn++) await Promise.resolve();
        return n;
      });
      let seq = 0;
      await Promise.all(
        appends.map(async (begin) => {
          await begin;
          const mine = ++seq;
          await journal.append([record("a", mine, mine)], mine % 3 === 0 ? "sync" : "yes");
          answered.push(mine);
        }),
      );
    });
    const inOrder = Array.from({ length: 200 }, (_, n) => n + 1);
    expect(answered).toEqual(inOrder);
    expect(offsets((await visit(at, loaded))["a"])).toEqual(inOrder);
  });

  test("closing keeps what is still on its way", async () => {
    const at = place();
    const journal = await at.open();
    const appends = streamOf("a", 50).map((one) => journal.append([one], "yes"));
    await journal.close();
    await Promise.all(appends);
    expect((await visit(at, loaded))["a"]?.offset).toBe(50);
  });
}

/** `kept`, or the name of the refusal's entry in the table. */
async function outcome(append: Promise<void>): Promise<string> {
  try {
    await append;
    return "kept";
  } catch (thrown) {
    const name = (thrown as { refusal?: { name?: string } }).refusal?.name ?? "other";
    return name === "not_available" ? "notAvailable" : name;
  }
}
