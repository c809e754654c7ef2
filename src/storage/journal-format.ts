/**
 * The journal on disk: a log of publications in the order of `seq`, and a small table of channels.
 *
 * Appending adds to the end of one B-tree and touches nothing else: there is no index by channel (it would cost 2 to 4
 * times as much), and no table of map entries. The value of a key is the newest row that has it; a row stays as long as
 * its channel's history wants it or it is the value of its key. What nobody wants is taken out by `JournalSweep`, which
 * first writes down, per channel, what it is about to make forget: `offset`, `trimmed_offset` and `trimmed_seq`.
 *
 * Format 2 knows by which rules channels are durable: `meta.rules`, `meta.rules_from` and `channels.since`.
 */
import type { Database } from "bun:sqlite";
import { randomInt } from "node:crypto";
import type { Format } from "./database.ts";

const ruleColumns = ["rules TEXT", "rules_from INTEGER NOT NULL DEFAULT 0"];
const sinceColumn = "since INTEGER NOT NULL DEFAULT 0";

export const journalFormat: Format = {
  version: 2,
  patience: 0,
  create(database: Database): void {
    database.run(`CREATE TABLE meta (epoch TEXT NOT NULL, reserved INTEGER NOT NULL, ${ruleColumns.join(", ")})`);
    database.run("CREATE TABLE runs (from_seq INTEGER NOT NULL, run TEXT NOT NULL)");
    // AUTOINCREMENT: rows of a forgotten channel may outlive it, so its id must never come again.
    // A name may be there twice after a crash: the greater id is the channel, the other one was forgotten.
    database.run(
      `CREATE TABLE channels (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, kind TEXT NOT NULL,
         offset INTEGER NOT NULL, trimmed_offset INTEGER NOT NULL, trimmed_seq INTEGER NOT NULL, ${sinceColumn})`,
    );
    database.run(
      `CREATE TABLE publications (seq INTEGER PRIMARY KEY, channel INTEGER NOT NULL, offset INTEGER NOT NULL,
         time INTEGER NOT NULL, key TEXT, removed INTEGER, data TEXT NOT NULL, tags TEXT, info TEXT)`,
    );
    database.query("INSERT INTO meta (epoch, reserved) VALUES (?, 0)").run(newEpoch());
  },
  upgrade(database: Database): void {
    for (const column of ruleColumns) database.run(`ALTER TABLE meta ADD COLUMN ${column}`);
    database.run(`ALTER TABLE channels ADD COLUMN ${sinceColumn}`);
  },
};

/** A journal whose epoch is empty is a copy that was never opened: it gets its own then. */
export function newEpoch(): string {
  const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
  return Array.from({ length: 10 }, () => alphabet[randomInt(alphabet.length)]).join("");
}
