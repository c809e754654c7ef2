import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type DataDirectory, openDataDirectory, openIdentities } from "../../src/storage/data-directory.ts";
import { DataDirectoryError } from "../../src/storage/data-directory-error.ts";
import { SqliteJournal } from "../../src/storage/journal.ts";
import { restoreBackup } from "../../src/storage/restore.ts";
import { device, key } from "./identities.contract.ts";
import { loaded, offsets, streamOf } from "./journal.contract.ts";
import { silent, TemporaryDirectories } from "./temporary.ts";

const directories = new TemporaryDirectories();
afterAll(() => directories.clear());

async function filled(): Promise<{ readonly directory: string; readonly data: DataDirectory }> {
  const directory = directories.make();
  const data = await openDataDirectory(directory, { log: silent });
  data.journal.begin({ run: "one", from: 0 });
  await data.journal.reserve(1000);
  await data.journal.append(streamOf("a", 500), "yes");
  data.keys.put(key("k", { lastUsed: 5 }));
  data.devices.put(device("d", { cursor: "one.7", channels: ["a"] }));
  return { directory, data };
}

async function backUp(data: DataDirectory): Promise<string> {
  const file = join(directories.make(), "backup.tar");
  await Bun.write(file, new Response(await data.backUp()));
  return file;
}

function refusalOf(work: () => unknown): DataDirectoryError {
  try {
    work();
  } catch (thrown) {
    if (thrown instanceof DataDirectoryError) return thrown;
    throw thrown;
  }
  throw new Error("It was not refused");
}

describe("a backup", () => {
  test("of open files has all that was kept, and a restored journal has a new epoch at each restoring", async () => {
    const { directory, data } = await filled();
    const file = await backUp(data);
    // It goes on, and keeps what comes after the backup for itself.
    await data.journal.append(streamOf("a", 10, 501), "sync");
    expect(readdirSync(directory).filter((name) => name.startsWith("."))).toEqual([]);
    const epochs = new Set([data.journal.epoch]);
    await data.close();
    for (let round = 0; round < 2; round++) {
      const restored = join(directories.make(), "new");
      expect(restoreBackup(file, restored, { replace: false })).toEqual([]);
      const again = await openDataDirectory(restored, { log: silent });
      expect(offsets(loaded(again.journal)["a"])).toEqual(Array.from({ length: 500 }, (_, at) => at + 1));
      expect(again.journal.nextSeq).toBe(1000);
      expect(again.journal.runs).toEqual([]);
      expect(again.keys.list()).toEqual([key("k", { lastUsed: 5 })]);
      expect(again.devices.list()).toEqual([device("d", { cursor: "one.7", channels: ["a"] })]);
      expect(statSync(join(restored, "journal.db")).mode & 0o777).toBe(0o600);
      epochs.add(again.journal.epoch);
      await again.close();
    }
    expect(epochs.size).toBe(3);
  });

  test("can be unpacked by tar, too, and is then what restoring makes of it", async () => {
    const { data } = await filled();
    const file = await backUp(data);
    const { epoch } = data.journal;
    await data.close();
    const folder = directories.make();
    expect(Bun.spawnSync(["tar", "-xf", file, "-C", folder]).exitCode).toBe(0);
    expect(readdirSync(folder).sort()).toEqual(["journal.db", "keys.db"]);
    const unpacked = await openDataDirectory(folder, { log: silent });
    expect(unpacked.journal.epoch).toMatch(/^[a-z0-9]{10}$/);
    expect(unpacked.journal.epoch).not.toBe(epoch);
    await unpacked.journal.append(streamOf("a", 1, 501), "sync");
    await unpacked.close();
  });

  test("that is taken while publications are kept is one moment of them, and none of them is refused", async () => {
    const { data } = await filled();
    const appends: Promise<void>[] = [];
    const backups: Promise<string>[] = [];
    for (let n = 501; n <= 3000; n++) {
      appends.push(data.journal.append(streamOf("a", 1, n), n % 7 === 0 ? "sync" : "yes"));
      if (n % 1000 === 0) backups.push(backUp(data));
      if (n % 50 === 0) await appends.at(-1);
    }
    await Promise.all(appends);
    for (const file of await Promise.all(backups)) {
      const folder = join(directories.make(), "new");
      restoreBackup(file, folder, { replace: false });
      const journal = await SqliteJournal.open(folder, { log: silent });
      const kept = offsets(loaded(journal)["a"]);
      expect(kept.length).toBeGreaterThan(900);
      expect(kept).toEqual(Array.from({ length: kept.length }, (_, at) => at + 1));
      await journal.close();
    }
    await data.close();
  });

  test("that was given up by its reader leaves nothing behind", async () => {
    const { directory, data } = await filled();
    await (await data.backUp()).cancel();
    expect(readdirSync(directory).sort()).toEqual(["journal.db", "journal.db-wal", "keys.db", "keys.db-wal"]);
    await data.close();
  });

  test("that a killed process did not finish is removed at the next start", async () => {
    const { directory, data } = await filled();
    await data.close();
    mkdirSync(join(directory, ".copy-0123"));
    writeFileSync(join(directory, ".copy-0123", "journal.db"), "half");
    await (await openDataDirectory(directory, { log: silent })).close();
    expect(readdirSync(directory).sort()).toEqual(["journal.db", "keys.db"]);
  });

  test("of a closed journal is refused", async () => {
    const { data } = await filled();
    await data.close();
    expect(await data.backUp().then(String, String)).toContain("Cannot back up: the journal is closed");
  });
});

