/** The room server: on the main listener at `/espruino`, and at listeners for boards. */
import { espruinoPolicy } from "../config/policies.ts";
import type { ListenerConfig } from "../config/schema.ts";
import type { Clock, Log } from "../ports.ts";
import { Espruino } from "../protocols/espruino/protocol.ts";
import { listenLeniently } from "../transports/lenient-websocket.ts";
import type { OtherWay } from "./listeners.ts";
import type { Assembled, ListeningPlace, Parts } from "./parts.ts";

export function assembleEspruino({ config, derive, hub, gate, rate, clock, log }: Parts): Assembled {
  const { heartbeat, limits } = config;
  const protocol = new Espruino({ hub, gate, rate, limits, heartbeat });
  const listen = (listener: ListenerConfig, _option: string, { listeners, frontOf }: ListeningPlace): [] => {
    const policy = derive(() => espruinoPolicy(config, listener, true));
    const { listen: at, tls } = listener;
    const way = forBoards(listener, { clock, log });
    listeners.listen(at, { front: frontOf(protocol, policy), tls, protocol: protocol.name }, way);
    return [];
  };
  return { protocol, listen };
}

/** How boards are listened to. */
export function forBoards(
  { largest_message: largest, spacing, keep_alive: keepAlive }: ListenerConfig,
  parts: { readonly clock: Clock; readonly log: Log },
): OtherWay {
  return (place) => listenLeniently({ ...place, ...parts, largest, spacing, keepAlive });
}
