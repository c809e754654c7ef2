/**
 * How every database file of the data directory is opened: locked, of a known format, checked.
 *
 * The lock is SQLite's own (`locking_mode=EXCLUSIVE`), so it ends with the process, however that ends, and the WAL needs
 * no shared-memory file, which could not be made on a full disk. These are POSIX locks: **no code of this process may
 * open and close one of these files in another way while it is in use**, or the lock is gone without a word.
 */

import { Database, SQLiteError } from "bun:sqlite";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { messageOf } from "../core/thrown.ts";
import { DataDirectoryError } from "./data-directory-error.ts";

export interface Format {
  /** Kept in `user_version`. A file with a greater one is refused, one with a smaller one upgraded. */
  readonly version: number;
  /** Runs in one transaction on a new file. */
  create(database: Database): void;
  /** Runs in one transaction on a file of the format before. Absent where there is none. */
  upgrade?(database: Database): void;
  /** How long to wait for another process that has the file, in ms. */
  readonly patience: number;
}

export function openDatabase(path: string, format: Format): Database {
  let database: Database | undefined;
  try {
    createOwnersFile(path);
    database = new Database(path, { readwrite: true, create: false, strict: true });
    database.run(`PRAGMA busy_timeout = ${format.patience}`);
    database.run("PRAGMA locking_mode = EXCLUSIVE");
    // The first read takes the lock.
    const { user_version: version } = rowOf<{ user_version: number }>(database, "PRAGMA user_version");
    if (version > format.version) throw newer(path, version, format.version);
    if (version === 0) create(database, path, format);
    else {
      check(database, path);
      if (version < format.version) upgrade(database, format);
    }
    // Of an existing file a question only, but in a restored one, since a copy is never in WAL mode.
    database.run("PRAGMA journal_mode = WAL");
    return database;
  } catch (thrown) {
    database?.close();
    throw asDataDirectoryError(thrown, path);
  }
}

export function createDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (thrown) {
    throw asDataDirectoryError(thrown, directory);
  }
}

/** Runs `work` as one transaction. When it throws, nothing of it was done. */
export function transaction(database: Database, work: () => void): void {
  database.run("BEGIN IMMEDIATE");
  try {
    work();
    database.run("COMMIT");
  } catch (thrown) {
    // After some errors SQLite has rolled back by itself.
    if (database.inTransaction) database.run("ROLLBACK");
    throw thrown;
  }
}

/** What went wrong with a write, to stand after "Cannot keep …: ". */
export function writeFailure(thrown: unknown): string {
  if (thrown instanceof SQLiteError && thrown.code === "SQLITE_FULL") return "the disk is full";
  return messageOf(thrown);
}

function createOwnersFile(path: string): void {
  try {
    // Made here for its mode, which SQLite's own files beside it take over. Never opened when it exists: see above.
    closeSync(openSync(path, "wx", 0o600));
  } catch (thrown) {
    if (codeOf(thrown) !== "EEXIST") throw thrown;
  }
}

function create(database: Database, path: string, format: Format): void {
  const { tables } = rowOf<{ tables: number }>(database, "SELECT count(*) AS tables FROM sqlite_schema");
  if (tables > 0) throw damaged(path, "it is a database, but not one of Hearthwire");
  database.run("PRAGMA auto_vacuum = INCREMENTAL");
  database.run("PRAGMA journal_mode = WAL");
  transaction(database, () => {
    format.create(database);
    database.run(`PRAGMA user_version = ${format.version}`);
  });
  // What a file is stands in the file itself, whatever becomes of its WAL.
  database.run("PRAGMA wal_checkpoint(TRUNCATE)");
}

function upgrade(database: Database, format: Format): void {
  transaction(database, () => {
    format.upgrade?.(database);
    database.run(`PRAGMA user_version = ${format.version}`);
  });
}

function check(database: Database, path: string): void {
  const { quick_check: verdict } = rowOf<{ quick_check: string }>(database, "PRAGMA quick_check(1)");
  if (verdict !== "ok") throw damaged(path, verdict);
}

function rowOf<Row>(database: Database, sql: string): Row {
  const row = database.query<Row, []>(sql).get();
  if (row === null) throw new Error(`Cannot read the answer to ${sql}: there is none`);
  return row;
}

function newer(path: string, version: number, known: number): DataDirectoryError {
  const text = `Cannot open ${path}: its format is ${version}, and this Hearthwire knows formats up to ${known}. Use a newer Hearthwire`;
  return new DataDirectoryError("newer", path, text);
}

const remedy =
  "Restore a backup with `hearthwire restore`, or begin without what it held: `hearthwire serve --move-damaged-aside` keeps it beside";

/** For what SQLite's check does not see, too. */
export function damaged(path: string, detail: string, cause?: unknown): DataDirectoryError {
  const text = `Cannot open ${path}: the file is damaged (${detail}). ${remedy}`;
  return new DataDirectoryError("damaged", path, text, { cause });
}

export function asDataDirectoryError(thrown: unknown, path: string): DataDirectoryError {
  if (thrown instanceof DataDirectoryError) return thrown;
  const code = codeOf(thrown);
  const detail = messageOf(thrown);
  if (code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED")) {
    const text = `Cannot open the data directory ${dirname(path)}: another Hearthwire is running on it. Stop that one first, or start it anew with \`hearthwire restart\``;
    return new DataDirectoryError("locked", path, text, { cause: thrown });
  }
  if (code.startsWith("SQLITE_CORRUPT") || code === "SQLITE_NOTADB") return damaged(path, detail, thrown);
  // A table or column that must be there is not: SQLite has no code of its own for it.
  if (code === "SQLITE_ERROR") return damaged(path, detail, thrown);
  return new DataDirectoryError("unusable", path, `Cannot use ${path} for data: ${detail}`, { cause: thrown });
}

function codeOf(thrown: unknown): string {
  return thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
}
