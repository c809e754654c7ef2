/** What happens in the house, as the bridge to Jeedom publishes it: events of commands. Pure. */
import { isObject, numberIn, objectOf, parseObject } from "../../core/json.ts";
import { memberText } from "../../core/member-text.ts";
import type { JsonText } from "../../ports.ts";

/** A command has a value, new or again. */
export interface Change {
  readonly id: string;
  /** When Jeedom told of it, by its own clock, in seconds with their fractions. */
  readonly at: number;
  /** As Jeedom wrote it; undefined where it told none. */
  readonly value: JsonText | undefined;
  /** `Y-m-d H:i:s`, as it is where Jeedom stands: since when it has that value, and when it was told so last. */
  readonly valueDate: unknown;
  readonly collectDate: unknown;
}

/** An event of Jeedom's, `{"datetime","name","option"}`. Undefined where it is none of a command's. */
export function readChange(text: JsonText): Change | undefined {
  const event = parseObject(text);
  if (event?.["name"] !== "cmd::update" || !isObject(event["option"])) return undefined;
  const { cmd_id: id, valueDate, collectDate } = objectOf(event["option"]);
  const at = numberIn(event["datetime"]);
  if ((typeof id !== "number" && typeof id !== "string") || !Number.isFinite(at) || at <= 0) return undefined;
  const value = memberText(memberText(text, "option") ?? "{}", "value");
  return { id: String(id), at, value, valueDate, collectDate };
}
