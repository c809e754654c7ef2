/** What the REST face says of the gateway: the upstream's config, as it is seen from here. Pure. */
import type { JsonObject } from "../../core/json.ts";

/** What needs no key. */
const basicMembers = [
  "apiversion",
  "bridgeid",
  "datastoreversion",
  "devicename",
  "factorynew",
  "mac",
  "modelid",
  "name",
  "replacesbridgeid",
  "starterkitid",
  "swversion",
] as const;

/** What is said before the upstream was ever heard. */
const unknownGateway: JsonObject = {
  apiversion: "1.16.0",
  bridgeid: "00212E0000000000",
  datastoreversion: "93",
  factorynew: false,
  mac: "00:00:00:00:00:00",
  modelid: "deCONZ",
  name: "Hearthwire",
  replacesbridgeid: null,
  starterkitid: "",
  swversion: "2.0.0",
};

export interface SeenFromHere {
  readonly port: number;
  readonly webSocketPort: number;
  /** The WebSocket is reached by TLS. */
  readonly secure: boolean;
  readonly pairingOpen: boolean;
  /** The host by which the client reached us, where it is an address. */
  readonly address: string | undefined;
  /** The client's own key: others are nobody's business. */
  readonly key: string;
  readonly keyName: string;
  readonly created: number;
  readonly now: number;
}

export function basicConfig(upstream: JsonObject): JsonObject {
  const known = Object.fromEntries(
    basicMembers.filter((name) => name in upstream).map((name) => [name, upstream[name]]),
  );
  return { ...unknownGateway, ...known };
}

export function wholeConfig(upstream: JsonObject, here: SeenFromHere): JsonObject {
  const { websocketport: _port, websocketport_wss: _wss, whitelist: _whitelist, ...rest } = upstream;
  const { port, webSocketPort, secure, pairingOpen, address, key, keyName, created, now } = here;
  return {
    ...unknownGateway,
    ...rest,
    ...(address === undefined ? {} : { ipaddress: address }),
    linkbutton: pairingOpen,
    ...("port" in rest ? { port } : {}),
    websocketport: webSocketPort,
    ...(secure ? { websocketport_wss: webSocketPort } : {}),
    whitelist: { [key]: { "create date": timeText(created), "last use date": timeText(now), name: keyName } },
  };
}

function timeText(time: number): string {
  return new Date(time).toISOString().slice(0, 19);
}
