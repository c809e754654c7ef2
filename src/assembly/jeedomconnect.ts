/** JeedomConnect: bridges to its plugin, and what its phones speak, at its places. */
import { bridgeAt, policyOf } from "../config/policies.ts";
import type { ListenerConfig } from "../config/schema.ts";
import { JeedomConnectBridge } from "../protocols/jeedomconnect/bridge.ts";
import { EventStreamFace } from "../protocols/jeedomconnect/event-stream.ts";
import { FilesFace } from "../protocols/jeedomconnect/files-face.ts";
import { JsonRpcFace } from "../protocols/jeedomconnect/json-rpc-face.ts";
import { type Faces, JeedomConnect } from "../protocols/jeedomconnect/protocol.ts";
import { WebSocketFace } from "../protocols/jeedomconnect/web-socket.ts";
import { readBridgeKey } from "../storage/bridge-keys.ts";
import { listenTcpStream } from "../transports/tcp-stream.ts";
import { BridgeSet } from "./bridge-set.ts";
import type { Assembled, ListeningPlace, Parts } from "./parts.ts";

/** As the plugin's daemon has it. */
const usualSocketPort = 58_090;
/** In ms. */
const usualActionDelay = 2000;

export function assembleJeedomConnect(parts: Parts): Assembled {
  const { config, derive } = parts;
  const bridges = bridgesOf(parts);
  /** For as long as a bridge is that one. */
  const made = new WeakMap<JeedomConnectBridge, Faces>();
  const protocolAt = (named: string | undefined, isShared: boolean): JeedomConnect => {
    const name = derive(() => bridgeAt(config, "jeedomconnect", named));
    const faces = (): Faces | undefined => {
      const bridge = bridges.get(name());
      if (bridge === undefined) return undefined;
      const known = made.get(bridge) ?? facesOf(bridge, parts);
      made.set(bridge, known);
      return known;
    };
    return new JeedomConnect({ faces, isShared });
  };

  const listen = (listener: ListenerConfig, _: string, { listeners, frontOf }: ListeningPlace): readonly [] => {
    const { listen: at, tls, bridge } = listener;
    const front = frontOf(
      protocolAt(bridge, false),
      derive(() => policyOf(config, listener)),
    );
    listeners.listen(at, { front, tls, protocol: "jeedomconnect" });
    return [];
  };

  return { protocol: protocolAt(config.protocols.jeedomconnect.bridge, true), bridges, listen };
}

function facesOf({ name, plugin, phones }: JeedomConnectBridge, { config, hub, gate, clock }: Parts): Faces {
  const { heartbeat } = config;
  return {
    webSocket: new WebSocketFace({ name, hub, gate, clock, plugin, phones, heartbeat }),
    eventStream: new EventStreamFace({ name, hub, clock, plugin, phones }),
    jsonRpc: new JsonRpcFace({ gate, clock, plugin, phones }),
    files: new FilesFace(plugin),
  };
}

function bridgesOf({ config, hub, clock, chance, log, dialer }: Parts): BridgeSet<JeedomConnectBridge> {
  return new BridgeSet({
    config,
    type: "jeedomconnect",
    make: (name, options) => {
      const { url, key: given, action_delay: actionDelay = usualActionDelay } = options;
      const { socket_port: port = usualSocketPort } = options;
      const bridge = new JeedomConnectBridge({
        name,
        url,
        key: () => given ?? readBridgeKey(config.data, name),
        actionDelay,
        jeedom: () => bridgeAt(config, "jeedom", options.jeedom),
        listen:
          port === false
            ? undefined
            : (protocol) => listenTcpStream({ at: { hostname: "127.0.0.1", port }, protocol, log }),
        hub,
        clock,
        chance,
        log,
        dialer,
      });
      return { bridge, takeBack: () => undefined };
    },
  });
}
