/** How many sessions come from one address and live by one key, and how many may. */
import { Refused } from "./refusals.ts";
import type { Principal } from "./session.ts";

export interface ConnectionLimits {
  /** Sessions from one address; 0 sets no limit. */
  readonly address: number;
  /** Sessions by one key; 0 sets no limit. */
  readonly key: number;
}

export class Headcount {
  readonly #limits: ConnectionLimits;
  readonly #byAddress = new Map<string, number>();
  readonly #byKey = new Map<string, number>();

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  /** Refused (3504) where there are as many already as may be. */
  come(address: string, who: Principal): void {
    add(this.#byAddress, address, this.#limits.address, () => `from ${address}`);
    try {
      this.#comeBy(who);
    } catch (thrown) {
      subtract(this.#byAddress, address);
      throw thrown;
    }
  }

  leave(address: string, who: Principal): void {
    subtract(this.#byAddress, address);
    if (isCounted(who)) subtract(this.#byKey, who.id);
  }

  /** A session has turned out to be somebody else's. Refused like `come`; it is then still counted as it was. */
  turn(from: Principal, to: Principal): void {
    if (from.id === to.id) return;
    this.#comeBy(to);
    if (isCounted(from)) subtract(this.#byKey, from.id);
  }

  #comeBy(who: Principal): void {
    if (isCounted(who)) add(this.#byKey, who.id, this.#limits.key, () => `with the key ${who.id}`);
  }
}

/** Strangers have no key in common, and the owner of the machine has no limit. */
function isCounted({ id }: Principal): boolean {
  return id !== "anonymous" && id !== "owner";
}

function add(counts: Map<string, number>, subject: string, limit: number, whose: () => string): void {
  // A socket of this machine has no address.
  if (limit === 0 || subject === "") return;
  const count = counts.get(subject) ?? 0;
  if (count >= limit) throw new Refused("connectionLimit", `Cannot have more than ${limit} connections ${whose()}`);
  counts.set(subject, count + 1);
}

function subtract(counts: Map<string, number>, subject: string): void {
  const count = counts.get(subject);
  if (count === undefined) return;
  if (count > 1) counts.set(subject, count - 1);
  else counts.delete(subject);
}
