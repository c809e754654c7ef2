import type { Database } from "bun:sqlite";
import type { DeviceRecord, DeviceStore } from "../ports.ts";
import { write } from "./identity-database.ts";
import { LateWrites } from "./late-writes.ts";

interface Row {
  readonly id: string;
  readonly name: string;
  readonly key: string;
  readonly created: number;
  readonly last_seen: number | null;
  readonly channels: string;
  readonly cursor: string | null;
  readonly settings: string;
}

/**
 * Devices in SQLite, answered from memory. A `put` that changes `lastSeen` alone is written later, since every sign of
 * life is one; any other survives the end of the process when it returns, or throws `Refused`.
 */
export class SqliteDeviceStore implements DeviceStore {
  readonly #database: Database;
  readonly #devices = new Map<string, DeviceRecord>();
  readonly #sightings: LateWrites;

  constructor(database: Database) {
    this.#database = database;
    const rows = database.query<Row, []>("SELECT * FROM devices ORDER BY created, id");
    for (const row of rows.all()) this.#devices.set(row.id, recordOf(row));
    this.#sightings = new LateWrites((times) => this.#writeSightings(times));
  }

  find(id: string): DeviceRecord | undefined {
    return this.#devices.get(id);
  }

  list(): readonly DeviceRecord[] {
    return [...this.#devices.values()];
  }

  put(device: DeviceRecord): void {
    const { id, lastSeen } = device;
    const known = this.#devices.get(id);
    if (known !== undefined && lastSeen !== undefined && differsInLastSeenOnly(known, device)) {
      this.#sightings.set(id, lastSeen);
    } else {
      write(this.#database, "normal", `the device ${id}`, () => this.insert(device));
      this.#sightings.drop(id);
    }
    this.#devices.set(id, device);
  }

  /** Notes what the caller has written with `insert`, in a transaction of its own. */
  adopt(device: DeviceRecord): void {
    this.#sightings.drop(device.id);
    this.#devices.set(device.id, device);
  }

  remove(id: string): boolean {
    if (!this.#devices.has(id)) return false;
    write(this.#database, "full", `that the device ${id} is removed`, () => {
      this.#database.query("DELETE FROM devices WHERE id = ?").run(id);
    });
    this.#sightings.drop(id);
    return this.#devices.delete(id);
  }

  /** Writes what waits. */
  flush(): void {
    this.#sightings.flush();
  }

  insert({ id, name, key, created, lastSeen, channels, cursor, settings }: DeviceRecord): void {
    this.#database
      .query("INSERT OR REPLACE INTO devices VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
      .run(
        id,
        name,
        key,
        created,
        lastSeen ?? null,
        JSON.stringify(channels),
        cursor ?? null,
        JSON.stringify(settings),
      );
  }

  #writeSightings(times: ReadonlyMap<string, number>): void {
    write(this.#database, "normal", "when devices were seen", () => {
      const update = this.#database.query("UPDATE devices SET last_seen = ? WHERE id = ?");
      for (const [id, time] of times) update.run(time, id);
    });
  }
}

function differsInLastSeenOnly(one: DeviceRecord, other: DeviceRecord): boolean {
  return (
    one.name === other.name &&
    one.key === other.key &&
    one.created === other.created &&
    one.cursor === other.cursor &&
    (one.channels === other.channels || JSON.stringify(one.channels) === JSON.stringify(other.channels)) &&
    (one.settings === other.settings || JSON.stringify(one.settings) === JSON.stringify(other.settings))
  );
}

function recordOf({ last_seen: lastSeen, cursor, channels, settings, id, name, key, created }: Row): DeviceRecord {
  return {
    id,
    name,
    key,
    created,
    channels: JSON.parse(channels) as string[],
    settings: JSON.parse(settings) as Record<string, string>,
    ...(lastSeen === null ? undefined : { lastSeen }),
    ...(cursor === null ? undefined : { cursor }),
  };
}
