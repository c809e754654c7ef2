/** What the plugin says: answers, and what it tells by itself. Their values stay as it wrote them. Pure. */
import { type JsonObject, numberIn, objectOf, parseObject } from "../../core/json.ts";
import { elementTexts, memberText } from "../../core/member-text.ts";
import type { JsonText } from "../../ports.ts";

export interface Answer {
  readonly type: string;
  readonly payload: unknown;
  /** The answer with nothing in it that is not the phone's business: neither id nor keys. */
  readonly text: JsonText;
  readonly id?: string | number | undefined;
  readonly eqApiKey?: string | undefined;
  readonly jeedomApiKey?: string | undefined;
}

const notForPhones = ["jeedomApiKey", "eqApiKey", "id"];

/** Undefined for what is no answer of the plugin's. */
export function readAnswer(text: string): Answer | undefined {
  const value = parseObject(text);
  if (value === undefined) return undefined;
  const { type, payload, id, eqApiKey, jeedomApiKey } = value;
  if (typeof type !== "string") return undefined;
  const members = Object.keys(value)
    .filter((name) => !notForPhones.includes(name))
    .map((name) => `${JSON.stringify(name)}:${memberText(text, name)}`);
  return {
    type,
    payload,
    text: `{${members.join(",")}}`,
    id: typeof id === "string" || typeof id === "number" ? id : undefined,
    eqApiKey: textOf(eqApiKey),
    jeedomApiKey: textOf(jeedomApiKey),
  };
}

/** The result of a JSON-RPC reply, and the answer that it is; a method without one has a result like `"ok"`. */
export interface Reply {
  readonly result: JsonText;
  readonly answer: Answer | undefined;
  /** What the plugin would have the phone keep: a `Set-Cookie`. */
  readonly cookie?: string;
}

/** Undefined when it is no such reply. */
export function readReply(text: string): Reply | undefined {
  const value = parseObject(text);
  const result = value === undefined || !("result" in value) ? undefined : memberText(text, "result");
  return result === undefined ? undefined : { result, answer: readAnswer(result) };
}

/** An answer with the id that the phone gave its question. */
export function withId({ text }: Answer, id: JsonText | undefined): JsonText {
  return id === undefined ? text : `${text.slice(0, -1)},"id":${id}}`;
}

/** What went wrong, in the plugin's words for it. */
export function exception(message: string): Answer {
  const payload = { message };
  return { type: "EXCEPTION", payload, text: JSON.stringify({ type: "EXCEPTION", payload }) };
}

/** Where a phone is in the plugin's events. Times are the plugin's, as it wrote them. */
export interface Cursors {
  readonly lastReadTimestamp: number | null;
  readonly lastHistoricReadTimestamp: number | null;
}

/** Those that a phone asks with; undefined where it does not know both. */
export function cursorsIn(params: JsonObject): (Cursors & { readonly lastReadTimestamp: number }) | undefined {
  const { lastReadTimestamp: last, lastHistoricReadTimestamp: historic } = params;
  if (typeof last !== "number" || typeof historic !== "number") return undefined;
  return { lastReadTimestamp: last, lastHistoricReadTimestamp: historic };
}

/** SET_EVENTS taken apart. */
export interface Events {
  readonly cursors: Partial<Cursors>;
  /** What it says of commands, one by one. */
  readonly values: readonly JsonText[];
  /** Each list that has something in it, as a message; that of the commands too. */
  readonly lists: readonly JsonText[];
}

export function readEvents({ text }: Answer): Events {
  const lists: JsonText[] = [];
  const values: JsonText[] = [];
  let cursors: Partial<Cursors> = {};
  for (const item of listOf(memberText(text, "payload"))) {
    const { type, payload } = objectOf(parseObject(item));
    if (type === "DATETIME" || type === "HIST_DATETIME") {
      const time = timeOf(payload);
      if (time !== undefined)
        cursors = { ...cursors, [type === "DATETIME" ? "lastReadTimestamp" : "lastHistoricReadTimestamp"]: time };
    } else if (typeof type === "string" && !isEmpty(payload)) {
      lists.push(item);
      if (type === "CMD_INFO") values.push(...listOf(memberText(item, "payload")));
    }
  }
  return { cursors, values, lists };
}

/** SET_EVENTS as the plugin writes it when nothing else has happened than these values. */
export function valuesAnswer(cursors: Cursors, values: readonly JsonText[]): Answer {
  const { lastReadTimestamp, lastHistoricReadTimestamp } = cursors;
  const times = [
    `{"type":"DATETIME","payload":${lastReadTimestamp}}`,
    `{"type":"HIST_DATETIME","payload":${lastHistoricReadTimestamp}}`,
  ];
  const items = values.length === 0 ? times : [...times, valuesText(values), ...noOthers];
  const text = `{"type":"SET_EVENTS","payload":[${items.join(",")}]}`;
  return { type: "SET_EVENTS", payload: undefined, text };
}

/** The plugin leaves its lists out all three, or none. */
const noOthers = ['{"type":"SC_INFO","payload":[]}', '{"type":"OBJ_INFO","payload":[]}'];

/** CMD_INFO. */
export function valuesText(values: readonly JsonText[]): JsonText {
  return `{"type":"CMD_INFO","payload":[${values.join(",")}]}`;
}

/** The same SET_EVENTS with other values, in the place of the first of its lists of them. */
export function withValues(answer: Answer, values: readonly JsonText[]): Answer {
  const items = listOf(memberText(answer.text, "payload"));
  const at = items.findIndex(tellsValues);
  const told = valuesText(values);
  const rest = items.slice(at + 1).filter((item) => !tellsValues(item));
  const all = at === -1 ? [...items, told, ...noOthers] : [...items.slice(0, at), told, ...rest];
  return { ...answer, text: `{"type":"SET_EVENTS","payload":[${all.join(",")}]}` };
}

function tellsValues(item: JsonText): boolean {
  return objectOf(parseObject(item))["type"] === "CMD_INFO";
}

/** What an answer tells of all commands that a phone shows; undefined where it does not. */
export function shownBy({ type, text }: Answer): readonly JsonText[] | undefined {
  const payload = memberText(text, "payload") ?? "";
  if (type === "SET_CMD_INFO") return listOf(payload);
  const whole = type === "CONFIG_AND_INFOS" && payload.startsWith("{") ? memberText(payload, "infos") : payload;
  if (!["WELCOME", "SET_INFO", "CONFIG_AND_INFOS"].includes(type) || whole?.startsWith("{") !== true) return undefined;
  const entries = memberText(whole, "cmdInfo");
  return entries?.startsWith("[") === true ? listOf(entries) : undefined;
}

/** The version of the configuration that WELCOME, SET_CONFIG or CONFIG_AND_INFOS tells of; undefined where it tells none. */
export function configVersionOf({ type, payload }: Answer): unknown {
  const told = objectOf(payload);
  if (type === "WELCOME") return told["configVersion"];
  const document = type === "SET_CONFIG" ? told : objectOf(told["config"]);
  return objectOf(document["payload"])["configVersion"];
}

function isEmpty(payload: unknown): boolean {
  return Array.isArray(payload) ? payload.length === 0 : payload === null || payload === undefined;
}

function listOf(text: JsonText | undefined): readonly JsonText[] {
  return text?.startsWith("[") === true ? elementTexts(text) : [];
}

/** A number, or one as text, where PHP reads it from a database so. */
function timeOf(payload: unknown): number | undefined {
  const time = numberIn(payload);
  return Number.isFinite(time) ? time : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
