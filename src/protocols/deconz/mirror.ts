/**
 * The house as the gateway has it: what REST told at some time, and every event since. Pure.
 *
 * A reading by REST takes time, and events come meanwhile. The answer may or may not have them; so all that came since
 * the request was sent is applied to the answer once more, in order. An event holds values and not steps, so what was
 * in the answer already is only said again, and the last word is that of the newest event.
 */

import { isObject, type JsonObject, objectOf, textIn } from "../../core/json.ts";
import type { JsonText } from "../../ports.ts";
import { type GatewayEvent, type Kind, kinds, merged, normalId } from "./events.ts";
import { digestOf, joinTexts, sortedText } from "./json.ts";

/** Where the picture is shown: the map channels of the bridge. */
export interface Pictures {
  set(kind: PictureKind, key: string, text: JsonText): void;
  remove(kind: PictureKind, key: string): void;
  /** All of it; only differences are to be told. */
  replace(kind: PictureKind, entries: ReadonlyMap<string, JsonText>): void;
}

export const pictureKinds = [...kinds, "scenes"] as const;
export type PictureKind = (typeof pictureKinds)[number];

/** A request to REST that is on its way, and what has happened since. */
export interface ReadingOfRest {
  readonly since: GatewayEvent[];
}

export type Resources = Readonly<Record<Kind, ReadonlyMap<string, JsonObject>>>;
type OwnResources = Record<Kind, Map<string, JsonObject>>;

/** A resource that is only known by name; its body is to be fetched. */
export interface Missing {
  readonly kind: Kind;
  readonly id: string;
}

function noResources(): OwnResources {
  return { lights: new Map(), sensors: new Map(), groups: new Map(), alarmsystems: new Map() };
}

export class Mirror {
  /** The gateway's config, as of the last reading. */
  config: JsonObject = {};
  /** What else a whole reading brought: rules, schedules and links between resources. */
  others: JsonObject = {};
  /** A whole reading has come. */
  whole = false;
  readonly #pictures: Pictures;
  readonly #readings = new Set<ReadingOfRest>();
  readonly #texts: Record<PictureKind, Map<string, JsonText>> = noTexts();
  readonly #lists = new Map<PictureKind, JsonText>();
  #resources = noResources();

  constructor(pictures: Pictures) {
    this.#pictures = pictures;
  }

