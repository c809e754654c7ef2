/** A place of the old protocol on a fake clock, with clients that live in the test. */
import { Gate } from "../../../src/core/gate.ts";
import { Tickets } from "../../../src/core/tickets.ts";
import type { KeyRecord } from "../../../src/ports.ts";
import { Listening, type ListeningParts, type Peer } from "../../../src/protocols/jeedom/listening.ts";
import type { Sight } from "../../../src/protocols/jeedom/upstream.ts";
import { Setting } from "../../core/setting.ts";
import { FakeChance } from "../../fakes/chance.ts";
import { stream } from "../../fakes/channels.ts";
import { settle } from "../../fakes/clock.ts";
import { FakeOutlet } from "../../fakes/outlet.ts";

/** Sees the commands of these ids, and what is about nothing. */
export function sightOf(...commands: number[]): Sight {
  const seen = new Set(commands.map(String));
  return {
    id: [...seen].join(),
    sees: ({ subject }) => subject === undefined || (subject.kind === "commands" && seen.has(subject.id)),
  };
}

export const keyOf = (user: string): string => user.padEnd(64, "0");
export const update = (datetime: number, command: number, value: number): string =>
  `{"datetime":${datetime},"name":"cmd::update","option":{"cmd_id":"${command}","value":${value}}}`;
export const message = (datetime: number, ...events: string[]): string =>
  `{"datetime":${datetime},"result":[${events.join(",")}]}`;

export class Place {
  readonly setting: Setting;
  readonly listening: Listening;
  /** What Jeedom says of keys; an error where it cannot be asked. */
  readonly users = new Map<string, Sight | Error>([
    [keyOf("anna"), sightOf(1, 2, 3)],
    [keyOf("ben"), sightOf(1)],
  ]);
  readonly asked: string[] = [];
  readonly keys = new Map<string, KeyRecord>();

  constructor(options: Partial<ListeningParts> = {}, setting: Setting = new Setting({ settingsOf: () => stream })) {
    this.setting = setting;
    const { clock, hub, log } = setting;
    const keys = {
      find: (id: string) => this.keys.get(id),
      list: () => [...this.keys.values()],
      put: (record: KeyRecord) => void this.keys.set(record.id, record),
      remove: (id: string) => this.keys.delete(id),
      touch: () => undefined,
    };
    const gate = new Gate({ keys, clock, tickets: new Tickets(clock, new FakeChance()) });
    const check = (key: string): Promise<Sight | undefined> => {
      this.asked.push(key);
      const user = this.users.get(key);
      return user instanceof Error ? Promise.reject(user) : Promise.resolve(user);
    };
    const upstream = { name: "jeedom", check };
    const usual = { authDelay: 1000, readDelay: 0, rights: "user", heartbeat: 0 } as const;
    this.listening = new Listening({ hub, gate, clock, log, upstream, ...usual, ...options });
  }

  open(): { session: Peer; outlet: FakeOutlet } {
    const outlet = new FakeOutlet();
    const session = this.listening.open(outlet);
    outlet.inlet = session;
    return { session, outlet };
  }

  async enter(user: string, more: object = {}): Promise<FakeOutlet> {
    const { session, outlet } = this.open();
    session.message(JSON.stringify({ apiKey: keyOf(user), ...more }));
    await settle();
    this.setting.endTurn();
    return outlet;
  }

  /** Events of one answer of Jeedom's, and the end of the turn. */
  brings(...events: string[]): void {
    for (const event of events) this.setting.publish("jeedom/events", event);
    this.setting.endTurn();
  }

  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 500) {
      this.setting.clock.advance(Math.min(500, left));
      await settle();
    }
  }
}
