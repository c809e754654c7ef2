import { existsSync, renameSync } from "node:fs";

/** What SQLite keeps beside a file. */
const companions = ["", "-wal", "-shm", "-journal"];

/**
 * Gives a database file and what belongs to it another name, so that `path` is free. Nobody may have it open. Answers
 * with the new name of the file, under which SQLite's own tools find the WAL that belongs to it.
 */
export function moveAside(path: string, because: "damaged" | "replaced"): string {
  const time = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, "");
  let aside = `${path}.${because}-${time}`;
  for (let more = 2; existsSync(aside); more++) aside = `${path}.${because}-${time}-${more}`;
  for (const end of companions) if (existsSync(path + end)) renameSync(path + end, aside + end);
  return aside;
}
