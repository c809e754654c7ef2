/**
 * The gateway's events, as its WebSocket words them. Pure. Every row of the table in docs/deconz.md, with the irregular
 * ones: attributes of groups (and, of old gateways, of lights and sensors) at the top level, `added` without a body, the
 * group of all lights as 65520, and `scene-called` without an id.
 */
import { isObject, type JsonObject, objectOf, parseObject } from "../../core/json.ts";

export const kinds = ["lights", "sensors", "groups", "alarmsystems"] as const;
export type Kind = (typeof kinds)[number];

export interface Changed {
  readonly e: "changed";
  readonly kind: Kind;
  readonly id: string;
  /** Members that are laid over the resource's own. */
  readonly attributes: JsonObject;
  /** The same one level deeper: `state`, `config`, `capabilities`. */
  readonly sections: Readonly<Record<string, JsonObject>>;
}

export interface Added {
  readonly e: "added";
  readonly kind: Kind;
  readonly id: string;
  /** The whole resource; missing for groups. */
  readonly body: JsonObject | undefined;
}

export interface Deleted {
  readonly e: "deleted";
  readonly kind: Kind;
  readonly id: string;
}

/** A switch called a scene: something that happened, and no state. */
export interface SceneCalled {
  readonly e: "scene-called";
  readonly gid: string;
  readonly scid: string;
}

export type GatewayEvent = Changed | Added | Deleted | SceneCalled;

const rows: Readonly<Record<string, readonly string[]>> = {
  changed: ["sensors", "lights", "groups", "alarmsystems"],
  added: ["sensors", "lights", "groups"],
  deleted: ["sensors", "lights", "groups"],
  "scene-called": ["scenes"],
};
export const sectionNames = ["state", "config", "capabilities"];
const envelope = ["t", "e", "r", "id", "uniqueid", "attr", ...sectionNames];
const bodyNames: Readonly<Record<Kind, string>> = {
  lights: "light",
  sensors: "sensor",
  groups: "group",
  alarmsystems: "alarmsystem",
};

/** The group of all lights in events; it is 0 everywhere else. */
export const everyLight = "65520";

export function normalId(kind: string, id: string): string {
  return kind === "groups" && id === everyLight ? "0" : id;
}

/** Whether it is an event at all, of whatever kind. */
export function isEvent(frame: JsonObject): boolean {
  return frame["t"] === "event" && typeof frame["e"] === "string" && typeof frame["r"] === "string";
}

/** Whether existing clients know this kind of event. */
export function isDocumented(text: string): boolean {
  const frame = parseObject(text);
  return frame !== undefined && readEvent(frame) !== undefined;
}

/** The event in a frame; nothing where it is none of the documented kinds. */
export function readEvent(frame: JsonObject): GatewayEvent | undefined {
  const { e, r } = frame;
  if (!isEvent(frame) || typeof e !== "string" || typeof r !== "string") return undefined;
  if (!Object.hasOwn(rows, e) || !rows[e]?.includes(r)) return undefined;
  if (e === "scene-called") return sceneCalled(frame);
  const id = idOf(frame["id"]);
  if (id === undefined) return undefined;
  const kind = r as Kind;
  const at = { kind, id: normalId(kind, id) };
  if (e === "deleted") return { e, ...at };
  if (e === "added") return { e, ...at, body: bodyOf(frame, kind) };
  return { e: "changed", ...at, attributes: attributesOf(frame), sections: sectionsOf(frame) };
}

function sceneCalled({ gid, scid }: JsonObject): SceneCalled | undefined {
  const group = idOf(gid);
  const scene = idOf(scid);
  return group === undefined || scene === undefined ? undefined : { e: "scene-called", gid: group, scid: scene };
}

function idOf(id: unknown): string | undefined {
  if (typeof id === "number") return String(id);
  return typeof id === "string" && id !== "" && id.length <= 64 ? id : undefined;
}

function bodyOf(frame: JsonObject, kind: Kind): JsonObject | undefined {
  const body = frame[bodyNames[kind]];
  if (!isObject(body)) return undefined;
  // Here, and not in REST, lights and sensors hold their own id.
  const { id: _, ...rest } = body;
  return kind === "lights" || kind === "sensors" ? rest : body;
}

function sectionsOf(frame: JsonObject): Record<string, JsonObject> {
  const sections: Record<string, JsonObject> = {};
  for (const name of sectionNames) {
    const section = frame[name];
    if (isObject(section)) sections[name] = section;
  }
  return sections;
}

function attributesOf(frame: JsonObject): JsonObject {
  const others = Object.entries(frame).filter(([name]) => !envelope.includes(name));
  return { ...Object.fromEntries(others), ...objectOf(frame["attr"]) };
}

/** A resource after a change. What the change does not name stays. */
export function merged(resource: JsonObject, { attributes, sections }: Changed): JsonObject {
  const changed: Record<string, unknown> = { ...resource, ...attributes };
  for (const [name, section] of Object.entries(sections)) {
    changed[name] = { ...objectOf(resource[name]), ...section };
  }
  return changed;
}
