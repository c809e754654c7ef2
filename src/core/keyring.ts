/** Keys as their owner handles them: made, listed, revoked. The same whether a gateway runs or not. */
import type { Chance, Clock, Grants, KeyRecord, KeyStore } from "../ports.ts";
import { grantsFault } from "./access.ts";
import { makeKey } from "./keys.ts";
import { Refused } from "./refusals.ts";

export interface KeyringParts {
  readonly keys: KeyStore;
  readonly clock: Clock;
  readonly chance: Chance;
  /** Told when a key is no more, so that what lives by it ends. */
  readonly revoked?: (id: string) => void;
}

export interface KeyWish {
  readonly name: string;
  readonly grants: Grants;
  /** How long it is valid, in ms; forever if absent. */
  readonly lifetime?: number | undefined;
  readonly device?: string;
}

/** The key's text, which nobody can tell later, and what is kept of it. */
export interface NewKey {
  readonly key: string;
  readonly record: KeyRecord;
}

export class Keyring {
  readonly #parts: KeyringParts;

  constructor(parts: KeyringParts) {
    this.#parts = parts;
  }

  list(): readonly KeyRecord[] {
    return this.#parts.keys.list();
  }

  find(id: string): KeyRecord | undefined {
    return this.#parts.keys.find(id);
  }

  create(wish: KeyWish): NewKey {
    const made = this.draw(wish);
    this.#parts.keys.put(made.record);
    return made;
  }

  /** A key that is not kept yet. */
  draw({ name, grants, lifetime, device }: KeyWish): NewKey {
    const fault = grantsFault(grants);
    if (fault !== undefined) throw new Refused("badRequest", `Cannot grant ${fault}`);
    const created = this.#parts.clock.now();
    return makeKey(this.#parts.chance, {
      name,
      grants,
      created,
      ...(lifetime === undefined ? {} : { expires: created + lifetime }),
      ...(device === undefined ? {} : { device }),
    });
  }

  keep(record: KeyRecord): void {
    this.#parts.keys.put(record);
  }

  revoke(id: string): void {
    if (!this.#parts.keys.remove(id)) {
      throw new Refused("unknownChannel", `Cannot revoke key ${id.slice(0, 40)}: there is no such key`);
    }
    this.#parts.revoked?.(id);
  }
}
