/** A log that was cut or has a bit turned, at any byte: the journal opens as it was at some commit. */
import { afterAll, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { JournalChannel, JournalRecord } from "../../src/ports.ts";
import { DataDirectoryError } from "../../src/storage/data-directory-error.ts";
import { JournalFile } from "../../src/storage/journal-file.ts";
import { JournalLoading } from "../../src/storage/journal-loading.ts";
import { entry, record } from "./journal.contract.ts";
import { TemporaryDirectories } from "./temporary.ts";

const directories = new TemporaryDirectories();
afterAll(() => directories.clear());

const long = process.env["HEARTHWIRE_LONG"] === "1";
const damagesPerJournal = long ? 200 : 20;
const journals = long ? 12 : 3;

/** What a killed process left, and what it had written. */
interface Remains {
  readonly folder: string;
  readonly epoch: string;
  /** Every record that was ever committed, in order, and after how many of them each commit ended. */
  readonly records: readonly JournalRecord[];
  readonly commits: readonly number[];
}

function random(below: number): number {
  return Math.floor(Math.random() * below);
}

/** Commits, trims and tidies at random as the worker does, and takes the files as they stand in the middle of it. */
function remainsOf(rounds: number, tidies: boolean): Remains {
  const folder = directories.make();
  const path = join(folder, "journal.db");
  const file = new JournalFile(path);
  const records: JournalRecord[] = [];
  const commits = [0];
  const offsets = [0, 0, 0];
  for (let round = 0; round < rounds; round++) {
    const batch = Array.from({ length: 1 + random(30) }, (_, at): JournalRecord => {
      const channel = random(3);
      const offset = ++(offsets as [number, number, number])[channel as 0];
      const seq = records.length + at + 1;
      const data = JSON.stringify("x".repeat(random(2000)));
      const made = channel === 0 ? entry("m", offset, seq, `k${random(20)}`) : record(`c${channel}`, offset, seq);
      return { ...made, data };
    });
    file.commit({ forget: [], runs: [], reserve: 0, sync: round % 5 === 0, records: JSON.stringify([batch]) });
    records.push(...batch);
    commits.push(records.length);
    if (!tidies) continue;
    trimSome(file, records);
    if (round % 3 === 0) file.sweep.piece(200);
    if (random(25) === 0) file.sweep.checkpoint();
    if (random(10) === 0) file.sweep.pieceAtRest(200);
  }
  // A log that were still there after it would be read again at the next start.
  if (tidies && random(3) === 0) file.sweep.checkpoint();
  const copy = join(folder, "copy");
  mkdirSync(copy);
  for (const end of ["", "-wal"]) copyFileSync(path + end, join(copy, `journal.db${end}`));
  const { epoch } = file;
  file.close();
  return { folder: copy, epoch, records, commits };
}

/** Of each channel the last 40 or so are wanted. */
function trimSome(file: JournalFile, records: readonly JournalRecord[]): void {
  for (const channel of ["m", "c1", "c2"]) {
    const before = records.filter((one) => one.channel === channel).at(-40);
    if (before !== undefined) file.trim(JSON.stringify([[channel, before.offset, before.seq]]));
  }
}

function load(path: string): { epoch: string; channels: JournalChannel[] } {
  const file = new JournalFile(path);
  try {
    const loading = new JournalLoading();
    loading.addChannels(file.readChannels());
    for (const rows of file.readRows()) loading.addRows(rows);
    return { epoch: file.epoch, channels: [...loading.take()] };
  } finally {
    file.close();
  }
}

/** What is there is what had been written at the end of some commit, but for what nobody wanted any more. */
function requirePrefix({ records, commits }: Remains, channels: readonly JournalChannel[]): number {
  const last = Math.max(0, ...channels.flatMap(({ publications }) => publications.map(({ seq }) => seq)));
  expect(commits).toContain(last);
  for (const { channel, offset, trimmedSeq, publications, entries } of channels) {
    const written = records.slice(0, last).filter((one) => one.channel === channel);
    const wanted = written.filter(({ seq }) => seq > trimmedSeq);
    expect(offset).toBe(written.length);
    expect(publications.map(({ seq, data }) => [seq, data])).toEqual(wanted.map(({ seq, data }) => [seq, data]));
    const map = new Map(written.filter(({ key }) => key !== undefined).map(({ key, data }) => [key, data]));
    expect(new Map(entries.map(({ key, data }) => [key, data]))).toEqual(map);
  }
  return last;
}

type Damage = (wal: Buffer) => Uint8Array;

function cutAnywhere(wal: Buffer): Uint8Array {
  return wal.subarray(0, random(wal.length + 1));
}

function flipAnywhere(wal: Buffer): Uint8Array {
  const at = random(wal.length);
  wal[at] = (wal[at] ?? 0) ^ (1 << random(8));
  return wal;
}

function garbageAnywhere(wal: Buffer): Uint8Array {
  const at = random(wal.length);
  return wal.fill(random(256), at, Math.min(wal.length, at + 1 + random(10_000)));
}

function openDamaged(remains: Remains, damage: Damage): number {
  const folder = directories.make();
  const path = join(folder, "journal.db");
  copyFileSync(join(remains.folder, "journal.db"), path);
  writeFileSync(`${path}-wal`, damage(readFileSync(join(remains.folder, "journal.db-wal"))));
  const { epoch, channels } = load(path);
  expect(epoch).toBe(remains.epoch);
  const last = requirePrefix(remains, channels);
  // And it goes on from there.
  expect(load(path).channels).toEqual(channels);
  return last;
}

for (const [name, damage] of [
  ["cut", cutAnywhere],
  ["flipped", flipAnywhere],
  ["overwritten", garbageAnywhere],
] as const) {
  test(`a journal whose log was ${name} at any byte opens at a prefix`, () => {
    let shortened = 0;
    for (let made = 0; made < journals; made++) {
      const remains = remainsOf(20 + random(120), made % 2 === 1);
      requirePrefix(remains, load(join(remains.folder, "journal.db")).channels);
      const again = remainsOf(20 + random(120), made % 2 === 1);
      // Nothing to damage.
      if (statSync(join(again.folder, "journal.db-wal")).size === 0) continue;
      for (let n = 0; n < damagesPerJournal; n++) {
        if (openDamaged(again, damage) < again.records.length) shortened++;
      }
      directories.clear();
    }
    expect(shortened).toBeGreaterThan(0);
  }, 600_000);
}

test("a log that was written back into the file is emptied, so that it is not read a second time", () => {
  const path = join(directories.make(), "journal.db");
  const file = new JournalFile(path);
  file.commit({ forget: [], runs: [], reserve: 0, sync: false, records: JSON.stringify([[record("c1", 1, 1)]]) });
  expect(statSync(`${path}-wal`).size).toBeGreaterThan(0);
  file.sweep.checkpoint();
  expect(statSync(`${path}-wal`).size).toBe(0);
  file.close();
});

test("a database file with bytes turned anywhere is refused, or opens with nothing but what was written", () => {
  const refused = { count: 0, opened: 0 };
  const folder = directories.make();
  const whole = join(folder, "journal.db");
  const file = new JournalFile(whole);
  const records = Array.from({ length: 400 }, (_, n) => record("c1", n + 1, n + 1));
  file.commit({ forget: [], runs: [], reserve: 0, sync: true, records: JSON.stringify([records]) });
  file.close();
  const bytes = readFileSync(whole);
  for (let n = 0; n < (long ? 2000 : 100); n++) {
    const path = join(folder, `damaged${n}.db`);
    writeFileSync(path, garbageAnywhere(Buffer.from(bytes)));
    try {
      load(path);
      refused.opened++;
    } catch (thrown) {
      refused.count++;
      // Whatever comes of it, it is an error of ours or of SQLite's, and no crash.
      expect(thrown instanceof DataDirectoryError || thrown instanceof Error).toBe(true);
    }
  }
  expect(refused.count).toBeGreaterThan(refused.opened);
}, 300_000);
