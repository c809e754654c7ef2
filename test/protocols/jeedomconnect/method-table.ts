/** Every method of the plugin's API, as it is documented: what it is asked with, and the type and shape of its answer. */
import type { House } from "../../../simulators/jeedom/house.ts";

/** An object with exactly these members, or a list of such objects, which may be empty; a text, a yes or no, nothing. */
export type Shape = { readonly object: string } | { readonly list: string } | "text" | "boolean" | "none";

export interface Row {
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** Absent where the method has no answer. */
  readonly reply?: { readonly type: string; readonly payload: Shape };
}

const object = (members: string): Shape => ({ object: members });
const list = (members: string): Shape => ({ list: members });

const info = "id value modified collectDate history";
const scenario = "id name object group status lastLaunch active icon";
const summary = "object_id keys";
const history = "id data";
const all = "cmdInfo scInfo objInfo";

type Written = readonly [method: string, params: Row["params"], type?: string, payload?: Shape];

function session(userHash: string): readonly Written[] {
  return [
    ["PING", {}],
    ["SET_APPSTATE", { state: "active" }],
    ["CHECK_AUTHENT", { login: "admin", password: "admin" }, "SET_AUTHENT", object("userHash userProfil")],
    ["CHECK_USER", { userHash }, "SET_CHECK_USER", object("twoFactorAuthentificationRequired")],
    ["VERIF_2FA", { userHash, password2FA: "123456" }, "SET_2FA", object("authorized")],
    ["REGISTER_DEVICE", { userHash, rdk: "k" }, "REGISTERED", object("rdk")],
    [
      "GET_AVAILABLE_EQUIPEMENT",
      { userHash },
      "AVAILABLE_EQUIPEMENT",
      list("logicalId name enable useWs polling deviceName deviceId"),
    ],
    ["DETACH_EQUIPEMENT", { eqId: "none" }],
    [
      "GET_PLUGIN_CONFIG",
      {},
      "PLUGIN_CONFIG",
      object("useWs polling httpUrl internalHttpUrl wsAddress internalWsAddress pluginJeedomVersion"),
    ],
    ["GET_PWD", {}, "SET_PWD", "none"],
    ["SET_PICOKEY", { value: "p" }],
    ["GET_PICOKEY", {}, "SET_PICOKEY", object("picovoiceKey")],
    ["SET_DEVICE_INFOS", { batteryLevel: 50 }],
    ["SET_BATTERY", { level: 50 }],
    ["SET_FACE_DETECTED", { value: 1 }],
    ["SET_LOG", { level: "info", text: "Bonjour" }],
    ["GET_INSTALL_DETAILS", {}, "SET_INSTALL_DETAILS", "text"],
  ];
}

function state(command: string): readonly Written[] {
  const options = { startTime: 0, endTime: 1 };
  return [
    ["GET_INFO", {}, "SET_INFO", object(all)],
    ["GET_CMD_INFO", {}, "SET_CMD_INFO", list(info)],
    ["GET_SC_INFO", {}, "SET_SC_INFO", list(scenario)],
    ["GET_OBJ_INFO", {}, "SET_OBJ_INFO", list(summary)],
    ["GET_ALL_SC", {}, "SET_ALL_SC", list(scenario)],
    ["UNSUBSCRIBE_SC", {}],
    ["GET_CONFIG", {}, "SET_CONFIG", object("type formatVersion idCounter payload")],
    ["GET_JEEDOM_DATA", {}, "SET_JEEDOM_DATA", object("cmds eqLogics objects scenarios summariesConfig")],
    ["GET_WIDGET_DATA", {}, "SET_WIDGET_DATA", object("widgets")],
    ["GET_WIDGET_WITH_GEN_TYPE", { widget_type: "light", eqId: "1" }, "SET_WIDGET_WITH_GEN_TYPE", list("")],
    ["GET_HISTORY", { id: command, options }, "SET_HISTORY", object(history)],
    ["GET_HISTORIES", { ids: [command], options }, "SET_HISTORIES", list(history)],
    ["GET_BATTERIES", {}, "SET_BATTERIES", list("")],
    ["GET_PLUGINS_UPDATE", {}, "SET_PLUGINS_UPDATE", object("nbUpdate pluginsToUpdate otherPlugins")],
    ["GET_JEEDOM_GLOBAL_HEALTH", {}, "SET_JEEDOM_GLOBAL_HEALTH", object("plugins jeedom nbUpdate")],
    ["GET_TIMELINE_FOLDERS", {}, "SET_TIMELINE_FOLDERS", list("")],
    ["GET_TIMELINE_EVENTS", { folder: "main", user_id: "1" }, "SET_TIMELINE_EVENTS", list("")],
    ["GET_JEEDOM_MESSAGES", { plugin: "" }, "SET_JEEDOM_MESSAGES", list("")],
    ["REMOVE_JEEDOM_MESSAGE", { messageId: "1" }, "SET_JEEDOM_MESSAGES", list("")],
    ["GET_LOG", { type: "log", id: "core" }, "SET_LOG", "text"],
  ];
}

