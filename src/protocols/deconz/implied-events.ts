/**
 * The events that the gateway would have sent between two readings of its house, for when it cannot be heard and is asked
 * again and again. What happened and was undone in between is in no reading: a second press of the same button shows by
 * `lastupdated`, a first one that another followed does not. Pure.
 */

import { isObject, type JsonObject } from "../../core/json.ts";
import type { JsonText } from "../../ports.ts";
import { everyLight, type Kind, kinds, sectionNames } from "./events.ts";
import { sortedText } from "./json.ts";
import type { Resources } from "./mirror.ts";

/** Attributes that change without an event. */
const silent = new Set(["action", "etag", "scenes", ...sectionNames]);
const one: Readonly<Partial<Record<Kind, string>>> = { lights: "light", sensors: "sensor" };

export function impliedEvents(before: Resources, after: Resources): readonly JsonText[] {
  return kinds.flatMap((kind) => eventsOf(kind, before[kind], after[kind])).map(sortedText);
}

function eventsOf(
  kind: Kind,
  before: ReadonlyMap<string, JsonObject>,
  after: ReadonlyMap<string, JsonObject>,
): readonly JsonObject[] {
  const events: JsonObject[] = [];
  for (const [id, resource] of before) {
    if (!after.has(id) && kind !== "alarmsystems") events.push({ ...envelope("deleted", kind, id, resource) });
  }
  for (const [id, resource] of after) {
    const known = before.get(id);
    if (known !== undefined) events.push(...changesOf(kind, id, known, resource));
    else if (kind !== "alarmsystems") events.push(addedOf(kind, id, resource));
  }
  return events;
}

/** Of groups the gateway tells no more than that they are there. */
function addedOf(kind: Kind, id: string, resource: JsonObject): JsonObject {
  const name = one[kind];
  const body = name === undefined ? {} : { [name]: { ...resource, id } };
  return { ...envelope("added", kind, id, resource), ...body };
}

/** One event for each section that changed, and one for attributes; each attribute of a group has its own. */
function changesOf(kind: Kind, id: string, before: JsonObject, after: JsonObject): readonly JsonObject[] {
  const changed = (name: string): boolean =>
    after[name] !== undefined && sortedText(before[name]) !== sortedText(after[name]);
  const about = envelope("changed", kind, id, after);
  const events = sectionNames
    .filter((name) => isObject(after[name]) && changed(name))
    .map((name): JsonObject => ({ ...about, [name]: after[name] }));
  const attributes = Object.keys(after).filter((name) => !silent.has(name) && changed(name));
  if (kind === "groups") return [...events, ...attributes.map((name) => ({ ...about, [name]: after[name] }))];
  if (attributes.length === 0) return events;
  return [...events, { ...about, attr: Object.fromEntries(attributes.map((name) => [name, after[name]])) }];
}

function envelope(e: string, kind: Kind, id: string, { uniqueid }: JsonObject): JsonObject {
  const known = (kind === "lights" || kind === "sensors") && uniqueid !== undefined ? { uniqueid } : {};
  // The group of all lights goes by another number in events.
  return { e, id: kind === "groups" && id === "0" ? everyLight : id, r: kind, t: "event", ...known };
}
