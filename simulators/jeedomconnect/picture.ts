/** What a phone shows: made of what it is told, however it is told. */
import type { House } from "../jeedom/house.ts";
import type { Message } from "./message.ts";

type Fields = Readonly<Record<string, unknown>>;

export class Picture {
  config: unknown;
  configVersion: unknown = null;
  lastReadTimestamp: unknown = null;
  lastHistoricReadTimestamp: unknown = null;
  /** What the phone was asked to do, in order. */
  readonly actions: unknown[] = [];
  readonly exceptions: unknown[] = [];
  readonly #commands = new Map<string, unknown>();
  readonly #scenarios = new Map<string, Fields>();
  readonly #objects = new Map<string, Fields>();

  take({ type, payload }: Message): void {
    const fields = (typeof payload === "object" && payload !== null ? payload : {}) as Fields;
    if (type === "WELCOME") this.#welcome(fields);
    else if (type === "SET_INFO") this.#replace(fields);
    else if (type === "CONFIG_AND_INFOS") {
      this.#configure(fields["config"]);
      this.#replace(fields["infos"] as Fields);
    } else if (type === "SET_CONFIG") this.#configure(fields);
    else if (type === "ACTIONS") this.actions.push(...(payload as readonly unknown[]));
    else if (type === "SET_EVENTS") for (const item of payload as readonly Message[]) this.take(item);
    else if (type === "DATETIME") this.lastReadTimestamp = payload;
    else if (type === "HIST_DATETIME") this.lastHistoricReadTimestamp = payload;
    else if (type === "CMD_INFO" || type === "SET_CMD_INFO") this.#takeCommands(payload);
    else if (type === "SC_INFO" || type === "SET_SC_INFO") this.#takeScenarios(payload);
    else if (type === "OBJ_INFO" || type === "SET_OBJ_INFO") this.#takeObjects(payload);
    else if (type === "EXCEPTION") this.exceptions.push(payload);
  }

  /** Without what depends on when it happened. */
  get text(): string {
    const sorted = (map: ReadonlyMap<string, unknown>): unknown =>
      Object.fromEntries([...map].sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true })));
    const { config, actions, exceptions } = this;
    const [commands, scenarios, objects] = [this.#commands, this.#scenarios, this.#objects].map(sorted);
    return JSON.stringify({ config, commands, scenarios, objects, actions, exceptions }, null, 1);
  }

  /** Whether all commands have the values of the house. */
  showsValues(house: House): boolean {
    return [...this.#commands].every(([id, value]) => String(house.command(Number(id)).state) === value);
  }

  /** Whether all is as it is in the house. */
  shows(house: House): boolean {
    return (
      this.showsValues(house) &&
      [...this.#scenarios].every(([id, { status }]) => house.building.scenarios.get(Number(id))?.state === status) &&
      [...this.#objects].every(([id, keys]) =>
        Object.entries(keys).every(([key, value]) => value === house.summary(id === "global" ? id : Number(id), key)),
      )
    );
  }

  #welcome(welcome: Fields): void {
    const now = Date.now() / 1000;
    Object.assign(this, { lastReadTimestamp: now, lastHistoricReadTimestamp: now });
    this.#replace(welcome);
    // A phone that has this configuration already keeps it.
    if (this.config === undefined) this.configVersion = welcome["configVersion"] ?? null;
  }

  #configure(config: unknown): void {
    this.config = config;
    this.configVersion = (config as { readonly payload: Fields }).payload["configVersion"];
  }

  #replace({ cmdInfo, scInfo, objInfo }: Fields): void {
    for (const map of [this.#commands, this.#scenarios, this.#objects]) map.clear();
    this.#takeCommands(cmdInfo);
    this.#takeScenarios(scInfo);
    this.#takeObjects(objInfo);
  }

  #takeCommands(list: unknown): void {
    for (const { id, value } of list as readonly Fields[]) this.#commands.set(String(id), value);
  }

  #takeScenarios(list: unknown): void {
    for (const { id, status, active } of list as readonly Fields[]) {
      const known = this.#scenarios.get(String(id));
      this.#scenarios.set(String(id), { ...known, status, ...(active === undefined ? {} : { active }) });
    }
  }

  /** `keys` is a list in snapshots, and an object in events. */
  #takeObjects(list: unknown): void {
    for (const { object_id: id, keys } of list as readonly { object_id: unknown; keys: Fields | readonly Fields[] }[]) {
      const merged: Fields = Array.isArray(keys) ? Object.assign({}, ...(keys as readonly Fields[])) : keys;
      const values = Object.entries(merged).map(([key, told]) => [key, (told as Fields)["value"]] as const);
      this.#objects.set(String(id), { ...this.#objects.get(String(id)), ...Object.fromEntries(values) });
    }
  }
}