  /** Applies an event. The answer names a resource whose body it did not bring, and that nobody knows. */
  apply(event: GatewayEvent): Missing | undefined {
    for (const { since } of this.#readings) since.push(event);
    if (!this.whole) return undefined;
    const missing = applyTo(this.#resources, event);
    if (event.e === "scene-called" || missing !== undefined) return missing;
    this.#show(event.kind, event.id);
    return undefined;
  }

  /** To be called before a request is sent. */
  beginReading(): ReadingOfRest {
    const reading: ReadingOfRest = { since: [] };
    this.#readings.add(reading);
    return reading;
  }

  /** The request came to nothing. */
  giveUp(reading: ReadingOfRest): void {
    this.#readings.delete(reading);
  }

  /** The whole house, as `GET /api/<key>` answers; the group of all lights is not in it and may be given. */
  takeWhole(reading: ReadingOfRest, answer: JsonObject, everyLight?: JsonObject): readonly Missing[] {
    this.#readings.delete(reading);
    const resources = noResources();
    for (const kind of kinds) {
      for (const [id, resource] of Object.entries(objectOf(answer[kind]))) {
        if (isObject(resource)) resources[kind].set(normalId(kind, id), resource);
      }
    }
    if (everyLight !== undefined) resources.groups.set("0", everyLight);
    const missing = reading.since.flatMap((event) => applyTo(resources, event) ?? []);
    this.#resources = resources;
    this.config = objectOf(answer["config"]);
    this.others = othersOf(answer);
    this.whole = true;
    this.#showAll();
    return missing;
  }

  /** One resource; `undefined` when there is none. */
  takeOne(reading: ReadingOfRest, { kind, id }: Missing, resource: JsonObject | undefined): void {
    this.#readings.delete(reading);
    if (!this.whole) return;
    const alone = noResources();
    if (resource !== undefined) alone[kind].set(id, resource);
    for (const event of reading.since) {
      if (event.e !== "scene-called" && event.kind === kind && event.id === id) applyTo(alone, event);
    }
    const now = alone[kind].get(id);
    if (now === undefined) this.#resources[kind].delete(id);
    else this.#resources[kind].set(id, now);
    this.#show(kind, id);
  }

  /** As of now. The next whole reading brings others, and leaves these as they are. */
  get resources(): Resources {
    return this.#resources;
  }

  knows(kind: Kind, id: string): boolean {
    return this.#resources[kind].has(id);
  }

  /** A resource by id, or a light or sensor by its uniqueid. */
  find(kind: PictureKind, id: string): JsonText | undefined {
    const text = this.#texts[kind].get(id);
    if (text !== undefined || kind === "scenes") return text;
    for (const [key, { uniqueid }] of this.#resources[kind]) if (uniqueid === id) return this.#texts[kind].get(key);
    return undefined;
  }

  /** All resources of a kind by id, without the group of all lights, which no gateway lists. */
  list(kind: PictureKind): JsonText {
    let text = this.#lists.get(kind);
    if (text === undefined) {
      const texts = new Map(this.#texts[kind]);
      if (kind === "groups") texts.delete("0");
      text = joinTexts(texts);
      this.#lists.set(kind, text);
    }
    return text;
  }

  #show(kind: Kind, id: string): void {
    const resource = this.#resources[kind].get(id);
    const before = this.#texts[kind].get(id);
    this.#lists.delete(kind);
    if (resource === undefined) {
      this.#texts[kind].delete(id);
      this.#pictures.remove(kind, id);
    } else {
      const text = textOf(resource);
      if (text === before) return;
      this.#texts[kind].set(id, text);
      this.#pictures.set(kind, id, text);
    }
    if (kind === "groups") this.#showScenes();
  }

  #showAll(): void {
    this.#lists.clear();
    for (const kind of kinds) {
      this.#texts[kind] = new Map([...this.#resources[kind]].map(([id, resource]) => [id, textOf(resource)]));
      this.#pictures.replace(kind, this.#texts[kind]);
    }
    this.#showScenes();
  }

  /** Scenes stand in their groups; here each is an entry `<group>/<scene>`. */
  #showScenes(): void {
    const texts = new Map<string, JsonText>();
    for (const [gid, { scenes }] of this.#resources.groups) {
      for (const scene of Array.isArray(scenes) ? scenes.filter(isObject) : []) {
        texts.set(`${gid}/${textIn(scene["id"])}`, sortedText({ ...scene, gid }));
      }
    }
    this.#lists.delete("scenes");
    this.#texts.scenes = texts;
    this.#pictures.replace("scenes", texts);
  }
}

function othersOf(answer: JsonObject): JsonObject {
  const names = ["resourcelinks", "rules", "scenes", "schedules"];
  return Object.fromEntries(names.map((name) => [name, objectOf(answer[name])]));
}

function noTexts(): Record<PictureKind, Map<string, JsonText>> {
  return { lights: new Map(), sensors: new Map(), groups: new Map(), alarmsystems: new Map(), scenes: new Map() };
}

function applyTo(resources: OwnResources, event: GatewayEvent): Missing | undefined {
  if (event.e === "scene-called") return undefined;
  const { kind, id } = event;
  const known = resources[kind].get(id);
  switch (event.e) {
    case "deleted":
      resources[kind].delete(id);
      return undefined;
    case "added":
      if (event.body === undefined) return known === undefined ? { kind, id } : undefined;
      resources[kind].set(id, event.body);
      return undefined;
    case "changed":
      if (known === undefined) return { kind, id };
      resources[kind].set(id, merged(known, event));
      return undefined;
  }
}

/** The gateway's own digest is as old as the reading, so it is replaced by one that changes with every event. */
function textOf(resource: JsonObject): JsonText {
  if (resource["etag"] === undefined) return sortedText(resource);
  const { etag: _, ...rest } = resource;
  return sortedText({ ...rest, etag: digestOf(sortedText(rest)) });
}
