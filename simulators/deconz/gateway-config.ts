/** What the gateway says of itself. */
import type { JsonObject, Resource } from "./json.ts";

export const bridgeId = "00212EFFFF8642AB";

/** What everybody may know. */
export function basicConfig({ name }: JsonObject): JsonObject {
  return {
    apiversion: "1.16.0",
    bridgeid: bridgeId,
    datastoreversion: "93",
    devicename: "ConBee III",
    factorynew: false,
    mac: "00:21:2e:ff:86:42",
    modelid: "deCONZ",
    name: name ?? "Phoscon-GW",
    replacesbridgeid: null,
    starterkitid: "",
    swversion: "2.30.2",
  };
}

/** What can be changed by `PUT /config`. */
export function firstConfig(): Resource {
  return {
    UTC: "2026-01-01T00:00:00",
    dhcp: true,
    disablePermitJoinAutoOff: false,
    discovery: true,
    fwversion: "0x26780700",
    gateway: "192.168.1.1",
    groupdelay: 50,
    internetservices: { internet: "connected", remoteaccess: "disconnected", swupdate: "connected", time: "connected" },
    ipaddress: "192.168.1.10",
    lightlastseeninterval: 60,
    localtime: "2026-01-01T01:00:00",
    name: "Phoscon-GW",
    netmask: "255.255.255.0",
    networkopenduration: 60,
    otauactive: true,
    panid: 34_340,
    portalservices: false,
    proxyaddress: "none",
    proxyport: 0,
    rfconnected: true,
    swupdate: { checkforupdate: false, devicetypes: {}, notify: false, text: "", updatestate: 0, url: "" },
    timeformat: "24h",
    timezone: "Europe/Berlin",
    uuid: "a65d80a1-975a-4598-8d5a-2547bc18d63b",
    websocketnotifyall: true,
    zigbeechannel: 15,
  };
}

/** Whether a value may be given to a member of the config that can be changed. */
export const configRules: Readonly<Record<string, (value: unknown) => boolean>> = {
  name: (value) => typeof value === "string" && value.length > 0 && value.length <= 16,
  rfconnected: isBoolean,
  permitjoin: within(0, 255),
  groupdelay: within(0, 5000),
  otauactive: isBoolean,
  discovery: isBoolean,
  unlock: within(0, 600),
  zigbeechannel: (value) => [0, 11, 15, 20, 25].includes(value as number),
  networkopenduration: within(0, 65_535),
  timezone: (value) => typeof value === "string",
  timeformat: (value) => value === "12h" || value === "24h",
  websocketnotifyall: isBoolean,
  disablePermitJoinAutoOff: isBoolean,
  lightlastseeninterval: within(1, 65_535),
};

function isBoolean(value: unknown): boolean {
  return typeof value === "boolean";
}

function within(least: number, most: number): (value: unknown) => boolean {
  return (value) => Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}
