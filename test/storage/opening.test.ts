import { Database } from "bun:sqlite";
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openDataDirectory, openIdentities } from "../../src/storage/data-directory.ts";
import { DataDirectoryError } from "../../src/storage/data-directory-error.ts";
import { SqliteJournal } from "../../src/storage/journal.ts";
import { streamOf } from "./journal.contract.ts";
import { silent, TemporaryDirectories } from "./temporary.ts";

const directories = new TemporaryDirectories();
afterAll(() => directories.clear());

const child = join(import.meta.dir, "journal-child.ts");
const open = (directory: string) => SqliteJournal.open(directory, { log: silent });

async function refusalOf(work: () => unknown): Promise<DataDirectoryError> {
  try {
    await work();
  } catch (thrown) {
    if (thrown instanceof DataDirectoryError) return thrown;
    throw thrown;
  }
  throw new Error("It was opened");
}

async function directoryWithJournal(): Promise<string> {
  const directory = directories.make();
  const journal = await open(directory);
  await journal.append(streamOf("a", 2000), "yes");
  await journal.close();
  openIdentities(directory).close();
  return directory;
}

describe("the lock", () => {
  test("commands that come to a new directory at the same moment all have their turn", async () => {
    const directory = directories.make();
    const at = Date.now() + 1000;
    const script = `
      import { openIdentities } from "./src/storage/data-directory.ts";
      while (Date.now() < ${at});
      openIdentities(${JSON.stringify(directory)}).close();`;
    const root = new URL("../..", import.meta.url).pathname;
    const command = [process.execPath, "--eval", script];
    const children = [1, 2, 3, 4].map(() => Bun.spawn(command, { cwd: root, stdout: "ignore", stderr: "pipe" }));
    const said = await Promise.all(children.map(({ stderr }) => new Response(stderr).text()));
    expect(said).toEqual(["", "", "", ""]);
  });

  test("a journal that another process has is refused in words, and free when that process is killed", async () => {
    const directory = directories.make();
    const holder = Bun.spawn([process.execPath, child, "hold", directory], { stdin: "pipe", stdout: "pipe" });
    const reader = holder.stdout.getReader();
    await reader.read();
    const refusal = await refusalOf(() => open(directory));
    expect(refusal.reason).toBe("locked");
    expect(refusal.message).toBe(
      `Cannot open the data directory ${directory}: another Hearthwire is running on it. Stop that one first, or start it anew with \`hearthwire restart\``,
    );
    expect((await refusalOf(() => openDataDirectory(directory, { log: silent }))).reason).toBe("locked");
    holder.kill("SIGKILL");
    await holder.exited;
    await (await open(directory)).close();
  });

  test("a refused second opening in the same process does not break the first one's lock", async () => {
    const directory = directories.make();
    const first = await open(directory);
    for (let round = 0; round < 2; round++) expect((await refusalOf(() => open(directory))).reason).toBe("locked");
    const other = Bun.spawn([process.execPath, child, "hold", directory], { stdin: "pipe", stderr: "pipe" });
    expect(await new Response(other.stderr).text()).toContain("another Hearthwire is running on it");
    await first.close();
    await (await open(directory)).close();
  });

  test("a command cannot have the keys while a gateway has them", async () => {
    const directory = directories.make();
    const data = await openDataDirectory(directory, { log: silent });
    const refusal = await refusalOf(() => openIdentities(directory));
    expect(refusal.reason).toBe("locked");
    await data.close();
    openIdentities(directory).close();
  });

  test("when the keys cannot be opened the journal is let go again", async () => {
    const directory = directories.make();
    const identities = openIdentities(directory);
    expect((await refusalOf(() => openDataDirectory(directory, { log: silent }))).reason).toBe("locked");
    identities.close();
    await (await open(directory)).close();
  });
});

