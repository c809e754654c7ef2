/** What Jeedom's API tells of the whole house, as entries of the maps. Pure. */
import { isObject, type JsonObject, numberIn, objectOf } from "../../core/json.ts";
import { idOf } from "./events.ts";

export const kinds = ["commands", "equipments", "objects", "scenarios"] as const;
export type Kind = (typeof kinds)[number];

/** Entries by id. */
export type House = Readonly<Record<Kind, ReadonlyMap<string, JsonObject>>>;

/** Summaries that an object has: which to ask for. */
export interface SummaryName {
  readonly object: string;
  readonly key: string;
}

export function readHouse(full: readonly unknown[], scenarios: readonly unknown[]): House {
  const house = { commands: new Map(), equipments: new Map(), objects: new Map(), scenarios: new Map() };
  for (const [id, object] of byId(full)) {
    house.objects.set(id, objectEntry(object));
    for (const [equipmentId, equipment] of byId(listOf(object["eqLogics"]))) {
      const commands = byId(listOf(equipment["cmds"]));
      house.equipments.set(equipmentId, equipmentEntry(equipment, id, [...commands.keys()]));
      for (const [command, cmd] of commands) house.commands.set(command, commandEntry(cmd, equipmentId, id));
    }
  }
  for (const [id, scenario] of byId(scenarios)) house.scenarios.set(id, scenarioEntry(scenario));
  return house;
}

export function summaryNames(full: readonly unknown[]): readonly SummaryName[] {
  return [...byId(full)].flatMap(([object, { configuration }]) => {
    const summary = Object.entries(objectOf(objectOf(configuration)["summary"]));
    return summary.filter(([, made]) => listOf(made).length > 0).map(([key]) => ({ object, key }));
  });
}

function objectEntry({ name, father_id: father, isVisible, position }: JsonObject): JsonObject {
  return {
    name: name ?? "",
    father: idOf(father) ?? null,
    visible: flag(isVisible),
    position: numberIn(position) || 0,
  };
}

function equipmentEntry(equipment: JsonObject, object: string, commands: readonly string[]): JsonObject {
  const { name, logicalId, eqType_name: type, generic_type: genericType, category } = equipment;
  return {
    name: name ?? "",
    type: type ?? "",
    logical_id: logicalId ?? "",
    generic_type: genericType ?? null,
    category: category ?? null,
    visible: flag(equipment["isVisible"]),
    enabled: flag(equipment["isEnable"]),
    object,
    commands,
  };
}

/** The house with what informations told of themselves, by id: `{value, collectDate}`, which is newer than the house. */
export function dated(house: House, told: Iterable<readonly [id: string, value: unknown]>): House {
  const commands = new Map(house.commands);
  for (const [id, one] of told) {
    const entry = commands.get(id);
    const { value, collectDate } = objectOf(one);
    if (entry === undefined || typeof collectDate !== "string" || collectDate === "") continue;
    commands.set(id, { ...entry, value: value ?? null, collect_date: collectDate });
  }
  return { ...house, commands };
}

/** What the whole does not tell is not in it: the display value and the dates. */
function commandEntry(cmd: JsonObject, equipment: string, object: string): JsonObject {
  return {
    value: cmd["state"] ?? null,
    unit: cmd["unite"] ?? "",
    name: cmd["name"] ?? "",
    type: cmd["type"] ?? "",
    sub_type: cmd["subType"] ?? "",
    generic_type: cmd["generic_type"] ?? null,
    logical_id: cmd["logicalId"] ?? "",
    equipment,
    object,
  };
}

function scenarioEntry({ name, group, isActive, state, lastLaunch }: JsonObject): JsonObject {
  return {
    name: name ?? "",
    group: group ?? "",
    active: flag(isActive),
    state: state ?? null,
    last_launch: lastLaunch ?? null,
  };
}

/** Flags are numbers, texts or booleans. */
export function flag(value: unknown): boolean {
  return value === true || numberIn(value) === 1;
}

/** An empty list or object is `"ok"`, or the other of the two. */
function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : isObject(value) ? Object.values(value) : [];
}

function byId(list: readonly unknown[]): ReadonlyMap<string, JsonObject> {
  return new Map(
    list.filter(isObject).flatMap((one) => {
      const id = idOf(one["id"]);
      return id === undefined ? [] : [[id, one] as const];
    }),
  );
}
