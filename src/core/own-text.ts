/**
 * The same text in memory of its own. For texts that are kept: the runtime makes a part of a text without copying it, and the part
 * then keeps all of the text in memory.
 */
export function ownText(text: string): string {
  return ["", text].join("");
}
