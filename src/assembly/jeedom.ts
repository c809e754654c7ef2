/** Jeedom: bridges to it. */
import { JeedomBridge } from "../protocols/jeedom/bridge.ts";
import { registerCalls } from "../protocols/jeedom/calls.ts";
import { readBridgeKey } from "../storage/bridge-keys.ts";
import type { Parts } from "./parts.ts";

export function jeedomBridges({ config, hub, clock, chance, log, dialer, calls }: Parts): readonly JeedomBridge[] {
  const ours = [...config.bridges].filter(([, { type }]) => type === "jeedom");
  return ours.map(([name, { url, key: given, rest = false, read_delay: readDelay }]) => {
    const key = (): string | undefined => given ?? readBridgeKey(config.data, name);
    const bridge = new JeedomBridge({ name, url, key, rest, readDelay, hub, clock, chance, log, dialer });
    registerCalls(calls, name, bridge.rpc);
    return bridge;
  });
}
