/**
 * A process that has a journal, for tests that need another one. Modes:
 * `hold`: says "open" and stays until its input ends; `append`: appends from several writers, and prints the number of
 * each append that was acknowledged, until it is killed.
 */
import { writeSync } from "node:fs";
import { SqliteJournal } from "../../src/storage/journal.ts";
import { loaded, record } from "./journal.contract.ts";
import { silent } from "./temporary.ts";

const [mode, directory = ""] = process.argv.slice(2);
const journal = await SqliteJournal.open(directory, { log: silent });

if (mode === "hold") {
  say("open");
  process.stdin.on("end", () => void journal.close().then(() => process.exit(0)));
  process.stdin.resume();
} else {
  let number = loaded(journal)["a"]?.offset ?? 0;
  const historySize = 500;
  const write = async (): Promise<never> => {
    for (;;) {
      const mine = ++number;
      await journal.append([record("a", mine, mine)], mine % 50 === 0 ? "sync" : "yes");
      say(String(mine));
      if (mine > historySize) journal.trim("a", mine - historySize, mine - historySize);
    }
  };
  say("open");
  await Promise.all(Array.from({ length: 8 }, write));
}

/** Written before anything else happens: what stands there was acknowledged. */
function say(text: string): void {
  writeSync(1, `${text}\n`);
}
