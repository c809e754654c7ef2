/** A gateway of the real parts that speaks this protocol on a free port of this machine. */
import { EmbeddedBroker } from "../../../src/brokers/embedded/broker.ts";
import { everyRight } from "../../../src/core/access.ts";
import type { Calls } from "../../../src/core/calls.ts";
import { Gate } from "../../../src/core/gate.ts";
import { Hub, type HubLimits } from "../../../src/core/hub.ts";
import { makeKey } from "../../../src/core/keys.ts";
import { PublishRate } from "../../../src/core/rate.ts";
import { Tickets } from "../../../src/core/tickets.ts";
import type { Tokens } from "../../../src/core/tokens.ts";
import { Front } from "../../../src/http/front.ts";
import type {
  Broker,
  ChannelSettings,
  Clock,
  Draft,
  Grants,
  Journal,
  KeyRecord,
  Policy,
  Receipt,
} from "../../../src/ports.ts";
import { Centrifuge } from "../../../src/protocols/centrifuge/protocol.ts";
import type { Seams } from "../../../src/protocols/centrifuge/seams.ts";
import { listenHttp } from "../../../src/transports/http-server.ts";
import { systemChance, systemClock } from "../../../src/transports/system.ts";
import { stream } from "../../fakes/channels.ts";
import { FakeLog } from "../../fakes/log.ts";
import { Records } from "../../fakes/records.ts";

export interface GatewayOptions {
  readonly anonymous?: Grants;
  readonly limits?: Partial<HubLimits> & { readonly unauthenticated?: number };
  /** Seconds. */
  readonly heartbeat?: number;
  readonly maxAge?: number;
  readonly journal?: Journal;
  /** In the place of an embedded one of its own. */
  readonly broker?: Broker & { readonly run: string };
  readonly clock?: Clock;
  readonly seams?: Partial<Seams>;
  readonly tokens?: Tokens;
  readonly calls?: Calls;
  readonly port?: number;
  /** How many channels the broker holds. */
  readonly maxChannels?: number;
  /** Publications per second; 0 for no limit. */
  readonly rate?: number;
}

export interface TestGateway {
  readonly url: string;
  readonly ws: string;
  readonly port: number;
  readonly hub: Hub;
  readonly protocol: Centrifuge;
  readonly log: FakeLog;
  publish(channel: string, data: unknown, more?: Partial<Draft>): Promise<Receipt>;
  key(grants: Grants, about?: { readonly device?: string; readonly expires?: number }): string;
  stop(): Promise<void>;
}

/** What the first part of a channel's name makes of it. */
const kinds: Readonly<Record<string, ChannelSettings>> = {
  maps: { ...stream, kind: "map", history: { size: 20_000, ttl: 600_000 }, queue: "latest" },
  bare: { ...stream, kind: "map", history: { size: 0, ttl: 0 }, queue: "latest" },
  short: { ...stream, history: { size: 3, ttl: 600_000 } },
  value: { ...stream, history: { size: 1, ttl: 600_000 } },
  long: { ...stream, history: { size: 5000, ttl: 600_000 } },
  fleeting: { ...stream, history: { size: 0, ttl: 0 } },
  rooms: { ...stream, presence: true },
  kept: { ...stream, durable: "yes" },
  lossy: { ...stream, queue: "drop-oldest" },
};

export function settingsOf(channel: string): ChannelSettings {
  return kinds[channel.split("/")[0] ?? ""] ?? stream;
}

const everything: Grants = { subscribe: ["**"], publish: ["**"], history: ["**"], presence: ["**"] };

export async function openGateway(options: GatewayOptions = {}): Promise<TestGateway> {
  const clock = options.clock ?? systemClock;
  const chance = systemChance;
  const log = new FakeLog();
  const { journal, maxChannels, seams, tokens, calls } = options;
  const embedded = async (): Promise<EmbeddedBroker> => {
    const broker = new EmbeddedBroker({
      clock,
      chance,
      log,
      settingsOf,
      ...(journal === undefined ? {} : { journal }),
      ...(maxChannels === undefined ? {} : { maxChannels }),
    });
    await broker.start();
    return broker;
  };
  const broker = options.broker ?? (await embedded());
  const limits = {
    queue: { bytes: 4 * 1024 * 1024, age: 10_000 },
    publication: 64 * 1024,
    subscriptions: 1000,
    unauthenticated: 3000,
    body: 1024 * 1024,
    ...options.limits,
  };
  const hub = new Hub({ clock, log, broker, settingsOf, limits, run: broker.run });
  const keys = new Records<KeyRecord>();
  const gate = new Gate({ keys, clock, tickets: new Tickets(clock, chance) });
  const rate = new PublishRate(clock, { key: options.rate ?? 0, address: options.rate ?? 0 });
  const { heartbeat = 25, maxAge = 3_600_000 } = options;
  const about = { hub, gate, rate, clock, chance, settingsOf, limits, heartbeat, maxAge, version: "Hearthwire test" };
  const protocol = new Centrifuge({ ...about, tokens: () => tokens, calls, ...(seams === undefined ? {} : { seams }) });
  const anonymous = options.anonymous ?? everything;
  const policy: Policy = { openTo: ["127.0.0.1", "::1"], anonymous, devices: [], origins: [] };
  const front = new Front({ gate, log, offers: [], rest: { protocol, policy: () => policy } });
  const listener = listenHttp({
    at: { hostname: "127.0.0.1", port: options.port ?? 0 },
    maxMessage: limits.body,
    log,
    visit: (visit) => front.visit(visit),
  });
  return {
    url: `http://127.0.0.1:${listener.port}`,
    ws: `ws://127.0.0.1:${listener.port}/connection/websocket`,
    port: listener.port,
    hub,
    protocol,
    log,
    publish: async (channel, data, more = {}) =>
      hub.publish(channel, { data: JSON.stringify(data), ...more }, everyRight),
    key(grants, more = {}) {
      const { key, record } = makeKey(chance, { name: "test", grants, created: clock.now(), ...more });
      keys.put(record);
      return key;
    },
    async stop() {
      hub.close();
      await listener.stop(true);
      await broker.close();
    },
  };
}
