/** What both sides say before there are frames. */

/** The proof that a server has understood what it was asked. */
export function acceptOf(key: string): string {
  return btoa(firmware("crypto").SHA1(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`));
}

/** Headers by their names in lower case, as peers may write them in any. */
export function lowered(headers: Record<string, string>): Record<string, string> {
  const low: Record<string, string> = {};
  for (const name in headers) low[name.toLowerCase()] = String(headers[name]).trim();
  return low;
}

export function means(value: string | undefined, word: string): boolean {
  return String(value).toLowerCase().indexOf(word) >= 0;
}
