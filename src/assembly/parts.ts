/** What the wiring of a protocol or of a bridge is given, and what it gives. */
import type { InForce } from "../config/in-force.ts";
import type { Config, ListenerConfig, ProtocolName } from "../config/schema.ts";
import type { Calls } from "../core/calls.ts";
import type { Gate } from "../core/gate.ts";
import type { Hub } from "../core/hub.ts";
import type { Keyring } from "../core/keyring.ts";
import type { PairingWindow } from "../core/pairing-window.ts";
import type { PublishRate } from "../core/rate.ts";
import type { Front } from "../http/front.ts";
import type { Bridge, Chance, Clock, Dialer, HttpProtocol, Log, Policy } from "../ports.ts";
import type { Listeners } from "./listeners.ts";

/** The parts that all of them share. */
export interface Parts {
  /** The one in force: always the same object, whose options change at a reload. */
  readonly config: Config;
  /** What follows from it: made anew after a reload. */
  readonly derive: InForce["derive"];
  readonly log: Log;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly dialer: Dialer;
  readonly hub: Hub;
  readonly gate: Gate;
  readonly keyring: Keyring;
  readonly pairing: PairingWindow;
  readonly rate: PublishRate;
  /** What can be called; a bridge adds its own. */
  readonly calls: Calls;
}

export type ProtocolOffered = HttpProtocol & { readonly name: ProtocolName };

/** A protocol of the main listener, put together. */
export interface Assembled {
  readonly protocol: ProtocolOffered;
  /** Those of its type, not yet started. */
  readonly bridges?: Bridges;
  /**
   * Listens as this protocol alone, where that is more than the protocol at any path of one listener. The answers are to
   * be called when all other listeners listen: they look for a free port.
   */
  listen?(listener: ListenerConfig, option: string, at: ListeningPlace): readonly (() => void)[];
}

export interface Bridges extends Iterable<Bridge> {
  start(): void;
  stop(): void;
  /** Stops those that the configuration wants no more, or otherwise, and starts those that it wants. */
  reload(): void;
}

/** Where `listen` listens. */
export interface ListeningPlace {
  readonly listeners: Listeners;
  /** One protocol at any path. */
  frontOf(protocol: HttpProtocol, policy: () => Policy): Front;
}
