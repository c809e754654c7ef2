/** Opens what is kept in the data directory: all of it for the gateway, keys and devices alone for a command. */
import type { Database } from "bun:sqlite";
import type { DeviceStore, Journal, JournalFigures, KeyStore, Log, PutAll } from "../ports.ts";
import { backupOf, removeOldCopies } from "./backup.ts";
import { DataDirectoryError } from "./data-directory-error.ts";
import { SqliteDeviceStore } from "./devices.ts";
import { closeIdentityDatabase, openIdentityDatabase, write } from "./identity-database.ts";
import { SqliteJournal } from "./journal.ts";
import { SqliteKeyStore } from "./keys.ts";
import { moveAside } from "./move-aside.ts";

export interface Identities {
  readonly keys: KeyStore;
  readonly devices: DeviceStore;
  readonly putAll: PutAll;
  /** Writes a copy to `path`, which must not exist. */
  backUp(path: string): void;
  /** Writes what waits and lets go of the file. Both stores go on answering from memory; `put` and `remove` throw. */
  close(): void;
}

export interface DataDirectory {
  readonly journal: Journal;
  readonly keys: KeyStore;
  readonly devices: DeviceStore;
  readonly putAll: PutAll;
  figures(): JournalFigures;
  /** All of it as the bytes of a tar file, as of now. Rejects with `Refused`. */
  backUp(): Promise<ReadableStream<Uint8Array>>;
  /** Closes the journal too, if the broker has not done so already. */
  close(): Promise<void>;
}

export interface DataDirectoryOptions {
  readonly log: Log;
  /** A damaged file gets another name, and a new one is begun. Without it such a file is refused. */
  readonly moveDamagedAside?: boolean;
}

/** For the gateway: takes the lock on the directory. Rejects with `DataDirectoryError`. */
export async function openDataDirectory(directory: string, options: DataDirectoryOptions): Promise<DataDirectory> {
  const journal = await openAnew(options, () => SqliteJournal.open(directory, options));
  try {
    removeOldCopies(directory);
    const identities = await openAnew(options, async () => openIdentities(directory));
    const { keys, devices, putAll } = identities;
    let closing: Promise<void> | undefined;
    const close = (): Promise<void> => {
      closing ??= closeAll(journal, identities);
      return closing;
    };
    return {
      journal,
      keys,
      devices,
      putAll,
      figures: () => journal.figures(),
      backUp: () => backupOf(directory, journal, identities),
      close,
    };
  } catch (thrown) {
    await journal.close();
    throw thrown;
  }
}

/** For a command while no gateway runs; throws `DataDirectoryError` (`locked`) when one does. */
export function openIdentities(directory: string): Identities {
  const database = openIdentityDatabase(directory);
  try {
    const keys = new SqliteKeyStore(database);
    const devices = new SqliteDeviceStore(database);
    return {
      keys,
      devices,
      putAll: (newKeys, newDevices) => {
        write(database, "full", "keys and devices", () => {
          for (const key of newKeys) keys.insert(key);
          for (const device of newDevices) devices.insert(device);
        });
        for (const key of newKeys) keys.adopt(key);
        for (const device of newDevices) devices.adopt(device);
      },
      backUp: (path) => void database.query("VACUUM INTO ?").run(path),
      close: () => closeIdentities(database, keys, devices),
    };
  } catch (thrown) {
    database.close();
    throw thrown;
  }
}

/** Opens a file, and a new one in the place of a damaged one if that was asked for. */
async function openAnew<Opened>(
  { log, moveDamagedAside = false }: DataDirectoryOptions,
  open: () => Promise<Opened>,
): Promise<Opened> {
  try {
    return await open();
  } catch (thrown) {
    if (!moveDamagedAside || !(thrown instanceof DataDirectoryError) || thrown.reason !== "damaged") throw thrown;
    const moved = moveAside(thrown.path, "damaged");
    log.error({ moved, detail: thrown.message }, "A damaged file was moved aside, and a new one is begun");
    return open();
  }
}

async function closeAll(journal: Journal, identities: Identities): Promise<void> {
  try {
    await journal.close();
  } finally {
    identities.close();
  }
}

function closeIdentities(database: Database, keys: SqliteKeyStore, devices: SqliteDeviceStore): void {
  try {
    keys.flush();
    devices.flush();
  } finally {
    closeIdentityDatabase(database);
  }
}
