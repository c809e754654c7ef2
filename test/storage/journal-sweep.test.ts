import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import type { JournalChannel, JournalRecord } from "../../src/ports.ts";
import { JournalFile } from "../../src/storage/journal-file.ts";
import { JournalLoading } from "../../src/storage/journal-loading.ts";
import { entry, offsets, record, streamOf } from "./journal.contract.ts";
import { TemporaryDirectories } from "./temporary.ts";

const directories = new TemporaryDirectories();
afterAll(() => directories.clear());

const long = process.env["HEARTHWIRE_LONG"] === "1";

function commit(file: JournalFile, records: readonly JournalRecord[], forget: readonly string[] = []): void {
  file.commit({ forget, runs: [], reserve: 0, sync: false, records: JSON.stringify([records]) });
}

function sweep(file: JournalFile): void {
  let more = true;
  while (more) more = file.sweep.pieceAtRest(100);
}

function load(file: JournalFile): Map<string, JournalChannel> {
  const loading = new JournalLoading();
  loading.addChannels(file.readChannels());
  for (const rows of file.readRows()) loading.addRows(rows);
  return new Map(Array.from(loading.take(), (channel) => [channel.channel, channel]));
}

test("a journal whose history is bounded stays bounded on the disk", () => {
  const path = join(directories.make(), "journal.db");
  const file = new JournalFile(path);
  let most = 0;
  for (let from = 1; from < 40_000; from += 200) {
    commit(file, streamOf("a", 200, from));
    file.trim(JSON.stringify([["a", from + 99, from + 99]]));
    // As the worker does it when there is never time.
    file.sweep.piece(4 * 200 + 64);
    file.sweep.checkpointUnderLoad();
    most = Math.max(most, statSync(path).size + statSync(`${path}-wal`).size);
  }
  file.close();
  expect(most).toBeLessThan(18 * 2 ** 20);
  expect(statSync(path).size).toBeLessThan(300_000);
  const database = new Database(path, { readonly: true });
  const { rows } = database.query("SELECT count(*) AS rows FROM publications").get() as { rows: number };
  database.close();
  expect(rows).toBeLessThan(1500);
});

test("a file that was large gives its room back to the disk", () => {
  const path = join(directories.make(), "journal.db");
  const file = new JournalFile(path);
  const data = JSON.stringify("x".repeat(1000));
  for (let from = 1; from <= 10_000; from += 1000) {
    commit(
      file,
      streamOf("a", 1000, from).map((one) => ({ ...one, data })),
    );
  }
  sweep(file);
  const large = statSync(path).size;
  file.trim(JSON.stringify([["a", 9990, 9990]]));
  sweep(file);
  file.close();
  expect(large).toBeGreaterThan(10 * 2 ** 20);
  expect(statSync(path).size).toBeLessThan(4.5 * 2 ** 20);
  const again = new JournalFile(path);
  expect(offsets(load(again).get("a"))).toHaveLength(10);
  again.close();
});

// ── Whatever happens in whatever order ──

interface Expected {
  offset: number;
  trimmed: number;
  readonly seqs: number[];
  readonly values: Map<string, number>;
}

type Step =
  | { readonly do: "append"; readonly channel: number; readonly keys: readonly number[]; readonly removed: boolean }
  | { readonly do: "trim"; readonly channel: number; readonly keep: number }
  | { readonly do: "forget"; readonly channel: number }
  | { readonly do: "piece"; readonly rows: number }
  | { readonly do: "crash" | "reopen" };

const channel = fc.nat(2);
const keys = fc.array(fc.nat(4), { minLength: 1, maxLength: 60 });
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant("append" as const), channel, keys, removed: fc.boolean() }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("trim" as const), channel, keep: fc.nat(20) }) },
    { weight: 6, arbitrary: fc.record({ do: fc.constant("piece" as const), rows: fc.integer({ min: 1, max: 100 }) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("forget" as const), channel }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("crash" as const, "reopen" as const) }) },
  ),
  { minLength: 20, maxLength: 120 },
);

