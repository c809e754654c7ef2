/** A gateway of the real parts on a free port of this machine, with a clock that the test turns. */
import { EmbeddedBroker } from "../../../src/brokers/embedded/broker.ts";
import { DeviceRegistry } from "../../../src/core/device-registry.ts";
import { DeviceStates } from "../../../src/core/device-states.ts";
import { Gate } from "../../../src/core/gate.ts";
import { Hub, type HubLimits } from "../../../src/core/hub.ts";
import { Idempotency } from "../../../src/core/idempotency.ts";
import { Keyring } from "../../../src/core/keyring.ts";
import { makeKey } from "../../../src/core/keys.ts";
import { PublishRate } from "../../../src/core/rate.ts";
import { Refused } from "../../../src/core/refusals.ts";
import { Tickets } from "../../../src/core/tickets.ts";
import { Api } from "../../../src/http/api.ts";
import { Front } from "../../../src/http/front.ts";
import type { ChannelSettings, DeviceRecord, Grants, Journal, KeyRecord, Policy } from "../../../src/ports.ts";
import { ChannelUrl } from "../../../src/protocols/channel-url/protocol.ts";
import { type HttpListener, listenHttp } from "../../../src/transports/http-server.ts";
import { systemChance } from "../../../src/transports/system.ts";
import { stream } from "../../fakes/channels.ts";
import { Records } from "../../fakes/records.ts";
import { TurnedClock } from "../../fakes/turned-clock.ts";
import { overheard } from "../../secrets/ledger.ts";

export interface GatewayOptions {
  readonly anonymous?: Grants;
  readonly openTo?: readonly string[];
  readonly origins?: readonly string[];
  readonly publicUrl?: string;
  readonly limits?: Partial<HubLimits>;
  /** Publications per second of one key and of one address; 0 for no limit. */
  readonly rate?: number;
  /** Seconds. */
  readonly heartbeat?: number;
  /** ms */
  readonly maxAge?: number;
  readonly journal?: Journal;
  /** The protocol at any path, as on a listener of its own. */
  readonly alone?: boolean;
}

export interface TestGateway {
  readonly url: string;
  readonly port: number;
  readonly clock: TurnedClock;
  readonly hub: Hub;
  /** What was logged as an error: nothing, whatever a client does. */
  readonly errors: readonly object[];
  /** All that was logged, as text. */
  readonly logged: readonly string[];
  /** Makes a key. */
  key(grants: Grants, about?: { readonly expires?: number }): string;
  /** Revokes it, as the API does. */
  revoke(key: string): void;
  stop(): Promise<void>;
}

/** `maps/…` are maps, `short/…` keep three publications, `rooms/…` know who is there, `kept/…` are durable. */
function settingsOf(channel: string): ChannelSettings {
  if (channel.startsWith("maps/")) return { ...stream, kind: "map", queue: "latest" };
  if (channel.startsWith("short/")) return { ...stream, history: { size: 3, ttl: 600_000 } };
  if (channel.startsWith("rooms/")) return { ...stream, presence: true };
  if (channel.startsWith("kept/")) return { ...stream, durable: "yes" };
  return stream;
}

const everything: Grants = { subscribe: ["**"], publish: ["**"], history: ["**"], presence: ["**"], admin: ["**"] };

export async function openGateway(options: GatewayOptions = {}): Promise<TestGateway> {
  const clock = new TurnedClock();
  const errors: object[] = [];
  const logged: string[] = [];
  const note = (fields: object, text: string): void => void logged.push(`${JSON.stringify(fields)} ${text}`);
  const log = overheard({
    debug: note,
    info: note,
    warn: note,
    error(fields, text) {
      errors.push({ ...fields, text });
      note(fields, text);
    },
  });
  const { journal } = options;
  const chance = systemChance;
  const keys = new Records<KeyRecord>();
  const devices = new Records<DeviceRecord>();
  const broker = new EmbeddedBroker({ clock, chance, log, settingsOf, ...(journal === undefined ? {} : { journal }) });
  await broker.start();
  const limits = {
    queue: { bytes: 1024 * 1024, age: 10_000 },
    publication: 64 * 1024,
    subscriptions: 100,
    unauthenticated: 3000,
    body: 256 * 1024,
    ...options.limits,
  };
  const hub = new Hub({ clock, log, broker, settingsOf, limits, run: broker.run });
  const tickets = new Tickets(clock, chance);
  const { publicUrl } = options;
  const gate = new Gate({ keys, clock, tickets, publicUrl });
  const rate = new PublishRate(clock, { key: options.rate ?? 0, address: options.rate ?? 0 });
  const { heartbeat = 25, maxAge = 3_600_000 } = options;
  const idempotency = new Idempotency(clock);
  const protocol = new ChannelUrl({ hub, gate, idempotency, rate, limits, heartbeat, maxAge });
  const policy: Policy = {
    openTo: options.openTo ?? ["127.0.0.1", "::1"],
    anonymous: options.anonymous ?? everything,
    devices: [],
    origins: options.origins ?? [],
  };
  const figures = { waiting: 0, lag: 0, commits: 0, syncs: 0, kept: 0 };
  const place = { addresses: [], data: "", journal: figures, sessions: 0, bridges: new Map() };
  const status = () => ({ version: "0", run: broker.run, started: clock.now(), ...place });
  const nowhere = () => Promise.reject(new Error("Cannot back up: there is no data directory"));
  const storage = { keys, devices, putAll: () => undefined, backUp: nowhere };
  const keyring = new Keyring({ keys, clock, chance });
  const identities = {
    keyring,
    registry: new DeviceRegistry({ devices, keyring, clock, chance, addresses: () => ({}) }),
    deviceStates: new DeviceStates({ hub, devices, clock, log }),
    keyChanged: () => undefined,
  };
  const api = new Api({ hub, gate, tickets, ...storage, ...identities, clock, status });
  const offers = options.alone === true ? [] : [{ protocol, policy: () => policy }];
  const front = new Front({
    gate,
    log,
    offers,
    rest: { protocol: options.alone === true ? protocol : api, policy: () => policy },
  });
  const listener: HttpListener = listenHttp({
    at: { hostname: "127.0.0.1", port: 0 },
    maxMessage: limits.body,
    log,
    visit: (visit) => front.visit(visit),
  });
  return {
    url: `http://127.0.0.1:${listener.port}`,
    port: listener.port,
    clock,
    hub,
    errors,
    logged,
    key(grants, about = {}) {
      const { key, record } = makeKey(chance, { name: "test", grants, created: clock.now(), ...about });
      keys.put(record);
      return key;
    },
    revoke(key) {
      const id = key.split("_")[1] ?? "";
      keys.remove(id);
      gate.forget(id);
      hub.end(
        ({ principal }) => principal.id === id,
        () => new Refused("invalidToken"),
      );
    },
    async stop() {
      hub.close();
      await listener.stop(true);
      await broker.close();
    },
  };
}
