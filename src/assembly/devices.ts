/** Devices: what is known of them, how they are, and what they are told of their connection. */
import { addressesOf } from "../config/device-addresses.ts";
import type { Config } from "../config/schema.ts";
import { everyRight } from "../core/access.ts";
import { DeviceRegistry } from "../core/device-registry.ts";
import { DeviceStates } from "../core/device-states.ts";
import type { Hub } from "../core/hub.ts";
import type { Keyring } from "../core/keyring.ts";
import { inboxOf } from "../core/own-channels.ts";
import type { Chance, Clock, DeviceStore, Log } from "../ports.ts";
import { lanAddress } from "../transports/system.ts";

export interface DevicesParts {
  readonly config: () => Pick<Config, "addresses" | "listen" | "tls" | "public_url">;
  /** The port that the main listener came to have. */
  readonly port: () => number;
  readonly hub: Hub;
  readonly devices: DeviceStore;
  readonly keyring: Keyring;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
}

export interface AssembledDevices {
  readonly registry: DeviceRegistry;
  readonly states: DeviceStates;
}

export function assembleDevices({ config, port, hub, log, ...rest }: DevicesParts): AssembledDevices {
  const states = new DeviceStates({ hub, log, ...rest });
  hub.watch(states);
  const registry = new DeviceRegistry({
    ...rest,
    addresses: () => {
      const { listen, ...given } = config();
      return addressesOf({ ...given, listen: { ...listen, port: port() } }, lanAddress());
    },
    tell: (device, data) => {
      const failed = (thrown: unknown): void =>
        log.warn({ err: thrown, device }, "Cannot tell a device how to connect");
      try {
        const receipt = hub.publish(inboxOf(device), { data }, everyRight);
        if (receipt instanceof Promise) receipt.catch(failed);
      } catch (thrown) {
        failed(thrown);
      }
    },
    removed: (device) => states.forget(device),
  });
  return { registry, states };
}
