export type DataDirectoryReason =
  /** Another process has it. */
  | "locked"
  /** Written by a newer Hearthwire. */
  | "newer"
  /** A file in it fails SQLite's check, or is no file of ours. */
  | "damaged"
  /** The file system says no: rights, room, a path that is no directory. */
  | "unusable";

/** Why a data directory, or a file in it, was not opened. `message` is for the person at the terminal. */
export class DataDirectoryError extends Error {
  readonly reason: DataDirectoryReason;
  /** The file, or the directory where it is about all of it. */
  readonly path: string;

  constructor(reason: DataDirectoryReason, path: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "DataDirectoryError";
    this.reason = reason;
    this.path = path;
  }
}
