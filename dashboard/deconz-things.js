/**
 * Resources of a deCONZ gateway as things in rooms: its groups are the rooms, lights are in the groups that list them, and
 * sensors where their name begins with a group's.
 */
import { isObject } from "./values.js";

/** @import { Publication } from "./wire.js" */
/** @typedef {{ room: string, name: string, data: Record<string, unknown> }} Thing */
/** @typedef {{ kind: string, key: string, data: Record<string, unknown> }} Resource */
/** @typedef {{ id: string, thing: Thing | undefined }} Change */

/** What sensors tell, each with how it reads; the first that a sensor has is shown. */
/** @type {readonly (readonly [member: string, read: (value: number) => unknown, unit?: string])[]} */
const readings = [
  ["temperature", (value) => (value / 100).toFixed(1), "°C"],
  ["humidity", (value) => Math.round(value / 100), "%"],
  ["pressure", (value) => value, "hPa"],
  ["lux", (value) => value, "lx"],
  ["power", (value) => value, "W"],
  ["consumption", (value) => (value / 1000).toFixed(1), "kWh"],
  ["presence", (value) => value],
  ["open", (value) => (value ? "open" : "closed")],
  ["water", (value) => value],
  ["fire", (value) => value],
  ["carbonmonoxide", (value) => value],
  ["vibration", (value) => value],
  ["alarm", (value) => value],
];

export class DeconzThings {
  /** By channel and key. @type {Map<string, Resource>} */
  #resources = new Map();

  /** What a publication of a map changes in the rooms. @param {Publication} publication @returns {Change[]} */
  add({ channel, key = "", data, removed }) {
    const cut = channel.lastIndexOf("/");
    const kind = channel.slice(cut + 1);
    if (!["lights", "sensors", "groups"].includes(kind)) return [];
    const id = `${channel} ${key}`;
    const before = this.#resources.get(id);
    if (removed || !isObject(data) || !isResource(data)) this.#resources.delete(id);
    else this.#resources.set(id, { kind, key, data });
    const bridge = channel.slice(0, cut);
    if (kind !== "groups") return [{ id, thing: this.#thing(bridge, this.#resources.get(id)) }];
    // Another group is another room for whatever is in it.
    if (sameRoom(before, this.#resources.get(id))) return [];
    return [...this.#resources]
      .filter(([other, resource]) => resource.kind !== "groups" && other.startsWith(`${bridge}/`))
      .map(([other, resource]) => ({ id: other, thing: this.#thing(bridge, resource) }));
  }

  clear() {
    this.#resources.clear();
  }

  /** @param {string} bridge @param {Resource | undefined} resource @returns {Thing | undefined} */
  #thing(bridge, resource) {
    if (resource === undefined) return undefined;
    const { kind, key, data } = resource;
    const name = String(data["name"]);
    const room = this.#roomOf(bridge, kind, key, name);
    const shown = kind === "lights" ? lightOf(data) : sensorOf(data);
    if (room === undefined || shown === undefined) return undefined;
    const rest = name.startsWith(`${room} `) ? name.slice(room.length + 1) : name;
    return { room, name: rest.charAt(0).toUpperCase() + rest.slice(1), data: shown };
  }

  /** @param {string} bridge @param {string} kind @param {string} key @param {string} name */
  #roomOf(bridge, kind, key, name) {
    for (const [id, group] of this.#resources) {
      // The group of all lights is no room.
      if (group.kind !== "groups" || group.key === "0" || !id.startsWith(`${bridge}/`)) continue;
      const room = String(group.data["name"]);
      if (kind === "lights" ? lightsOf(group.data).includes(key) : name.startsWith(`${room} `)) return room;
    }
    return undefined;
  }
}

/** @param {Record<string, unknown>} data */
function isResource(data) {
  return typeof data["name"] === "string" && isObject(data["state"]) && typeof data["type"] === "string";
}

/** @param {Record<string, unknown>} group @returns {readonly unknown[]} */
function lightsOf({ lights }) {
  return Array.isArray(lights) ? lights : [];
}

/** @param {Resource | undefined} one @param {Resource | undefined} other */
function sameRoom(one, other) {
  if (one === undefined || other === undefined) return one === other;
  return one.data["name"] === other.data["name"] && String(lightsOf(one.data)) === String(lightsOf(other.data));
}

/** @param {Record<string, unknown>} light */
function lightOf({ state }) {
  if (!isObject(state) || typeof state["on"] !== "boolean") return undefined;
  const { on, bri } = state;
  return { on, ...(typeof bri === "number" ? { brightness: Math.round((bri * 100) / 254) } : {}) };
}

/** @param {Record<string, unknown>} sensor */
function sensorOf({ state }) {
  if (!isObject(state)) return undefined;
  for (const [member, read, unit] of readings) {
    const value = state[member];
    if (typeof value !== "number" && typeof value !== "boolean") continue;
    return { value: read(Number(value)) === Number(value) ? value : read(Number(value)), ...(unit && { unit }) };
  }
  return undefined;
}
