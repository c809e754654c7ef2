/** Secrets come in files or by the standard input: what stands on a command line, every process of the machine can see. */
import { readFileSync } from "node:fs";
import { messageOf } from "../core/thrown.ts";
import { CommandFailure } from "./failure.ts";

/** The text of a file, or of the standard input for `-`, without its last line break. */
export function readSecret(file: string): string {
  try {
    return readFileSync(file === "-" ? 0 : file, "utf8").replace(/\r?\n$/, "");
  } catch (thrown) {
    throw new CommandFailure(`Cannot read ${file}: ${messageOf(thrown)}`);
  }
}
