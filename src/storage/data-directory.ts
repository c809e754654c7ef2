/** Opens what is kept in the data directory: all of it for the gateway, keys and devices alone for a command. */
import type { Database } from "bun:sqlite";
import type { DeviceStore, Journal, KeyStore, Log } from "../ports.ts";
import { SqliteDeviceStore } from "./devices.ts";
import { openIdentityDatabase } from "./identity-database.ts";
import { SqliteJournal } from "./journal.ts";
import { SqliteKeyStore } from "./keys.ts";

export interface Identities {
  readonly keys: KeyStore;
  readonly devices: DeviceStore;
  /** Writes what waits and lets go of the file. Both stores go on answering from memory; `put` and `remove` throw. */
  close(): void;
}

export interface DataDirectory {
  readonly journal: Journal;
  readonly keys: KeyStore;
  readonly devices: DeviceStore;
  /** Closes the journal too, if the broker has not done so already. */
  close(): Promise<void>;
}

/** For the gateway: takes the lock on the directory. Rejects with `DataDirectoryError`. */
export async function openDataDirectory(directory: string, { log }: { readonly log: Log }): Promise<DataDirectory> {
  const journal = await SqliteJournal.open(directory, { log });
  try {
    const identities = openIdentities(directory);
    const { keys, devices } = identities;
    return { journal, keys, devices, close: () => closeAll(journal, identities) };
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
    return { keys, devices, close: () => closeIdentities(database, keys, devices) };
  } catch (thrown) {
    database.close();
    throw thrown;
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
    database.close();
  }
}
