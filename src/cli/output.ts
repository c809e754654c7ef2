/** What commands say: results on the standard output, for whoever reads or parses them; the rest on the error output. */

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value));
}

/** Something that a person wants to know and a script does not. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Rows under their heads, in columns; nothing but the sentence `none` when there are no rows. */
export function printTable(heads: readonly string[], rows: readonly (readonly string[])[], none: string): void {
  if (rows.length === 0) {
    note(none);
    return;
  }
  const all = [heads, ...rows];
  const widths = heads.map((_, at) => Math.max(...all.map((row) => row[at]?.length ?? 0)));
  for (const row of all)
    print(
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join("  ")
        .trimEnd(),
    );
}

/** `2026-11-21 12:03`, by the clock of this machine. */
export function printTime(time: number | undefined, never = "never"): string {
  if (time === undefined) return never;
  const date = new Date(time);
  const two = (part: number): string => String(part).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** Control characters of a stranger's text, which a terminal would obey, made visible. */
export function tame(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
