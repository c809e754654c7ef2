/** The thread that writes the journal: one message is one transaction, and what there is to tidy is done in between. */
import { SQLiteError } from "bun:sqlite";
import { DataDirectoryError } from "./data-directory-error.ts";
import { asDataDirectoryError, damaged, writeFailure } from "./database.ts";
import { JournalFile } from "./journal-file.ts";
import type { Batch, FromWorker, ToWorker } from "./journal-messages.ts";

declare const self: Worker;

/** No commit for so long means that there is time, in ms. */
const restAfter = 10;
/** Before tidying that failed is tried again. */
const retryAfter = 1000;
const rowsPerPiece = 512;

let file: JournalFile | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;

self.onmessage = ({ data: message }: MessageEvent<ToWorker>): void => {
  if (message.say === "open") open(message.path);
  else if (message.say === "close") close();
  else if (file !== undefined) {
    if (message.say === "commit") commit(file, message.batch, message.trims);
    else if (message.say === "backup") backUp(file, message.path);
    else {
      file.trim(message.trims);
      rest(restAfter);
    }
  }
};

function open(path: string): void {
  try {
    const opened = new JournalFile(path);
    file = opened;
    tell({ say: "channels", channels: JSON.stringify(opened.readChannels()) });
    for (const rows of opened.readRows()) tell({ say: "rows", rows: JSON.stringify(rows) });
    tell({ say: "opened", epoch: opened.epoch, rules: opened.rules, runs: opened.runs, nextSeq: opened.nextSeq });
    rest(restAfter);
  } catch (thrown) {
    const { reason, path: at, message } = asRefusal(thrown, path);
    tell({ say: "refused", reason, path: at, message });
  }
}

function commit(to: JournalFile, batch: Batch, trims: string): void {
  let records = 0;
  try {
    records = to.commit(batch);
    tell({ say: "committed" });
  } catch (thrown) {
    tell({ say: "failed", detail: writeFailure(thrown) });
    makeRoom(to);
  }
  to.trim(trims);
  // A commit pays for as much tidying as it makes necessary, or a busy journal would grow without bounds: each record
  // is in time walked over twice at most, and deleted once.
  tidy(() => {
    to.sweep.piece(4 * records + 64);
    to.sweep.checkpointUnderLoad();
    return true;
  });
}

function backUp(from: JournalFile, path: string): void {
  try {
    from.backUp(path);
    tell({ say: "backedUp" });
  } catch (thrown) {
    tell({ say: "backedUp", fault: writeFailure(thrown) });
  }
}

function rest(delay: number): void {
  clearTimeout(timer);
  timer = setTimeout(() => {
    const resting = file;
    if (resting !== undefined) tidy(() => resting.sweep.pieceAtRest(rowsPerPiece), 0);
  }, delay);
}

/** Does a piece of tidying, and sees to the next. */
function tidy(piece: () => boolean, next = restAfter): void {
  try {
    if (piece()) rest(next);
  } catch (thrown) {
    tell({ say: "untended", detail: writeFailure(thrown) });
    if (file !== undefined) makeRoom(file);
    rest(retryAfter);
  }
}

/** On a full disk: what the WAL has may find room in the file, and the WAL gives its own back. */
function makeRoom(on: JournalFile): void {
  try {
    on.sweep.checkpoint();
  } catch {
    // As full as before: the next commit tries again.
  }
}

function close(): void {
  clearTimeout(timer);
  try {
    file?.close();
  } catch (thrown) {
    tell({ say: "untended", detail: writeFailure(thrown) });
  }
  file = undefined;
  tell({ say: "closed" });
}

/** What is no error of SQLite's is a value that must not be there. */
function asRefusal(thrown: unknown, path: string): DataDirectoryError {
  const ofSqlite = thrown instanceof DataDirectoryError || thrown instanceof SQLiteError;
  return ofSqlite ? asDataDirectoryError(thrown, path) : damaged(path, writeFailure(thrown), thrown);
}

function tell(message: FromWorker): void {
  self.postMessage(message);
}
