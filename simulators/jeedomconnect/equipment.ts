/** One phone as the plugin keeps it: an equipment of Jeedom with its own configuration, cursor and queue of actions. */
import { createHash } from "node:crypto";
import type { Building } from "../jeedom/building.ts";

export interface Action {
  readonly action: string;
  readonly [detail: string]: unknown;
}

/** What the phone shows. `configVersion` grows with every change to it. */
export interface ConfigDocument {
  readonly type: "JEEDOM_CONFIG";
  formatVersion?: string;
  readonly idCounter: number;
  readonly payload: { configVersion: number; readonly [part: string]: unknown };
}

export interface PhoneEquipment {
  readonly id: number;
  /** The logical id: 32 hexadecimal digits. */
  apiKey: string;
  readonly name: string;
  /** The device that connected first; no other may come. */
  deviceId: string | undefined;
  deviceName: string;
  useWs: "0" | "1";
  polling: "0" | "1";
  enabled: boolean;
  connected: 0 | 1;
  appState: "active" | "background";
  /** Of the last GET_EVENTS, in seconds. */
  lastSeen: number;
  sessionId: number;
  /** All scenarios are told of, not only those in its configuration. */
  scAll: boolean;
  battery: number | undefined;
  config: ConfigDocument | undefined;
  /** What its configuration refers to. */
  readonly commands: Set<number>;
  readonly scenarios: Set<number>;
  /** Delivered once, to whoever asks first. */
  queue: Action[];
  /** What it has the plugin keep, by a name for each. */
  readonly kept: Map<string, unknown>;
  /** By their identifiers. */
  readonly geofences: Map<unknown, object>;
}

/** The key is made of the name, so that it is known beforehand. */
export function apiKeyOf(name: string): string {
  return createHash("md5").update(`phone ${name}`).digest("hex");
}

export function equipPhone(id: number, name: string, { commands, scenarios }: Building): PhoneEquipment {
  const infos = [...commands.values()].filter(({ plan }) => plan.type === "info");
  const widgets = infos.map((info, at) => ({ id: at + 1, type: "generic-info", statusInfo: { id: String(info.id) } }));
  const parts = { tabs: [], sections: [], rooms: [], groups: [], summaries: [], background: {}, weather: {} };
  return {
    id,
    apiKey: apiKeyOf(name),
    name,
    deviceId: undefined,
    deviceName: "",
    useWs: "0",
    polling: "0",
    enabled: true,
    connected: 0,
    appState: "background",
    lastSeen: 0,
    sessionId: 0,
    scAll: false,
    battery: undefined,
    config: {
      type: "JEEDOM_CONFIG",
      formatVersion: "1.0",
      idCounter: widgets.length + 1,
      payload: { configVersion: 1, ...parts, widgets, customData: { widgets: {} } },
    },
    commands: new Set(infos.map((info) => info.id)),
    scenarios: new Set(scenarios.keys()),
    queue: [],
    kept: new Map(),
    geofences: new Map(),
  };
}

/** Whether actions are queued for it; otherwise they go by push, which nobody simulates. */
export function isThere(phone: PhoneEquipment, now: number): boolean {
  return phone.polling === "1" ? now - phone.lastSeen < 3 : phone.appState === "active";
}
