/** The room server of the real parts, at a lenient listener and at `/espruino`, with a clock that the test turns. */
import { expect } from "bun:test";
import { EmbeddedBroker } from "../../../src/brokers/embedded/broker.ts";
import { everyRight } from "../../../src/core/access.ts";
import { Gate } from "../../../src/core/gate.ts";
import { Hub } from "../../../src/core/hub.ts";
import { PublishRate } from "../../../src/core/rate.ts";
import { Tickets } from "../../../src/core/tickets.ts";
import { Front } from "../../../src/http/front.ts";
import type { ChannelSettings, Grants, Policy } from "../../../src/ports.ts";
import { Espruino } from "../../../src/protocols/espruino/protocol.ts";
import { type HttpListener, listenHttp } from "../../../src/transports/http-server.ts";
import {
  type LenientListener,
  type LenientOptions,
  listenLeniently,
} from "../../../src/transports/lenient-websocket.ts";
import { systemChance } from "../../../src/transports/system.ts";
import { stream } from "../../fakes/channels.ts";
import { FakeLog } from "../../fakes/log.ts";
import { TurnedClock } from "../../fakes/turned-clock.ts";
import { RawClient, until } from "../../transports/raw-client.ts";
import { House } from "../unix-socket/gateway.ts";

export const roomGrants: Grants = { subscribe: ["room/**"], publish: ["room/**", "espruino/inbox"] };

/** `room/map` is a map, and of `room/latest` only the latest matters. */
function settingsOf(channel: string): ChannelSettings {
  if (channel === "room/map") return { ...stream, kind: "map", queue: "latest" };
  return channel === "room/latest" ? { ...stream, queue: "latest" } : stream;
}

export interface StageOptions extends Pick<LenientOptions, "largest" | "spacing" | "keepAlive" | "tls"> {
  readonly anonymous?: Grants;
  readonly origins?: readonly string[];
  readonly subscriptions?: number;
}

export class Stage {
  readonly clock = new TurnedClock();
  readonly log = new FakeLog();
  readonly house = new House();
  readonly hub: Hub;
  /** Where boards connect. */
  readonly port: number;
  /** Where browsers do, at `/espruino`. */
  readonly url: string;
  readonly #broker: EmbeddedBroker;
  readonly lenient: LenientListener;
  readonly #tls: boolean;
  readonly #http: HttpListener;
  /** What came to channels, as `channel data`. */
  readonly heard: string[] = [];

  private constructor(options: StageOptions) {
    const { clock, log } = this;
    const chance = systemChance;
    this.#broker = new EmbeddedBroker({ clock, chance, log, settingsOf });
    const limits = {
      queue: { bytes: 1 << 20, age: 10_000 },
      publication: 1 << 20,
      subscriptions: options.subscriptions ?? 100,
    };
    this.hub = new Hub({ clock, log, broker: this.#broker, settingsOf, limits, run: this.#broker.run });
    const gate = new Gate({ keys: this.house.keys, clock, tickets: new Tickets(clock, chance) });
    const rate = new PublishRate(clock, { key: 0, address: 0 });
    const protocol = new Espruino({ hub: this.hub, gate, rate, limits: { unauthenticated: 3000 }, heartbeat: 25_000 });
    const policy: Policy = {
      openTo: ["0.0.0.0/0", "::/0"],
      anonymous: options.anonymous ?? roomGrants,
      devices: [],
      origins: options.origins ?? ["Espruino", "file://"],
    };
    const front = new Front({ gate, log, offers: [], rest: { protocol, policy: () => policy } });
    const visit = front.visit.bind(front);
    const at = { hostname: "127.0.0.1", port: 0 };
    this.#tls = options.tls !== undefined;
    this.lenient = listenLeniently({ ...options, at, clock, log, visit });
    this.#http = listenHttp({ at, maxMessage: 1 << 20, log, visit });
    this.port = this.lenient.port;
    this.url = `ws://127.0.0.1:${this.#http.port}/espruino`;
  }

  static async open(options: StageOptions = {}): Promise<Stage> {
    const stage = new Stage(options);
    await stage.#broker.start();
    return stage;
  }

  /** As a backend does; a text is bare. */
  publish(channel: string, data: unknown, key?: string): void {
    this.publishText(channel, JSON.stringify(data), key);
  }

  publishText(channel: string, data: string, key?: string): void {
    void this.hub.publish(channel, key === undefined ? { data } : { data, key }, everyRight);
  }

  /** What a channel has got, parsed. */
  async past(channel: string): Promise<unknown[]> {
    const { publications } = await this.hub.history(channel, { limit: -1 }, everyRight);
    return publications.map(({ data }) => JSON.parse(data) as unknown);
  }

  async hasPast(channel: string, count: number): Promise<unknown[]> {
    let past: unknown[] = [];
    const end = performance.now() + 5000;
    while (past.length < count) {
      if (performance.now() > end)
        throw new Error(`Waited in vain for ${count} in ${channel}: ${JSON.stringify(past)}`);
      await Bun.sleep(2);
      past = await this.past(channel);
    }
    return past;
  }

  connect(): Promise<RawClient> {
    return RawClient.connect(this.port, this.#tls);
  }

  async sessions(count: number): Promise<void> {
    await until(() => this.hub.sessions.size === count, `${count} sessions, not ${this.hub.sessions.size}`);
  }

  async stopWithoutErrors(): Promise<void> {
    const { errors } = this.log;
    await this.stop();
    expect(errors).toEqual([]);
  }

  async stop(): Promise<void> {
    this.hub.close();
    await this.lenient.stop(true);
    await this.#http.stop(true);
    await this.#broker.close();
  }
}

// ── What boards send, byte for byte as both generations of the module do ──

/** One line each, as the module of 2015 writes them. */
export const requestOf2015 = [
  "GET / HTTP/1.1\r\n",
  "Upgrade: websocket\r\n",
  "Connection: Upgrade\r\n",
  "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n",
  "Sec-WebSocket-Version: 13\r\n",
  "Origin: Espruino\r\n",
  "\r\n",
];

export function currentRequest(key = "MTIzNDU2Nzg5MGFiY2RlZg==", path = "/", more = ""): string {
  return (
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\nOrigin: Espruino\r\n${more}\r\n`
  );
}
