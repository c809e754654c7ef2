/** What the plugin says: answers, and what it tells by itself. Their values stay as it wrote them. Pure. */
import { objectOf, parseObject } from "../../core/json.ts";
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

/** SET_EVENTS taken apart: its cursors, and each list that has something in it as a message. */
export interface Events {
  readonly cursors: Partial<Cursors>;
  readonly lists: readonly JsonText[];
}

export function readEvents({ text }: Answer): Events {
  const list = memberText(text, "payload");
  const lists: JsonText[] = [];
  let cursors: Partial<Cursors> = {};
  for (const item of list?.startsWith("[") ? elementTexts(list) : []) {
    const { type, payload } = objectOf(parseObject(item));
    const time = typeof payload === "number" ? payload : Number.NaN;
    if (type === "DATETIME" || type === "HIST_DATETIME") {
      if (Number.isFinite(time))
        cursors = { ...cursors, [type === "DATETIME" ? "lastReadTimestamp" : "lastHistoricReadTimestamp"]: time };
    } else if (typeof type === "string" && !isEmpty(payload)) lists.push(item);
  }
  return { cursors, lists };
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

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
