import { rmSync } from "node:fs";
import { SqliteJournal } from "../../src/storage/journal.ts";
import { journalContract } from "./journal.contract.ts";
import { silent, TemporaryDirectories } from "./temporary.ts";

const directories = new TemporaryDirectories();

journalContract("SQLite", () => {
  const directory = directories.make();
  return {
    open: () => SqliteJournal.open(directory, { log: silent }),
    clear: () => rmSync(directory, { recursive: true, force: true }),
  };
});
