/** `POST /api`: a client gets a key of ours, while its owner lets it. */

import { type JsonObject, parseObject } from "../../core/json.ts";
import type { Keyring } from "../../core/keyring.ts";
import type { PairingWindow } from "../../core/pairing-window.ts";
import type { Clock } from "../../ports.ts";
import { RestFault, successText } from "./answers.ts";

/** The same device that asks again in this time gets the same key, in ms. */
const sameDevice = 30_000;
const longestName = 100;

export interface PairingParts {
  readonly keyring: Keyring;
  readonly window: PairingWindow;
  readonly clock: Clock;
  /** Whether a text, shown from an address, is a valid key with a right to the bridge. */
  readonly isKey: (text: string, bridge: string, address: string) => boolean;
}

export class Pairing {
  readonly #parts: PairingParts;
  /** By bridge and device: kept in memory for a moment only. */
  readonly #recent = new Map<string, { readonly key: string; readonly at: number }>();

  constructor(parts: PairingParts) {
    this.#parts = parts;
  }

  get open(): boolean {
    return this.#parts.window.open;
  }

  requireOpen(): void {
    if (!this.open) throw new RestFault("notPaired", "/", "link button not pressed");
  }

  /** The answer to a body; in the order of checks of the original. */
  pair(bridge: string, body: string, address: string): string {
    this.requireOpen();
    const wish = parseObject(body);
    if (wish === undefined) throw new RestFault("invalidJson", "/", "body contains invalid JSON");
    const name = wish["devicetype"];
    if (typeof name !== "string" || name === "") throw new RestFault("missing", "/", "missing parameters in body");
    return successText(
      "username",
      this.#wished(bridge, wish, address) ?? this.#keyOf(bridge, name.slice(0, longestName), address),
    );
  }

  /** A name of one's own is no key here, unless it is one already. */
  #wished(bridge: string, { username }: JsonObject, address: string): string | undefined {
    if (username === undefined) return undefined;
    if (typeof username !== "string" || username.length < 10) {
      const shown = typeof username === "string" ? username.slice(0, 40) : JSON.stringify(username).slice(0, 40);
      throw new RestFault("invalidValue", "/", `invalid value, ${shown}, for parameter, username`);
    }
    return this.#parts.isKey(username, bridge, address) ? username : undefined;
  }

  #keyOf(bridge: string, name: string, address: string): string {
    const now = this.#parts.clock.now();
    for (const [id, { at }] of this.#recent) if (now - at >= sameDevice) this.#recent.delete(id);
    const id = JSON.stringify([bridge, name]);
    const known = this.#recent.get(id);
    if (known !== undefined && this.#parts.isKey(known.key, bridge, address)) return known.key;
    const grants = { subscribe: [`${bridge}/**`], call: [`${bridge}.*`] };
    const { key } = this.#parts.keyring.create({ name, grants });
    this.#recent.set(id, { key, at: now });
    return key;
  }
}
