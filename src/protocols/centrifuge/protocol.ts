/** The Centrifuge client protocol: its paths and transports. See README.md. */
import { offeredSubprotocols, subprotocol } from "../../core/credentials.ts";
import type { Gate } from "../../core/gate.ts";
import type { Hub } from "../../core/hub.ts";
import { Idempotency } from "../../core/idempotency.ts";
import type { PublishRate } from "../../core/rate.ts";
import { Refused } from "../../core/refusals.ts";
import type {
  Answer,
  Chance,
  Clock,
  Framing,
  HttpProtocol,
  Log,
  MaybePromise,
  OpenPeer,
  Policy,
  SettingsOf,
  Visit,
} from "../../ports.ts";
import { Connecting } from "./connecting.ts";
import { Clients, type ConversationParts } from "./conversation.ts";
import { Emulated, type EmulationParts, emulate, isBinary } from "./emulation.ts";
import { Forms } from "./forms.ts";
import { JsonWire, joinedFraming } from "./json-wire.ts";
import { MapSubscribing } from "./map-subscribing.ts";
import { Obeying } from "./obeying.ts";
import { protobufWire } from "./protobuf-wire.ts";
import { Readings } from "./readings.ts";
import { type Seams, type SeamsParts, seamsOf } from "./seams.ts";
import { ServerApi, serverPrefix } from "./server-api.ts";
import { ServerMethods } from "./server-methods.ts";
import { ServerSessions } from "./server-sessions.ts";
import { Subscribing } from "./subscribing.ts";
import type { Wire } from "./wire.ts";

export interface CentrifugeParts extends SeamsParts {
  readonly hub: Hub;
  readonly rate: PublishRate;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly settingsOf: SettingsOf;
  readonly limits: {
    /** ms */
    readonly unauthenticated: number;
    /** bytes */
    readonly body: number;
  };
  /** Between pings, in seconds. */
  readonly heartbeat: number;
  /** After which a stream that only listens ends in good order, in ms. */
  readonly maxAge: number;
  /** What the gateway calls itself. */
  readonly version: string;
  readonly seams?: Partial<Seams>;
  /** Answers by idempotency key, shared by all who publish. */
  readonly idempotency?: Idempotency;
  readonly log?: Log;
}

const protobufSubprotocol = "centrifuge-protobuf";
const jsonSubprotocol = "centrifuge-json";

export class Centrifuge implements HttpProtocol {
  readonly name = "centrifuge";
  readonly prefixes = ["/connection", "/emulation", serverPrefix];
  readonly #gate: Gate;
  readonly #limits: CentrifugeParts["limits"];
  readonly #emulation: EmulationParts;
  readonly #clients: Clients;
  readonly #listeners: Clients;
  readonly #wires = new Map<string, Wire>();
  readonly #serverApi: ServerApi;

