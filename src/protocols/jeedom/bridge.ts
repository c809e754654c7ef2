/**
 * The bridge to one Jeedom: its events and its house become publications. Jeedom is asked once, however many listen.
 */
import { everyRight } from "../../core/access.ts";
import { BackOff } from "../../core/back-off.ts";
import { BridgeStatus, BridgeVoice } from "../../core/bridge-state.ts";
import type { Hub } from "../../core/hub.ts";
import { MapPicture } from "../../core/map-picture.ts";
import { messageOf } from "../../core/thrown.ts";
import { UpstreamGap } from "../../core/upstream-gap.ts";
import type { Bridge, BridgeReport, BridgeState, Chance, Clock, Dialer, Log } from "../../ports.ts";
import { Conversation } from "./conversation.ts";
import { EventCursor } from "./event-cursor.ts";
import { hostOf, readHosts } from "./hosts.ts";
import { kinds } from "./house.ts";
import { HouseReader } from "./house-reader.ts";
import { JsonRpc, KeyRefused } from "./json-rpc.ts";
import { KeyChecks } from "./key-checks.ts";
import { Picture } from "./picture.ts";
import type { JeedomEvent, JeedomUpstream, Sight } from "./upstream.ts";

export interface JeedomBridgeParts {
  readonly name: string;
  readonly url: string;
  /** Asked at every request. */
  readonly key: () => string | undefined;
  /** Nothing is asked, and no map kept, while nobody listens. */
  readonly rest: boolean;
  /** Between polls that do not wait, in ms; absent: long polls. */
  readonly readDelay: number | undefined;
  readonly hub: Hub;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  readonly dialer: Dialer;
}

/** Between attempts, growing while they fail, in ms. */
const pauses = [250, 1000, 2000, 5000, 10_000, 20_000];
/** Jeedom counts those that it refuses. */
const afterRefusal = 10_000;
/** How long nobody must have listened before it rests, and how often it is looked whether somebody does, in ms. */
const weariness = 10_000;
const glance = 500;

export class JeedomBridge implements Bridge, JeedomUpstream {
  readonly name: string;
  readonly rpc: JsonRpc;
  readonly #parts: JeedomBridgeParts;
  readonly #voice: BridgeVoice;
  readonly #status: BridgeStatus;
  readonly #gap: UpstreamGap;
  readonly #backOff: BackOff;
  readonly #maps: Readonly<Record<(typeof kinds)[number], MapPicture>>;
  readonly #picture: Picture;
  readonly #cursor = new EventCursor();
  readonly #house: HouseReader;
  readonly #checks: KeyChecks;
  #hosts: readonly string[];
  #conversation: Conversation | undefined;
  #cancel: (() => void) | undefined;
  #loaded = false;
  /** Every event comes. */
  #hears = false;
  #lastHeard: number;
  /** When somebody listened last. */
  #lastListened = Number.NEGATIVE_INFINITY;

  constructor(parts: JeedomBridgeParts) {
    const { name, url, key, hub, clock, chance, log, dialer } = parts;
    this.name = name;
    this.#parts = parts;
    this.rpc = new JsonRpc(dialer, url, key);
    this.#voice = new BridgeVoice({ hub, clock, log, name });
    this.#status = new BridgeStatus(this.#voice, { clock, log });
    this.#gap = new UpstreamGap(this.#voice, clock, this.events);
    this.#backOff = new BackOff(chance, pauses);
    const map = (kind: string): MapPicture => new MapPicture(this.#voice, `${name}/${kind}`);
    this.#maps = {
      commands: map("commands"),
      equipments: map("equipments"),
      objects: map("objects"),
      scenarios: map("scenarios"),
    };
    this.#picture = new Picture(this.#maps, clock);
    this.#house = new HouseReader(this.rpc, this.#picture, log);
    this.#checks = new KeyChecks(this.rpc, clock);
    this.#hosts = [hostOf(url)].flatMap((host) => host ?? []);
    this.#lastHeard = clock.now();
  }

  get state(): BridgeState {
    return this.#status.state;
  }

  get report(): BridgeReport {
    return this.#status.report;
  }

  get hosts(): readonly string[] {
    return this.#hosts;
  }

  get events(): string {
    return `${this.name}/events`;
  }

  start(): void {
    this.#status.become("connecting");
    this.#again(0);
  }

