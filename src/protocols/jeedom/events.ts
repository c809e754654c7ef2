/** Jeedom's events as `event::changes` answers them. Pure. */
import { isObject, type JsonObject, objectOf, parseObject } from "../../core/json.ts";
import { elementTexts, memberText } from "../../core/member-text.ts";
import type { JsonText } from "../../ports.ts";
import type { JeedomEvent, Subject } from "./upstream.ts";

/** Which member of an event's option says what it is about. */
const subjects: Readonly<Record<string, readonly [kind: Subject["kind"], member: string]>> = {
  "cmd::update": ["commands", "cmd_id"],
  "eqLogic::update": ["equipments", "eqLogic_id"],
  "scenario::update": ["scenarios", "scenario_id"],
  "scenario::ask": ["scenarios", "scenario_id"],
  "jeeObject::summary::update": ["objects", "object_id"],
  "object::summary::update": ["objects", "object_id"],
};

/** The whole answer's text, known to be a JSON object. What is no event in it is passed over. */
export function readChanges(text: string): readonly JeedomEvent[] {
  const result = memberText(text, "result") ?? "";
  if (!result.startsWith("{")) return [];
  const rows = memberText(result, "result") ?? "";
  const texts = rows.startsWith("[") ? elementTexts(rows) : [];
  return texts.flatMap((row) => readEvent(row) ?? []);
}

export function readEvent(text: JsonText): JeedomEvent | undefined {
  const row = parseObject(text);
  if (row === undefined) return undefined;
  const { datetime, name } = row;
  const time = typeof datetime === "string" && datetime.trim() === "" ? Number.NaN : Number(datetime);
  if (typeof name !== "string" || !Number.isFinite(time)) return undefined;
  const subject = subjectOf(name, row["option"]);
  return { text, datetime: time, name, ...(subject === undefined ? {} : { subject }) };
}

/** An event's option where it is an object; it may as well be a list or a text. */
export function optionOf({ text }: JeedomEvent): JsonObject {
  return objectOf(parseObject(text)?.["option"]);
}

function subjectOf(name: string, option: unknown): Subject | undefined {
  if (!Object.hasOwn(subjects, name) || !isObject(option)) return undefined;
  const [kind, member] = subjects[name] ?? [];
  const id = member === undefined ? undefined : idOf(option[member]);
  return kind === undefined || id === undefined ? undefined : { kind, id };
}

/** Ids are numbers or texts. */
export function idOf(value: unknown): string | undefined {
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value !== "" && value.length <= 64 ? value : undefined;
}
