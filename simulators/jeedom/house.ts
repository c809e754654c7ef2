/** The house as it is: every change goes through here, and becomes an event. Knows neither HTTP nor who asks. */
import { addEquipment, type Building, build, type Command, type Equipment, type NewEquipment } from "./building.ts";
import { summaries } from "./plan.ts";

export type TellEvent = (name: string, option: unknown) => void;
export interface HouseMessage {
  readonly id: number;
  readonly date: string;
  readonly plugin: string;
  readonly message: string;
}

/** Values are cut at so many bytes, wherever that is. */
const longestValue = 3096;

export class House {
  readonly building: Building;
  messages: HouseMessage[] = [];
  readonly #tell: TellEvent;
  readonly #date: () => string;
  /** Ids as this Jeedom writes them: numbers, or texts. */
  readonly #written: (id: number) => number | string;
  #nextMessage = 1;

  /** `date` is the time as Jeedom writes it. */
  constructor(tell: TellEvent, date: () => string, written: (id: number) => number | string) {
    this.#tell = tell;
    this.#date = date;
    this.#written = written;
    this.building = build(date());
  }

  command(id: number): Command {
    const command = this.building.commands.get(id);
    if (command === undefined) throw new Error(`There is no command ${id}`);
    return command;
  }

  /** Ids of commands that tell something, those of a type of equipment, or all. */
  infos(genericType?: string): readonly number[] {
    return [...this.building.commands.values()]
      .filter(({ plan }) => plan.type === "info" && (genericType === undefined || plan.genericType === genericType))
      .map(({ id }) => id);
  }

  /** A value came in, new or repeated. */
  set(id: number, value: string | number): void {
    const command = this.command(id);
    const date = this.#date();
    const cut = cutText(value);
    if (command.state !== cut) command.valueDate = date;
    command.state = cut;
    command.collectDate = date;
    const { plan, valueDate, collectDate } = command;
    const unit = plan.unit ?? "";
    const told = { value: cut, display_value: cut, unit };
    const dates = { valueDate, collectDate, alertLevel: "none" };
    this.#tell("cmd::update", { cmd_id: this.#written(id), ...told, raw_unit: unit, ...dates });
    for (const { id: linking, linked } of this.building.commands.values()) {
      if (linked === id) this.#tell("cmd::update", { cmd_id: this.#written(linking), ...told, ...dates });
    }
    this.#tellSummaries(command);
  }

  /** What an action does. */
  act({ plan, linked }: Command, options: Readonly<Record<string, unknown>>): void {
    if (linked === undefined) return;
    const fixed: Readonly<Record<string, number>> = { on: 1, off: 0, up: 100, down: 0 };
    const value = plan.subType === "slider" ? Number(options["slider"]) || 0 : fixed[plan.logicalId];
    if (value !== undefined) this.set(linked, value);
  }

  run(id: number, how: "run" | "stop"): void {
    const scenario = this.building.scenarios.get(id);
    if (scenario === undefined) return;
    scenario.state = how === "run" ? "start" : "stop";
    if (how === "run") scenario.lastLaunch = this.#date();
    const { state, lastLaunch } = scenario;
    this.#tell("scenario::update", { scenario_id: this.#written(id), state, lastLaunch });
  }

  enable(id: number, active: boolean): void {
    const scenario = this.building.scenarios.get(id);
    if (scenario === undefined) return;
    scenario.isActive = active;
    const { name, state, lastLaunch } = scenario;
    const isActive = active ? 1 : 0;
    this.#tell("scenario::update", { scenario_id: this.#written(id), isActive, state, lastLaunch, name, icon: "" });
  }

  addEquipment(wanted: NewEquipment): Equipment {
    const equipment = addEquipment(this.building, wanted, this.#date());
    this.#tellEquipment(equipment);
    return equipment;
  }

  /** Shows, hides, enables, disables, renames. */
  changeEquipment(id: number, changes: Partial<Pick<Equipment, "name" | "isVisible" | "isEnable">>): void {
    const equipment = this.building.equipments.get(id);
    if (equipment === undefined) return;
    Object.assign(equipment, changes);
    this.#tellEquipment(equipment);
  }

  /** Jeedom tells nobody of it. */
  removeEquipment(id: number): void {
    const { equipments, commands, objects } = this.building;
    equipments.delete(id);
    for (const [command, { equipmentId }] of commands) {
      if (equipmentId !== id) continue;
      commands.delete(command);
      for (const { summary } of objects.values()) {
        for (const [key, members] of summary)
          summary.set(
            key,
            members.filter((member) => member !== command),
          );
      }
    }
  }

  message(message: string): void {
    this.messages.push({ id: this.#nextMessage++, date: this.#date(), plugin: "core", message });
    this.#tell("notify", { title: "Message de Jeedom", message, category: "message" });
    this.#tell("message::refreshMessageNumber", []);
  }

  summary(object: number | "global", key: string): number | null {
    const { objects } = this.building;
    const all = object === "global" ? [...objects.values()] : [objects.get(object)];
    const values = all.flatMap((one) => one?.summary.get(key) ?? []).map((id) => Number(this.command(id).state) || 0);
    if (values.length === 0) return null;
    const sum = values.reduce((total, value) => total + value, 0);
    const { how } = Object.values(summaries).find((one) => one.key === key) ?? {};
    return Math.round((how === "average" ? sum / values.length : sum) * 10) / 10;
  }

  #tellSummaries({ id, equipmentId }: Command): void {
    const objectId = this.building.equipments.get(equipmentId)?.objectId ?? undefined;
    const object = objectId === undefined ? undefined : this.building.objects.get(objectId);
    if (object === undefined) return;
    for (const [key, members] of object.summary) {
      if (!members.includes(id)) continue;
      const keys = (of: number | "global") => ({ [key]: { value: this.summary(of, key) } });
      this.#tell("jeeObject::summary::update", { object_id: this.#written(object.id), keys: keys(object.id) });
      this.#tell("jeeObject::summary::update", { object_id: "global", keys: keys("global") });
    }
  }

  #tellEquipment({ id, isVisible, isEnable }: Equipment): void {
    const flags = { visible: isVisible ? 1 : 0, enable: isEnable ? 1 : 0 };
    this.#tell("eqLogic::update", { eqLogic_id: this.#written(id), ...flags });
  }
}

/** Bytes of a letter that was cut through stay, each as U+DC80 to U+DCFF. */
function cutText(value: string | number): string | number {
  if (typeof value === "number") return value;
  const bytes = Buffer.from(value);
  if (bytes.length <= longestValue) return value;
  const cut = bytes.subarray(0, longestValue);
  const whole = cut.toString("utf8").replace(/\uFFFD+$/, "");
  const rest = cut.subarray(Buffer.byteLength(whole));
  return whole + Array.from(rest, (byte) => String.fromCharCode(0xdc00 + byte)).join("");
}
