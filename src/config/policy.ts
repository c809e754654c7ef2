/** Who may come without a key where, and what they may do there: the nearest word holds, option by option. */
import ipaddr from "ipaddr.js";
import type { Policy } from "../core/gate.ts";
import type { ListenerConfig, ProtocolName } from "./listeners.ts";
import type { Config } from "./schema.ts";

const everywhere: readonly string[] = ["0.0.0.0/0", "::/0"];
export const loopback: readonly string[] = ["127.0.0.0/8", "::1/128"];

export interface AccessPolicy extends Policy {
  /** The addresses from which devices may connect without a key. */
  readonly devicesOpenTo: readonly string[];
}

/**
 * What holds for a protocol on the main listener, or on `listener`: a listener's own word comes before the protocol's,
 * and that before the whole's. The same question deserves the same answer object: ask once for each place.
 */
export function policyOf(config: Config, protocol: ProtocolName, listener?: ListenerConfig): AccessPolicy {
  const options = config.protocols[protocol];
  const anonymous = listener?.anonymous ?? options.anonymous ?? config.anonymous;
  const openTo = listener?.open_to ?? options.open_to ?? everywhere;
  const { subscribe, publish, devices } = anonymous;
  return {
    openTo,
    anonymous: { subscribe, publish },
    origins: listener?.origins ?? options.origins ?? config.origins,
    devicesOpenTo: devices === false ? [] : devices === true ? openTo : common(openTo, loopback),
  };
}

/** The ranges in which an address is when it is in one of each list; of two that overlap one contains the other. */
function common(some: readonly string[], others: readonly string[]): readonly string[] {
  return some.flatMap((one) =>
    others.flatMap((other) => (contains(one, other) ? [other] : contains(other, one) ? [one] : [])),
  );
}

function contains(outer: string, inner: string): boolean {
  const [wide, wideBits] = parse(outer);
  const [narrow, narrowBits] = parse(inner);
  if (narrowBits < wideBits) return false;
  if (wide instanceof ipaddr.IPv4) return narrow instanceof ipaddr.IPv4 && narrow.match(wide, wideBits);
  return narrow instanceof ipaddr.IPv6 && narrow.match(wide, wideBits);
}

function parse(range: string): readonly [ipaddr.IPv4 | ipaddr.IPv6, number] {
  if (range.includes("/")) return ipaddr.parseCIDR(range);
  const address = ipaddr.parse(range);
  return [address, address instanceof ipaddr.IPv4 ? 32 : 128];
}
