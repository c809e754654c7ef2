/** A hub on a fake clock with peers that live in the test: what most tests of the core begin with. */
import { EmbeddedBroker } from "../../src/brokers/embedded/broker.ts";
import { everyRight, type Rights } from "../../src/core/access.ts";
import { select } from "../../src/core/channels.ts";
import { Form, type PresenceChange } from "../../src/core/form.ts";
import { Hub, type HubLimits } from "../../src/core/hub.ts";
import { Refused } from "../../src/core/refusals.ts";
import type { AnySession, Conversation, Principal, Session } from "../../src/core/session.ts";
import type {
  Broker,
  ChannelSettings,
  Frame,
  Framing,
  Journal,
  MaybePromise,
  Past,
  Publication,
  Reading,
  Receipt,
} from "../../src/ports.ts";
import { FakeChance } from "../fakes/chance.ts";
import { stream } from "../fakes/channels.ts";
import { FakeClock, settle } from "../fakes/clock.ts";
import { FakeLog } from "../fakes/log.ts";
import { FakeOutlet, lineFraming } from "../fakes/outlet.ts";

/** Settings by the first level of a channel's name. */
export const byFirstLevel: Readonly<Record<string, ChannelSettings>> = {
  map: { ...stream, kind: "map" },
  durable: { ...stream, durable: "yes" },
  synced: { ...stream, durable: "sync" },
  kept: { ...stream, kind: "map", durable: "yes" },
  latest: { ...stream, queue: "latest" },
  states: { ...stream, kind: "map", queue: "latest" },
  oldest: { ...stream, queue: "drop-oldest" },
  short: { ...stream, history: { size: 3, ttl: 600_000 } },
  brief: { ...stream, history: { size: 100, ttl: 10_000 } },
  none: { ...stream, history: { size: 0, ttl: 600_000 } },
  present: { ...stream, presence: true },
};

export function settingsByFirstLevel(channel: string): ChannelSettings {
  return byFirstLevel[channel.split("/")[0] ?? ""] ?? stream;
}

export const limits: HubLimits = { queue: { bytes: 1000, age: 5000 }, publication: 1000, subscriptions: 10 };

/** Phrases a publication as `<channel>#<offset> <data>`, so that tests read well. */
export class PlainForm extends Form {
  encoded = 0;

  constructor(id = "plain", framing: Framing = lineFraming) {
    super(id, framing);
  }

  protected encode({ channel, offset, data }: Publication): Frame {
    this.encoded++;
    return `${channel}#${offset} ${data}`;
  }

  override gap(channels: readonly string[]): Frame {
    return `gap ${channels.join(",")}`;
  }

  override presence({ channel, kind, member }: PresenceChange): Frame {
    return `${kind} ${channel} ${member.client} ${member.user}`;
  }
}

export const fromNow: Past = { from: "now", history: 0 };

export const somebody: Principal = { id: "somebody", name: "somebody", rights: everyRight };

export function principal(id: string, rights: Rights = everyRight, more: Partial<Principal> = {}): Principal {
  return { id, name: id, rights, ...more };
}

/** Says what happens to its sessions, in their own frames. */
export class PlainConversation implements Conversation {
  readonly protocol = "plain";
  readonly endings: [session: string, code: number][] = [];
  /** What a message does. */
  obey: (session: AnySession, message: string) => MaybePromise<void> = () => undefined;

  message(session: Session, data: string | Uint8Array): MaybePromise<void> {
    return this.obey(session, String(data));
  }

  refused(session: Session, refused: Refused): void {
    session.send(`refused ${refused.refusal.code} ${refused.message}`);
  }

  heartbeat(): Frame {
    return "heartbeat";
  }

  goodbye(_session: Session, refused: Refused) {
    return { frames: ["goodbye"], code: refused.refusal.close, reason: refused.message };
  }

  ended(session: Session, code: number): void {
    this.endings.push([session.id, code]);
  }
}

export interface Peer {
  readonly session: AnySession;
  readonly outlet: FakeOutlet;
}

export interface SettingParts {
  readonly broker?: (parts: ConstructorParameters<typeof EmbeddedBroker>[0]) => Broker & { readonly run: string };
  readonly journal?: Journal;
  readonly limits?: Partial<HubLimits>;
  readonly settingsOf?: (channel: string) => ChannelSettings;
  readonly clock?: FakeClock;
  readonly rest?: () => void;
}

