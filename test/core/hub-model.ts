/**
 * A house full of clients that come, go, listen, sleep and stumble, and the truth about what they should have heard.
 * Every frame that a client reads is checked at once; `verify` checks that nothing is missing when all is quiet.
 *
 * A client has slots: each is one subscription with a form of its own, so that a frame tells which it belongs to. What a
 * client knows outlives its session: it comes back with its last cursor.
 */
import { expect } from "bun:test";
import { EmbeddedBroker } from "../../src/brokers/embedded/broker.ts";
import { everyRight } from "../../src/core/access.ts";
import { matches, select } from "../../src/core/channels.ts";
import { Form } from "../../src/core/form.ts";
import { Hub } from "../../src/core/hub.ts";
import { Refused } from "../../src/core/refusals.ts";
import type { AnySession, Conversation } from "../../src/core/session.ts";
import type {
  Broker,
  ChannelReading,
  ChannelSettings,
  Clock,
  Draft,
  Frame,
  HistoryPage,
  HistoryQuery,
  MaybePromise,
  Past,
  Publication,
  Reading,
  Receipt,
  Selector,
} from "../../src/ports.ts";
import { FakeChance } from "../fakes/chance.ts";
import { stream } from "../fakes/channels.ts";
import { FakeClock, settle } from "../fakes/clock.ts";
import { FakeJournal } from "../fakes/journal.ts";
import { FakeLog } from "../fakes/log.ts";
import { FakeOutlet, lineFraming } from "../fakes/outlet.ts";
import { somebody } from "./setting.ts";

const few: ChannelSettings = { ...stream, history: { size: 4, ttl: 60_000 } };
const settings: Readonly<Record<string, ChannelSettings>> = {
  a: few,
  map: { ...few, kind: "map" },
  kept: { ...few, durable: "yes" },
  kmap: { ...few, kind: "map", durable: "sync" },
  late: { ...few, kind: "map", queue: "latest" },
  drop: { ...few, queue: "drop-oldest" },
  none: { ...few, history: { size: 0, ttl: 60_000 } },
};
export const channels = ["a/1", "a/2", "map/1", "kept/1", "kept/2", "kmap/1", "late/1", "drop/1", "none/1"] as const;
const volatile: Readonly<Record<string, string>> = { kept: "a", kmap: "map" };
export const selectors: readonly (readonly string[])[] = [
  ["a/1"],
  ["map/1"],
  ["kept/1"],
  ["kmap/1"],
  ["late/1"],
  ["drop/1"],
  ["a/1", "map/1", "kept/1"],
  ["a/*"],
  ["kept/*", "a/1"],
  ["**"],
];
export const clients = 3;
export const slots = 2;

export type BrokerKind = "embedded" | "journal" | "asynchronous";

export type Step =
  | {
      readonly do: "publish";
      readonly channel: string;
      readonly key: string;
      readonly removed: boolean;
      readonly times: number;
    }
  | {
      readonly do: "subscribe";
      readonly client: number;
      readonly slot: number;
      readonly selector: readonly string[];
    }
  | { readonly do: "unsubscribe"; readonly client: number; readonly slot: number }
  | { readonly do: "resubscribe"; readonly client: number; readonly slot: number; readonly fresh: boolean }
  | { readonly do: "disconnect" | "reconnect" | "stop" | "readOn" | "dismiss" | "say"; readonly client: number }
  | { readonly do: "endTurn" | "breathe" | "commit" | "refuse" | "deliver" | "take" }
  | { readonly do: "answer"; readonly which: number }
  | { readonly do: "wait"; readonly ms: number };

/** The broker whose order is the truth. */
class Near extends EmbeddedBroker {
  readonly truth: Publication[] = [];

  override attach(deliver: (publication: Publication) => void): void {
    super.attach((publication) => {
      this.truth.push(publication);
      deliver(publication);
    });
  }
}

/** Between the broker and the hub: notes when the hub is being told. */
class Tap implements Broker {
  readonly inner: Broker;
  telling = false;

