/** Heads of HTTP as the firmware writes and reads them. */

/** Characters are bytes: what is more would be cut by the firmware, and is a fault of the program. */
export function latin1(text: string): string {
  if (/[^\0-\xff]/.test(text)) throw new Error("Cannot send what is no byte");
  return text;
}

export function headerLines(headers: Record<string, unknown>): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");
}

/** Names keep their case; a value begins after one space. */
export function parsedHead(
  bytes: string,
): { first: string; headers: Record<string, string>; rest: string } | undefined {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [first = "", ...lines] = bytes.slice(0, end).split("\r\n");
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]),
  );
  return { first, headers, rest: bytes.slice(end + 4) };
}
