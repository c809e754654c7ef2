/**
 * The house as the maps show it: what a reading of the whole told, and every event since. Readings and answers with events
 * take turns, so a reading is never older than an event that was heard before it; and of each command Jeedom tells the
 * last event only, so an event that is heard after it is never older either. Pure.
 */
import { isDeepStrictEqual } from "node:util";
import { type JsonObject, objectOf, parseObject, textIn } from "../../core/json.ts";
import type { MapPicture } from "../../core/map-picture.ts";
import type { Clock } from "../../ports.ts";
import { optionOf } from "./events.ts";
import { flag, type House, type Kind, kinds, type SummaryName } from "./house.ts";
import type { JeedomEvent } from "./upstream.ts";

/** What an event of a command tells, by the member's name in it. */
const ofCommand = {
  value: "value",
  display_value: "display_value",
  unit: "unit",
  valueDate: "value_date",
  collectDate: "collect_date",
} as const;
const ofScenario = { state: "state", lastLaunch: "last_launch", name: "name" } as const;

export class Picture {
  readonly #maps: Readonly<Record<Kind, MapPicture>>;
  readonly #clock: Clock;
  readonly #entries: Record<Kind, Map<string, JsonObject>> = {
    commands: new Map(),
    equipments: new Map(),
    objects: new Map(),
    scenarios: new Map(),
  };
  /** What events told of and no reading knew, as of things that are hidden. */
  readonly #strangers = new Set<string>();
  /** Summaries that events told of since they were asked for: an answer may be older. */
  readonly #toldSummaries = new Set<string>();

  constructor(maps: Readonly<Record<Kind, MapPicture>>, clock: Clock) {
    this.#maps = maps;
    this.#clock = clock;
  }

  /** Takes over what the maps hold of an earlier run. */
  load(): void {
    for (const kind of kinds) {
      for (const [id, text] of this.#maps[kind].entries()) {
        const { since: _, ...entry } = objectOf(parseObject(text));
        this.#entries[kind].set(id, entry);
      }
    }
  }

  /** Nothing is known any more. */
  clear(): void {
    for (const kind of kinds) {
      this.#entries[kind].clear();
      this.#maps[kind].replace(new Map());
    }
    this.#strangers.clear();
  }

  /** Informations of a house whose value was never told with a date. */
  undated({ commands }: House): readonly string[] {
    const known = this.#entries.commands;
    return Array.from(commands)
      .filter(
        ([id, read]) =>
          read["type"] === "info" && !(hasValueOf(known.get(id), read) && known.get(id)?.["collect_date"]),
      )
      .map(([id]) => id);
  }

  /** Everything as it is now. The answer is how many commands had another value. */
  take(house: House): number {
    let changed = 0;
    for (const kind of kinds) {
      const read = house[kind];
      for (const id of [...this.#entries[kind].keys()]) {
        if (!read.has(id) && !(kind === "objects" && id === "global")) this.#remove(kind, id);
      }
      for (const [id, entry] of read) {
        if (kind !== "commands") this.#set(kind, id, { ...this.#kept(kind, id), ...entry });
        else if (this.#takeCommand(id, entry)) changed++;
      }
    }
    return changed;
  }

  /** Applies an event. The answer is whether the house has to be read again to know what it is about. */
  apply(event: JeedomEvent): boolean {
    const { subject } = event;
    if (subject === undefined) return false;
    const { kind, id } = subject;
    const option = optionOf(event);
    if (kind === "equipments") {
      this.#strangers.clear();
      return true;
    }
    if (kind === "objects") this.#applySummary(id, objectOf(option["keys"]));
    const entry = this.#entries[kind].get(id);
    if (kind === "objects" || event.name === "scenario::ask") return false;
    if (entry === undefined) return this.#isNewStranger(`${kind}/${id}`);
    if (kind === "commands") this.#set(kind, id, { ...entry, ...renamed(option, ofCommand) });
    else {
      const active = "isActive" in option ? { active: flag(option["isActive"]) } : {};
      this.#set(kind, id, { ...entry, ...renamed(option, ofScenario), ...active });
    }
    return false;
  }

  /** To be called before summaries are asked for. */
  beginSummaries(): void {
    this.#toldSummaries.clear();
  }

  /** A summary that was asked for. */
  takeSummary({ object, key }: SummaryName, value: unknown): void {
    if (!this.#toldSummaries.has(`${object} ${key}`)) this.#setSummary(object, { [key]: value });
  }

  #applySummary(id: string, keys: JsonObject): void {
    const values = Object.entries(keys).map(([key, told]) => [key, objectOf(told)["value"] ?? null] as const);
    for (const [key] of values) this.#toldSummaries.add(`${id} ${key}`);
    this.#setSummary(id, Object.fromEntries(values));
  }

  #setSummary(id: string, values: JsonObject): void {
    const entry = this.#entries.objects.get(id);
    if (entry === undefined && id !== "global") return;
    this.#set("objects", id, { ...entry, summary: { ...objectOf(entry?.["summary"]), ...values } });
  }

  /** What only events tell stays as long as the value does. */
  #takeCommand(id: string, read: JsonObject): boolean {
    const known = this.#entries.commands.get(id);
    const same = hasValueOf(known, read);
    if (same)
      this.#set("commands", id, { ...known, ...read, value: known["value"], unit: known["unit"] ?? read["unit"] });
    else this.#set("commands", id, { display_value: null, value_date: null, collect_date: null, ...read });
    return !same && known !== undefined;
  }

  /** What readings of the whole do not tell of an entry. */
  #kept(kind: Kind, id: string): JsonObject {
    const { summary } = this.#entries[kind].get(id) ?? {};
    return summary === undefined ? {} : { summary };
  }

  #isNewStranger(name: string): boolean {
    if (this.#strangers.has(name)) return false;
    this.#strangers.add(name);
    return true;
  }

  /** Told only where it is different; with since when it is so. */
  #set(kind: Kind, id: string, entry: JsonObject): void {
    const known = this.#entries[kind].get(id);
    if (known !== undefined && isDeepStrictEqual(known, entry)) return;
    this.#entries[kind].set(id, entry);
    this.#maps[kind].set(id, JSON.stringify({ ...entry, since: this.#clock.now() }));
  }

  #remove(kind: Kind, id: string): void {
    this.#entries[kind].delete(id);
    this.#maps[kind].remove(id);
  }
}

function hasValueOf(known: JsonObject | undefined, read: JsonObject): known is JsonObject {
  return known !== undefined && textIn(known["value"]) === textIn(read["value"]);
}

function renamed(option: JsonObject, names: Readonly<Record<string, string>>): JsonObject {
  const told = Object.entries(names).filter(([name]) => option[name] !== undefined);
  return Object.fromEntries(told.map(([name, called]) => [called, option[name]]));
}