  constructor(inner: Broker) {
    this.inner = inner;
  }
  attach(deliver: (publication: Publication) => void): void {
    this.inner.attach((publication) => {
      this.telling = true;
      deliver(publication);
      this.telling = false;
    });
  }
  publish(channel: string, draft: Draft): MaybePromise<Receipt> {
    return this.inner.publish(channel, draft);
  }
  read(selector: Selector, past: Past): MaybePromise<Reading> {
    return this.inner.read(selector, past);
  }
  history(channel: string, query: HistoryQuery): MaybePromise<HistoryPage> {
    return this.inner.history(channel, query);
  }
  channels(pattern: string): MaybePromise<readonly string[]> {
    return this.inner.channels(pattern);
  }
  close(): Promise<void> {
    return this.inner.close();
  }
}

interface Question {
  readonly ask: () => Reading;
  reading: Reading | undefined;
  readonly resolve: (reading: Reading) => void;
}

/**
 * Like a broker at the other end of a network: publications arrive some time after they were put in order, but in that
 * order; a reading is made at some moment and arrives at a later one, never before all that it contains.
 */
class Far implements Broker {
  /** When each reading was made. */
  readonly made = new WeakMap<Reading, number>();
  readonly #clock: Clock;
  readonly #near: Near;
  readonly #underWay: Publication[] = [];
  readonly #questions: Question[] = [];
  #receipts: (() => void)[] = [];
  #deliver: (publication: Publication) => void = () => undefined;
  #arrived = 0;

