/** Puts the files of a backup into a data directory, in which no gateway may run. */

import { closeSync, existsSync, fsyncSync, openSync, readSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../core/thrown.ts";
import { backedUpFiles, makeCopyFolder } from "./backup.ts";
import { DataDirectoryError } from "./data-directory-error.ts";
import { createDirectory, openDatabase } from "./database.ts";
import { openIdentityDatabase } from "./identity-database.ts";
import { JournalFile } from "./journal-file.ts";
import { journalFormat } from "./journal-format.ts";
import { moveAside } from "./move-aside.ts";
import { readTarHeader } from "./tar.ts";

export interface RestoreOptions {
  /** What the directory has is moved aside; without it a directory that has something is refused. */
  readonly replace: boolean;
}

const chunk = 1024 * 1024;

/** Answers with the new names of what was moved aside. Throws `DataDirectoryError`, and then nothing has changed. */
export function restoreBackup(backup: string, directory: string, { replace }: RestoreOptions): readonly string[] {
  createDirectory(directory);
  const present = backedUpFiles.map((name) => join(directory, name)).filter((path) => existsSync(path));
  if (present.length > 0 && !replace) {
    const text = `Cannot restore into ${directory}: it holds data. With --replace that is moved aside`;
    throw new DataDirectoryError("unusable", directory, text);
  }
  requireNobody(directory);
  const folder = makeCopyFolder(directory);
  try {
    unpack(backup, folder);
    check(folder);
    const moved = present.map((path) => moveAside(path, "replaced"));
    for (const name of backedUpFiles) renameSync(join(folder, name), join(directory, name));
    return moved;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A running gateway has the lock. A damaged file has no gateway. */
function requireNobody(directory: string): void {
  const path = join(directory, "journal.db");
  if (!existsSync(path)) return;
  try {
    openDatabase(path, journalFormat).close();
  } catch (thrown) {
    if (!(thrown instanceof DataDirectoryError) || thrown.reason === "locked") throw thrown;
  }
}

/** Opens both, as a start does: so they are whole, of a known format, and the journal has an epoch of its own. */
function check(folder: string): void {
  const journal = new JournalFile(join(folder, "journal.db"));
  journal.readChannels();
  for (const _ of journal.readRows());
  journal.close();
  openIdentityDatabase(folder).close();
}

function unpack(backup: string, folder: string): void {
  const fd = openBackup(backup);
  const missing = new Set(backedUpFiles);
  try {
    for (let at = 0; ; ) {
      const entry = readTarHeader(readAt(fd, at, 512), at);
      if (entry === undefined) break;
      // Only names that are known: a tar file may hold any path.
      if (missing.delete(entry.name)) copy(fd, entry.start, entry.size, join(folder, entry.name));
      at = entry.next;
    }
    const [first] = missing;
    if (first !== undefined) throw new Error(`it has no ${first}`);
  } catch (thrown) {
    const detail = messageOf(thrown);
    throw new DataDirectoryError("damaged", backup, `Cannot restore ${backup}: ${detail}`, { cause: thrown });
  } finally {
    closeSync(fd);
  }
}

function openBackup(backup: string): number {
  try {
    return openSync(backup, "r");
  } catch (thrown) {
    const detail = messageOf(thrown);
    throw new DataDirectoryError("unusable", backup, `Cannot read the backup ${backup}: ${detail}`, { cause: thrown });
  }
}

function copy(fd: number, start: number, size: number, path: string): void {
  const target = openSync(path, "wx", 0o600);
  try {
    for (let done = 0; done < size; ) {
      const bytes = readAt(fd, start + done, Math.min(chunk, size - done));
      if (bytes.length === 0) throw new Error("it is cut");
      for (let written = 0; written < bytes.length; ) written += writeSync(target, bytes, written);
      done += bytes.length;
    }
    fsyncSync(target);
  } finally {
    closeSync(target);
  }
}

function readAt(fd: number, position: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  return bytes.subarray(0, readSync(fd, bytes, 0, length, position));
}
