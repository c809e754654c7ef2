/** The terminal that the command was started at. */
import { closeSync, openSync } from "node:fs";
import { isatty } from "node:tty";
import { codeOf } from "./failure.ts";

const startedAtOne = isatty(0);

/** Whether there was one that is no more. */
export function isTerminalGone(): boolean {
  if (!startedAtOne) return false;
  try {
    closeSync(openSync("/dev/tty", "r"));
    return false;
  } catch (thrown) {
    return ["ENXIO", "EIO"].includes(codeOf(thrown));
  }
}
