/** While the journal is tidied and synced, the event loop goes on: all of that happens in another thread. */
import { afterAll, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import { SqliteJournal } from "../../src/storage/journal.ts";
import { JournalFile } from "../../src/storage/journal-file.ts";
import { record, streamOf } from "../storage/journal.contract.ts";
import { silent, TemporaryDirectories } from "../storage/temporary.ts";

const directories = new TemporaryDirectories();
afterAll(() => directories.clear());

const rows = process.env["HEARTHWIRE_LONG"] === "1" ? 600_000 : 60_000;
const rowsPerCommit = 2000;
const kept = 10;
const data = JSON.stringify("x".repeat(800));

function commitFrom(from: number): ReturnType<typeof streamOf> {
  return streamOf("a", rowsPerCommit, from).map((one) => ({ ...one, data }));
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Lets the loop turn until something is so; answers how long its longest turn took, in ms. */
async function longestTurnUntil(isSo: () => boolean): Promise<{ longest: number; turns: number }> {
  let longest = 0;
  let turns = 0;
  for (let last = performance.now(); !isSo(); turns++) {
    await turn();
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }
  return { longest, turns };
}

/** How long this thread is blocked by the same tidying, in ms. */
function blockedBySameWork(): number {
  const file = new JournalFile(join(directories.make(), "journal.db"));
  for (let from = 1; from <= rows; from += rowsPerCommit) {
    file.commit({ forget: [], runs: [], reserve: 0, sync: false, records: JSON.stringify([commitFrom(from)]) });
  }
  const start = performance.now();
  file.trim(JSON.stringify([["a", rows - kept, rows - kept]]));
  let more = true;
  while (more) more = file.sweep.pieceAtRest(512);
  file.close();
  return performance.now() - start;
}

test("a large journal is compacted and checkpointed while the event loop turns and publications are kept", async () => {
  const directory = directories.make();
  const path = join(directory, "journal.db");
  const journal = await SqliteJournal.open(directory, { log: silent });
  for (let from = 1; from <= rows; from += rowsPerCommit) {
    const committed = journal.append(commitFrom(from), "yes");
    if ((from - 1) % (20 * rowsPerCommit) === 0) await committed;
  }
  await journal.append([record("b", 1, rows + 1)], "sync");
  // All of it into the file, so that there is something to give back.
  await longestTurnUntil(() => statSync(path).size > rows * 700);
  const large = statSync(path).size;

  let answered = 0;
  let slowest = 0;
  let over = false;
  const publish = async (): Promise<void> => {
    for (let seq = rows + 2; !over; seq++) {
      const start = performance.now();
      await journal.append([record("b", seq - rows, seq)], answered % 10 === 0 ? "sync" : "yes");
      slowest = Math.max(slowest, performance.now() - start);
      answered++;
      // Now and then it has time: what is done only then is done as well.
      if (answered % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 30));
    }
  };
  const start = performance.now();
  journal.trim("a", rows - kept, rows - kept);
  const publishing = publish();
  const { longest, turns } = await longestTurnUntil(() => statSync(path).size < large / 3);
  const tidied = performance.now() - start;
  over = true;
  await publishing;
  await journal.close();

  const blocked = blockedBySameWork();
  const told = [longest, slowest, tidied, blocked].map((ms) => `${ms.toFixed(1)} ms`);
  console.log(
    `${(large / 2 ** 20).toFixed(0)} MB tidied: longest turn ${told[0]} of ${turns}, slowest of ${answered} appends ${told[1]}, ` +
      `all of it ${told[2]}; in one thread it blocks for ${told[3]}`,
  );
  expect(longest).toBeLessThan(blocked / 2);
  expect(slowest).toBeLessThan(tidied);
  expect(turns).toBeGreaterThan(100);
  expect(answered).toBeGreaterThan(20);
}, 300_000);
