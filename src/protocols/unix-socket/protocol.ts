/**
 * The Unix-socket push protocol: backends write commands into a Unix socket or post them, devices listen by WebSocket.
 * Specified in docs/unix-socket.md.
 */
import { offeredSubprotocols, subprotocol } from "../../core/credentials.ts";
import { addressIn, type Gate } from "../../core/gate.ts";
import type { Hub } from "../../core/hub.ts";
import type { PublishRate } from "../../core/rate.ts";
import { Refused } from "../../core/refusals.ts";
import type { Principal } from "../../core/session.ts";
import type {
  Answer,
  Chance,
  Clock,
  DeviceStore,
  HttpProtocol,
  MaybePromise,
  Policy,
  StreamInlet,
  StreamOutlet,
  StreamProtocol,
  Visit,
} from "../../ports.ts";
import { Backend } from "./backend.ts";
import { Commands } from "./commands.ts";
import { Devices, mayBeDevice } from "./devices.ts";
import { Posting } from "./posting.ts";

export interface UnixSocketParts {
  readonly hub: Hub;
  readonly gate: Gate;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly devices: DeviceStore;
  readonly rate: PublishRate;
  readonly limits: {
    /** ms */
    readonly unauthenticated: number;
    /** Largest command or posted list, in bytes. */
    readonly body: number;
  };
}

export class UnixSocket implements HttpProtocol, StreamProtocol {
  readonly name = "unix-socket";
  readonly prefixes = ["/devices"];
  readonly exact = true;
  readonly #gate: Gate;
  readonly #clock: Clock;
  readonly #limits: UnixSocketParts["limits"];
  readonly #devices: Devices;
  readonly #commands: Commands;
  readonly #posting: Posting;
  readonly #backends = new Set<Backend>();

  constructor({ hub, gate, clock, chance, devices, rate, limits }: UnixSocketParts) {
    this.#gate = gate;
    this.#clock = clock;
    this.#limits = limits;
    this.#devices = new Devices({ hub, gate, clock, chance, devices, limits });
    this.#commands = new Commands(hub, this.#devices.hearing);
    this.#posting = new Posting({ commands: this.#commands, rate, limits });
  }

  /** A backend at the Unix socket. Who may open its file may do everything. */
  connect(outlet: StreamOutlet): StreamInlet {
    const parts = { commands: this.#commands, clock: this.#clock, limit: this.#limits.body };
    const backend = new Backend(outlet, parts, (gone) => this.#backends.delete(gone));
    this.#backends.add(backend);
    return backend;
  }

  visit(visit: Visit, policy: Policy): MaybePromise<Answer> {
    const principal = this.#gate.principalOf(visit, policy);
    if (visit.wantsWebSocket) return this.#device(visit, principal, policy);
    if (visit.request.method === "POST") return this.#posting.post(visit, principal);
    throw new Refused("badRequest", "Cannot answer this: connect a device by WebSocket, or POST commands");
  }

  /** Obeys no backend any more; each is answered what is still owed to it, and then its connection ends. */
  close(): void {
    for (const backend of this.#backends) backend.finish();
    this.#devices.close();
  }

  #device(visit: Visit, principal: Principal, policy: Policy): Answer {
    const stranger = principal.id === "anonymous";
    const welcome = mayBeDevice(principal) || addressIn(visit.address, policy.devices);
    // Whoever showed a key that will not do will not get further with a second one; who showed none may still send it.
    if (!welcome && !stranger) {
      throw new Refused("permissionDenied", "Cannot be a device with this key: it is of none, nor may it hear them");
    }
    const offered = offeredSubprotocols(visit.request.headers).includes(subprotocol);
    return visit.webSocket((outlet) => this.#devices.open(outlet, principal, welcome), offered ? { subprotocol } : {});
  }
}
