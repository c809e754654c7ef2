/** What phones change of what they show, and what they have the plugin keep for them. */
import type { Answering, Params } from "./plugin.ts";
import { cmdInfo } from "./shapes.ts";

/** Each changes the configuration in its own way, and so its version. */
const editing =
  `SET_WIDGET ADD_WIDGETS REMOVE_WIDGET MOVE_WIDGET SET_CUSTOM_WIDGETS SET_GROUP ADD_GROUP REMOVE_GROUP MOVE_GROUP
  REMOVE_GLOBAL_WIDGET SET_BOTTOM_TABS REMOVE_BOTTOM_TAB SET_TOP_TABS REMOVE_TOP_TAB MOVE_TOP_TAB
  SET_PAGE_DATA SET_ROOMS SET_SUMMARIES SET_BACKGROUNDS`.split(/\s+/);

export const configuring: Readonly<Record<string, Answering>> = {
  ...Object.fromEntries(editing.map((method) => [method, (phone, _, plugin) => void plugin.edit(phone)] as const)),
  ADD_GLOBAL_WIDGETS: (phone, { widgets }, plugin) => {
    plugin.edit(phone);
    const first = 1000 + (phone.config?.payload.configVersion ?? 0);
    return {
      type: "SET_MULTIPLE_WIDGET_DATA",
      payload: listOf(widgets).map((widget, at) => ({ ...widget, id: String(first + at) })),
    };
  },
  GET_CONFIG: ({ config }) => ({ type: "SET_CONFIG", payload: config ?? null }),
  COPY_CONFIG: () => undefined,
  GET_WIDGET_DATA: ({ config }) => ({
    type: "SET_WIDGET_DATA",
    payload: { widgets: config?.payload["widgets"] ?? [] },
  }),
  GET_WIDGET_WITH_GEN_TYPE: () => ({ type: "SET_WIDGET_WITH_GEN_TYPE", payload: [] }),
  // The two names are the wrong way round in the plugin.
  SET_APP_CONFIG: ({ kept }, { name, config }) => {
    kept.set(`appPref-${String(name)}`, config);
    return { type: "GET_APP_CONFIG" };
  },
  GET_APP_CONFIG: ({ kept }, { configId }) => {
    const config = kept.get(`appPref-${String(configId)}`);
    if (config === undefined) throw new Error("Le fichier n'existe plus.");
    return { type: "SET_APP_CONFIG", payload: { config } };
  },
  SET_PICOKEY: ({ kept }, { value }) => void kept.set("picovoiceKey", value),
  GET_PICOKEY: ({ kept }) => {
    return { type: "SET_PICOKEY", payload: { picovoiceKey: kept.get("picovoiceKey") ?? null } };
  },
  GET_PWD: () => ({ type: "SET_PWD", payload: null }),
  SET_NOTIFS_CONFIG: ({ kept }, { notifsConfig }) => void kept.set("notifs", notifsConfig),
  GET_NOTIFS_CONFIG: ({ kept }) => {
    return { type: "SET_NOTIFS_CONFIG", payload: kept.get("notifs") ?? { idCounter: 1, payload: { notifs: [] } } };
  },
  TEST_NOTIF: () => undefined,
  ADD_GEOFENCE: ({ geofences }, { geofence, coordinates }) => {
    const { identifier, radius, extras } = geofence as Params;
    const place = { radius, ...(coordinates as Params), notifyOnEntry: true, notifyOnExit: true };
    geofences.set(identifier, { identifier, extras, ...place });
    return undefined;
  },
  REMOVE_GEOFENCE: ({ geofences }, { geofence }) => void geofences.delete((geofence as Params)["identifier"]),
  GET_GEOFENCES: ({ geofences }) => ({ type: "SET_GEOFENCES", payload: { geofences: [...geofences.values()] } }),
  SET_CMD_SHORTCUT: (_, { cmdId }, { jeedom }) => {
    return { type: "SET_QSTILES_INFO", payload: cmdInfo(jeedom.house, [cmdId].flat().map(Number)) };
  },
  GET_CONTROL_DEVICES: () => ({ type: "SET_CONTROL_DEVICES", payload: { devices: [] } }),
};

function listOf(value: unknown): readonly Params[] {
  return Array.isArray(value) ? (value as readonly Params[]) : [];
}
