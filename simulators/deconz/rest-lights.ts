/** `/lights`. */
import { failure, notAvailable, ok, type RestAnswer, success } from "./answers.ts";
import { isObject, type Json, type JsonObject, objectOf } from "./json.ts";
import { answerReading, noJson, noMethod, type Question, resourceOf } from "./question.ts";

const isNumberUpTo =
  (most: number) =>
  (value: unknown): boolean =>
    typeof value === "number" && value >= 0 && value <= most;
const isPair = (value: unknown): boolean =>
  Array.isArray(value) && value.length === 2 && value.every((part) => isNumberUpTo(1)(part));

/** What may be given to a light, and whether it becomes part of its state. */
const rules: Readonly<Record<string, readonly [valid: (value: unknown) => boolean, kept: boolean]>> = {
  on: [(value) => typeof value === "boolean", true],
  bri: [isNumberUpTo(255), true],
  hue: [isNumberUpTo(65_535), true],
  sat: [isNumberUpTo(255), true],
  ct: [isNumberUpTo(65_535), true],
  xy: [isPair, true],
  effect: [(value) => typeof value === "string", true],
  alert: [(value) => typeof value === "string", true],
  open: [(value) => typeof value === "boolean", true],
  lift: [isNumberUpTo(100), true],
  tilt: [isNumberUpTo(100), true],
  speed: [isNumberUpTo(6), true],
  transitiontime: [isNumberUpTo(65_535), false],
  ontime: [isNumberUpTo(65_535), false],
  colorloopspeed: [isNumberUpTo(255), false],
};

export function answerLights(question: Question): RestAnswer {
  const { house, method, rest, wish, isJson, empty, address } = question;
  const reading = answerReading(question, "lights");
  if (reading !== undefined) return reading;
  if (method === "POST" && rest.length === 0) return ok([success("/lights", "Searching for new devices")]);
  const found = resourceOf(question, "lights");
  if (found === undefined) return notAvailable(address);
  const { id, resource } = found;
  if (method === "DELETE" && rest.length === 1) {
    house.remove("lights", id);
    return ok([success("id", id)]);
  }
  if (method !== "PUT") return noMethod(question);
  if (!isJson || empty || Object.keys(wish).length === 0) return noJson(question);
  if (rest[1] === "state") return setState(question, id, objectOf(resource["state"]));
  if (rest.length > 1) return noMethod(question);
  if (typeof wish["name"] !== "string") return noJson(question);
  house.change("lights", id, "attr", { name: wish["name"] });
  return ok([success(`/lights/${id}/name`, wish["name"])]);
}

/** One element for each attribute; what the lamp cannot do now is told and the rest is done. */
function setState({ house, wish }: Question, id: string, state: JsonObject): RestAnswer {
  const at = `/lights/${id}/state`;
  if (state["reachable"] === false) return ok([failure(202, at, `resource, ${at}, not reachable`)]);
  const answers: Json[] = [];
  const changes: Record<string, Json> = {};
  const on = wish["on"] ?? state["on"];
  for (const [name, value] of Object.entries(wish)) {
    const rule = rules[name];
    if (rule === undefined) answers.push(failure(6, `${at}/${name}`, `parameter, ${name}, not available`));
    else if (!rule[0](value)) {
      answers.push(failure(7, `${at}/${name}`, `invalid value, ${JSON.stringify(value)}, for parameter, ${name}`));
    } else if (name !== "on" && on !== true && name in state && !["alert", "lift", "open"].includes(name)) {
      answers.push(failure(201, `${at}/${name}`, `parameter, ${name}, is not modifiable. Device is set to off.`));
    } else {
      answers.push(success(`${at}/${name}`, value));
      if (rule[1] && (name in state || name === "on")) changes[name] = value;
    }
  }
  if (Object.keys(changes).length > 0) house.change("lights", id, "state", changes);
  return ok(answers);
}

/** Applies what a group was told to one of its lights. */
export function applyAction({ house }: Question, id: string, action: JsonObject): void {
  const state = house.resources.lights.get(id)?.["state"];
  if (!isObject(state)) return;
  const changes: Record<string, Json> = {};
  if (action["toggle"] === true) changes["on"] = state["on"] !== true;
  for (const [name, value] of Object.entries(action)) {
    const rule = rules[name];
    if (rule?.[1] === true && name in state && rule[0](value)) changes[name] = value;
  }
  if (Object.keys(changes).length > 0) house.change("lights", id, "state", changes);
}
