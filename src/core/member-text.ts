/** The texts of members and elements of JSON, as their sender wrote them: no number loses digits, and `{}` stays `{}`. Pure. */
import type { JsonText } from "../ports.ts";

const quote = 0x22;
const backslash = 0x5c;

/**
 * The value of the last member of that name, without line breaks. `text` is a valid JSON object; undefined when it has
 * no such member.
 */
export function memberText(text: string, name: string): JsonText | undefined {
  let start = -1;
  let end = -1;
  let at = text.indexOf('"');
  while (at !== -1) {
    const afterName = stringEnd(text, at);
    const value = text.charCodeAt(afterName) === 0x3a ? afterName + 1 : text.indexOf(":", afterName) + 1;
    const next = valueEnd(text, value);
    if (isName(text, at, afterName, name)) {
      start = value;
      end = next;
    }
    at = text.indexOf('"', next);
  }
  return start === -1 ? undefined : valueText(text, start, end);
}

/** The texts of the elements of a JSON array, in their order. `text` is a valid one. */
export function elementTexts(text: string): string[] {
  const elements: string[] = [];
  let start = text.indexOf("[") + 1;
  for (;;) {
    const end = valueEnd(text, start);
    const element = text.slice(start, end).trim();
    if (element !== "") elements.push(element);
    if (text[end] !== ",") return elements;
    start = end + 1;
  }
}

function isName(text: string, start: number, end: number, name: string): boolean {
  if (end - start === name.length + 2) return text.startsWith(name, start + 1);
  if (end - start < name.length + 2) return false;
  const written = text.slice(start, end);
  return written.includes("\\") && JSON.parse(written) === name;
}

/** The value between two places, without line breaks: they stand between tokens only, where nothing is lost with them. */
export function valueText(text: string, start: number, end: number): JsonText {
  const trimmed = text.slice(start, end).trim();
  return trimmed.includes("\n") || trimmed.includes("\r") ? trimmed.replace(/[\r\n]+/g, "") : trimmed;
}

/** Behind the string that begins at `start`; the end of the text where it does not end. */
function stringEnd(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (text.charCodeAt(end - 1) === backslash && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end === -1 ? text.length : end + 1;
}

/** Whether an odd number of backslashes stands before it. */
function isEscaped(text: string, at: number): boolean {
  let first = at;
  while (text.charCodeAt(first - 1) === backslash) first--;
  return (at - first) % 2 === 1;
}

/** The comma or closing bracket behind the value that begins at `start`; the end of the text where there is none. */
export function valueEnd(text: string, start: number): number {
  let depth = 0;
  let at = start;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === quote) at = stringEnd(text, at);
    else {
      if (code === 0x7b || code === 0x5b) depth++;
      else if (code === 0x7d || code === 0x5d) {
        if (depth === 0) return at;
        depth--;
      } else if (code === 0x2c && depth === 0) return at;
      at++;
    }
  }
  return at;
}
