/** Devices as their owner handles them: added, set, given a new key, removed. The same whether a gateway runs or not. */
import type { Chance, Clock, DeviceRecord, DeviceStore, Grants } from "../ports.ts";
import { joinGrants } from "./access.ts";
import type { Keyring } from "./keyring.ts";
import { Refused } from "./refusals.ts";

export interface DeviceRegistryParts {
  readonly devices: DeviceStore;
  readonly keyring: Keyring;
  readonly clock: Clock;
  readonly chance: Chance;
}

/** A device, and the text of its key, which nobody can tell later. */
export interface KeyedDevice {
  readonly device: DeviceRecord;
  readonly key: string;
}

export interface DeviceChanges {
  readonly name?: string | undefined;
  /** Added to those that it has; `null` takes one away. */
  readonly settings?: Readonly<Record<string, string | null>> | undefined;
}

const idLength = 15;

/** Where what is meant for one device waits for it. */
export function inboxOf(device: string): string {
  return `$device/${device}`;
}

export class DeviceRegistry {
  readonly #parts: DeviceRegistryParts;

  constructor(parts: DeviceRegistryParts) {
    this.#parts = parts;
  }

  list(): readonly DeviceRecord[] {
    return this.#parts.devices.list();
  }

  /** Its key may read its own inbox, and what `grants` says. */
  add({ name, grants }: { readonly name: string; readonly grants: Grants }): KeyedDevice {
    const { devices, keyring, clock, chance } = this.#parts;
    const id = chance.text(idLength);
    const own = joinGrants({ subscribe: [inboxOf(id)] }, grants);
    const { key, record } = keyring.draw({ name, grants: own, device: id });
    const device: DeviceRecord = { id, name, key: record.id, created: clock.now(), channels: [], settings: {} };
    devices.put(device);
    keyring.keep(record);
    return { device, key };
  }

  set(id: string, { name, settings }: DeviceChanges): DeviceRecord {
    const known = this.#require(id, "change");
    const all = Object.entries({ ...known.settings, ...settings });
    const kept = all.filter((entry): entry is [string, string] => entry[1] !== null);
    const device = { ...known, name: name ?? known.name, settings: Object.fromEntries(kept) };
    this.#parts.devices.put(device);
    return device;
  }

  /** A new key with the rights of the old one, which ends. */
  rotate(id: string): KeyedDevice {
    const { devices, keyring } = this.#parts;
    const known = this.#require(id, "give a new key to");
    const old = keyring.find(known.key);
    const grants = old?.grants ?? { subscribe: [inboxOf(id)] };
    const { key, record } = keyring.create({ name: known.name, grants, device: id });
    const device = { ...known, key: record.id };
    devices.put(device);
    if (old !== undefined) keyring.revoke(old.id);
    return { device, key };
  }

  remove(id: string): void {
    const { devices, keyring } = this.#parts;
    const { key } = this.#require(id, "remove");
    devices.remove(id);
    if (keyring.find(key) !== undefined) keyring.revoke(key);
  }

  #require(id: string, what: string): DeviceRecord {
    const known = this.#parts.devices.find(id);
    if (known !== undefined) return known;
    throw new Refused("unknownChannel", `Cannot ${what} device ${id.slice(0, 40)}: there is no such device`);
  }
}
