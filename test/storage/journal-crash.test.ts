import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { SqliteJournal } from "../../src/storage/journal.ts";
import { loaded, offsets } from "./journal.contract.ts";
import { silent, TemporaryDirectories } from "./temporary.ts";

const directories = new TemporaryDirectories();
afterAll(() => directories.clear());

const kills = process.env["HEARTHWIRE_LONG"] === "1" ? 100 : 10;
const child = join(import.meta.dir, "journal-child.ts");

/** Lets a process append, kills it after it acknowledged some more, and answers the last number that it acknowledged. */
async function appendUntilKilled(directory: string, acknowledgements: number): Promise<number> {
  const writer = Bun.spawn([process.execPath, child, "append", directory], { stdout: "pipe", stderr: "inherit" });
  const decoder = new TextDecoder();
  let text = "";
  let killed = false;
  for await (const chunk of writer.stdout) {
    text += decoder.decode(chunk, { stream: true });
    if (killed || text.split("\n").length <= acknowledgements) continue;
    killed = true;
    writer.kill("SIGKILL");
  }
  await writer.exited;
  // The last line may be cut.
  const numbers = text
    .split("\n")
    .slice(0, -1)
    .filter((line) => line !== "open");
  return Math.max(0, ...numbers.map(Number));
}

test(`every acknowledged record is there, once and in order, after each of ${kills} kill -9`, async () => {
  const directory = directories.make();
  let last = 0;
  for (let kill = 0; kill < kills; kill++) {
    last = Math.max(last, await appendUntilKilled(directory, 1 + Math.floor(Math.random() * 2000)));
    const journal = await SqliteJournal.open(directory, { log: silent });
    const channel = loaded(journal)["a"];
    await journal.close();
    const top = channel?.offset ?? 0;
    expect(top).toBeGreaterThanOrEqual(last);
    expect(journal.nextSeq).toBe(top + 1);
    // Of what was appended, the newest, all of it from one offset on: at least the history's size.
    const kept = offsets(channel);
    expect(kept.length).toBeGreaterThanOrEqual(Math.min(top, 500 - 8));
    expect(kept).toEqual(Array.from({ length: kept.length }, (_, at) => top - kept.length + 1 + at));
    expect(channel?.trimmedSeq).toBe(top - kept.length);
    last = top;
  }
  expect(last).toBeGreaterThan(kills);
}, 300_000);
