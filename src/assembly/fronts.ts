/** What answers at a listener: all protocols by their paths, or one of them at any path. */
import type { InForce } from "../config/in-force.ts";
import { policyOf, protocolPolicy } from "../config/policies.ts";
import type { ProtocolName } from "../config/schema.ts";
import type { Gate } from "../core/gate.ts";
import { Front } from "../http/front.ts";
import type { HttpProtocol, Log, Policy } from "../ports.ts";
import type { ProtocolOffered } from "./parts.ts";

export interface FrontsParts {
  readonly gate: Gate;
  readonly log: Log;
  readonly protocols: readonly ProtocolOffered[];
  /** It has what is no protocol's. */
  readonly api: HttpProtocol;
}

export class Fronts {
  readonly #inForce: InForce;
  readonly #parts: FrontsParts;

  constructor(inForce: InForce, parts: FrontsParts) {
    this.#inForce = inForce;
    this.#parts = parts;
  }

  /** All protocols by their paths, and the API and the page for everything else. `policy`: in the place of each one's own. */
  all(policy?: () => Policy): Front {
    const { config, derive } = this.#inForce;
    const { protocols, api, gate, log } = this.#parts;
    const offers = protocols.map((protocol) => ({
      protocol,
      policy: policy ?? derive(() => protocolPolicy(config, protocol.name)),
    }));
    return new Front({ gate, log, offers, rest: { protocol: api, policy: policy ?? derive(() => policyOf(config)) } });
  }

  /** One protocol at any path. */
  frontOf(protocol: HttpProtocol, policy: () => Policy): Front {
    const { gate, log } = this.#parts;
    return new Front({ gate, log, offers: [], rest: { protocol, policy } });
  }

  /** The same, by the protocol's name. */
  named(name: ProtocolName, policy: () => Policy): Front {
    const protocol = this.#parts.protocols.find((other) => other.name === name);
    if (protocol === undefined) throw new Error(`Cannot listen for ${name}: no such protocol`);
    return this.frontOf(protocol, policy);
  }
}