  constructor(parts: CentrifugeParts) {
    const { hub, gate, rate, limits, heartbeat } = parts;
    const seams = { ...seamsOf(parts), ...parts.seams };
    const forms = new Forms();
    const emulated = new Emulated();
    const readings = new Readings(parts.clock);
    const subscribing = new Subscribing({ ...parts, forms, seams, readings });
    const maps = new MapSubscribing({ hub, forms, subscribing, readings });
    const obeying = new Obeying({ hub, rate, seams, subscribing, maps });
    const connecting = new Connecting({ ...parts, seams, subscribing, emulated, ping: heartbeat * 1000 });
    const all: ConversationParts = { hub, forms, connecting, subscribing, obeying, emulated, limits };
    this.#gate = gate;
    this.#limits = limits;
    this.#emulation = { emulated, hub, limits };
    hub.relay?.attach((message) => emulated.hear(message));
    this.#clients = new Clients(all, false);
    this.#listeners = new Clients(all, true);
    const { idempotency = new Idempotency(parts.clock), log } = parts;
    const sessions = new ServerSessions(hub, subscribing);
    this.#serverApi = new ServerApi({
      gate,
      limits,
      log,
      methods: new ServerMethods({ ...parts, idempotency, sessions }),
    });
  }

  visit(visit: Visit, policy: Policy): MaybePromise<Answer> {
    switch (visit.path) {
      case "/connection/websocket":
        return this.#webSocket(visit, policy, false);
      case "/connection/uni_websocket":
        return this.#webSocket(visit, policy, true);
      case "/connection/http_stream":
        return this.#httpStream(visit, policy, false);
      case "/connection/uni_http_stream":
        return this.#httpStream(visit, policy, true);
      case "/connection/sse":
        return this.#sse(visit, policy, false);
      case "/connection/uni_sse":
        return this.#sse(visit, policy, true);
      case "/emulation":
        return emulate(visit, this.#emulation);
      default:
        if (visit.path === serverPrefix || visit.path.startsWith(`${serverPrefix}/`))
          return this.#serverApi.visit(visit, policy);
        throw new Refused("unknownChannel", "Cannot connect here: use /connection/websocket");
    }
  }

  #webSocket(visit: Visit, policy: Policy, oneWay: boolean): Answer {
    if (!visit.wantsWebSocket) throw new Refused("badRequest", "Cannot connect without a WebSocket here");
    const offered = offeredSubprotocols(visit.request.headers);
    const chosen = [protobufSubprotocol, jsonSubprotocol, subprotocol].find((name) => offered.includes(name));
    const binary = !oneWay && chosen === protobufSubprotocol;
    const wire = (framing: Framing): Wire =>
      binary ? protobufWire : this.#json(oneWay ? framing : joinedFraming, oneWay);
    const open = this.#opening(visit, policy, wire, visit.query.get("cf_connect") ?? "");
    return visit.webSocket(open, chosen === undefined ? {} : { subprotocol: chosen });
  }

  async #httpStream(visit: Visit, policy: Policy, oneWay: boolean): Promise<Answer> {
    if (visit.request.method !== "POST") throw new Refused("methodNotFound", "Cannot connect here but by POST");
    const binary = !oneWay && isBinary(visit);
    const body = binary ? await visit.body(this.#limits.body) : await visit.text(this.#limits.body);
    const wire = (framing: Framing): Wire => (binary ? protobufWire : this.#json(framing, oneWay));
    const open = this.#opening(visit, policy, wire, body.length === 0 ? "{}" : body);
    return visit.jsonLines(open, binary ? { headers: { "content-type": "application/octet-stream" } } : {});
  }

  async #sse(visit: Visit, policy: Policy, oneWay: boolean): Promise<Answer> {
    const { method } = visit.request;
    if (method !== "GET" && method !== "POST") throw new Refused("methodNotFound", "Cannot connect here but by GET");
    const asked = method === "POST" ? await visit.text(this.#limits.body) : (visit.query.get("cf_connect") ?? "");
    const wire = (framing: Framing): Wire => this.#json(framing, oneWay);
    return visit.sse(this.#opening(visit, policy, wire, asked === "" ? "{}" : asked));
  }

  /** Opens a session, which says its first words at once where it has brought them. */
  #opening(visit: Visit, policy: Policy, wire: (framing: Framing) => Wire, first: string | Uint8Array): OpenPeer {
    const principal = this.#gate.principalOf(visit, policy);
    return (outlet) => {
      const spoken = wire(outlet.framing);
      const session = (spoken.oneWay ? this.#listeners : this.#clients).open(outlet, spoken, principal);
      if (first.length > 0) session.message(first);
      return session;
    };
  }

  #json(framing: Framing, oneWay: boolean): Wire {
    const name = `${oneWay} ${framing.name}`;
    let wire = this.#wires.get(name);
    if (wire === undefined) {
      wire = new JsonWire(framing, oneWay);
      this.#wires.set(name, wire);
    }
    return wire;
  }
}
