/**
 * A house at a glance: map values that name a `room` and themselves (`name`) gather in one card for each room. Lights
 * have `on` (and `brightness`, 0–100), sensors a `value` (and `unit`). Resources of a deCONZ gateway are understood too.
 * Everything else stays in the tables.
 */
import { DeconzThings } from "./deconz-things.js";
import { byId, element, isObject } from "./values.js";

/** @import { Publication } from "./wire.js" */
/** @typedef {{ room: string, name: string, data: Record<string, unknown> }} Thing */

export class RoomsView {
  #section = byId("rooms", HTMLElement);
  #list = byId("rooms-list", HTMLUListElement);
  /** By channel and key. @type {Map<string, Thing>} */
  #things = new Map();
  /** @type {Map<string, HTMLLIElement>} */
  #cards = new Map();
  /** @type {Set<string>} */
  #stale = new Set();
  #deconz = new DeconzThings();

  /** @param {Publication} publication */
  add(publication) {
    const { channel, key, data, removed } = publication;
    if (key === undefined) return;
    if (!removed && isObject(data) && typeof data["room"] === "string" && typeof data["name"] === "string") {
      this.#put(`${channel} ${key}`, { room: data["room"], name: data["name"], data });
      return;
    }
    this.#put(`${channel} ${key}`, undefined);
    for (const { id, thing } of this.#deconz.add(publication)) this.#put(id, thing);
  }

  /** @param {string} id @param {Thing | undefined} thing */
  #put(id, thing) {
    const before = this.#things.get(id);
    if (before !== undefined) this.#stale.add(before.room);
    if (thing === undefined) this.#things.delete(id);
    else {
      this.#things.set(id, thing);
      this.#stale.add(thing.room);
    }
  }

  /** @param {readonly string[]} channels */
  forget(channels) {
    const all = channels.some((channel) => channel.includes("*"));
    for (const [id, { room }] of this.#things) {
      if (!all && !channels.some((channel) => id.startsWith(`${channel} `))) continue;
      this.#things.delete(id);
      this.#stale.add(room);
    }
  }

  clear() {
    this.#deconz.clear();
    this.#things.clear();
    this.#cards.clear();
    this.#stale.clear();
    this.#list.replaceChildren();
    this.#section.hidden = true;
  }

  draw() {
    if (this.#stale.size === 0) return;
    for (const room of this.#stale) this.#drawRoom(room);
    this.#stale.clear();
    this.#section.hidden = this.#cards.size === 0;
  }

  /** @param {string} room */
  #drawRoom(room) {
    const things = [...this.#things.values()].filter((thing) => thing.room === room);
    things.sort((a, b) => (a.name < b.name ? -1 : 1));
    if (things.length === 0) {
      this.#cards.get(room)?.remove();
      this.#cards.delete(room);
      return;
    }
    const card = this.#cards.get(room) ?? this.#begin(room);
    const lights = things.filter(({ data }) => typeof data["on"] === "boolean");
    const sensors = things.filter(({ data }) => "value" in data);
    const warmth = sensors.find(({ data }) => data["unit"] === "°C");
    const head = element("div", "head");
    element("h3", "", head).textContent = room;
    if (warmth !== undefined) {
      const reading = element("p", "reading", head);
      reading.textContent = readingOf(warmth.data);
      reading.title = warmth.name;
    }
    /** @type {HTMLElement[]} */
    const parts = [head];
    if (lights.length > 0) parts.push(lightsOf(lights));
    const others = sensors.filter((sensor) => sensor !== warmth);
    if (others.length > 0) parts.push(sensorsOf(others));
    card.classList.toggle(
      "lit",
      lights.some(({ data }) => data["on"] === true),
    );
    card.replaceChildren(...parts);
  }

  /** @param {string} room */
  #begin(room) {
    const card = element("li", "card room");
    this.#cards.set(room, card);
    const next = [...this.#cards.keys()].filter((name) => name > room).sort()[0];
    this.#list.insertBefore(card, next === undefined ? null : (this.#cards.get(next) ?? null));
    return card;
  }
}

/** @param {Thing[]} lights */
function lightsOf(lights) {
  const list = element("ul", "lights");
  for (const { name, data } of lights) {
    const on = data["on"] === true;
    const brightness = typeof data["brightness"] === "number" ? data["brightness"] : 100;
    const item = element("li", on ? "on" : "", list);
    const bulb = element("span", "bulb", item);
    // Set by script, which a policy without inline styles allows.
    bulb.style.setProperty("--glow", String(on ? 0.35 + (0.65 * brightness) / 100 : 0));
    element("span", "name", item).textContent = name;
    element("span", "how", item).textContent = on ? `${brightness} %` : "off";
  }
  return list;
}

/** @param {Thing[]} sensors */
function sensorsOf(sensors) {
  const list = element("ul", "sensors");
  for (const { name, data } of sensors) {
    const item = element("li", data["value"] === true || data["value"] === "open" ? "awake" : "", list);
    element("span", "name", item).textContent = name;
    element("span", "how", item).textContent = readingOf(data);
  }
  return list;
}

/** @param {Record<string, unknown>} data */
function readingOf({ value, unit }) {
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof unit === "string" ? `${value} ${unit}` : String(value);
}