  stop(): void {
    this.#letGo();
    this.#status.become("stopped");
  }

  check(key: string): Promise<Sight | undefined> {
    return this.#checks.check(key);
  }

  // ── Attempts ──

  #letGo(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#conversation?.end();
    this.#conversation = undefined;
  }

  #again(pause: number): void {
    this.#letGo();
    this.#cancel = this.#parts.clock.after(pause, () => void this.#converse());
  }

  async #converse(): Promise<void> {
    const conversation = this.#begin();
    this.#conversation = conversation;
    const isCurrent = (): boolean => conversation === this.#conversation;
    try {
      await this.#load();
      if (!this.#mayRest()) {
        await this.#readHosts();
        if (isCurrent()) await conversation.run();
      }
      if (isCurrent()) this.#rest();
    } catch (thrown) {
      if (isCurrent()) this.#lost(thrown);
    }
  }

  #begin(): Conversation {
    const { clock, readDelay } = this.#parts;
    const parts = { rpc: this.rpc, cursor: this.#cursor, house: this.#house, clock, readDelay };
    return new Conversation(
      parts,
      {
        began: () => {
          this.#hears = true;
          this.#gap.close();
        },
        heard: (events) => this.#heard(events),
        missed: () => {
          this.#gap.open(this.#lastHeard);
          this.#gap.close();
        },
        read: () => {
          this.#backOff.succeeded();
          this.#status.become("connected");
        },
        noticed: (trouble) => this.#status.become(this.state, `${trouble} (bridge ${this.name})`),
        answered: () => {
          this.#lastHeard = clock.now();
        },
        mayRest: () => this.#mayRest(),
      },
      this.#lastHeard,
    );
  }

  #hearsNoMore(): void {
    if (this.#hears) this.#gap.open(this.#lastHeard);
    this.#hears = false;
  }

  /** What was heard ends here; it is tried again, later and later. */
  #lost(thrown: unknown): void {
    this.#hearsNoMore();
    const refused = thrown instanceof KeyRefused;
    const known = this.#status.state === "connecting" ? "connecting" : "lost";
    const advice = refused
      ? "; Jeedom does not take the key: see `key` of the bridge, and Jeedom's user or API key"
      : "";
    this.#status.become(refused ? "refused" : known, `Cannot hear Jeedom ${this.name}: ${messageOf(thrown)}${advice}`);
    this.#again(refused ? this.#backOff.spread(afterRefusal) : this.#backOff.failed());
  }

  /** What the maps hold of an earlier run, so that only what is different now is published. */
  async #load(): Promise<void> {
    if (this.#loaded) return;
    const { hub } = this.#parts;
    for (const kind of kinds) await this.#maps[kind].load(hub);
    this.#picture.load();
    const { publications } = await hub.history(this.events, { limit: 1, reverse: true }, everyRight);
    const last = publications[0];
    if (last !== undefined) this.#gap.open(last.time);
    this.#loaded = true;
  }

  async #readHosts(): Promise<void> {
    const own = hostOf(this.#parts.url);
    this.#hosts = [...new Set([...(own === undefined ? [] : [own]), ...(await readHosts(this.rpc))])];
  }

  // ── Rest ──

  #isListenedTo(): boolean {
    const { hub, clock } = this.#parts;
    const channels = [this.events, ...kinds.map((kind) => this.#maps[kind].channel)];
    if (!channels.some((channel) => hub.listeners(channel) > 0)) return false;
    this.#lastListened = clock.now();
    return true;
  }

  #mayRest(): boolean {
    const { rest, clock } = this.#parts;
    return rest && !this.#isListenedTo() && clock.now() - this.#lastListened >= weariness;
  }

  /** No map is kept, so that nobody takes what was for what is. */
  #rest(): void {
    this.#letGo();
    this.#hearsNoMore();
    this.#picture.clear();
    this.#status.become("resting");
    this.#glance();
  }

  #glance(): void {
    this.#cancel = this.#parts.clock.after(glance, () => {
      if (this.#isListenedTo()) this.start();
      else this.#glance();
    });
  }

  // ── Events ──

  #heard(events: readonly JeedomEvent[]): boolean {
    this.#status.event();
    let mustRead = false;
    for (const event of events) {
      this.#voice.publish(this.events, { data: event.text });
      mustRead = this.#picture.apply(event) || mustRead;
    }
    return mustRead;
  }
}
