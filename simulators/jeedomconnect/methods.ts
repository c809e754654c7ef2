/** The table of the plugin's methods: what each answers (`undefined`: nothing), and what it leaves behind. */

import { connect } from "./connecting.ts";
import type { PhoneEquipment } from "./equipment.ts";
import type { Message } from "./message.ts";
import { addressesOf, type Plugin } from "./plugin.ts";
import { allInfo, answerEvents, cmdInfo, objInfo, scInfo } from "./shapes.ts";

export type Params = Readonly<Record<string, unknown>>;
type Answering = (phone: PhoneEquipment, params: Params, plugin: Plugin) => Message | undefined;

/** Asked without a phone's key. */
const forAnyone: Readonly<Record<string, (params: Params, plugin: Plugin) => Message | undefined>> = {
  GET_PLUGIN_CONFIG: (_, plugin) => ({ type: "PLUGIN_CONFIG", payload: addressesOf(plugin) }),
  GET_AVAILABLE_EQUIPEMENT: (_, { phones }) => ({
    type: "AVAILABLE_EQUIPEMENT",
    payload: [...phones.values()].map(({ apiKey, name, enabled, useWs, polling, deviceName, deviceId }) => {
      return { logicalId: apiKey, name, enable: enabled ? 1 : 0, useWs, polling, deviceName, deviceId };
    }),
  }),
  CHECK_AUTHENT: ({ login, password }, { jeedom }) => {
    const user = jeedom.users.all.get(String(login));
    if (user === undefined || user.password !== password) throw new Error("Wrong login or password");
    return { type: "SET_AUTHENT", payload: { userHash: user.key, userProfil: user.profile } };
  },
  CHECK_USER: () => ({ type: "SET_CHECK_USER", payload: { twoFactorAuthentificationRequired: false } }),
  VERIF_2FA: () => ({ type: "SET_2FA", payload: { authorized: true } }),
};

/** Each changes the configuration in its own way, and so its version. */
const editing =
  `SET_WIDGET ADD_WIDGETS REMOVE_WIDGET MOVE_WIDGET SET_CUSTOM_WIDGETS SET_GROUP ADD_GROUP REMOVE_GROUP MOVE_GROUP
  ADD_GLOBAL_WIDGET REMOVE_GLOBAL_WIDGET SET_BOTTOM_TABS REMOVE_BOTTOM_TAB SET_TOP_TABS REMOVE_TOP_TAB MOVE_TOP_TAB
  SET_PAGE_DATA SET_ROOMS SET_SUMMARIES SET_BACKGROUNDS`.split(/\s+/);
/** Taken, and of no consequence to a phone. */
const taken =
  `DETACH_EQUIPEMENT SET_PICOKEY SET_DEVICE_INFOS SET_FACE_DETECTED SET_LOG REMOVE_JEEDOM_MESSAGE SET_EVENT ASK_REPLY
  GEOLOC ADD_GEOFENCE REMOVE_GEOFENCE REMOVE_FILE REMOVE_FILES TEST_NOTIF COPY_CONFIG SET_NOTIFS_CONFIG`.split(/\s+/);
/** Answered with nothing in it. */
const empty: Readonly<Record<string, Message>> = {
  GET_INSTALL_DETAILS: { type: "SET_INSTALL_DETAILS", payload: {} },
  GET_BATTERIES: { type: "SET_BATTERIES", payload: [] },
  GET_PLUGINS_UPDATE: { type: "SET_PLUGINS_UPDATE", payload: { nbUpdate: 0, pluginsToUpdate: [], otherPlugins: [] } },
  GET_JEEDOM_MESSAGES: { type: "SET_JEEDOM_MESSAGES", payload: [] },
  GET_TIMELINE_FOLDERS: { type: "SET_TIMELINE_FOLDERS", payload: [] },
  GET_GEOFENCES: { type: "SET_GEOFENCES", payload: { geofences: [] } },
  GET_NOTIFS_CONFIG: { type: "SET_NOTIFS_CONFIG", payload: { notifsConfig: {} } },
  QUERY_INTERACT: { type: "QUERY_ANSWER", payload: "Je n'ai pas compris" },
};

