/** The cursor: the broker's position as the opaque text that clients carry. `<run>.<seq in base 36>`, under 64 bytes. */
import type { Position } from "../ports.ts";

const form = /^([A-Za-z0-9]{1,24})\.([0-9a-z]{1,11})$/;

export function cursorText(run: string, seq: number): string {
  return `${run}.${seq.toString(36)}`;
}

/** The position that a cursor names, or nothing where it is none of ours. */
export function parseCursor(text: string): Position | undefined {
  const [, run, digits] = form.exec(text) ?? [];
  if (run === undefined || digits === undefined) return undefined;
  const seq = Number.parseInt(digits, 36);
  return Number.isSafeInteger(seq) ? { run, seq } : undefined;
}
