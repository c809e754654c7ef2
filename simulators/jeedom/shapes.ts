/** Things of the house as Jeedom's API words them. */
import type { Building, Command, Equipment, JeedomObject, Scenario } from "./building.ts";

/** How ids and flags are written: as numbers, or as texts where PHP reads them from the database so. */
export type Written = (value: number) => number | string;

export function commandShape(command: Command, { type }: Equipment, written: Written): Record<string, unknown> {
  const { id, plan, order, equipmentId, linked, code, needsConfirmation } = command;
  return {
    id: written(id),
    logicalId: plan.logicalId,
    generic_type: plan.genericType ?? null,
    eqType: type,
    name: plan.name,
    order: written(order),
    type: plan.type,
    subType: plan.subType,
    eqLogic_id: written(equipmentId),
    isHistorized: written(plan.subType === "numeric" && plan.type === "info" ? 1 : 0),
    unite: plan.unit ?? "",
    configuration: {
      ...(code === "" ? {} : { actionCodeAccess: code }),
      ...(needsConfirmation ? { actionConfirm: "1" } : {}),
    },
    template: [],
    display: [],
    value: linked === undefined ? null : written(linked),
    isVisible: written(1),
    alert: [],
  };
}

export function equipmentShape(equipment: Equipment, written: Written): Record<string, unknown> {
  const { id, name, type, objectId, isVisible, isEnable } = equipment;
  return {
    id: written(id),
    name,
    logicalId: `${type}-${id}`,
    generic_type: null,
    object_id: objectId === null ? null : written(objectId),
    eqType_name: type,
    isVisible: written(isVisible ? 1 : 0),
    isEnable: written(isEnable ? 1 : 0),
    configuration: { createtime: "2023-11-14 23:13:21" },
    timeout: null,
    category: { [type === "lampe" ? "light" : "automatism"]: "1" },
    display: [],
    order: written(id),
    comment: "",
  };
}

export function objectShape(object: JeedomObject, written: Written): Record<string, unknown> {
  const { id, name, fatherId, isVisible, position, summary } = object;
  const made = [...summary].map(([key, members]) => {
    return [key, members.map((member) => ({ cmd: `#${member}#`, enable: "1", invert: "0" }))] as const;
  });
  return {
    id: written(id),
    name,
    father_id: fatherId === null ? null : written(fatherId),
    isVisible: written(isVisible ? 1 : 0),
    position: written(position),
    configuration: { summary: made.length === 0 ? [] : Object.fromEntries(made) },
    display: { icon: '<i class="icon maison-home"></i>' },
  };
}

export function scenarioShape(scenario: Scenario, written: Written): Record<string, unknown> {
  const { id, name, group, isActive, state, lastLaunch } = scenario;
  return {
    id: written(id),
    name,
    group,
    isActive: written(isActive ? 1 : 0),
    mode: "provoke",
    schedule: "",
    trigger: [],
    timeout: written(0),
    object_id: null,
    isVisible: written(1),
    description: "",
    configuration: [],
    type: "expert",
    state,
    lastLaunch,
  };
}

/** The commands of an equipment, in their order. */
export function commandsOf({ commands }: Building, equipment: number): readonly Command[] {
  return [...commands.values()]
    .filter(({ equipmentId }) => equipmentId === equipment)
    .sort((a, b) => a.order - b.order);
}
