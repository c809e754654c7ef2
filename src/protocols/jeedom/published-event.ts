/** Events as they stand in the bridge's channel, beside which others may stand there. Pure. */
import { memberText } from "../../core/member-text.ts";
import type { Publication } from "../../ports.ts";
import { readEvent } from "./events.ts";
import { datetimeOf } from "./first-message.ts";
import type { JeedomEvent } from "./upstream.ts";

/** Undefined for what is none of Jeedom's, as tells of a hole, or what others published there. */
export function publishedEvent({ data, tags }: Publication): JeedomEvent | undefined {
  return tags?.["gap"] === undefined && datetimeText(data) !== undefined ? readEvent(data) : undefined;
}

/** When it was, as a JSON number with all of its digits; undefined where it says nothing of it. */
export function datetimeText(data: string): string | undefined {
  // Jeedom writes it first.
  const first = /^\{"datetime":(\d+(?:\.\d+)?)[,}]/.exec(data)?.[1];
  if (first !== undefined) return first;
  if (!data.startsWith("{")) return undefined;
  const text = memberText(data, "datetime")?.replaceAll('"', "").trim();
  return text !== undefined && datetimeOf(text) !== undefined ? text : undefined;
}
