/** Values of the house as the plugin tells them to phones, and GET_EVENTS, which tells those that changed. */
import type { Scenario } from "../jeedom/building.ts";
import type { EventBuffer, Row } from "../jeedom/event-buffer.ts";
import type { House } from "../jeedom/house.ts";
import type { PhoneEquipment } from "./equipment.ts";
import type { Message } from "./message.ts";

/** Here and with as many events as this, all is told instead. */
const mostEvents = 249;
/** So often values that are made of the past are told again, in seconds. */
const historicRound = 300;

type Params = Readonly<Record<string, unknown>>;

export function cmdInfo({ building }: House, ids: Iterable<number>): readonly object[] {
  return Array.from(ids, (id) => building.commands.get(id)).flatMap((command) => {
    if (command === undefined || command.plan.type !== "info") return [];
    const dates = { modified: epoch(command.valueDate), collectDate: epoch(command.collectDate) };
    const history = { averageValue: 0, minValue: 0, maxValue: 0, tendance: null };
    return [{ id: String(command.id), value: String(command.state), ...dates, history }];
  });
}

export function scInfo({ building }: House, phone: PhoneEquipment): readonly object[] {
  return [...building.scenarios.values()]
    .filter(({ id }) => phone.scAll || phone.scenarios.has(id))
    .map((one) => ({ ...scenarioNews(one), name: one.name, object: "", group: one.group, icon: null }));
}

/** `keys` is a list of objects with one key each here, unlike in events. */
export function objInfo(house: House): readonly object[] {
  const all = [...house.building.objects.values()];
  const everyKey = new Set(all.flatMap(({ summary }) => [...summary.keys()]));
  const keysOf = (object: number | "global", keys: Iterable<string>) =>
    Array.from(keys, (key) => ({ [key]: { value: house.summary(object, key), cmds: [] } }));
  return [
    { object_id: "global", keys: keysOf("global", everyKey) },
    ...all.map(({ id, summary }) => ({ object_id: String(id), keys: keysOf(id, summary.keys()) })),
  ];
}

export function allInfo(house: House, phone: PhoneEquipment): Record<"cmdInfo" | "scInfo" | "objInfo", unknown> {
  return { cmdInfo: cmdInfo(house, phone.commands), scInfo: scInfo(house, phone), objInfo: objInfo(house) };
}

/** `undefined` for an app in the background. Actions are taken out of their queue. */
export function answerEvents(
  jeedom: { readonly house: House; readonly events: EventBuffer; now(): number },
  phone: PhoneEquipment,
  params: Params,
): Message | undefined {
  const { house, events } = jeedom;
  const now = jeedom.now();
  phone.lastSeen = now;
  if (phone.appState !== "active") return undefined;
  const { configVersion, lastReadTimestamp: from, lastHistoricReadTimestamp: historic } = params;
  const { config } = phone;
  const known = configVersion ?? undefined;
  if (config !== undefined && known !== undefined && String(known) !== String(config.payload.configVersion)) {
    return { type: "CONFIG_AND_INFOS", payload: { config, infos: allInfo(house, phone) } };
  }
  const actions = phone.queue.splice(0);
  if (actions.length > 0) return { type: "ACTIONS", payload: actions };
  const { datetime, result } = events.since(from === undefined || from === null ? undefined : Number(from));
  const sinceHistoric = Number(historic) || 0;
  const isDue = now - sinceHistoric >= historicRound;
  return {
    type: "SET_EVENTS",
    payload: [
      { type: "DATETIME", payload: datetime },
      { type: "HIST_DATETIME", payload: isDue ? now : sinceHistoric },
      ...(result.length === 0 ? [] : news(house, phone, result)),
    ],
  };
}

function news(house: House, phone: PhoneEquipment, rows: readonly Row[]): readonly Message[] {
  if (rows.length >= mostEvents) {
    return [
      { type: "CMD_INFO", payload: cmdInfo(house, phone.commands) },
      { type: "SC_INFO", payload: scInfo(house, phone) },
      { type: "OBJ_INFO", payload: objInfo(house) },
    ];
  }
  const of = (name: string): Params[] => rows.filter((row) => row.name === name).map(({ option }) => option as Params);
  const changed = of("cmd::update").map((option) => Number(option["cmd_id"]));
  const scenarios = of("scenario::update").flatMap((option) => {
    const scenario = house.building.scenarios.get(Number(option["scenario_id"]));
    return scenario !== undefined && (phone.scAll || phone.scenarios.has(scenario.id)) ? [scenarioNews(scenario)] : [];
  });
  return [
    { type: "CMD_INFO", payload: cmdInfo(house, new Set(changed.filter((id) => phone.commands.has(id)))) },
    { type: "SC_INFO", payload: scenarios },
    { type: "OBJ_INFO", payload: of("jeeObject::summary::update") },
  ];
}

function scenarioNews({ id, state, lastLaunch, isActive }: Scenario): object {
  return { id: String(id), status: state, lastLaunch: epoch(lastLaunch), active: isActive ? 1 : 0 };
}

/** From Jeedom's `Y-m-d H:i:s`, in seconds. */
function epoch(date: string): number {
  return date === "" ? 0 : Date.parse(date.replace(" ", "T")) / 1000;
}

/** As PHP writes JSON: all but ASCII escaped, and slashes. */
export function phpJson(value: unknown): string {
  return JSON.stringify(value).replace(/[/\u007f-\uffff]/g, (letter) =>
    letter === "/" ? "\\/" : `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
