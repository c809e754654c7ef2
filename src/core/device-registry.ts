/** Devices as their owner handles them: added, set, given a new key, removed. The same whether a gateway runs or not. */
import type { Chance, Clock, DeviceRecord, DeviceStore, Grants, JsonText } from "../ports.ts";
import { joinGrants } from "./access.ts";
import {
  type Addresses,
  connectionOf,
  type DeviceConnection,
  deviceTransports,
  isDeviceTransport,
} from "./device-connection.ts";
import type { Keyring } from "./keyring.ts";
import { inboxOf } from "./own-channels.ts";
import { Refused } from "./refusals.ts";

export interface DeviceRegistryParts {
  readonly devices: DeviceStore;
  readonly keyring: Keyring;
  readonly clock: Clock;
  readonly chance: Chance;
  /** Where devices find the gateway. */
  readonly addresses: () => Addresses;
  /** Publishes on a device's inbox; absent when no gateway runs, which then tells it when it starts. */
  readonly tell?: (device: string, data: JsonText) => void;
  /** A device is no more. */
  readonly removed?: (device: string) => void;
}

/** The connection that a device was last told of, as JSON. */
const toldConnection = "connection/told";

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
    const { devices, keyring, clock, chance, addresses } = this.#parts;
    const id = chance.text(idLength);
    const own = joinGrants({ subscribe: [inboxOf(id)] }, grants);
    const { key, record } = keyring.draw({ name, grants: own, device: id });
    const plain: DeviceRecord = { id, name, key: record.id, created: clock.now(), channels: [], settings: {} };
    const settings = { [toldConnection]: JSON.stringify(connectionOf(plain, addresses())) };
    const device = { ...plain, settings };
    devices.put(device);
    keyring.keep(record);
    return { device, key };
  }

  set(id: string, { name, settings }: DeviceChanges): DeviceRecord {
    const known = this.#require(id, "change");
    const transport = settings?.["transport"] ?? "auto";
    if (!isDeviceTransport(transport)) {
      throw new Refused("badRequest", `Cannot set the transport ${transport}: use ${deviceTransports.join(", ")}`);
    }
    const all = Object.entries({ ...known.settings, ...settings });
    const kept = all.filter((entry): entry is [string, string] => entry[1] !== null);
    const device = { ...known, name: name ?? known.name, settings: Object.fromEntries(kept) };
    this.#parts.devices.put(device);
    return this.#announce(device);
  }

  /** Where devices find the gateway. */
  get addresses(): Addresses {
    return this.#parts.addresses();
  }

  /** How a device is to connect. */
  connection(id: string): DeviceConnection {
    return connectionOf(this.#require(id, "tell how to connect"), this.#parts.addresses());
  }

  /** Tells every device whose transport or addresses are not those that it knows. */
  announce(): void {
    for (const device of this.list()) this.#announce(device);
  }

  #announce(device: DeviceRecord): DeviceRecord {
    const { tell, addresses, devices } = this.#parts;
    const connection = JSON.stringify(connectionOf(device, addresses()));
    if (tell === undefined || device.settings[toldConnection] === connection) return device;
    tell(device.id, `{"connection":${connection}}`);
    const told = { ...device, settings: { ...device.settings, [toldConnection]: connection } };
    devices.put(told);
    return told;
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
    this.#parts.removed?.(id);
    if (keyring.find(key) !== undefined) keyring.revoke(key);
  }

  #require(id: string, what: string): DeviceRecord {
    const known = this.#parts.devices.find(id);
    if (known !== undefined) return known;
    throw new Refused("unknownChannel", `Cannot ${what} device ${id.slice(0, 40)}: there is no such device`);
  }
}
