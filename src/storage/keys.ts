import type { Database } from "bun:sqlite";
import type { Grants, KeyRecord, KeyStore } from "../ports.ts";
import { write } from "./identity-database.ts";
import { LateWrites } from "./late-writes.ts";

interface Row {
  readonly id: string;
  readonly name: string;
  readonly hash: string;
  readonly grants: string;
  readonly created: number;
  readonly expires: number | null;
  readonly last_used: number | null;
  readonly device: string | null;
}

/** Keys in SQLite, answered from memory. `put` and `remove` are on the disk when they return, or throw `Refused`. */
export class SqliteKeyStore implements KeyStore {
  readonly #database: Database;
  readonly #keys = new Map<string, KeyRecord>();
  readonly #uses: LateWrites;

  constructor(database: Database) {
    this.#database = database;
    const rows = database.query<Row, []>("SELECT * FROM keys ORDER BY created, id");
    for (const row of rows.all()) this.#keys.set(row.id, recordOf(row));
    this.#uses = new LateWrites((times) => this.#writeUses(times));
  }

  find(id: string): KeyRecord | undefined {
    return this.#keys.get(id);
  }

  list(): readonly KeyRecord[] {
    return [...this.#keys.values()];
  }

  put(key: KeyRecord): void {
    write(this.#database, "full", `the key ${key.id}`, () => this.insert(key));
    this.adopt(key);
  }

  /** For a transaction of the caller's, who tells by `adopt` that it was done. */
  insert(key: KeyRecord): void {
    this.#database
      .query("INSERT OR REPLACE INTO keys VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
      .run(
        key.id,
        key.name,
        key.hash,
        JSON.stringify(key.grants),
        key.created,
        key.expires ?? null,
        key.lastUsed ?? null,
        key.device ?? null,
      );
  }

  adopt(key: KeyRecord): void {
    this.#uses.drop(key.id);
    this.#keys.set(key.id, key);
  }

  remove(id: string): boolean {
    if (!this.#keys.has(id)) return false;
    write(this.#database, "full", `that the key ${id} is removed`, () => {
      this.#database.query("DELETE FROM keys WHERE id = ?").run(id);
    });
    this.#uses.drop(id);
    return this.#keys.delete(id);
  }

  touch(id: string, time: number): void {
    const key = this.#keys.get(id);
    if (key === undefined || (key.lastUsed ?? Number.NEGATIVE_INFINITY) >= time) return;
    this.#keys.set(id, { ...key, lastUsed: time });
    this.#uses.set(id, time);
  }

  /** Writes what waits. The store still answers afterwards, for sessions that end after the file was handed over. */
  flush(): void {
    this.#uses.flush();
  }

  #writeUses(times: ReadonlyMap<string, number>): void {
    write(this.#database, "normal", "when keys were used", () => {
      const update = this.#database.query("UPDATE keys SET last_used = ? WHERE id = ?");
      for (const [id, time] of times) update.run(time, id);
    });
  }
}

function recordOf({ id, name, hash, grants, created, expires, last_used: lastUsed, device }: Row): KeyRecord {
  return {
    id,
    name,
    hash,
    grants: JSON.parse(grants) as Grants,
    created,
    ...(expires === null ? undefined : { expires }),
    ...(lastUsed === null ? undefined : { lastUsed }),
    ...(device === null ? undefined : { device }),
  };
}
