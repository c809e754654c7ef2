/** Sessions whose other end lives in the test: nothing is sent anywhere, and the test decides when it is read. */
import { EmbeddedBroker } from "../../../src/brokers/embedded/broker.ts";
import { everyRight } from "../../../src/core/access.ts";
import { Gate } from "../../../src/core/gate.ts";
import { Hub, type HubLimits } from "../../../src/core/hub.ts";
import { PublishRate } from "../../../src/core/rate.ts";
import { Tickets } from "../../../src/core/tickets.ts";
import type { Clock, OpenPeer, SettingsOf, Visit } from "../../../src/ports.ts";
import { Centrifuge } from "../../../src/protocols/centrifuge/protocol.ts";
import { systemChance, systemClock } from "../../../src/transports/system.ts";
import { FakeLog } from "../../fakes/log.ts";
import { FakeOutlet } from "../../fakes/outlet.ts";

export class Stage {
  readonly log = new FakeLog();
  readonly hub: Hub;
  readonly #protocol: Centrifuge;

  constructor(
    settingsOf: SettingsOf,
    more: { readonly maxChannels?: number; readonly limits?: Partial<HubLimits>; readonly clock?: Clock } = {},
  ) {
    const chance = systemChance;
    const { log } = this;
    const { maxChannels = 1000, clock = systemClock } = more;
    const broker = new EmbeddedBroker({ clock, chance, log, settingsOf, maxChannels });
    const limits = {
      queue: { bytes: 1000, age: 10_000 },
      publication: 64 * 1024,
      subscriptions: 1000,
      unauthenticated: 1000,
      body: 1024 * 1024,
      ...more.limits,
    };
    this.hub = new Hub({ clock, log, broker, settingsOf, limits, run: broker.run });
    const { hub } = this;
    const keys = {
      find: () => undefined,
      list: () => [],
      put: () => undefined,
      remove: () => false,
      touch: () => undefined,
    };
    const gate = new Gate({ keys, clock, tickets: new Tickets(clock, chance) });
    const rate = new PublishRate(clock, { key: 0, address: 0 });
    const about = { hub, gate, rate, clock, chance, settingsOf, limits, heartbeat: 25, maxAge: 0, version: "test" };
    this.#protocol = new Centrifuge(about);
  }

  /** A session that has connected with every right, and said `commands` besides. */
  async open(...commands: readonly object[]): Promise<FakeOutlet> {
    const outlet = new FakeOutlet();
    const visit = {
      request: new Request("http://localhost/connection/websocket"),
      path: "/connection/websocket",
      query: new URLSearchParams(),
      address: outlet.address,
      owner: true,
      secure: false,
      wantsWebSocket: true,
      webSocket(open: OpenPeer) {
        outlet.inlet = open(outlet);
        return undefined;
      },
    } as unknown as Visit;
    await this.#protocol.visit(visit, { openTo: [], anonymous: {}, devices: [], origins: [] });
    this.say(outlet, { id: 1, connect: {} }, ...commands);
    return outlet;
  }

  say(outlet: FakeOutlet, ...commands: readonly object[]): void {
    outlet.inlet?.message(commands.map((command) => JSON.stringify(command)).join("\n"));
    this.hub.flush();
  }

  publish(channel: string, data: unknown, key?: string): void {
    const draft = { data: JSON.stringify(data), ...(key === undefined ? {} : { key }) };
    void this.hub.publish(channel, draft, everyRight);
  }
}
