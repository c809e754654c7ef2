/** The room server: on the main listener at `/espruino`, and at listeners for boards. */
import { espruinoPolicy } from "../config/policies.ts";
import type { ListenerConfig } from "../config/schema.ts";
import { Espruino } from "../protocols/espruino/protocol.ts";
import { listenLeniently } from "../transports/lenient-websocket.ts";
import { bound } from "./listeners.ts";
import type { Assembled, ListeningPlace, Parts } from "./parts.ts";

export function assembleEspruino({ config, hub, gate, rate, clock, log }: Parts): Assembled {
  const { heartbeat } = config;
  const { unauthenticated } = config.limits;
  const protocol = new Espruino({ hub, gate, rate, unauthenticated, heartbeat });
  const listen = (listener: ListenerConfig, _option: string, { listeners, frontOf }: ListeningPlace): [] => {
    const front = frontOf(protocol, espruinoPolicy(config, listener, true));
    const { listen: at, largest_message: largest, spacing, keep_alive: keepAlive } = listener;
    const visit = front.visit.bind(front);
    const { accept } = listeners;
    const opened = listenLeniently({ at: bound(at), clock, log, visit, accept, largest, spacing, keepAlive });
    listeners.add(at, opened, protocol.name);
    return [];
  };
  return { protocol, bridges: [], listen };
}