describe("files that are not as they should be", () => {
  for (const [file, opening, format] of [
    ["journal.db", open, 2],
    ["keys.db", async (directory: string) => openIdentities(directory), 1],
  ] as const) {
    const refused = async (spoil: (path: string) => void) => {
      const directory = await directoryWithJournal();
      spoil(join(directory, file));
      return await refusalOf(() => opening(directory));
    };

    test(`a ${file} of a newer format is refused, and not touched`, async () => {
      let before: Buffer | undefined;
      let at = "";
      const { reason, message, path } = await refused((spoiled) => {
        const database = new Database(spoiled);
        database.run("PRAGMA user_version = 99");
        database.close();
        before = readFileSync(spoiled);
        at = spoiled;
      });
      expect(reason).toBe("newer");
      expect(path).toBe(at);
      const known = `its format is 99, and this Hearthwire knows formats up to ${format}. Use a newer Hearthwire`;
      expect(message).toContain(known);
      expect(readFileSync(at).equals(before as Buffer)).toBe(true);
    });

    test(`a ${file} that is no database is refused as damaged`, async () => {
      const { reason, message } = await refused((path) => writeFileSync(path, "once upon a time ".repeat(1000)));
      expect(reason).toBe("damaged");
      expect(message).toMatch(/^Cannot open .*: the file is damaged \(/);
    });

    test(`a ${file} that was cut is refused as damaged`, async () => {
      expect((await refused((path) => truncateSync(path, 4096))).reason).toBe("damaged");
    });

    test(`a ${file} with a page overwritten is refused as damaged`, async () => {
      const { reason } = await refused((path) => {
        const bytes = readFileSync(path);
        bytes.fill(0xa5, bytes.length - 4096);
        writeFileSync(path, bytes);
      });
      expect(reason).toBe("damaged");
    });

    test(`a ${file} of another program is refused`, async () => {
      const { reason, message } = await refused((path) => {
        truncateSync(path, 0);
        const database = new Database(path);
        database.run("CREATE TABLE recipes (title TEXT)");
        database.close();
      });
      expect(reason).toBe("damaged");
      expect(message).toContain("not one of Hearthwire");
    });
  }

  test("a journal of format 1 is upgraded: all of it is there, and nothing is known of the rules it was kept by", async () => {
    const directory = directories.make();
    const database = new Database(join(directory, "journal.db"));
    database.run(`
      CREATE TABLE meta (epoch TEXT NOT NULL, reserved INTEGER NOT NULL);
      CREATE TABLE runs (from_seq INTEGER NOT NULL, run TEXT NOT NULL);
      CREATE TABLE channels (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, kind TEXT NOT NULL,
        offset INTEGER NOT NULL, trimmed_offset INTEGER NOT NULL, trimmed_seq INTEGER NOT NULL);
      CREATE TABLE publications (seq INTEGER PRIMARY KEY, channel INTEGER NOT NULL, offset INTEGER NOT NULL,
        time INTEGER NOT NULL, key TEXT, removed INTEGER, data TEXT NOT NULL, tags TEXT, info TEXT);
      INSERT INTO meta VALUES ('abcdefghij', 500);
      INSERT INTO runs VALUES (0, 'first');
      INSERT INTO channels VALUES (1, 'a', 'stream', 1, 1, 7), (2, 'm', 'map', 0, 0, 0);
      INSERT INTO publications VALUES (8, 1, 2, 1700, NULL, NULL, '2', NULL, NULL), (9, 2, 1, 1700, 'x', NULL, '3', NULL, NULL);
      PRAGMA user_version = 1`);
    database.close();
    for (let round = 0; round < 2; round++) {
      const journal = await open(directory);
      expect(journal).toMatchObject({ epoch: "abcdefghij", nextSeq: 500, rules: undefined });
      expect(journal.runs).toEqual([{ run: "first", from: 0 }]);
      expect([...journal.load()]).toMatchObject([
        { channel: "a", kind: "stream", since: 0, offset: 2, trimmedSeq: 7, publications: [{ data: "2" }] },
        { channel: "m", kind: "map", since: 0, offset: 1, trimmedSeq: 0, entries: [{ key: "x", data: "3" }] },
      ]);
      await journal.close();
    }
  });

  test("a refused file keeps nobody from opening it later", async () => {
    const directory = await directoryWithJournal();
    const path = join(directory, "journal.db");
    const whole = readFileSync(path);
    writeFileSync(path, "no database at all, and that for more than a hundred bytes ".repeat(100));
    expect((await refusalOf(() => open(directory))).reason).toBe("damaged");
    writeFileSync(path, whole);
    const journal = await open(directory);
    expect([...journal.load()]).toHaveLength(1);
    await journal.close();
  });
});

describe("a damaged file that may be moved aside", () => {
  const options = { log: silent, moveDamagedAside: true };

  test("keeps its bytes under another name, and a journal with a new epoch takes its place", async () => {
    const directory = await directoryWithJournal();
    const path = join(directory, "journal.db");
    truncateSync(path, 4096);
    const spoiled = readFileSync(path);
    expect((await refusalOf(() => openDataDirectory(directory, { log: silent }))).message).toMatch(
      /the file is damaged \(.*\)\. Restore a backup with `hearthwire restore`, or .* `hearthwire serve --move-damaged-aside`/,
    );
    const data = await openDataDirectory(directory, options);
    expect([...data.journal.load()]).toEqual([]);
    expect(data.journal.runs).toEqual([]);
    await data.journal.append(streamOf("a", 3), "sync");
    await data.close();
    const aside = readdirSync(directory).filter((name) => name.includes("damaged"));
    expect(aside.map((name) => name.replace(/\d{8}T\d{6}Z/, "TIME"))).toEqual(["journal.db.damaged-TIME"]);
    expect(readFileSync(join(directory, aside[0] ?? "")).equals(spoiled)).toBe(true);
    const again = await openDataDirectory(directory, options);
    expect(again.journal.epoch).toBe(data.journal.epoch);
    expect([...again.journal.load()]).toHaveLength(1);
    await again.close();
  });

  test("is the damaged one only: the journal stays when the keys are damaged", async () => {
    const directory = await directoryWithJournal();
    writeFileSync(join(directory, "keys.db"), "once upon a time ".repeat(1000));
    const data = await openDataDirectory(directory, options);
    expect([...data.journal.load()]).toHaveLength(1);
    expect(data.keys.list()).toEqual([]);
    await data.close();
  });

  test("is not one of a newer format, nor one that another process has", async () => {
    const directory = await directoryWithJournal();
    const database = new Database(join(directory, "journal.db"));
    database.run("PRAGMA user_version = 99");
    database.close();
    expect((await refusalOf(() => openDataDirectory(directory, options))).reason).toBe("newer");
    const held = directories.make();
    const holder = Bun.spawn([process.execPath, child, "hold", held], { stdin: "pipe", stdout: "pipe" });
    await holder.stdout.getReader().read();
    expect((await refusalOf(() => openDataDirectory(held, options))).reason).toBe("locked");
    holder.kill("SIGKILL");
    await holder.exited;
    expect(readdirSync(directory).filter((name) => name.includes("damaged"))).toEqual([]);
  });

  test("is found by a value that is none, too", async () => {
    const directory = await directoryWithJournal();
    const database = new Database(join(directory, "journal.db"));
    database.run("UPDATE publications SET tags = '{' WHERE seq = 7");
    database.close();
    expect((await refusalOf(() => openDataDirectory(directory, { log: silent }))).reason).toBe("damaged");
    await (await openDataDirectory(directory, options)).close();
  });
});

describe("the directory", () => {
  test("it is made with its parents, for its owner alone, and so are its files", async () => {
    const directory = join(directories.make(), "state", "hearthwire");
    const data = await openDataDirectory(directory, { log: silent });
    await data.journal.append(streamOf("a", 10), "yes");
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    for (const file of ["journal.db", "journal.db-wal", "keys.db", "keys.db-wal"]) {
      expect([file, statSync(join(directory, file)).mode & 0o777]).toEqual([file, 0o600]);
    }
    await data.close();
    expect(existsSync(join(directory, "journal.db-wal"))).toBe(false);
  });

  test("a path that cannot be a directory is refused with the reason", async () => {
    const file = join(directories.make(), "file");
    writeFileSync(file, "");
    for (const directory of [file, join(file, "below")]) {
      const { reason, message } = await refusalOf(() => open(directory));
      expect(reason).toBe("unusable");
      expect(message).toStartWith("Cannot use ");
    }
  });

  test("a directory in the place of a file is refused with the reason", async () => {
    for (const file of ["journal.db", "keys.db"]) {
      const directory = directories.make();
      mkdirSync(join(directory, file));
      const { reason, message } = await refusalOf(() => openDataDirectory(directory, { log: silent }));
      expect(reason).toBe("unusable");
      expect(message).toStartWith(`Cannot use ${join(directory, file)} for data: `);
    }
  });
});
