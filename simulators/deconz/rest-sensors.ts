/** `/sensors`: what is written into a CLIP sensor comes out as an event. */
import { notAvailable, ok, type RestAnswer, refuse, success } from "./answers.ts";
import { isObject, type Json, objectOf } from "./json.ts";
import { firstStates } from "./plan.ts";
import { answerReading, noJson, noMethod, type Question, resourceOf } from "./question.ts";

/** Every name that is a state of some sensor, with the type of its values. */
const stateTypes = new Map<string, string>([
  ["buttonevent", "number"],
  ["status", "number"],
  ["flag", "boolean"],
  ...Object.values(firstStates).flatMap((state) =>
    Object.entries(state).map(([name, value]): [string, string] => [name, typeof value]),
  ),
  ["buttonevent", "number"],
]);
const derived = ["lux", "dark", "daylight", "lastupdated"];

export function answerSensors(question: Question): RestAnswer {
  const { house, method, rest, wish, isJson, empty, address } = question;
  const reading = answerReading(question, "sensors");
  if (reading !== undefined) return reading;
  if (method === "POST" && rest.length === 0) return create(question);
  const found = resourceOf(question, "sensors");
  if (found === undefined) return notAvailable(address);
  const { id } = found;
  if (!isJson || empty) return noJson(question);
  if (method === "DELETE" && rest.length === 1) {
    house.remove("sensors", id);
    return ok([success("id", id)]);
  }
  if (method !== "PUT" && method !== "PATCH") return noMethod(question);
  if (rest[1] === "state") return setState(question, id);
  if (rest[1] === "config") {
    house.change("sensors", id, "config", wish);
    return ok([
      { success: Object.fromEntries(Object.entries(wish).map(([k, v]) => [`/sensors/${id}/config/${k}`, v])) },
    ]);
  }
  if (rest.length > 1) return noMethod(question);
  if (typeof wish["name"] !== "string")
    return refuse(400, 7, `/sensors/${id}/name`, "invalid value for parameter, name");
  house.change("sensors", id, "attr", { name: wish["name"] });
  return ok([success(`/sensors/${id}/name`, wish["name"])]);
}

function create({ house, wish, empty, isJson, address }: Question): RestAnswer {
  if (empty) return ok([success("/sensors", "Searching for new devices")]);
  if (!isJson) return refuse(400, 2, address, "body contains invalid JSON");
  const { type } = wish;
  for (const name of ["name", "modelid", "swversion", "type", "uniqueid", "manufacturername"]) {
    if (typeof wish[name] !== "string") return refuse(400, 5, address, "missing parameters in body");
  }
  if (typeof type !== "string" || !type.startsWith("CLIP")) {
    return refuse(403, 501, address, `Not allowed to create sensor type, ${String(type)}`);
  }
  return ok([success("id", house.addSensor(wish, false))]);
}

/** One element for all; what stands before a bad member stays done. */
function setState({ house, wish }: Question, id: string): RestAnswer {
  const sensor = house.resources.sensors.get(id);
  const virtual = typeof sensor?.["type"] === "string" && sensor["type"].startsWith("CLIP");
  const done: Record<string, Json> = {};
  const apply = (): void => {
    if (Object.keys(done).length > 0) house.change("sensors", id, "state", done);
  };
  for (const [name, value] of Object.entries(wish)) {
    const at = `/sensors/${id}/state/${name}`;
    const type = stateTypes.get(name);
    if (type === undefined || derived.includes(name)) {
      apply();
      return refuse(400, 6, at, `parameter, ${name}, not available`);
    }
    if (!virtual && name !== "buttonevent") continue;
    if (typeof value !== type || isObject(value)) {
      apply();
      return refuse(400, 7, at, `invalid value, ${JSON.stringify(value)}, for parameter, ${name}`);
    }
    if (name in objectOf(sensor?.["state"]) || name === "buttonevent") done[name] = value;
  }
  apply();
  const told = Object.entries(done).map(([name, value]) => [`/sensors/${id}/state/${name}`, value] as const);
  return ok([told.length === 0 ? {} : { success: Object.fromEntries(told) }]);
}