describe("restoring", () => {
  test("is refused where there is data, and with `replace` moves that aside, damaged or not", async () => {
    const { directory, data } = await filled();
    const file = await backUp(data);
    await data.journal.append(streamOf("b", 1, 501), "yes");
    await data.close();
    expect(refusalOf(() => restoreBackup(file, directory, { replace: false })).message).toBe(
      `Cannot restore into ${directory}: it holds data. With --replace that is moved aside`,
    );
    truncateSync(join(directory, "keys.db"), 4096);
    const moved = restoreBackup(file, directory, { replace: true });
    expect(moved).toHaveLength(2);
    for (const path of moved) expect(existsSync(path)).toBe(true);
    const again = await openDataDirectory(directory, { log: silent });
    expect(Object.keys(loaded(again.journal))).toEqual(["a"]);
    expect(again.keys.list()).toHaveLength(1);
    await again.close();
  });

  test("is refused while a gateway runs", async () => {
    const { directory, data } = await filled();
    const file = await backUp(data);
    const child = join(import.meta.dir, "journal-child.ts");
    await data.close();
    const holder = Bun.spawn([process.execPath, child, "hold", directory], { stdin: "pipe", stdout: "pipe" });
    await holder.stdout.getReader().read();
    expect(refusalOf(() => restoreBackup(file, directory, { replace: true })).reason).toBe("locked");
    holder.kill("SIGKILL");
    await holder.exited;
  });

  test("of a file that is no backup, is cut or has a bit turned is refused, and changes nothing", async () => {
    const { data } = await filled();
    const file = await backUp(data);
    await data.close();
    const bytes = await Bun.file(file).bytes();
    const spoiled = (change: (copy: Buffer) => Uint8Array): string => {
      const path = join(directories.make(), "spoiled.tar");
      writeFileSync(path, change(Buffer.from(bytes)));
      return path;
    };
    const flipped = (at: number) => (copy: Buffer) => {
      copy[at] = (copy[at] ?? 0) ^ 0x10;
      return copy;
    };
    const files = [
      spoiled(() => Buffer.from("no tar at all")),
      spoiled(() => Buffer.alloc(0)),
      spoiled((copy) => copy.subarray(0, 3000)),
      spoiled((copy) => copy.subarray(0, copy.length - 20_000)),
      spoiled(flipped(3)),
      spoiled(flipped(512 + 101)),
      join(directories.make(), "nowhere.tar"),
    ];
    for (const wrong of files) {
      const target = directories.make();
      expect(refusalOf(() => restoreBackup(wrong, target, { replace: false })).message).toStartWith("Cannot ");
      expect(readdirSync(target)).toEqual([]);
    }
  });
});

describe("many keys and devices at once", () => {
  test("are all there at once and after reopening, and replace those of the same id", () => {
    const directory = directories.make();
    const first = openIdentities(directory);
    first.keys.put(key("a"));
    first.putAll([key("a", { name: "new" }), key("b")], [device("d")]);
    expect(first.keys.list().map(({ name }) => name)).toEqual(["new", "key b"]);
    first.close();
    const again = openIdentities(directory);
    expect(again.keys.find("a")?.name).toBe("new");
    expect(again.devices.list()).toEqual([device("d")]);
    again.close();
  });

  test("are none when one cannot be kept", () => {
    const directory = directories.make();
    const { keys, devices, putAll, close } = openIdentities(directory);
    const broken = { ...device("d"), name: null as unknown as string };
    expect(() => putAll([key("a")], [broken])).toThrow("Cannot keep keys and devices: ");
    expect([keys.list(), devices.list()]).toEqual([[], []]);
    close();
    const again = openIdentities(directory);
    expect(again.keys.list()).toEqual([]);
    again.close();
  });
});