/** A journal file beside a plain model of what it must hold. */
class Modelled {
  file: JournalFile;
  #path: string;
  #seq = 0;
  readonly #directory = directories.make();
  #copies = 0;
  readonly #model = new Map<string, Expected>();

  constructor() {
    this.#path = join(this.#directory, "journal.db");
    this.file = new JournalFile(this.#path);
    load(this.file);
  }

  step(step: Step): void {
    if (step.do === "append") this.#append(`c${step.channel}`, step.channel > 0, step.keys, step.removed);
    else if (step.do === "trim") this.#trim(`c${step.channel}`, step.keep);
    else if (step.do === "piece") this.file.sweep.piece(step.rows);
    else if (step.do === "forget") {
      commit(this.file, [], [`c${step.channel}`]);
      this.#model.delete(`c${step.channel}`);
    } else this.#open(step.do === "crash");
  }

  #append(name: string, map: boolean, given: readonly number[], removed: boolean): void {
    const expected =
      this.#model.get(name) ??
      ({ offset: 0, trimmed: 0, seqs: [], values: new Map<string, number>() } satisfies Expected);
    this.#model.set(name, expected);
    const records = given.map((number, at) => {
      const seq = ++this.#seq;
      const offset = ++expected.offset;
      expected.seqs.push(seq);
      if (!map) return record(name, offset, seq);
      const goes = removed && at % 2 === 0;
      expected.values.delete(`k${number}`);
      if (!goes) expected.values.set(`k${number}`, offset);
      return entry(name, offset, seq, `k${number}`, goes);
    });
    commit(this.file, records);
  }

  #trim(name: string, keep: number): void {
    const expected = this.#model.get(name);
    if (expected === undefined) return;
    expected.trimmed = Math.max(expected.trimmed, expected.offset - keep);
    const seq = expected.seqs[expected.trimmed - 1] ?? 0;
    this.file.trim(JSON.stringify([[name, expected.trimmed, seq]]));
  }

  #open(crash: boolean): void {
    if (crash) {
      // What a killed process leaves: the two files as they stand.
      const copy = join(this.#directory, `copy${this.#copies++}`);
      mkdirSync(copy);
      for (const end of ["", "-wal"]) {
        if (existsSync(this.#path + end)) copyFileSync(this.#path + end, join(copy, `journal.db${end}`));
      }
      this.file.close();
      this.#path = join(copy, "journal.db");
    } else this.file.close();
    this.file = new JournalFile(this.#path);
    this.#compare(load(this.file), crash);
  }

  #compare(found: Map<string, JournalChannel>, crash: boolean): void {
    expect([...found.keys()].sort()).toEqual([...this.#model.keys()].sort());
    for (const [name, expected] of this.#model) {
      const { offset, trimmedSeq, publications, entries } = found.get(name) as JournalChannel;
      expect(offset).toBe(expected.offset);
      const trimmed = offset - publications.length;
      // A trim that was not written down yet may be undone by a crash.
      if (crash) expect(trimmed).toBeLessThanOrEqual(expected.trimmed);
      else expect(trimmed).toBe(expected.trimmed);
      expected.trimmed = trimmed;
      expect(publications.map(({ seq }) => seq)).toEqual(expected.seqs.slice(trimmed));
      expect(trimmedSeq).toBe(expected.seqs[trimmed - 1] ?? 0);
      expect(entries.map((one) => [one.key, one.offset])).toEqual([...expected.values]);
    }
  }
}

test("whatever is appended, trimmed, forgotten and swept, in whatever order, with crashes: the rest is there", () => {
  fc.assert(
    fc.property(steps, (given) => {
      const modelled = new Modelled();
      try {
        for (const step of [...given, { do: "crash" } as const, { do: "reopen" } as const]) modelled.step(step);
      } finally {
        modelled.file.close();
        directories.clear();
      }
    }),
    { numRuns: long ? 2000 : 60 },
  );
}, 600_000);
