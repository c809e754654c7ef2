/**
 * How each device is: the map `$devices/state`, where the coming and going of devices are publications, and what `device
 * list` shows.
 */
import type { Clock, DeviceStore, Log } from "../ports.ts";
import { everyRight } from "./access.ts";
import type { Hub, SessionWatch } from "./hub.ts";
import { Refused } from "./refusals.ts";
import type { AnySession, Principal } from "./session.ts";

export const deviceStatesChannel = "$devices/state";

/** What a device may tell of itself. */
export interface ToldState {
  /** Whether somebody looks at the app. */
  readonly app?: "active" | "background";
  /** In per cent. */
  readonly battery?: number;
}

/** How a device is; of one that is away, how it was when it left. */
export interface DeviceState extends ToldState {
  readonly connected: boolean;
  /** Those of its newest session. */
  readonly transport?: string;
  readonly protocol?: string;
  readonly address?: string;
  /** When it came or went, in ms since 1970. */
  readonly since: number;
}

export interface DeviceStatesParts {
  readonly hub: Hub;
  readonly devices: DeviceStore;
  readonly clock: Clock;
  readonly log: Log;
}

export class DeviceStates implements SessionWatch {
  readonly #parts: DeviceStatesParts;
  readonly #sessions = new Map<string, Set<AnySession>>();
  readonly #states = new Map<string, DeviceState>();

  constructor(parts: DeviceStatesParts) {
    this.#parts = parts;
  }

  /** Undefined for a device that has not been here since the start, and told nothing. */
  of(device: string): DeviceState | undefined {
    return this.#states.get(device);
  }

  sessionsOf(device: string): number {
    return this.#sessions.get(device)?.size ?? 0;
  }

  /** What a device says of itself, added to what it said before. */
  tell(device: string, told: ToldState): DeviceState {
    const known = this.#states.get(device) ?? { connected: false, since: this.#parts.clock.now() };
    return this.#become(device, { ...known, ...told });
  }

  /** A device that is no more. */
  forget(device: string): void {
    if (this.#states.delete(device)) this.#publish(device, undefined);
  }

  came(session: AnySession): void {
    const { device } = session.principal;
    if (device === undefined) return;
    const sessions = this.#sessions.get(device) ?? new Set();
    const others = [...sessions];
    this.#sessions.set(device, sessions.add(session));
    const { connected = false, since = 0, ...before } = this.#states.get(device) ?? {};
    const { outlet, conversation } = session;
    this.#become(device, {
      ...before,
      connected: true,
      transport: outlet.framing.name,
      protocol: conversation.protocol,
      ...(outlet.address === "" ? {} : { address: outlet.address }),
      since: connected ? since : this.#parts.clock.now(),
    });
    if (this.#parts.devices.find(device)?.settings["single_session"] !== "true") return;
    for (const other of others) {
      other.end(new Refused("forceDisconnect", "Disconnected: the device has come by a newer connection"));
    }
  }

  turned(session: AnySession, from: Principal): void {
    if (from.device === session.principal.device) return;
    this.#left(session, from.device);
    this.came(session);
  }

  went(session: AnySession): void {
    this.#left(session, session.principal.device);
  }

  #left(session: AnySession, device: string | undefined): void {
    const sessions = device === undefined ? undefined : this.#sessions.get(device);
    if (device === undefined || sessions?.delete(session) !== true || sessions.size > 0) return;
    this.#sessions.delete(device);
    const now = this.#parts.clock.now();
    const known = this.#states.get(device);
    if (known !== undefined) this.#become(device, { ...known, connected: false, since: now });
    this.#seen(device, now);
  }

  #seen(device: string, now: number): void {
    const { devices, log } = this.#parts;
    const record = devices.find(device);
    if (record === undefined) return;
    try {
      devices.put({ ...record, lastSeen: now });
    } catch (thrown) {
      log.error({ err: thrown, device }, "Cannot keep when a device was last seen");
    }
  }

  #become(device: string, state: DeviceState): DeviceState {
    if (JSON.stringify(this.#states.get(device)) === JSON.stringify(state)) return state;
    this.#states.set(device, state);
    this.#publish(device, state);
    return state;
  }

  #publish(device: string, state: DeviceState | undefined): void {
    const draft =
      state === undefined
        ? { key: device, data: "null", removed: true as const }
        : { key: device, data: JSON.stringify(state) };
    try {
      const receipt = this.#parts.hub.publish(deviceStatesChannel, draft, everyRight);
      if (receipt instanceof Promise) receipt.catch((thrown: unknown) => this.#failed(device, thrown));
    } catch (thrown) {
      this.#failed(device, thrown);
    }
  }

  #failed(device: string, thrown: unknown): void {
    if (thrown instanceof Refused && thrown.refusal.name === "shutdown") return;
    this.#parts.log.warn({ err: thrown, device }, "Cannot publish the state of a device");
  }
}
