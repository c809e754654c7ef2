/** `/groups` and the scenes below them. */
import { notAvailable, ok, type RestAnswer, refuse, success } from "./answers.ts";
import { lightsOf } from "./house.ts";
import { isObject, type JsonObject, objectOf, type Resource } from "./json.ts";
import { answerReading, noJson, noMethod, type Question } from "./question.ts";
import { applyAction } from "./rest-lights.ts";

export function answerGroups(question: Question): RestAnswer {
  const { house, method, rest, wish, isJson, address } = question;
  const [id, below] = rest;
  if (method === "GET" && id === "0" && rest.length === 1) return ok(house.everyLightGroup);
  const reading = answerReading(question, "groups");
  if (reading !== undefined) return reading;
  if (method === "POST" && id === undefined) {
    if (!isJson) return noJson(question);
    if (typeof wish["name"] !== "string") return refuse(400, 5, address, "missing parameters in body");
    return ok([success("id", house.addGroup(wish["name"], false))]);
  }
  const group = id === "0" ? house.everyLightGroup : house.resources.groups.get(id ?? "");
  if (id === undefined || group === undefined) return notAvailable(address);
  if (below === "scenes") return answerScenes(question, id, group);
  if (method === "DELETE" && rest.length === 1) {
    house.removeGroup(id);
    return ok([success("id", id)]);
  }
  if (method !== "PUT") return noMethod(question);
  if (!isJson) return noJson(question);
  if (below === "action") return act(question, id, group);
  if (below !== undefined) return noMethod(question);
  return setAttributes(question, id, group);
}

function act(question: Question, id: string, group: Resource): RestAnswer {
  const { wish } = question;
  for (const light of lightsOf(group)) applyAction(question, light, wish);
  const kept = Object.entries(wish).filter(([name]) => name in objectOf(group["action"]));
  group["action"] = { ...objectOf(group["action"]), ...Object.fromEntries(kept) };
  return ok(Object.entries(wish).map(([name, value]) => success(`/groups/${id}/action/${name}`, value)));
}

function setAttributes({ house, wish }: Question, id: string, group: Resource): RestAnswer {
  for (const [name, value] of Object.entries(wish)) {
    if (name === "name" && typeof value === "string") house.renameGroup(id, value);
    else if (name === "lights" && Array.isArray(value)) group["lights"] = value.map(String);
    else return refuse(400, 6, `/groups/${id}/${name}`, `parameter, ${name}, not available`);
  }
  return ok(Object.entries(wish).map(([name, value]) => success(`/groups/${id}/${name}`, value)));
}

function scenesOf(group: Resource): readonly JsonObject[] {
  const scenes = group["scenes"];
  return Array.isArray(scenes) ? scenes.filter(isObject) : [];
}

function answerScenes(question: Question, gid: string, group: Resource): RestAnswer {
  const { house, method, rest, wish, address } = question;
  const [, , scid, what] = rest;
  const scenes = scenesOf(group);
  if (scid === undefined) {
    if (method === "GET") return ok(Object.fromEntries(scenes.map((scene) => [String(scene["id"]), scene])));
    if (method !== "POST") return noMethod(question);
    const id = String(Math.max(0, ...scenes.map((scene) => Number(scene["id"]))) + 1);
    const made = {
      id,
      lightcount: lightsOf(group).length,
      name: String(wish["name"] ?? `Scene ${id}`),
      transitiontime: 4,
    };
    group["scenes"] = [...scenes, made];
    return ok([success("id", id)]);
  }
  const scene = scenes.find(({ id }) => id === scid);
  if (scene === undefined) return notAvailable(address);
  if (method === "GET" && what === undefined) return ok({ ...scene, lights: [], state: 0 });
  if (method === "DELETE" && what === undefined) {
    group["scenes"] = scenes.filter((other) => other !== scene);
    return ok([success("id", scid)]);
  }
  if (method === "PUT" && (what === "recall" || what === "store")) {
    if (what === "recall") house.recall(gid, scid);
    return ok([success("id", scid)]);
  }
  if (method !== "PUT" || typeof wish["name"] !== "string") return noMethod(question);
  group["scenes"] = scenes.map((other) => (other === scene ? { ...scene, name: wish["name"] ?? "" } : other));
  return ok([success(`/groups/${gid}/scenes/${scid}/name`, wish["name"])]);
}
