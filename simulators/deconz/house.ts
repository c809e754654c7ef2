/** The house as it is: every change goes through here, and is told as an event. Knows neither sockets nor time. */
import { build, type Kind, group as newGroup, sensor as newSensor, type Resources } from "./building.ts";
import { firstConfig } from "./gateway-config.ts";
import { isObject, type JsonObject, objectOf, type Resource, sortedText } from "./json.ts";
import { firstStates } from "./plan.ts";

/** Members that have a message of their own, each kind of resource in its own way. */
export type Section = "state" | "config" | "attr" | "capabilities";

/** The group of all lights, as events call it; REST calls it 0. */
export const everyLight = "65520";

export class House {
  readonly resources: Resources = build();
  readonly config: Resource = firstConfig();
  readonly #tell: (frame: string) => void;
  readonly #now: () => number;
  #nextNumber = 500;
  #anyOn = false;

  /** `tell` gets each event as the text of its frame; `now` is the time in the house. */
  constructor(tell: (frame: string) => void, now: () => number) {
    this.#tell = tell;
    this.#now = now;
  }

  find(kind: Kind, id: string): Resource | undefined {
    const all = this.resources[kind];
    return all.get(id) ?? [...all.values()].find(({ uniqueid }) => uniqueid !== undefined && uniqueid === id);
  }

  idOf(kind: Kind, resource: Resource): string {
    for (const [id, other] of this.resources[kind]) if (other === resource) return id;
    return "";
  }

  emit(event: JsonObject): void {
    this.#tell(sortedText({ ...event, t: "event" }));
  }