  constructor(near: Near, clock: Clock) {
    this.#near = near;
    this.#clock = clock;
    near.attach((publication) => this.#underWay.push(publication));
  }
  attach(deliver: (publication: Publication) => void): void {
    this.#deliver = deliver;
  }
  publish(channel: string, draft: Draft): Promise<Receipt> {
    return new Promise((resolve, reject) => {
      const receipt = this.#near.publish(channel, draft);
      if (receipt instanceof Promise) receipt.then(resolve, reject);
      else this.#receipts.push(() => resolve(receipt));
    });
  }
  read(selector: Selector, past: Past): Promise<Reading> {
    return new Promise((resolve) => {
      this.#questions.push({ ask: () => this.#near.read(selector, past), reading: undefined, resolve });
    });
  }
  async history(channel: string, query: HistoryQuery): Promise<HistoryPage> {
    return this.#near.history(channel, query);
  }
  async channels(pattern: string): Promise<readonly string[]> {
    return this.#near.channels(pattern);
  }
  close(): Promise<void> {
    return this.#near.close();
  }

  /** The oldest publication under way arrives. */
  arrive(): boolean {
    const publication = this.#underWay.shift();
    if (publication === undefined) return false;
    this.#arrived = publication.seq;
    this.#deliver(publication);
    return true;
  }
  /** The oldest question that is not yet read is read. */
  take(): boolean {
    const question = this.#questions.find(({ reading }) => reading === undefined);
    if (question === undefined) return false;
    question.reading = question.ask();
    this.made.set(question.reading, this.#clock.now());
    return true;
  }
  /** A reading arrives, and with it what it contains. */
  answer(which: number): boolean {
    const made = this.#questions.filter(({ reading }) => reading !== undefined);
    const question = made[which % Math.max(1, made.length)];
    if (question?.reading === undefined) return false;
    while (this.#arrived < question.reading.position.seq && this.arrive());
    this.#questions.splice(this.#questions.indexOf(question), 1);
    question.resolve(question.reading);
    return true;
  }
  receipt(): void {
    const receipts = this.#receipts;
    this.#receipts = [];
    for (const resolve of receipts) resolve();
  }
}

interface Told {
  readonly form: string;
  readonly seq?: number;
  readonly begin?: Begin;
  readonly left?: true;
  readonly gap?: readonly string[];
  readonly said?: true;
}

interface Begin {
  readonly token: number;
  readonly seq: number;
  readonly time: number;
  readonly gap: boolean;
  readonly channels: readonly {
    readonly channel: string;
    readonly as: ChannelReading["as"];
    readonly seqs: readonly number[];
  }[];
}

class SlotForm extends Form {
  readonly #house: House;
  readonly #encoded = new Map<number, number>();

  constructor(id: string, house: House) {
    super(id, lineFraming);
    this.#house = house;
  }
  protected encode({ seq }: Publication): Frame {
    if (this.#house.telling) {
      const times = (this.#encoded.get(seq) ?? 0) + 1;
      expect(times, `times that ${seq} was encoded as ${this.id} for those who are live`).toBe(1);
      this.#encoded.set(seq, times);
    }
    return JSON.stringify({ form: this.id, seq } satisfies Told);
  }
  override gap(lost: readonly string[]): Frame {
    return JSON.stringify({ form: this.id, gap: lost } satisfies Told);
  }
}

/** What a client knows of one of its subscriptions; outlives its sessions. */
class Slot {
  selector: Selector | undefined;
  /** Which subscribing the next beginning must answer. */
  token = 0;
  live = false;
  /** Nothing of it may come before its beginning, nor after the word that it was given up. */
  mute = true;
  cursor: number | undefined;
  /** Of each `late` subject that was passed over: the newest seq, until something newer of it has come. */
  readonly passed = new Map<string, number>();
  readonly maps = new Map<string, Map<string, number>>();
  lost = false;
}

class Client {
  readonly name: number;
  readonly slots = Array.from({ length: slots }, () => new Slot());
  session: AnySession | undefined;
  outlet: FakeOutlet | undefined;
  /** The highest cursor of this session. */
  highest = 0;
  /** Whether it ever stopped reading in this session. */
  lagged = false;
  /** Channels that a notice said were lost of, until it is clear what. */
  readonly told = new Set<string>();
  /** Writes since the hub last handed out. */
  writes = 0;

  constructor(name: number) {
    this.name = name;
  }
}

/** What a publisher wants. */
interface Wanted {
  readonly channel: string;
  readonly data: string;
  readonly key: string;
  readonly removed: boolean;
  /** There was nothing to remove. */
  idle: boolean;
}

export class House {
  readonly clock = new FakeClock();
  readonly log = new FakeLog();
  readonly journal: FakeJournal | undefined;
  readonly hub: Hub;
  readonly #far: Far | undefined;
  readonly #tap: Tap;
  readonly #near: Near;
  readonly #forms: readonly SlotForm[];
  readonly #clients: readonly Client[];
  readonly #settingsOf: (channel: string) => ChannelSettings;
  readonly #conversation: Conversation = { protocol: "model", message: () => undefined, refused: () => undefined };
  /** What publishers wanted, of what was accepted: in the order of publishing, per channel. */
  readonly #wanted: Wanted[] = [];
  readonly #open = new Set<Promise<unknown>>();
  #published = 0;
  #failures: unknown[] = [];

  constructor(kind: BrokerKind) {
    const durable = kind === "journal";
    this.#settingsOf = (channel) => {
      const level = channel.split("/")[0] ?? "";
      return settings[durable ? level : (volatile[level] ?? level)] ?? few;
    };
    this.journal = durable ? new FakeJournal() : undefined;
    if (this.journal !== undefined) this.journal.holds = true;
    const { clock, log, journal } = this;
    const parts = { clock, log, chance: new FakeChance(), settingsOf: this.#settingsOf, leastRoom: 3 };
    this.#near = new Near(journal === undefined ? parts : { ...parts, journal });
    this.#far = kind === "asynchronous" ? new Far(this.#near, clock) : undefined;
    this.#tap = new Tap(this.#far ?? this.#near);
    const limits = { queue: { bytes: 600, age: 5000 }, publication: 1000, subscriptions: 100 };
    this.hub = new Hub({ clock, log, broker: this.#tap, settingsOf: this.#settingsOf, limits, run: this.#near.run });
    const flush = this.hub.flush.bind(this.hub);
    this.hub.flush = () => {
      this.#handsOut();
      flush();
    };
    this.#forms = Array.from({ length: slots }, (_, at) => new SlotForm(`${at}`, this));
    this.#clients = Array.from({ length: clients }, (_, at) => new Client(at));
  }

  get truth(): readonly Publication[] {
    return this.#near.truth;
  }

  get telling(): boolean {
    return this.#tap.telling;
  }

  async start(): Promise<void> {
    await this.#near.start();
    for (const client of this.#clients) this.#connect(client);
  }

  async take(step: Step): Promise<void> {
    await this.#act(step);
    if (this.#failures.length > 0) throw this.#failures[0];
  }

  /** Lets everything come to rest. */
  async rest(): Promise<void> {
    for (const client of this.#clients) client.outlet?.readOn();
    for (let round = 0; round < 1000; round++) {
      let busy = false;
      while (this.#far?.take()) busy = true;
      while (this.#far?.answer(0)) busy = true;
      while (this.#far?.arrive()) busy = true;
      this.#far?.receipt();
      if ((this.journal?.waiting ?? 0) > 0) {
        busy = true;
        this.journal?.let();
      }
      await settle();
      this.clock.endTurn();
      if (!busy && this.#open.size === 0 && (this.journal?.waiting ?? 0) === 0) break;
    }
    if (this.#failures.length > 0) throw this.#failures[0];
  }

  /** When all is quiet: nobody lacks anything. */
  verify(): void {
    expect(this.log.errors).toEqual([]);
    expect(this.#open.size, "publications and subscriptions that were never answered").toBe(0);
    this.#verifyOrder();
    for (const client of this.#clients) {
      for (const [at, slot] of client.slots.entries()) {
        const { selector } = slot;
        if (selector === undefined || client.session?.open !== true) continue;
        const who = `client ${client.name} slot ${at}`;
        expect(slot.live, `${who} has begun`).toBe(true);
        expect(slot.passed, `${who} was passed over and never got anything newer`).toEqual(new Map());
        expect(this.#next(client, slot, selector)?.seq, `the next one for ${who}`).toBeUndefined();
        if (slot.lost) continue;
        for (const [channel, map] of slot.maps) {
          const whole = Object.fromEntries(this.#mapAt(channel, Number.POSITIVE_INFINITY));
          expect(Object.fromEntries(map), `the map ${channel} of ${who}`).toEqual(whole);
        }
      }
    }
  }

  /** Numbers grow; each channel has what its publishers wanted, in their order; its map is what comes of it. */
  #verifyOrder(): void {
    const seqs = this.truth.map(({ seq }) => seq);
    expect(seqs, "seq in the order of delivery").toEqual([...new Set(seqs)].sort((a, b) => a - b));
    for (const channel of new Set(this.truth.map((publication) => publication.channel))) {
      const had = this.truth.filter((publication) => publication.channel === channel);
      const wanted = this.#wanted.filter((publication) => publication.channel === channel);
      const published = wanted.filter(({ idle }) => !idle).map(({ data }) => data);
      expect(
        had.map(({ data }) => data),
        `publications of ${channel}`,
      ).toEqual(published);
      expect(had.map(({ offset }) => offset)).toEqual(had.map((_, at) => at + 1));
      if (this.#settingsOf(channel).kind !== "map") continue;
      const map = new Map<string, string>();
      for (const { key, removed, data } of wanted) {
        if (removed) map.delete(key);
        else map.set(key, data);
      }
      const made = Array.from(this.#mapAt(channel, Number.POSITIVE_INFINITY), ([key, seq]) => {
        return [key, this.truth.find((one) => one.seq === seq)?.data];
      });
      expect(Object.fromEntries(made), `what its publishers made of ${channel}`).toEqual(Object.fromEntries(map));
    }
  }

  // ── Steps ──

  async #act(step: Step): Promise<void> {
    switch (step.do) {
      case "publish":
        for (let count = 0; count < step.times; count++) this.#publish(step.channel, step.key, step.removed);
        return;
      case "subscribe":
      case "resubscribe":
      case "unsubscribe":
        return this.#listenOrLeave(step);
      case "endTurn":
        this.clock.endTurn();
        return;
      case "breathe":
        return settle();
      case "commit":
        this.journal?.let();
        return settle();
      case "refuse":
        this.journal?.fail();
        return settle();
      case "deliver":
        this.#far?.arrive();
        return;
      case "take":
        this.#far?.take();
        this.#far?.receipt();
        return;
      case "answer":
        this.#far?.answer(step.which);
        return settle();
      case "wait":
        this.clock.advance(step.ms);
        return;
      default:
        this.#move(step.do, this.#client(step.client));
    }
  }

  #move(what: "disconnect" | "reconnect" | "stop" | "readOn" | "dismiss" | "say", client: Client): void {
    const { outlet, session } = client;
    if (what === "reconnect") {
      if (session?.open === true) return;
      this.#connect(client);
      for (const at of client.slots.keys()) this.#subscribe(client, at, false);
    } else if (what === "disconnect") outlet?.breaks();
    else if (what === "stop") {
      outlet?.stopReading();
      client.lagged = true;
    } else if (what === "readOn") {
      client.writes = 0;
      outlet?.readOn();
    } else if (what === "say") session?.send(JSON.stringify({ form: "own", said: true, who: client.name }));
    else session?.end(new Refused("closed"));
  }

  #listenOrLeave(step: Step & { readonly do: "subscribe" | "resubscribe" | "unsubscribe" }): void {
    const client = this.#client(step.client);
    const slot = client.slots[step.slot];
    if (slot === undefined || client.session?.open !== true) return;
    this.#unsubscribe(client, step.slot);
    if (step.do !== "resubscribe") {
      slot.selector = step.do === "subscribe" ? select(step.selector) : undefined;
      slot.cursor = undefined;
    }
    this.#subscribe(client, step.slot, step.do === "resubscribe" && step.fresh);
  }

  #publish(channel: string, key: string, removed: boolean): void {
    const isMap = this.#settingsOf(channel).kind === "map";
    const data = String(++this.#published);
    const draft: Draft = { data, ...(isMap ? { key } : {}), ...(isMap && removed ? { removed: true } : {}) };
    const wanted: Wanted = { channel, data, key, removed, idle: false };
    this.#wanted.push(wanted);
    const unwant = (): void => {
      this.#wanted.splice(this.#wanted.indexOf(wanted), 1);
    };
    const kept = (receipt: Receipt): void => {
      const done = this.truth.find((publication) => publication.channel === channel && publication.data === data);
      if (done !== undefined) expect(receipt.offset, "the offset of a receipt").toBe(done.offset);
      // Removing what is not there is no publication.
      else if (removed && isMap) wanted.idle = true;
      else throw new Error(`${channel} ${data} was acknowledged and did not come`);
    };
    const receipt = this.hub.publish(channel, draft, everyRight);
    if (receipt instanceof Promise) this.#await(receipt.then(kept, unwant));
    else kept(receipt);
  }

  #subscribe(client: Client, at: number, fresh: boolean): void {
    const slot = client.slots[at];
    const { session } = client;
    const form = this.#forms[at];
    if (slot?.selector === undefined || session === undefined || form === undefined) return;
    slot.token++;
    slot.live = false;
    const { token, selector, cursor } = slot;
    const from = fresh ? undefined : cursor;
    if (from === undefined) slot.cursor = undefined;
    const past: Past =
      from === undefined
        ? { from: "now", history: 2 }
        : { from: "position", position: { run: this.hub.run, seq: from } };
    const begin = (reading: Reading): void => {
      const began = client.session === session && slot.token === token;
      this.#check(() => expect(began, "a subscription that was given up does not begin").toBe(true));
      const time = this.#far?.made.get(reading) ?? this.clock.now();
      const told: Told = { form: form.id, begin: beginOf(token, time, reading) };
      // Frames of its own, so that nothing that is said here can be a payload of anybody else.
      session.send(JSON.stringify({ ...told, who: client.name }));
    };
    const done = this.hub.subscribe(session, selector, past, begin, form);
    if (done instanceof Promise) this.#await(done);
  }

  #unsubscribe(client: Client, at: number): void {
    const slot = client.slots[at];
    const form = this.#forms[at];
    if (slot?.selector === undefined || client.session?.open !== true || form === undefined) return;
    this.hub.unsubscribe(client.session, slot.selector, form);
    slot.token++;
    slot.live = false;
    client.session.send(JSON.stringify({ form: form.id, left: true, who: client.name }));
  }

  #connect(client: Client): void {
    const outlet = new FakeOutlet();
    const form = this.#forms[0];
    if (form === undefined) throw new Error("Cannot connect without a form");
    const session = this.hub.open(outlet, this.#conversation, form, somebody, undefined);
    outlet.inlet = session;
    outlet.hears = false;
    client.session = session;
    client.outlet = outlet;
    client.highest = 0;
    client.writes = 0;
    client.lagged = false;
    client.told.clear();
    for (const slot of client.slots) {
      slot.live = false;
      slot.mute = true;
      slot.passed.clear();
    }
    outlet.onFrame = (frame) => this.#check(() => this.#reads(client, JSON.parse(frame)));
    const write = outlet.write.bind(outlet);
    outlet.write = (payload) => {
      client.writes++;
      this.#check(() => expect(client.writes, "writes to one session in one turn").toBe(1));
      this.#shared(client, payload);
      return write(payload);
    };
  }

  /** From here on each session may be written to once. */
  #handsOut(): void {
    for (const client of this.#clients) client.writes = 0;
    this.#payloads.clear();
  }

  readonly #payloads = new Map<string, object>();

  /** Sessions that listen to the same and are owed the same get one object. */
  #shared(client: Client, payload: { readonly parts: readonly unknown[] }): void {
    const text = payload.parts.join("\n");
    if (text.includes('"who"') || client.session?.queue !== undefined) return;
    const listens = client.slots.map((slot) => (slot.live ? slot.selector?.id : "")).join(" ");
    const known = this.#payloads.get(`${listens} ${text}`);
    if (known === undefined) this.#payloads.set(`${listens} ${text}`, payload);
    else this.#check(() => expect(payload === known, `one payload for all who are owed ${text}`).toBe(true));
  }

  // ── What a client reads ──

  #reads(client: Client, told: Told): void {
    if (told.said === true) return;
    if (told.gap !== undefined) {
      for (const channel of told.gap) client.told.add(channel);
      return;
    }
    const slot = client.slots[Number(told.form)];
    if (slot === undefined) return;
    if (told.left === true) slot.mute = true;
    else if (told.begin !== undefined) {
      slot.mute = false;
      // The answer to what was given up since may be read late.
      if (slot.selector !== undefined && told.begin.token === slot.token) {
        this.#begins(client, slot, slot.selector, told.begin);
      }
    } else if (told.seq !== undefined) {
      expect(slot.mute, `${told.seq} comes before its beginning or after its end`).toBe(false);
      // What was on its way when it was given up may be read late.
      if (slot.selector !== undefined && slot.live) this.#hears(client, slot, slot.selector, told.seq);
    }
  }

  #begins(client: Client, slot: Slot, selector: Selector, begin: Begin): void {
    const from = slot.cursor;
    const named = begin.channels.map(({ channel }) => channel);
    const published = this.truth.filter(
      (one) => one.seq <= begin.seq && reaches([...selector.names, ...selector.patterns], one.channel),
    );
    expect(named).toEqual(expect.arrayContaining([...selector.names, ...published.map(({ channel }) => channel)]));
    slot.maps.clear();
    let gap = false;
    for (const { channel, as, seqs } of begin.channels) {
      const all = this.truth.filter((one) => one.channel === channel && one.seq <= begin.seq);
      const isMap = this.#settingsOf(channel).kind === "map";
      const held = all.filter((one) => seqs.includes(one.seq));
      expect(seqs, `the order of ${channel}`).toEqual(held.map(({ seq }) => seq));
      if (as === "gap") gap = true;
      if (as === "missed") {
        const missed = all.filter((one) => one.seq > (from ?? 0)).map(({ seq }) => seq);
        expect(seqs, `what ${client.name} missed of ${channel} since ${from}`).toEqual(missed);
      } else if (isMap) {
        const map = this.#mapAt(channel, begin.seq);
        expect(new Set(seqs), `the map ${channel}`).toEqual(new Set(map.values()));
      } else if (as === "history") {
        const last = this.#held(channel, all, begin.time).slice(-2);
        expect(seqs, `history of ${channel}`).toEqual(last.map(({ seq }) => seq));
      }
      if (as === "gap") {
        const known = new Set(this.#held(channel, all, begin.time));
        const missing = all.filter((one) => one.seq > (from ?? 0) && !known.has(one));
        expect(missing.length, `missing of ${channel}, of which a gap is told`).toBeGreaterThan(0);
        if (!isMap) expect(seqs, `what is left of ${channel}`).toEqual([...known].map(({ seq }) => seq));
      }
      if (isMap) slot.maps.set(channel, this.#mapAt(channel, begin.seq));
    }
    expect(begin.gap, "a gap").toBe(gap);
    this.#grows(client, slot, begin.seq, begin.seq);
    slot.cursor = begin.seq;
    slot.live = true;
    slot.lost = false;
    slot.passed.clear();
  }

  #hears(client: Client, slot: Slot, selector: Selector, seq: number): void {
    if (slot.cursor === undefined) throw new Error("Cannot be live without a cursor");
    const publication = this.truth.find((one) => one.seq === seq);
    if (publication === undefined) throw new Error(`Cannot know ${seq}: nobody published it`);
    expect(
      reaches([...selector.names, ...selector.patterns], publication.channel),
      `${publication.channel} is for ${selector.id}`,
    ).toBe(true);
    expect(seq, `what ${client.name} hears of ${selector.id} after ${slot.cursor}`).toBeGreaterThan(slot.cursor);
    this.#passOver(client, slot, selector, seq);
    this.#grows(client, slot, seq, seq - 1);
    slot.cursor = seq;
    const subject = subjectOf(publication);
    slot.passed.delete(subject);
    const { channel, key } = publication;
    if (key === undefined) return;
    let map = slot.maps.get(channel);
    if (map === undefined) {
      map = new Map();
      slot.maps.set(channel, map);
    }
    if (publication.removed === true) map.delete(key);
    else map.set(key, seq);
  }

  /** What lies between the last one and this: nothing, but for channels whose policy is to lose. */
  #passOver(client: Client, slot: Slot, selector: Selector, seq: number): void {
    for (const one of this.#owed(slot, selector)) {
      if (one.seq >= seq) break;
      const { queue } = this.#settingsOf(one.channel);
      if (queue === "latest" && client.lagged) slot.passed.set(subjectOf(one), one.seq);
      else {
        const excused = queue === "drop-oldest" && client.told.has(one.channel);
        expect(excused ? "excused" : one.seq, `${one.channel} is missing before ${seq}`).toBe("excused");
        slot.lost = true;
      }
    }
  }

  /** A cursor says that all before it was heard, on all of the session's subscriptions. */
  #grows(client: Client, of: Slot, cursor: number, all: number): void {
    // Readings of a far broker may be older than what other subscriptions of the session have heard meanwhile.
    if (this.#far === undefined) expect(cursor, "the session's cursor").toBeGreaterThanOrEqual(client.highest);
    client.highest = cursor;
    for (const slot of client.slots) {
      if (slot === of || !slot.live || slot.selector === undefined) continue;
      const next = this.#owed(slot, slot.selector).find(
        ({ channel, seq }) => seq <= all && this.#settingsOf(channel).queue === "disconnect",
      );
      expect(next?.seq, `client ${client.name} has cursor ${cursor}, and still lacks`).toBeUndefined();
    }
  }

  // ── The truth ──

  #owed(slot: Slot, selector: Selector): Publication[] {
    return this.truth.filter(
      ({ seq, channel }) => seq > (slot.cursor ?? 0) && reaches([...selector.names, ...selector.patterns], channel),
    );
  }

  #next(client: Client, slot: Slot, selector: Selector): Publication | undefined {
    return this.#owed(slot, selector).find(({ channel }) => !client.told.has(channel));
  }

  #mapAt(channel: string, seq: number): Map<string, number> {
    const map = new Map<string, number>();
    for (const one of this.truth) {
      if (one.channel !== channel || one.seq > seq || one.key === undefined) continue;
      if (one.removed === true) map.delete(one.key);
      else map.set(one.key, one.seq);
    }
    return map;
  }

  /** What history still has of a channel's publications. */
  #held(channel: string, all: readonly Publication[], now: number): Publication[] {
    const { size, ttl } = this.#settingsOf(channel).history;
    return size === 0 ? [] : all.slice(-size).filter(({ time }) => time >= now - ttl);
  }

  // ── Bookkeeping ──

  #client(at: number): Client {
    const client = this.#clients[at];
    if (client === undefined) throw new Error(`Cannot find client ${at}`);
    return client;
  }

  #await(promise: Promise<unknown>): void {
    const done = promise.catch((thrown: unknown) => this.#failures.push(thrown)).finally(() => this.#open.delete(done));
    this.#open.add(done);
  }

  /** Inside the hub a failed expectation would be caught as if it were a peer's. */
  #check(expectation: () => void): void {
    try {
      expectation();
    } catch (thrown) {
      this.#failures.push(thrown);
    }
  }
}

export function reaches(parts: readonly string[], channel: string): boolean {
  return parts.some((part) => matches(part, channel));
}

function subjectOf({ channel, key }: Publication): string {
  return `${channel} ${key}`;
}

function beginOf(token: number, time: number, { position, gap, channels: readings }: Reading): Begin {
  return {
    token,
    time,
    seq: position.seq,
    gap,
    channels: readings.map(({ channel, as, publications }) => ({
      channel,
      as,
      seqs: publications.map(({ seq }) => seq),
    })),
  };
}
