/** deCONZ: bridges to gateways, and the protocol at its places. */
import { bridgeAt, deconzPolicy } from "../config/policies.ts";
import type { Config, ListenerConfig } from "../config/schema.ts";
import { DeconzBridge } from "../protocols/deconz/bridge.ts";
import { registerCalls } from "../protocols/deconz/calls.ts";
import { Listening } from "../protocols/deconz/listening.ts";
import { Deconz, type DeconzParts, type DeconzPlace } from "../protocols/deconz/protocol.ts";
import { RestFace } from "../protocols/deconz/rest-face.ts";
import { readBridgeKey } from "../storage/bridge-keys.ts";
import { BridgeSet } from "./bridge-set.ts";
import type { Assembled, ListeningPlace, Parts } from "./parts.ts";

/** Where deCONZ looks for a port for its WebSocket; the last is any free one. */
export const usualWebSocketPorts = [443, 8080, 8088, 20_877, 0];

export function assembleDeconz(parts: Parts): Assembled {
  const { config, derive, hub, gate, log, clock } = parts;
  const bridges = bridgesOf(parts);
  const rest = new RestFace({ gate, keyring: parts.keyring, window: parts.pairing, clock, log });
  const shared: DeconzParts = { gate, log, listening: new Listening(hub, config.heartbeat / 1000), rest };

  const protocolAt = (
    { bridge, path_key: pathKey = false, public_ws_port: told }: Config["protocols"]["deconz"],
    below: string,
    option: string,
    more: Partial<DeconzPlace> = {},
  ): Deconz => {
    const name = derive(() => bridgeAt(config, "deconz", bridge));
    const served = (): DeconzBridge | undefined => bridges.get(name());
    return new Deconz(shared, { bridge: served, below, pathKey, webSocketPort: () => told, option, ...more });
  };

  /** REST at `listen`; the WebSocket there too, or at a port of its own, which is looked for last. */
  const listen = (
    listener: ListenerConfig,
    option: string,
    { listeners, frontOf }: ListeningPlace,
  ): readonly (() => void)[] => {
    const { listen: at, tls, ws_port: webSocketPort = "shared", public_ws_port: told } = listener;
    const policy = derive(() => deconzPolicy(config, listener));
    let own: number | undefined;
    const served = (more: Partial<DeconzPlace>) => {
      const place = { webSocketPort: () => told ?? own, ...more };
      return { tls, protocol: "deconz" as const, front: frontOf(protocolAt(listener, "", option, place), policy) };
    };
    listeners.listen(at, served({}));
    if (webSocketPort === "shared") return [];
    const ports = webSocketPort === "auto" ? usualWebSocketPorts : [webSocketPort];
    return [
      () => {
        own = listeners.listenAtFirst(ports, at.host, served({ onlyWebSocket: true }));
      },
    ];
  };

  return { protocol: protocolAt(config.protocols.deconz, "/deconz", "protocols.deconz"), bridges, listen };
}

function bridgesOf({ config, hub, clock, chance, log, dialer, calls }: Parts): BridgeSet<DeconzBridge> {
  return new BridgeSet({
    config,
    type: "deconz",
    make: (name, { url, key: given }) => {
      const key = (): string | undefined => given ?? readBridgeKey(config.data, name);
      const bridge = new DeconzBridge({ name, url, key, hub, clock, chance, log, dialer });
      return { bridge, takeBack: registerCalls(calls, bridge) };
    },
  });
}