export class Setting {
  readonly clock: FakeClock;
  readonly log = new FakeLog();
  readonly broker: Broker;
  readonly hub: Hub;
  readonly form = new PlainForm();
  readonly conversation = new PlainConversation();

  constructor(parts: SettingParts = {}) {
    this.clock = parts.clock ?? new FakeClock();
    const { clock, log } = this;
    const settingsOf = parts.settingsOf ?? settingsByFirstLevel;
    const make = parts.broker ?? ((of) => new EmbeddedBroker(of));
    const { journal } = parts;
    const broker = make({
      clock,
      log,
      settingsOf,
      chance: new FakeChance(),
      ...(journal === undefined ? {} : { journal }),
    });
    this.broker = broker;
    const { rest = () => undefined } = parts;
    this.hub = new Hub({
      clock,
      log,
      broker,
      settingsOf,
      limits: { ...limits, ...parts.limits },
      run: broker.run,
      rest,
    });
  }

  connect(who: Principal = somebody, conversation: Conversation = this.conversation): Peer {
    const outlet = new FakeOutlet();
    const session = this.hub.open(outlet, conversation, this.form, who, undefined);
    outlet.inlet = session;
    return { session, outlet };
  }

  /** Publishes where the answer comes at once. */
  publish(channel: string, data = "1", key?: string): Receipt {
    const receipt = this.publishLater(channel, data, key);
    if (receipt instanceof Promise) throw new Error(`Cannot tell the receipt of ${channel} at once`);
    return receipt;
  }

  publishLater(channel: string, data = "1", key?: string): MaybePromise<Receipt> {
    return this.hub.publish(channel, key === undefined ? { data } : { data, key }, everyRight);
  }

  /** Subscribes where the reading comes at once. */
  subscribe({ session }: Peer, channels: readonly string[], past: Past, begin = tell(session), form?: Form): void {
    const done = this.hub.subscribe(session, select(channels), past, begin, form);
    if (done instanceof Promise) throw new Error(`Cannot begin with ${channels} at once`);
  }

  /** Subscribes to what comes from now on. */
  listen(peer: Peer, ...channels: string[]): void {
    this.subscribe(peer, channels, fromNow);
  }

  endTurn(): void {
    this.clock.endTurn();
  }
}

/** A broker whose readings arrive when the test lets them. */
export class SlowReadings extends EmbeddedBroker {
  readonly #waiting: { readonly resolve: (reading: Reading) => void; readonly reject: (thrown: unknown) => void }[] =
    [];
  readonly #readings: Reading[] = [];

  override read(...question: Parameters<EmbeddedBroker["read"]>): Reading {
    const reading = super.read(...question);
    this.#readings.push(reading);
    const promise = new Promise<Reading>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    // The port allows a promise here; the class that is stood in for never needs one.
    return promise as unknown as Reading;
  }

  async answer(at = 0): Promise<void> {
    const [waiting] = this.#waiting.splice(at, 1);
    const [reading] = this.#readings.splice(at, 1);
    if (reading !== undefined) waiting?.resolve(reading);
    await settle();
  }

  async refuse(at = 0): Promise<void> {
    this.#readings.splice(at, 1);
    this.#waiting.splice(at, 1)[0]?.reject(new Refused("internal"));
    await settle();
  }
}

export function slowSetting(parts: SettingParts = {}): { setting: Setting; broker: SlowReadings } {
  let broker: SlowReadings | undefined;
  const setting = new Setting({
    ...parts,
    broker: (of) => {
      broker = new SlowReadings(of);
      return broker;
    },
  });
  if (broker === undefined) throw new Error("Cannot be: the setting makes its broker");
  return { setting, broker };
}

/** Sends what a reading holds, as protocols do. */
export function tell(session: AnySession, form: Form = session.form): (reading: Reading) => void {
  return ({ channels, gap }) => {
    const publications = channels.flatMap((channel) => channel.publications).sort((a, b) => a.seq - b.seq);
    session.send(gap ? "live after a gap" : "live", ...publications.map((publication) => form.frameOf(publication)));
  };
}

/** The name of the refusal that `work` throws or rejects with; what it answers where it does not. */
export async function outcome(work: () => unknown): Promise<unknown> {
  try {
    return await work();
  } catch (thrown) {
    if (thrown instanceof Refused) return thrown.refusal.name;
    throw thrown;
  }
}
