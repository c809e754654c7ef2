/** CONNECT: what the plugin checks, in its order, and its WELCOME. */
import type { PhoneEquipment } from "./equipment.ts";
import type { Message } from "./message.ts";
import { type Plugin, versions } from "./plugin.ts";
import { allInfo } from "./shapes.ts";

export function connect(
  phone: PhoneEquipment,
  params: Readonly<Record<string, unknown>>,
  plugin: Plugin,
): Message | undefined {
  const { deviceId, deviceName, appVersion, appTypeVersion, pluginRequire } = params;
  if (phone.deviceId !== undefined && phone.deviceId !== deviceId) return { type: "BAD_DEVICE" };
  if (appTypeVersion !== undefined && appTypeVersion !== versions.appType) return { type: "BAD_TYPE_VERSION" };
  if (isOlder(appVersion, versions.appRequired)) {
    return { type: "APP_VERSION_ERROR", payload: { version: versions.plugin, require: versions.appRequired } };
  }
  if (isOlder(versions.plugin, pluginRequire)) return { type: "PLUGIN_VERSION_ERROR" };
  if (typeof deviceId === "string") phone.deviceId = deviceId;
  phone.deviceName = String(deviceName ?? "");
  if (phone.config === undefined) return { type: "EMPTY_CONFIG_FILE" };
  if (phone.config.formatVersion === undefined) return { type: "FORMAT_VERSION_ERROR" };
  Object.assign(phone, { connected: 1, appState: "active", scAll: false });
  return { type: "WELCOME", payload: welcome(phone, plugin) };
}

function welcome(phone: PhoneEquipment, { jeedom }: Plugin): Record<string, unknown> {
  const { name, useWs, polling, config } = phone;
  const user = jeedom.users.all.get("admin");
  return {
    pluginVersion: versions.plugin,
    jeedomName: "Maison",
    serverId: "simulated",
    eqName: name,
    useWs,
    polling,
    userHash: user?.key ?? "",
    userId: "1",
    userName: user?.login ?? "",
    userProfil: user?.profile ?? "",
    userImgPath: "plugins/JeedomConnect/data/img/user_files/",
    configVersion: config?.payload.configVersion ?? null,
    notifsVersion: 1,
    scenariosEnabled: "1",
    webviewEnabled: "0",
    editEnabled: "1",
    getLogAllowed: "1",
    pluginConfig: {},
    ...allInfo(jeedom.house, phone),
    geofenceInfo: {},
    links: [],
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    timelineFolders: null,
  };
}

/** Versions are numbers between dots; what was not said is no reason. */
function isOlder(version: unknown, required: unknown): boolean {
  if (typeof version !== "string" || typeof required !== "string") return false;
  return version.localeCompare(required, "en", { numeric: true }) < 0;
}
