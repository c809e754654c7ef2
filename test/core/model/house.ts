/**
 * A house full of clients that come, go, listen, sleep and stumble, and the truth about what they should have heard.
 * Every frame that a client reads is checked at once; `verify` checks that nothing is missing when all is quiet.
 *
 * A client has slots: each is one subscription with a form of its own, so that a frame tells which it belongs to. What a
 * client knows outlives its session: it comes back with its last cursor.
 */
import { expect } from "bun:test";
import { everyRight } from "../../../src/core/access.ts";
import { select } from "../../../src/core/channels.ts";
import { Hub } from "../../../src/core/hub.ts";
import { Refused } from "../../../src/core/refusals.ts";
import type { Conversation } from "../../../src/core/session.ts";
import type { Draft, Past, Reading, Receipt } from "../../../src/ports.ts";
import { FakeChance } from "../../fakes/chance.ts";
import { FakeClock, settle } from "../../fakes/clock.ts";
import { FakeJournal } from "../../fakes/journal.ts";
import { FakeLog } from "../../fakes/log.ts";
import { FakeOutlet } from "../../fakes/outlet.ts";
import { somebody } from "../setting.ts";
import { Far, Near, Tap } from "./brokers.ts";
import { beginOf, Client, SlotForm, type Told } from "./client.ts";
import { type BrokerKind, clients, type Step, settingsOf, slots } from "./life.ts";
import { Reader } from "./reader.ts";
import { Truth, type Wanted } from "./truth.ts";

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
  readonly #truth: Truth;
  readonly #reader: Reader;
  readonly #conversation: Conversation = { protocol: "model", message: () => undefined, refused: () => undefined };
  /** What publishers wanted, of what was accepted: in the order of publishing, per channel. */
  readonly #wanted: Wanted[] = [];
  readonly #open = new Set<Promise<unknown>>();
  #published = 0;
  #failures: unknown[] = [];

  constructor(kind: BrokerKind) {
    const settings = settingsOf(kind);
    this.journal = kind === "journal" ? new FakeJournal() : undefined;
    if (this.journal !== undefined) this.journal.holds = true;
    const { clock, log, journal } = this;
    const parts = { clock, log, chance: new FakeChance(), settingsOf: settings, leastRoom: 3, segmentSize: 2 };
    this.#near = new Near(journal === undefined ? parts : { ...parts, journal });
    this.#far = kind === "asynchronous" ? new Far(this.#near, clock) : undefined;
    this.#tap = new Tap(this.#far ?? this.#near);
    this.#truth = new Truth(this.#near.truth, settings);
    this.#reader = new Reader(this.#truth, this.#far === undefined);
    const limits = { queue: { bytes: 600, age: 5000 }, publication: 1000, subscriptions: 100 };
    this.hub = new Hub({ clock, log, broker: this.#tap, settingsOf: settings, limits, run: this.#near.run });
    const flush = this.hub.flush.bind(this.hub);
    this.hub.flush = () => {
      this.#handsOut();
      flush();
    };
    this.#forms = Array.from({ length: slots }, (_, at) => new SlotForm(`${at}`, () => this.#tap.telling));
    this.#clients = Array.from({ length: clients }, (_, at) => new Client(at));
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
    this.#truth.verifyOrder(this.#wanted);
    for (const client of this.#clients) {
      for (const [at, slot] of client.slots.entries()) {
        const { selector } = slot;
        if (selector === undefined || client.session?.open !== true) continue;
        const who = `client ${client.name} slot ${at}`;
        expect(slot.live, `${who} has begun`).toBe(true);
        expect(slot.passed, `${who} was passed over and never got anything newer`).toEqual(new Map());
        expect(this.#truth.next(client, slot, selector)?.seq, `the next one for ${who}`).toBeUndefined();
        if (slot.lost) continue;
        for (const [channel, map] of slot.maps) {
          const whole = Object.fromEntries(this.#truth.mapAt(channel, Number.POSITIVE_INFINITY));
          expect(Object.fromEntries(map), `the map ${channel} of ${who}`).toEqual(whole);
        }
      }
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
    const isMap = this.#truth.settingsOf(channel).kind === "map";
    const data = String(++this.#published);
    const draft: Draft = { data, ...(isMap ? { key } : {}), ...(isMap && removed ? { removed: true } : {}) };
    const wanted: Wanted = { channel, data, key, removed, idle: false };
    this.#wanted.push(wanted);
    const unwant = (): void => {
      this.#wanted.splice(this.#wanted.indexOf(wanted), 1);
    };
    const kept = (receipt: Receipt): void => {
      const done = this.#truth.publications.find(
        (publication) => publication.channel === channel && publication.data === data,
      );
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
    outlet.onFrame = (frame) => this.#check(() => this.#reader.reads(client, JSON.parse(frame)));
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
