/** What a phone asks, as JSON-RPC. Pure. */
import { isObject, type JsonObject } from "../../core/json.ts";
import { memberText } from "../../core/member-text.ts";
import type { JsonText } from "../../ports.ts";

export interface Question {
  readonly method: string;
  readonly params: JsonObject;
  /** As the phone wrote it, to be given back. */
  readonly id: JsonText;
}

/** Why a message is no question. `id` is there where it had one. */
export interface NoQuestion {
  readonly fault: string;
  readonly id?: JsonText;
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Text or binary, `{"jsonrpc":"2.0","id":…,"method":"M","params":{…}}`; `params` may be missing. */
export function readQuestion(data: string | Uint8Array): Question | NoQuestion {
  let text: string;
  let value: unknown;
  try {
    text = typeof data === "string" ? data : utf8.decode(data);
    value = JSON.parse(text);
  } catch {
    return { fault: "it is no JSON" };
  }
  if (!isObject(value)) return { fault: "it is no JSON object" };
  const written = memberText(text, "id");
  const named = written === undefined ? {} : { id: written };
  const { jsonrpc, method, params = {} } = value;
  if (jsonrpc !== "2.0") return { fault: "`jsonrpc` must be 2.0", ...named };
  if (typeof method !== "string" || method === "" || method.length > longestMethod)
    return { fault: "`method` is no name", ...named };
  // PHP writes an empty object as an empty list.
  const given = Array.isArray(params) && params.length === 0 ? {} : params;
  if (!isObject(given)) return { fault: "`params` must be an object", ...named };
  return { method, params: given, id: written ?? usualId };
}

const longestMethod = 64;
/** What the plugin takes for a question without one. */
const usualId = "99999";

/** As the plugin is asked. Whence it comes is ours to say. */
export function questionText({ method, params, id }: Question, more: JsonObject): JsonText {
  const { connexionFrom: _, ...own } = params;
  const all = JSON.stringify({ ...own, ...more });
  return `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)},"params":${all}}`;
}

/** Methods that show who somebody is, by what may be guessed. */
export function isIntroduction(method: string): boolean {
  return ["CONNECT", "CHECK_AUTHENT", "CHECK_USER", "VERIF_2FA", "REGISTER_DEVICE"].includes(method);
}

/** Methods that say whether a phone is there and looked at. */
export function isAboutItself(method: string): boolean {
  return ["PING", "SET_APPSTATE", "DISCONNECT"].includes(method);
}

export function isBackground({ method, params }: Question): boolean {
  return method === "DISCONNECT" || (method === "SET_APPSTATE" && params["state"] === "background");
}

export function isForeground({ method, params }: Question): boolean {
  return method === "PING" || (method === "SET_APPSTATE" && params["state"] === "active");
}
