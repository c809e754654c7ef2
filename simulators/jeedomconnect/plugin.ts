/** The plugin's own state: its phones, and what the people of the house do on its page. Knows no HTTP. */
import { createHash } from "node:crypto";
import type { Simulator as Jeedom } from "../jeedom/server.ts";
import { type Action, equipPhone, isThere, type PhoneEquipment } from "./equipment.ts";
import type { Message } from "./message.ts";

export const versions = { plugin: "1.7.9", appRequired: "1.7.0", appType: "stable" } as const;

export type Params = Readonly<Record<string, unknown>>;
/** A method's answer; `undefined`: it has none. */
export type Answering = (phone: PhoneEquipment, params: Params, plugin: Plugin) => Message | undefined;

export interface Addresses {
  httpUrl: string;
  internalHttpUrl: string;
  wsAddress: string;
  internalWsAddress: string;
}

export class Plugin {
  readonly jeedom: Jeedom;
  /** By name. */
  readonly phones = new Map<string, PhoneEquipment>();
  /** Files that phones uploaded, by path. */
  readonly uploads = new Map<string, { readonly timestamp: number; readonly bytes: Uint8Array }>();
  readonly addresses: Addresses = {
    httpUrl: "http://maison.example.org",
    internalHttpUrl: "http://192.168.1.20",
    wsAddress: "ws://maison.example.org:8090",
    internalWsAddress: "ws://192.168.1.20:8090",
  };
  /** New keys that their phones were not told yet, by the old ones. */
  readonly #regenerated = new Map<string, string>();

  constructor(jeedom: Jeedom) {
    this.jeedom = jeedom;
  }

  /** A phone of the house. Its key is `apiKeyOf(name)`. */
  add(name: string, settings: Partial<Pick<PhoneEquipment, "useWs" | "polling" | "deviceId">> = {}): PhoneEquipment {
    const phone = equipPhone(500 + this.phones.size, name, this.jeedom.house.building);
    this.phones.set(name, Object.assign(phone, settings));
    return phone;
  }

  find(apiKey: unknown): PhoneEquipment | undefined {
    return [...this.phones.values()].find((phone) => phone.apiKey === apiKey);
  }

  /** For the phone's next GET_EVENTS. False: it was not there, and the action went by push. */
  act(phone: PhoneEquipment, action: Action): boolean {
    const queued = isThere(phone, this.jeedom.now());
    if (queued) phone.queue.push(action);
    return queued;
  }

  /** The phone's configuration was changed. */
  edit({ config }: PhoneEquipment): void {
    if (config !== undefined) config.payload.configVersion++;
  }

  regenerate(phone: PhoneEquipment): string {
    const old = phone.apiKey;
    phone.apiKey = createHash("md5").update(`after ${old}`).digest("hex");
    this.#regenerated.set(old, phone.apiKey);
    return phone.apiKey;
  }

  /** Told once. */
  newKeyFor(old: unknown): Message | undefined {
    const apiKey = this.#regenerated.get(String(old));
    if (apiKey === undefined) return undefined;
    this.#regenerated.delete(String(old));
    return { type: "SET_NEW_APIKEY", payload: { apiKey } };
  }

  /** What the QR code of a phone says. */
  qrCode({ useWs, polling, name, apiKey }: PhoneEquipment): Record<string, string> {
    const userHash = this.jeedom.users.all.get("admin")?.key ?? "";
    return { useWs, polling, eqName: name, userName: "admin", ...this.addresses, apiKey, userHash };
  }
}

/** What anyone may ask for. */
export function addressesOf({ phones, addresses }: Plugin): Record<string, string> {
  const any = (which: "useWs" | "polling"): string =>
    [...phones.values()].some((phone) => phone[which] === "1") ? "1" : "0";
  return { useWs: any("useWs"), polling: any("polling"), ...addresses, pluginJeedomVersion: versions.plugin };
}
