/** `<bridge>.set`, `<bridge>.scene` and `<bridge>.get`: forwarded, and the gateway's own answer. */
import type { Calls } from "../../core/calls.ts";
import { isObject, type JsonObject, oneLine, parseObject } from "../../core/json.ts";
import { Refused } from "../../core/refusals.ts";
import type { DialAnswer, JsonText } from "../../ports.ts";

/** What asks the gateway. */
export interface Forwarding {
  readonly name: string;
  forward(method: string, path: readonly string[], body?: string): Promise<DialAnswer>;
}

const resources = ["lights", "sensors", "groups", "alarmsystems", "config"];
/** Members of a call that are paths of their own below the resource; the rest are attributes of the resource itself. */
const parts = ["state", "config", "action", "disarm", "arm_stay", "arm_night", "arm_away"];
const mostLevels = 6;

/** Registers the methods of a bridge; the answer takes them back. */
export function registerCalls(calls: Calls, bridge: Forwarding): () => void {
  return calls.registerAll(bridge.name, {
    set: (params) => set(bridge, params),
    scene: (params) => scene(bridge, params),
    get: (params) => get(bridge, params),
  });
}

/** Each part is a request of its own, in order; their lists come back as one. */
async function set(bridge: Forwarding, params: JsonObject): Promise<JsonText> {
  const { resource, id, ...members } = params;
  if (typeof resource !== "string" || !resources.includes(resource)) {
    throw new Refused("badRequest", `Cannot set it: \`resource\` must be one of ${resources.join(", ")}`);
  }
  const at = resource === "config" ? [] : [idOf(id, "id")];
  const attributes: Record<string, unknown> = {};
  const requests: [path: readonly string[], body: unknown][] = [];
  for (const [member, value] of Object.entries(members)) {
    if (resource === "config") {
      if (member !== "config" || !isObject(value))
        throw new Refused("badRequest", "Cannot set it: give `config`, an object");
      requests.push([["config"], value]);
    } else if (parts.includes(member)) {
      if (!isObject(value)) throw new Refused("badRequest", `Cannot set it: \`${member}\` must be an object`);
      requests.push([[resource, ...at, member], value]);
    } else attributes[member] = value;
  }
  if (Object.keys(attributes).length > 0) requests.push([[resource, ...at], attributes]);
  if (requests.length === 0)
    throw new Refused("badRequest", "Cannot set nothing: give `state`, `config`, `action` or an attribute");
  const answers: string[] = [];
  for (const [path, body] of requests)
    answers.push(listOf((await bridge.forward("PUT", path, JSON.stringify(body))).text));
  return `[${answers.filter((answer) => answer !== "").join(",")}]`;
}

async function scene(bridge: Forwarding, { group, scene: called }: JsonObject): Promise<JsonText> {
  const path = ["groups", idOf(group, "group"), "scenes", idOf(called, "scene"), "recall"];
  return jsonOf((await bridge.forward("PUT", path, "{}")).text);
}

async function get(bridge: Forwarding, { resource, id }: JsonObject): Promise<JsonText> {
  const path =
    resource === undefined
      ? []
      : [idOf(resource, "resource").split("/"), id === undefined ? [] : idOf(id, "id")].flat();
  if (path.length > mostLevels || path.some((level) => level === "" || level === "." || level === "..")) {
    throw new Refused("badRequest", "Cannot get it: `resource` is no path of the gateway");
  }
  const answer = jsonOf((await bridge.forward("GET", path)).text);
  // Keys of others are nobody's business.
  return path.length === 0 || (path.length === 1 && path[0] === "config") ? withoutKeys(answer) : answer;
}

function withoutKeys(text: JsonText): JsonText {
  const value = parseObject(text);
  if (value === undefined) return text;
  const { whitelist: _, ...rest } = value;
  const { config } = rest as JsonObject;
  if (!isObject(config)) return JSON.stringify(rest);
  const { whitelist: _keys, ...shown } = config;
  return JSON.stringify({ ...rest, config: shown });
}

function idOf(value: unknown, name: string): string {
  const text = typeof value === "number" ? String(value) : value;
  if (typeof text === "string" && /^(?!\.{1,2}$)[^?#\\\s]{1,64}$/.test(text)) return text;
  throw new Refused("badRequest", `Cannot call it: \`${name}\` must be an id`);
}

/** The elements of an answer's list. */
function listOf(text: string): string {
  const answer = jsonOf(text);
  return answer.startsWith("[") ? answer.slice(1, -1).trim() : answer;
}

/** An answer that is no JSON, as of a proxy in between, is none of the gateway's. */
function jsonOf(text: string): JsonText {
  try {
    return oneLine(text);
  } catch {
    throw new Refused("notAvailable", "Cannot use the gateway's answer: it is no JSON");
  }
}
