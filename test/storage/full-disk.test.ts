import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Refused } from "../../src/core/refusals.ts";
import { openIdentities } from "../../src/storage/data-directory.ts";
import { SqliteJournal } from "../../src/storage/journal.ts";
import { JournalFile } from "../../src/storage/journal-file.ts";
import { key } from "./identities.contract.ts";
import { loaded, offsets, record } from "./journal.contract.ts";
import { silent, TemporaryDirectories } from "./temporary.ts";

const directories = new TemporaryDirectories();
const disk = directories.make();
// A disk of one megabyte. Only root may mount one; others test with the bound of SQLite, below.
const mounted = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk]).exitCode === 0;
const data = '"'.padEnd(2000, "x").concat('"');
const ballast = join(disk, "ballast");

afterAll(() => {
  if (mounted) Bun.spawnSync(["umount", "--lazy", disk]);
  directories.clear();
});

/** Takes what is left of the disk, to the last page. */
function fill(): void {
  for (const size of [65_536, 4096, 512]) {
    try {
      for (;;) writeFileSync(ballast, new Uint8Array(size), { flag: "a" });
    } catch {
      // It is full, for pieces of this size.
    }
  }
}

/** In place of `expect(…).rejects`, which under Bun blocks while it waits and hears no message of a worker. */
async function failureOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "nothing failed";
  } catch (thrown) {
    return String(thrown);
  }
}

/** Appends one by one until it is refused. */
async function appendUntilFull(journal: SqliteJournal, from: number): Promise<number> {
  for (let n = from; ; n++) {
    try {
      await journal.append([record("a", n, n, { data })], n % 2 === 0 ? "sync" : "yes");
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(Refused);
      expect((thrown as Refused).message).toBe("Cannot keep publications: the disk is full");
      expect((thrown as Refused).refusal.name).toBe("not_available");
      return n - 1;
    }
  }
}

if (mounted) {
  describe("on a full disk", () => {
    let directory = "";
    beforeAll(() => {
      directory = join(disk, "data");
      mkdirSync(directory);
    });

    test("appends are refused without a trace, and go on when there is room", async () => {
      writeFileSync(ballast, new Uint8Array(400_000));
      const journal = await SqliteJournal.open(directory, { log: silent });
      const top = await appendUntilFull(journal, 1);
      fill();
      journal.begin({ run: "late", from: 0 });
      expect(await failureOf(journal.reserve(10_000))).toContain("the disk is full");
      const batch = Array.from({ length: 50 }, (_, n) =>
        record(n < 25 ? "a" : "b", top + 1 + n, top + 1 + n, { data }),
      );
      expect(await failureOf(journal.append(batch, "yes"))).toContain("the disk is full");
      rmSync(ballast);
      await journal.append([record("a", top + 1, top + 1)], "yes");
      await journal.close();

      const again = await SqliteJournal.open(directory, { log: silent });
      // The refused mark and run went with what was kept next.
      expect(again.nextSeq).toBe(10_000);
      expect(again.runs).toEqual([{ run: "late", from: 0 }]);
      const channels = loaded(again);
      expect(Object.keys(channels)).toEqual(["a"]);
      expect(offsets(channels["a"])).toEqual(Array.from({ length: top + 1 }, (_, n) => n + 1));
      await again.close();
    });

    test("a journal and keys are opened and read on it; only writing is refused", async () => {
      const before = openIdentities(directory);
      before.keys.put(key("a"));
      before.close();
      fill();
      const journal = await SqliteJournal.open(directory, { log: silent });
      const channel = loaded(journal)["a"];
      expect(channel?.offset).toBeGreaterThan(10);
      const next = (channel?.offset ?? 0) + 1;
      const refused = journal.append([record("a", next, next, { data })], "sync");
      expect(await failureOf(refused)).toContain("the disk is full");
      const identities = openIdentities(directory);
      expect(identities.keys.list()).toEqual([key("a")]);
      expect(() => identities.keys.put(key("b"))).toThrow("Cannot keep the key b: the disk is full");
      expect(identities.keys.list()).toEqual([key("a")]);
      identities.close();
      rmSync(ballast);
      await journal.append([record("a", next, next)], "sync");
      await journal.close();
    });

    test("a new journal is refused there in words, and made when there is room", async () => {
      const fresh = join(disk, "fresh");
      mkdirSync(fresh);
      fill();
      const opening = SqliteJournal.open(fresh, { log: silent });
      expect(await failureOf(opening)).toMatch(/^DataDirectoryError: Cannot use .*journal.db for data: .* is full$/);
      rmSync(ballast);
      await (await SqliteJournal.open(fresh, { log: silent })).close();
    });
  });
}

test("a commit that finds no room is undone as a whole, and trimming makes room again", () => {
  const file = new JournalFile(join(directories.make(), "journal.db"), 200);
  const commit = (from: number, count: number) => {
    const records = JSON.stringify([
      Array.from({ length: count }, (_, n) => record("a", from + n, from + n, { data })),
    ]);
    file.commit({ forget: [], runs: [], reserve: 0, sync: false, records });
  };
  for (const _ of file.readRows()) throw new Error("It is new");
  let top = 0;
  expect(() => {
    for (;;) {
      commit(top + 1, 10);
      top += 10;
    }
  }).toThrow("full");
  expect(top).toBeGreaterThan(200);
  file.trim(JSON.stringify([["a", top, top]]));
  let more = true;
  while (more) more = file.sweep.piece(1000);
  for (let n = 0; n < 5; n++) commit(top + 1 + n * 10, 10);
  file.close();
});
