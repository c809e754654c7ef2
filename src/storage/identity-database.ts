/**
 * The file that keys and devices share: `<data>/keys.db`. Both stores answer from a copy in memory, so only one process
 * may have the file: the gateway, or a command while no gateway runs. One that comes meanwhile waits a little.
 */
import type { Database } from "bun:sqlite";
import { randomInt } from "node:crypto";
import { join } from "node:path";
import { Refused } from "../core/refusals.ts";
import { DataDirectoryError } from "./data-directory-error.ts";
import { createDirectory, openDatabase, transaction, writeFailure } from "./database.ts";

/** Long enough for a command to end, in ms. */
const patience = 2000;
/** The longest pause before it is tried again, in ms. */
const longestPause = 50;

/** Waits for whoever has the file, then throws `DataDirectoryError` (`locked`). */
export function openIdentityDatabase(directory: string): Database {
  createDirectory(directory);
  for (const end = performance.now() + patience; ; ) {
    try {
      return openAtOnce(join(directory, "keys.db"));
    } catch (thrown) {
      const isLocked = thrown instanceof DataDirectoryError && thrown.reason === "locked";
      if (!isLocked || performance.now() >= end) throw thrown;
      // Two that find a new file both share it and both want all of it: SQLite refuses them at once instead of letting
      // them wait for each other, so it is tried anew, and not by both at the same time.
      Bun.sleepSync(randomInt(1, longestPause));
    }
  }
}

function openAtOnce(path: string): Database {
  return openDatabase(path, {
    version: 1,
    patience: 0,
    create(created) {
      created.run(
        `CREATE TABLE keys (id TEXT PRIMARY KEY, name TEXT NOT NULL, hash TEXT NOT NULL, grants TEXT NOT NULL,
           created INTEGER NOT NULL, expires INTEGER, last_used INTEGER, device TEXT)`,
      );
      created.run(
        `CREATE TABLE devices (id TEXT PRIMARY KEY, name TEXT NOT NULL, key TEXT NOT NULL, created INTEGER NOT NULL,
           last_seen INTEGER, channels TEXT NOT NULL, cursor TEXT, settings TEXT NOT NULL)`,
      );
    },
  });
}

/** `full`: survives the end of the power, for what must not come back (a revoked key). `normal`: that of the process. */
export type Safety = "full" | "normal";

const closed = new WeakSet<Database>();

export function closeIdentityDatabase(database: Database): void {
  closed.add(database);
  database.close();
}

/** Writes at once. Throws `Refused` when it cannot, and then nothing was written. */
export function write(database: Database, safety: Safety, what: string, work: () => void): void {
  if (closed.has(database)) throw new Refused("shutdown", `Cannot keep ${what}: the gateway is stopping`);
  try {
    database.run(`PRAGMA synchronous = ${safety}`);
    transaction(database, work);
  } catch (thrown) {
    throw new Refused("notAvailable", `Cannot keep ${what}: ${writeFailure(thrown)}`);
  }
}