const forPhones: Readonly<Record<string, Answering>> = {
  CONNECT: connect,
  DISCONNECT: (phone) => void Object.assign(phone, { connected: 0, appState: "background" }),
  PING: (phone) => void Object.assign(phone, { appState: "active" }),
  SET_APPSTATE: (phone, { state }) => {
    if (state === "active" || state === "background") phone.appState = state;
  },
  REGISTER_DEVICE: (_, { rdk }) => ({ type: "REGISTERED", payload: { rdk } }),
  GET_NEW_APIKEY: (phone, _, plugin) => ({ type: "SET_NEW_APIKEY", payload: { apiKey: plugin.regenerate(phone) } }),
  SET_WEBSOCKET: (phone, { value }) => {
    phone.useWs = Number(value) === 1 ? "1" : "0";
    return { type: "GET_WEBSOCKET", payload: { useWs: phone.useWs } };
  },
  SET_POLLING: (phone, { value }) => {
    phone.polling = Number(value) === 1 ? "1" : "0";
    return { type: "GET_POLLING", payload: { polling: phone.polling } };
  },
  SET_BATTERY: (phone, { level }) => void Object.assign(phone, { battery: Number(level) }),
  GET_EVENTS: (phone, params, { jeedom }) => answerEvents(jeedom, phone, params),
  GET_INFO: (phone, _, { jeedom }) => ({ type: "SET_INFO", payload: allInfo(jeedom.house, phone) }),
  GET_CMD_INFO: (phone, _, { jeedom }) => ({ type: "SET_CMD_INFO", payload: cmdInfo(jeedom.house, phone.commands) }),
  GET_SC_INFO: (phone, _, { jeedom }) => ({ type: "SET_SC_INFO", payload: scInfo(jeedom.house, phone) }),
  GET_OBJ_INFO: (_phone, _params, { jeedom }) => ({ type: "SET_OBJ_INFO", payload: objInfo(jeedom.house) }),
  GET_ALL_SC: (phone, _, { jeedom }) => {
    phone.scAll = true;
    return { type: "SET_ALL_SC", payload: scInfo(jeedom.house, phone) };
  },
  UNSUBSCRIBE_SC: (phone) => void Object.assign(phone, { scAll: false }),
  GET_CONFIG: ({ config }) => ({ type: "SET_CONFIG", payload: { config } }),
  GET_JEEDOM_DATA: (_phone, _params, { jeedom: { house } }) => {
    const { commands, equipments, objects, scenarios } = house.building;
    const named = (all: ReadonlyMap<number, { readonly id: number; readonly name: string }>) =>
      Array.from(all.values(), ({ id, name }) => ({ id: String(id), name }));
    const cmds = Array.from(commands.values(), ({ id, plan: { name, type } }) => ({ id: String(id), name, type }));
    const rest = { objects: named(objects), scenarios: named(scenarios), summariesConfig: [] };
    return { type: "SET_JEEDOM_DATA", payload: { cmds, eqLogics: named(equipments), ...rest } };
  },
  GET_HISTORY: (_, { id }) => ({ type: "SET_HISTORY", payload: { id, data: [] } }),
  GET_FILES: (_phone, _params, { uploads }) => filesMessage(uploads),
  CMD_EXEC: (_, params, plugin) => void execute([params], plugin),
  CMDLIST_EXEC: (_, { cmdList }, plugin) => void execute(Array.isArray(cmdList) ? (cmdList as Params[]) : [], plugin),
  SC_EXEC: (_, { id }, { jeedom }) => {
    jeedom.house.run(Number(id), "run");
    jeedom.house.run(Number(id), "stop");
    return undefined;
  },
  SC_STOP: (_, { id }, { jeedom }) => void jeedom.house.run(Number(id), "stop"),
  SC_SET_ACTIVE: (_, { id, active }, { jeedom }) => void jeedom.house.enable(Number(id), Number(active) === 1),
  ...Object.fromEntries(Object.entries(empty).map(([method, message]) => [method, () => message])),
  ...Object.fromEntries(taken.map((method) => [method, () => undefined])),
  ...Object.fromEntries(editing.map((method) => [method, (phone, _, plugin) => void plugin.edit(phone)] as const)),
} satisfies Record<string, Answering>;

/** What goes wrong is an answer too. */
export function answer(method: string, params: Params, apiKey: unknown, plugin: Plugin): Message | undefined {
  try {
    const phone = plugin.find(apiKey);
    const open = Object.hasOwn(forAnyone, method) ? forAnyone[method] : undefined;
    if (phone === undefined && open === undefined && method !== "PING") return plugin.newKeyFor(apiKey) ?? unknownKey();
    if (phone?.enabled === false) return { type: "EQUIPMENT_DISABLE" };
    if (open !== undefined) return open(params, plugin);
    if (phone === undefined) return undefined;
    const known = Object.hasOwn(forPhones, method) ? forPhones[method] : undefined;
    if (known === undefined) throw new Error("[API] - method not defined");
    return known(phone, params, plugin);
  } catch (thrown) {
    return exception(method, thrown);
  }
}

export function exception(method: string, thrown: unknown): Message {
  const message = `Error with '${method}' method ${thrown instanceof Error ? thrown.message : String(thrown)}`;
  const details = thrown instanceof FailedCommands ? { details: thrown.ids } : {};
  return { type: "EXCEPTION", payload: { message, ...details } };
}

export function filesMessage(uploads: ReadonlyMap<string, { readonly timestamp: number }>): Message {
  const files = Array.from(uploads, ([path, { timestamp }]) => ({ path, timestamp }));
  return { type: "SET_FILES", payload: { path: "/data/files/", files } };
}

class FailedCommands extends Error {
  readonly ids: readonly string[];

  constructor(ids: readonly string[]) {
    super("Some commands could not be executed");
    this.ids = ids;
  }
}

function execute(list: readonly Params[], { jeedom: { house } }: Plugin): void {
  const failed = list.filter(({ id, options }) => {
    const command = house.building.commands.get(Number(id));
    if (command !== undefined)
      house.act(command, typeof options === "object" && options !== null ? (options as Params) : {});
    return command === undefined;
  });
  if (failed.length === 0) return;
  if (list.length === 1) throw new Error("Can't find command");
  throw new FailedCommands(failed.map(({ id }) => String(id)));
}

function unknownKey(): never {
  throw new Error("Can't find eqLogic");
}