  /** Changes members of one section of a light or sensor: one message. */
  change(kind: "lights" | "sensors", id: string, section: Section, changes: JsonObject): void {
    const resource = this.resources[kind].get(id);
    if (resource === undefined) return;
    const updated = kind === "sensors" && section === "state" ? { lastupdated: this.#stamp() } : {};
    const told = { ...changes, ...updated };
    if (section === "attr") Object.assign(resource, told);
    else resource[section] = { ...objectOf(resource[section]), ...told };
    const whole =
      section === "attr" || this.config["websocketnotifyall"] === false ? told : objectOf(resource[section]);
    this.emit({ e: "changed", id, r: kind, uniqueid: resource["uniqueid"] ?? "", [section]: whole });
    if (kind === "lights" && section === "state") this.#lightsChanged(id);
  }

  /** What a device that was heard says of itself. */
  heard(kind: "lights" | "sensors", id: string): void {
    this.change(kind, id, "attr", { lastseen: `${new Date(this.#now()).toISOString().slice(0, 16)}Z` });
  }

  /** Attributes of groups stand at the top level of their message. */
  renameGroup(id: string, name: string): void {
    const group = this.resources.groups.get(id);
    if (group === undefined) return;
    group["name"] = name;
    this.emit({ e: "changed", id, r: "groups", name });
  }

  alarm(id: string, section: "state" | "config" | "attr", changes: JsonObject): void {
    const system = this.resources.alarmsystems.get(id);
    if (system === undefined) return;
    if (section === "attr") Object.assign(system, changes);
    else system[section] = { ...objectOf(system[section]), ...changes };
    this.emit({
      e: "changed",
      id,
      r: "alarmsystems",
      [section]: section === "attr" ? { name: system["name"] ?? "" } : objectOf(system[section]),
    });
  }

  /** A switch calls a scene by radio, without asking the gateway. */
  callScene(gid: string, scid: string): void {
    this.emit({ e: "scene-called", gid, r: "scenes", scid });
    this.recall(gid, scid);
  }

  /** Puts the lights of a group as the scene wants them. */
  recall(gid: string, scid: string): void {
    const group = this.resources.groups.get(gid);
    if (group === undefined) return;
    for (const id of lightsOf(group)) this.change("lights", id, "state", { on: scid !== "3", ...this.#glow(id, scid) });
    group["action"] = { ...objectOf(group["action"]), scene: scid };
  }

  addLight(id: string, like: string): void {
    const model = this.resources.lights.get(like);
    if (model === undefined) return;
    const light: Resource = { ...model, name: `Light ${id}`, uniqueid: this.#uniqueId() };
    this.resources.lights.set(id, light);
    this.emit({ e: "added", id, light: { ...light, id }, r: "lights", uniqueid: light["uniqueid"] ?? "" });
  }

  /** `told`: as from the radio; sensors that REST makes are not told of. */
  addSensor(wish: JsonObject, told: boolean): string {
    const id = String(Math.max(0, ...Array.from(this.resources.sensors.keys(), Number)) + 1);
    const type = String(wish["type"]);
    const state = (firstStates as Readonly<Record<string, JsonObject>>)[type] ?? {};
    const made = newSensor(String(wish["name"] ?? type), type, this.#nextNumber++, state);
    for (const member of ["modelid", "swversion", "uniqueid", "manufacturername"]) {
      const given = wish[member];
      if (given !== undefined) made[member] = given;
    }
    this.resources.sensors.set(id, made);
    if (told) this.emit({ e: "added", id, r: "sensors", sensor: { ...made, id }, uniqueid: made["uniqueid"] ?? "" });
    return id;
  }

  remove(kind: "lights" | "sensors", id: string): void {
    const resource = this.resources[kind].get(id);
    if (resource === undefined) return;
    this.resources[kind].delete(id);
    this.emit({ e: "deleted", id, r: kind, uniqueid: resource["uniqueid"] ?? "" });
  }

  /** Told of without a body, and by REST not at all. */
  addGroup(name: string, told: boolean): string {
    const id = String(Math.max(0, ...Array.from(this.resources.groups.keys(), Number)) + 1);
    this.resources.groups.set(id, { ...newGroup(name, [], []), id });
    if (told) this.emit({ e: "added", id, r: "groups" });
    return id;
  }

  removeGroup(id: string): void {
    if (this.resources.groups.delete(id)) this.emit({ e: "deleted", id, r: "groups" });
  }

  /** The group of all lights is not in the list, but can be asked for. */
  get everyLightGroup(): Resource {
    const lights = [...this.resources.lights.keys()];
    const made = newGroup("All", lights, []);
    return { ...made, id: "0", state: this.#stateOf(lights) };
  }

  #lightsChanged(light: string): void {
    for (const [id, group] of this.resources.groups) {
      const lights = lightsOf(group);
      if (!lights.includes(light)) continue;
      const state = this.#stateOf(lights);
      if (sortedText(state) === sortedText(group["state"] ?? null)) continue;
      group["state"] = state;
      this.emit({ e: "changed", id, r: "groups", state });
    }
    const every = this.#stateOf([...this.resources.lights.keys()]);
    if (every["any_on"] === this.#anyOn) return;
    this.#anyOn = every["any_on"] === true;
    this.emit({ e: "changed", id: everyLight, r: "groups", state: every });
  }

  #stateOf(lights: readonly string[]): JsonObject {
    const on = lights.map((id) => objectOf(this.resources.lights.get(id)?.["state"])["on"] === true);
    return { all_on: on.length > 0 && !on.includes(false), any_on: on.includes(true) };
  }

  #glow(id: string, scid: string): JsonObject {
    const state = this.resources.lights.get(id)?.["state"];
    return isObject(state) && "bri" in state ? { bri: scid === "1" ? 254 : 80 } : {};
  }

  #uniqueId(): string {
    return `00:15:8d:00:02:${(this.#nextNumber++)
      .toString(16)
      .padStart(6, "0")
      .replace(/..(?=.)/g, "$&:")}-01`;
  }

  #stamp(): string {
    return new Date(this.#now()).toISOString().slice(0, -1);
  }
}

export function lightsOf(group: Resource): readonly string[] {
  const lights = group["lights"];
  return Array.isArray(lights) ? lights.map(String) : [];
}
