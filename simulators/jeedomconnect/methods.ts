/** The table of the plugin's methods: what each answers (`undefined`: nothing), and what it leaves behind. */

import { administration } from "./administration.ts";
import { configuring } from "./configuring.ts";
import { connect } from "./connecting.ts";
import type { Message } from "./message.ts";
import { type Answering, addressesOf, type Params, type Plugin } from "./plugin.ts";
import { allInfo, answerEvents, cmdInfo, objInfo, scInfo } from "./shapes.ts";

/** Asked without a phone's key. */
const forAnyone: Readonly<Record<string, (params: Params, plugin: Plugin) => Message | undefined>> = {
  GET_PLUGIN_CONFIG: (_, plugin) => ({ type: "PLUGIN_CONFIG", payload: addressesOf(plugin) }),
  GET_AVAILABLE_EQUIPEMENT: (_, { phones }) => ({
    type: "AVAILABLE_EQUIPEMENT",
    payload: [...phones.values()].map(({ apiKey, name, enabled, useWs, polling, deviceName, deviceId }) => {
      const device = { deviceName, deviceId: deviceId ?? null };
      return { logicalId: apiKey, name, enable: enabled ? "1" : "0", useWs, polling, ...device };
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

/** Taken, and of no consequence to a phone. */
const taken = "DETACH_EQUIPEMENT SET_DEVICE_INFOS SET_FACE_DETECTED SET_LOG SET_EVENT ASK_REPLY GEOLOC".split(" ");

const forPhones: Readonly<Record<string, Answering>> = {
  CONNECT: connect,
  DISCONNECT: (phone) => void Object.assign(phone, { connected: 0, appState: "background" }),
  PING: (phone) => void Object.assign(phone, { appState: "active" }),
  SET_APPSTATE: (phone, { state }) => {
    if (state === "active" || state === "background") phone.appState = state;
  },
  REGISTER_DEVICE: (_, { rdk }) => ({ type: "REGISTERED", payload: { rdk } }),
  GET_NEW_APIKEY: () => {
    throw new Error("No equipment found - no apikey regen");
  },
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
  GET_JEEDOM_DATA: (_phone, _params, { jeedom: { house } }) => {
    const { commands, equipments, objects, scenarios } = house.building;
    const named = (all: ReadonlyMap<number, { readonly id: number; readonly name: string }>) =>
      Array.from(all.values(), ({ id, name }) => ({ id: String(id), name }));
    const cmds = Array.from(commands.values(), ({ id, plan: { name, type } }) => ({ id: String(id), name, type }));
    const rest = { objects: named(objects), scenarios: named(scenarios), summariesConfig: [] };
    return { type: "SET_JEEDOM_DATA", payload: { cmds, eqLogics: named(equipments), ...rest } };
  },
  GET_FILES: (_phone, _params, { uploads }) => filesMessage(uploads),
  REMOVE_FILE: (_, { file }, { uploads }) => removed([file], uploads),
  REMOVE_FILES: (_, { files }, { uploads }) => removed([files].flat(), uploads),
  CMD_EXEC: (_, params, plugin) => void execute([params], plugin),
  CMDLIST_EXEC: (_, { cmdList }, plugin) => void execute(Array.isArray(cmdList) ? (cmdList as Params[]) : [], plugin),
  SC_EXEC: (_, { id }, { jeedom }) => {
    jeedom.house.run(Number(id), "run");
    jeedom.house.run(Number(id), "stop");
    return undefined;
  },
  SC_STOP: (_, { id }, { jeedom }) => void jeedom.house.run(Number(id), "stop"),
  SC_SET_ACTIVE: (_, { id, active }, { jeedom }) => void jeedom.house.enable(Number(id), Number(active) === 1),
  ...configuring,
  ...administration,
  ...Object.fromEntries(taken.map((method) => [method, () => undefined])),
} satisfies Record<string, Answering>;

/** All that there are. */
export const methods: readonly string[] = [...Object.keys(forAnyone), ...Object.keys(forPhones)];

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

function removed(files: readonly unknown[], uploads: Map<string, { readonly timestamp: number }>): Message {
  for (const file of files) uploads.delete(String(file));
  return filesMessage(uploads);
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
