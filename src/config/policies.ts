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

/** The policy of a protocol on the main listener. */
export function protocolPolicy(config: Config, name: ProtocolName): Policy {
  return policyOf(config, config.protocols[name]);
}
