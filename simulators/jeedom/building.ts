/** Makes what the plan says, as Jeedom has it after everything was set up. */
import { type CommandPlan, equipmentKinds, rooms, scenarios, summaries } from "./plan.ts";

export interface JeedomObject {
  readonly id: number;
  name: string;
  readonly fatherId: number | null;
  isVisible: boolean;
  readonly position: number;
  /** By the key of the summary, the commands that it is made of. */
  readonly summary: Map<string, number[]>;
}

export interface Equipment {
  readonly id: number;
  name: string;
  readonly type: string;
  objectId: number | null;
  isVisible: boolean;
  isEnable: boolean;
}

export interface Command {
  readonly id: number;
  readonly equipmentId: number;
  readonly plan: CommandPlan;
  readonly order: number;
  /** Of an action: the information that it changes. */
  readonly linked: number | undefined;
  /** Asked for by `cmd::execCmd`, where it is not empty. */
  code: string;
  needsConfirmation: boolean;
  /** Bytes that are no UTF-8 stand in it as U+DC80 to U+DCFF. */
  state: string | number;
  valueDate: string;
  collectDate: string;
}

export interface Scenario {
  readonly id: number;
  name: string;
  readonly group: string;
  isActive: boolean;
  state: "stop" | "start" | "error";
  lastLaunch: string;
}

export interface Building {
  readonly objects: Map<number, JeedomObject>;
  readonly equipments: Map<number, Equipment>;
  readonly commands: Map<number, Command>;
  readonly scenarios: Map<number, Scenario>;
}

export function build(date: string): Building {
  const building: Building = { objects: new Map(), equipments: new Map(), commands: new Map(), scenarios: new Map() };
  for (const [position, { name, within, equipments }] of rooms.entries()) {
    const father = [...building.objects.values()].find((one) => one.name === within)?.id ?? null;
    const id = position + 1;
    building.objects.set(id, { id, name, fatherId: father, isVisible: true, position, summary: new Map() });
    for (const [called, kind] of equipments) addEquipment(building, { objectId: id, name: called, type: kind }, date);
  }
  for (const [at, [name, group]] of scenarios.entries()) {
    building.scenarios.set(at + 1, { id: at + 1, name, group, isActive: true, state: "stop", lastLaunch: "" });
  }
  return building;
}

export interface NewEquipment {
  readonly objectId: number | null;
  readonly name: string;
  readonly type: keyof typeof equipmentKinds;
}

export function addEquipment(building: Building, { objectId, name, type }: NewEquipment, date: string): Equipment {
  const id = 1 + Math.max(0, ...building.equipments.keys());
  const equipment: Equipment = { id, name, type, objectId, isVisible: true, isEnable: true };
  building.equipments.set(id, equipment);
  const plans: readonly CommandPlan[] = equipmentKinds[type];
  const first = 1 + Math.max(100, ...building.commands.keys());
  for (const [order, plan] of plans.entries()) {
    const changed = plans.findIndex(({ logicalId }) => logicalId === plan.changes);
    building.commands.set(first + order, {
      id: first + order,
      equipmentId: id,
      plan,
      order,
      linked: changed < 0 ? undefined : first + changed,
      code: "",
      needsConfirmation: false,
      state: plan.first ?? "",
      valueDate: date,
      collectDate: date,
    });
    const key = summaries[plan.genericType ?? ""]?.key;
    const object = objectId === null ? undefined : building.objects.get(objectId);
    if (key !== undefined && plan.type === "info") {
      object?.summary.set(key, [...(object.summary.get(key) ?? []), first + order]);
    }
  }
  return equipment;
}
