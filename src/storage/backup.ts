/**
 * A backup is a tar file with `journal.db` and `keys.db`: copies that SQLite itself made while the gateway went on
 * (`VACUUM INTO`: by the journal's own thread, since nobody else may have the file).
 */
import { randomBytes } from "node:crypto";
import { closeSync, fstatSync, mkdirSync, openSync, readdirSync, readSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Refused } from "../core/refusals.ts";
import { writeFailure } from "./database.ts";
import { tarEnd, tarHeader, tarPadding } from "./tar.ts";

export const backedUpFiles: readonly string[] = ["journal.db", "keys.db"];

/** Names of folders for copies; what a killed process left of them is removed at the next start. */
const copyPrefix = ".copy-";
const chunk = 256 * 1024;

export function makeCopyFolder(directory: string): string {
  const folder = join(directory, `${copyPrefix}${randomBytes(6).toString("hex")}`);
  mkdirSync(folder, { mode: 0o700 });
  return folder;
}

/** Only for who has the lock on the directory. */
export function removeOldCopies(directory: string): void {
  for (const name of readdirSync(directory)) {
    if (name.startsWith(copyPrefix)) rmSync(join(directory, name), { recursive: true, force: true });
  }
}

interface CopiedFile {
  readonly name: string;
  readonly fd: number;
  readonly size: number;
}

/** The copies have no name any more when this resolves: whatever becomes of the stream, nothing is left of them. */
export async function backupOf(
  directory: string,
  journal: { backUp(path: string): Promise<void> },
  identities: { backUp(path: string): void },
): Promise<ReadableStream<Uint8Array>> {
  let folder: string | undefined;
  try {
    folder = makeCopyFolder(directory);
    await journal.backUp(join(folder, "journal.db"));
    identities.backUp(join(folder, "keys.db"));
    return streamOf(openCopies(folder));
  } catch (thrown) {
    if (thrown instanceof Refused) throw thrown;
    throw new Refused("notAvailable", `Cannot back up: ${writeFailure(thrown)}`);
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
}

function openCopies(folder: string): readonly CopiedFile[] {
  return backedUpFiles.map((name) => {
    const fd = openSync(join(folder, name), "r");
    return { name, fd, size: fstatSync(fd).size };
  });
}

function streamOf(files: readonly CopiedFile[]): ReadableStream<Uint8Array> {
  const open = new Set(files.map(({ fd }) => fd));
  const close = (): void => {
    for (const fd of open) closeSync(fd);
    open.clear();
  };
  const pieces = tarOf(files);
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        try {
          const { value, done } = pieces.next();
          if (value !== undefined) controller.enqueue(value);
          if (done !== true) return;
          close();
          controller.close();
        } catch (thrown) {
          close();
          throw thrown;
        }
      },
      cancel: close,
    },
    // Nothing is read ahead of who takes it.
    new ByteLengthQueuingStrategy({ highWaterMark: 0 }),
  );
}

function* tarOf(files: readonly CopiedFile[]): Generator<Uint8Array, undefined> {
  for (const { name, fd, size } of files) {
    yield tarHeader(name, size, Date.now());
    for (let at = 0; at < size; ) {
      const bytes = new Uint8Array(Math.min(chunk, size - at));
      const read = readSync(fd, bytes, 0, bytes.length, at);
      if (read === 0) throw new Error(`Cannot read the copy of ${name}: it is cut`);
      at += read;
      yield bytes.subarray(0, read);
    }
    const padding = tarPadding(size);
    if (padding.length > 0) yield padding;
  }
  yield tarEnd;
}