function actions(command: string): readonly Written[] {
  const geofence = { identifier: "home", radius: 100, extras: { name: "Maison" } };
  const files = object("path files");
  return [
    ["CMD_EXEC", { id: command, options: {} }],
    ["CMDLIST_EXEC", { cmdList: [{ id: command, options: {} }] }],
    ["SC_EXEC", { id: "1", options: { tags: "" } }],
    ["SC_STOP", { id: "1" }],
    ["SC_SET_ACTIVE", { id: "1", active: 1 }],
    [
      "QUERY_INTERACT",
      { query: "Quelle heure ?", options: {}, keywordIndex: 0 },
      "QUERY_ANSWER",
      object("reply keywordIndex"),
    ],
    ["SET_EVENT", { commandId: command, message: "1" }],
    ["ASK_REPLY", { cmdId: command, answer: "oui", otherAskCmdId: [], notificationId: 1, dateAnswer: 1 }],
    ["DO_PLUGIN_UPDATE", { pluginId: "JeedomConnect" }, "SET_PLUGIN_UPDATE", "boolean"],
    ["DAEMON_PLUGIN_RESTART", { userId: "1", pluginId: "mobile" }, "SET_DAEMON_PLUGIN_RESTART", "boolean"],
    ["DAEMON_PLUGIN_STOP", { userId: "1", pluginId: "mobile" }, "SET_DAEMON_PLUGIN_STOP", "boolean"],
    ["GEOLOC", { coords: { latitude: 48, longitude: 2 }, activity: {}, battery: {}, timestamp: "2023-11-14" }],
    ["ADD_GEOFENCE", { geofence, coordinates: { latitude: 48, longitude: 2 } }],
    ["GET_GEOFENCES", {}, "SET_GEOFENCES", object("geofences")],
    ["REMOVE_GEOFENCE", { geofence }],
    ["GET_FILES", { folder: "/data/files/", recursive: false, prefixe: "" }, "SET_FILES", files],
    ["REMOVE_FILE", { file: "/data/files/a.jpg" }, "SET_FILES", files],
    ["REMOVE_FILES", { files: ["/data/files/a.jpg"], path: "/data/files/" }, "SET_FILES", files],
    ["GET_NOTIFS_CONFIG", {}, "SET_NOTIFS_CONFIG", object("idCounter payload")],
    ["SET_NOTIFS_CONFIG", { notifsConfig: { idCounter: 2, payload: {} } }],
    ["TEST_NOTIF", { notifId: "defaultNotif" }],
    ["SET_APP_CONFIG", { name: "mine", config: { theme: "dark" } }, "GET_APP_CONFIG", "none"],
    ["GET_APP_CONFIG", { configId: "mine" }, "SET_APP_CONFIG", object("config")],
    ["SET_CMD_SHORTCUT", { cmdId: command }, "SET_QSTILES_INFO", list(info)],
    ["GET_CONTROL_DEVICES", { activeControlIds: [] }, "SET_CONTROL_DEVICES", object("devices")],
    ["COPY_CONFIG", { from: "a", to: "b", withCustom: false }],
  ];
}

/** Each brings all phones a new configuration. */
export const editing = [
  ...["SET_WIDGET", "ADD_WIDGETS", "REMOVE_WIDGET", "MOVE_WIDGET", "SET_CUSTOM_WIDGETS", "REMOVE_GLOBAL_WIDGET"],
  ...["SET_GROUP", "ADD_GROUP", "REMOVE_GROUP", "MOVE_GROUP", "SET_PAGE_DATA", "SET_ROOMS", "SET_SUMMARIES"],
  ...["SET_BOTTOM_TABS", "REMOVE_BOTTOM_TAB", "SET_TOP_TABS", "REMOVE_TOP_TAB", "MOVE_TOP_TAB", "SET_BACKGROUNDS"],
] as const;

/** Those that begin, end or change a phone's visit. */
export const ofVisits = [
  "CONNECT",
  "DISCONNECT",
  "GET_EVENTS",
  "GET_NEW_APIKEY",
  "SET_WEBSOCKET",
  "SET_POLLING",
] as const;

/** All but those of visits. */
export function methodTable(house: House, userHash: string): readonly Row[] {
  const lamp = [...house.building.commands.values()].find(({ plan }) => plan.genericType === "LIGHT_ON");
  const command = String(lamp?.id);
  const edits = editing.map((method): Written => [method, {}]);
  const widgets = { widgets: [{ type: "generic-info", name: "new" }] };
  const added: Written = ["ADD_GLOBAL_WIDGETS", widgets, "SET_MULTIPLE_WIDGET_DATA", list("type name id")];
  return [...session(userHash), ...state(command), ...actions(command), ...edits, added].map(
    ([method, params, type, payload = "none"]) =>
      type === undefined ? { method, params } : { method, params, reply: { type, payload } },
  );
}
