/** Jeedom: the bridges to it, and the protocol of its plugin at its places. */
import { bridgeAt, policyOf } from "../config/policies.ts";
import type { Config, ListenerConfig } from "../config/schema.ts";
import { JeedomBridge } from "../protocols/jeedom/bridge.ts";
import { registerCalls } from "../protocols/jeedom/calls.ts";
import { hostNamed, hostOf } from "../protocols/jeedom/hosts.ts";
import { Listening } from "../protocols/jeedom/listening.ts";
import { Jeedom } from "../protocols/jeedom/protocol.ts";
import { readBridgeKey } from "../storage/bridge-keys.ts";
import { BridgeSet } from "./bridge-set.ts";
import type { Assembled, ListeningPlace, Parts } from "./parts.ts";

type Options = Config["protocols"]["jeedom"];

/** As the plugin has it, in ms. */
const usualAuthDelay = 1000;

export function assembleJeedom(parts: Parts): Assembled {
  const { config, derive, hub, gate, clock, log } = parts;
  const { heartbeat, public_url: publicUrl } = config;
  const bridges = bridgesOf(parts);

  const protocolAt = (options: Options, below: string, option: string): Jeedom => {
    const name = derive(() => bridgeAt(config, "jeedom", options.bridge));
    const upstream = (): JeedomBridge | undefined => bridges.get(name());
    const { auth_delay: authDelay = usualAuthDelay, read_delay: readDelay = 0, rights = "user" } = options;
    const place = { hub, gate, clock, log, heartbeat, authDelay, readDelay, rights };
    const listening = madeFor(upstream, (served) => new Listening({ ...place, upstream: served }));
    const allowed = hostsIn(options.allowed_hosts);
    const ownHost = publicUrl === undefined ? undefined : hostOf(publicUrl);
    const known = (): readonly string[] => [...(upstream()?.hosts ?? []), ...(ownHost === undefined ? [] : [ownHost])];
    const hosts = allowed === undefined ? known : () => allowed;
    const requireOrigin = options.require_origin ?? true;
    return new Jeedom({ listening, below, hosts, requireOrigin, option, log });
  };

  const listen = (listener: ListenerConfig, option: string, { listeners, frontOf }: ListeningPlace): readonly [] => {
    const { listen: at, tls } = listener;
    const front = frontOf(
      protocolAt(listener, "", option),
      derive(() => policyOf(config, listener)),
    );
    listeners.listen(at, { front, tls, protocol: "jeedom" });
    return [];
  };

  return { protocol: protocolAt(config.protocols.jeedom, "/jeedom", "protocols.jeedom"), bridges, listen };
}

/** A list, or a text with commas as the plugin's setting. */
function hostsIn(written: Options["allowed_hosts"]): readonly string[] | undefined {
  const hosts = typeof written === "string" ? written.split(",") : written;
  return hosts?.map(hostNamed).filter((host) => host !== "");
}

/** What belongs to a bridge, for as long as it is that one. */
function madeFor<T>(bridge: () => JeedomBridge | undefined, make: (bridge: JeedomBridge) => T): () => T | undefined {
  let made: { readonly bridge: JeedomBridge; readonly value: T } | undefined;
  return () => {
    const served = bridge();
    if (served === undefined) return undefined;
    if (made?.bridge !== served) made = { bridge: served, value: make(served) };
    return made.value;
  };
}

function bridgesOf({ config, hub, clock, chance, log, dialer, calls }: Parts): BridgeSet<JeedomBridge> {
  return new BridgeSet({
    config,
    type: "jeedom",
    make: (name, { url, key: given, rest = false, read_delay: readDelay }) => {
      const key = (): string | undefined => given ?? readBridgeKey(config.data, name);
      const bridge = new JeedomBridge({ name, url, key, rest, readDelay, hub, clock, chance, log, dialer });
      return { bridge, takeBack: registerCalls(calls, name, bridge.rpc) };
    },
  });
}
