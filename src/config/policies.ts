/** Who may come to which listener and protocol, from what the configuration says of it or of the whole. */
import { addressIn } from "../core/gate.ts";
import type { Grants, Policy } from "../ports.ts";
import type { Anonymous, Config, ProtocolName } from "./schema.ts";

const everyAddress = ["0.0.0.0/0", "::/0"];
const loopback = ["127.0.0.1", "::1"];

/** What a listener, or a protocol of the main listener, may say otherwise than the whole. */
interface Access {
  readonly open_to?: readonly string[] | undefined;
  readonly anonymous?: Anonymous | undefined;
  readonly origins?: readonly string[] | undefined;
}

function grantsOf({ subscribe, publish }: Anonymous): Grants {
  return {
    ...(subscribe.length > 0 ? { subscribe } : {}),
    ...(publish.length > 0 ? { publish } : {}),
  };
}

function devicesOf({ devices }: Anonymous, openTo: readonly string[]): readonly string[] {
  // From this machine, as far as it may come without a key at all.
  if (devices === "loopback") return loopback.filter((address) => addressIn(address, openTo));
  return devices ? openTo : [];
}

export function policyOf(config: Config, access: Access = {}): Policy {
  const openTo = access.open_to ?? everyAddress;
  const anonymous = access.anonymous ?? config.anonymous;
  return {
    openTo,
    anonymous: grantsOf(anonymous),
    devices: devicesOf(anonymous, openTo),
    origins: access.origins ?? config.origins,
  };
}

/** Where a house's own machines are. */
const houseNetworks = [
  "127.0.0.0/8",
  "::1",
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "169.254.0.0/16",
  "fc00::/7",
  "fe80::/10",
];

/** The bridge that a protocol serves at a place: the one named, or the only one of the protocol's type. */
export function bridgeAt(
  { bridges }: Pick<Config, "bridges">,
  protocol: ProtocolName,
  named: string | undefined,
): string | undefined {
  const names = [...bridges].filter(([, { type }]) => type === protocol).map(([name]) => name);
  if (named !== undefined) return names.find((name) => name === named);
  return names.length === 1 ? names[0] : undefined;
}

/** Clients of a deCONZ gateway send no key: who is in the house may listen to it, unless it is said otherwise. */
export function deconzPolicy(config: Config, access: Access & { readonly bridge?: string | undefined }): Policy {
  const bridge = bridgeAt(config, "deconz", access.bridge);
  const policy = policyOf(config, { ...access, open_to: access.open_to ?? houseNetworks });
  if (access.anonymous !== undefined) return policy;
  return { ...policy, anonymous: bridge === undefined ? {} : { subscribe: [`${bridge}/**`] } };
}

/** What a board calls itself instead of the page that it is not, and no browser can: Espruino's module. */
const espruinoOrigin = "Espruino";
/** The same of the usual library for Arduino. Pages in files may have it too, so that it is for listeners of boards. */
const arduinoOrigin = "file://";

/** Boards have no key in their examples: who is in the house may talk in the rooms, unless it is said otherwise. */
export function espruinoPolicy(config: Config, access: Access, boards = false): Policy {
  const policy = policyOf(config, { ...access, open_to: access.open_to ?? houseNetworks });
  return {
    ...policy,
    ...(access.anonymous === undefined
      ? { anonymous: { subscribe: ["room/**"], publish: ["room/**", "espruino/inbox"] } }
      : {}),
    origins: [...policy.origins, espruinoOrigin, ...(boards ? [arduinoOrigin] : [])],
  };
}

/** The policy of a protocol on the main listener. */
export function protocolPolicy(config: Config, name: ProtocolName): Policy {
  if (name === "deconz") return deconzPolicy(config, config.protocols.deconz);
  if (name === "espruino") return espruinoPolicy(config, config.protocols.espruino);
  // Its phones show a key with whatever they ask.
  if (name === "jeedomconnect") return policyOf(config);
  return policyOf(config, config.protocols[name]);
}
