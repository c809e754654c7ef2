/** `<bridge>.exec`, `<bridge>.scenario` and `<bridge>.ask`: asked of Jeedom, and its answer as it is. */
import type { Calls } from "../../core/calls.ts";
import type { JsonObject } from "../../core/json.ts";
import { memberText } from "../../core/member-text.ts";
import { type RefusalKey, Refused } from "../../core/refusals.ts";
import { messageOf } from "../../core/thrown.ts";
import type { JsonText } from "../../ports.ts";
import { idOf } from "./events.ts";
import { JeedomError, type JsonRpc, KeyRefused } from "./json-rpc.ts";

const states = ["run", "stop", "enable", "disable"];
const longestQuery = 4096;

/** Jeedom's codes in our words. Others are what Jeedom could not do with what it was given. */
const translations: Readonly<Record<number, readonly [RefusalKey, string]>> = {
  5: ["permissionDenied", "it needs an access code, `codeAccess`"],
  6: ["badRequest", "it needs to be confirmed, by `confirmAction: 1`"],
  500: ["notAvailable", "this Jeedom, or the bridge's key, does not offer it"],
  601: ["unknownChannel", "there is no such thing"],
  701: ["permissionDenied", "the bridge's key may not"],
  702: ["unknownChannel", "there is no such thing"],
  703: ["unknownChannel", "there is no such scenario"],
};

/** Registers the methods of a bridge; the answer takes them back. */
export function registerCalls(calls: Calls, name: string, rpc: JsonRpc): () => void {
  return calls.registerAll(name, {
    exec: (params) => exec(rpc, params),
    scenario: (params) => scenario(rpc, params),
    ask: (params) => query(rpc, params),
  });
}

/** `{id, options?, codeAccess?, confirmAction?}`; several ids answer by id. */
function exec(rpc: JsonRpc, { id, options = {}, codeAccess, confirmAction }: JsonObject): Promise<JsonText> {
  const ids = Array.isArray(id) ? id.map((one: unknown) => requireId(one)) : requireId(id);
  return ask(rpc, "cmd::execCmd", { id: ids, options, codeAccess, confirmAction });
}

/** `{id, do: run|stop|enable|disable}` */
function scenario(rpc: JsonRpc, { id, do: state }: JsonObject): Promise<JsonText> {
  if (typeof state !== "string" || !states.includes(state)) {
    throw new Refused("badRequest", `Cannot change the scenario: \`do\` must be one of ${states.join(", ")}`);
  }
  return ask(rpc, "scenario::changeState", { id: requireId(id), state });
}

/** `{query}`: what one would say to Jeedom. */
function query(rpc: JsonRpc, { query: said }: JsonObject): Promise<JsonText> {
  if (typeof said !== "string" || said === "" || said.length > longestQuery) {
    throw new Refused("badRequest", `Cannot ask: \`query\` must be a text of at most ${longestQuery} letters`);
  }
  return ask(rpc, "interact::tryToReply", { query: said });
}

async function ask(rpc: JsonRpc, method: string, params: object): Promise<JsonText> {
  try {
    const { text } = await rpc.ask(method, { params });
    return memberText(text, "result") ?? "null";
  } catch (thrown) {
    throw refusedBy(thrown);
  }
}

function refusedBy(thrown: unknown): Refused {
  if (thrown instanceof KeyRefused) {
    return new Refused("notAvailable", "Cannot ask Jeedom: it does not take the bridge's key");
  }
  if (!(thrown instanceof JeedomError)) {
    return new Refused("notAvailable", `Cannot reach Jeedom now: ${messageOf(thrown)}`);
  }
  const { code, message } = thrown;
  const said = message === "" ? "" : ` (Jeedom says: ${message})`;
  const [key, words] = translations[code] ?? (["badRequest", `Jeedom cannot, error ${code}`] as const);
  return new Refused(key, `Cannot do it: ${words}${said}`);
}

function requireId(value: unknown): string {
  const id = idOf(value);
  if (id !== undefined && /^\d+$/.test(id)) return id;
  throw new Refused("badRequest", "Cannot call it: `id` must be a number");
}
