/** An entry of CMD_INFO: what the plugin says of one command. What is made of it keeps its shape. Pure. */
import { parseObject } from "../../core/json.ts";
import { memberText } from "../../core/member-text.ts";
import type { JsonText } from "../../ports.ts";
import type { Change } from "./change.ts";

export interface Entry {
  readonly id: string;
  readonly text: JsonText;
  /** It says when it was so: the same text says the same. */
  readonly isDated: boolean;
}

/** Undefined for what names no command. */
export function readEntry(text: JsonText): Entry | undefined {
  const entry = parseObject(text);
  if (entry === undefined) return undefined;
  const { id, modified, collectDate } = entry;
  if (typeof id !== "string" && typeof id !== "number") return undefined;
  return { id: String(id), text, isDated: isTime(modified) && isTime(collectDate) };
}

/**
 * What the plugin says of the command after a change: its own entry of before with another value and other dates. Undefined
 * where it cannot be known what it would say: of values that it may write otherwise, and of dates without a time zone.
 */
export function reworded(entry: Entry, change: Change, zone: string | undefined): Entry | undefined {
  const members = entry.isDated && zone !== undefined ? parseObject(entry.text) : undefined;
  if (members === undefined || zone === undefined) return undefined;
  const value = valueText(change.value, members["value"]);
  const modified = secondsOf(change.valueDate, zone);
  const collectDate = secondsOf(change.collectDate, zone);
  if (value === undefined || modified === undefined || collectDate === undefined) return undefined;
  const news: Readonly<Record<string, unknown>> = { value, modified, collectDate };
  const written = Object.keys(members).map((name) => {
    const text = Object.hasOwn(news, name) ? news[name] : memberText(entry.text, name);
    return `${JSON.stringify(name)}:${text}`;
  });
  return { id: entry.id, text: `{${written.join(",")}}`, isDated: true };
}

/** Numbers that are written the same as text, whatever precision PHP has for either. */
const plainNumber = /^-?(?:0|[1-9]\d*)(?:\.\d*[1-9])?$/;
const mostDigits = 14;
/** Jeedom cuts the values of events at 3096 bytes, each of which is a letter here at least. */
const longest = 1000;

/** A value as the plugin writes those of the command: `like` is its last one. */
function valueText(value: JsonText | undefined, like: unknown): JsonText | undefined {
  if (value === undefined || value.length > longest) return undefined;
  if (value.startsWith('"')) return typeof like === "string" ? value : undefined;
  if (!plainNumber.test(value) || value.replace(/\D/g, "").length > mostDigits) return undefined;
  if (typeof like === "string") return `"${value}"`;
  return typeof like === "number" ? value : undefined;
}

/** In seconds since the epoch. Of an hour that comes twice it is the second, as PHP has it. */
function secondsOf(date: unknown, zone: string): number | undefined {
  if (typeof date !== "string" || !/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(date)) return undefined;
  try {
    const local = Temporal.PlainDateTime.from(date.replace(" ", "T"));
    return local.toZonedDateTime(zone, { disambiguation: "later" }).epochMilliseconds / 1000;
  } catch {
    // No day of the calendar, or no such time zone.
    return undefined;
  }
}

function isTime(value: unknown): boolean {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0;
}
