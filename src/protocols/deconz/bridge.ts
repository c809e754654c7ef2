/**
 * The bridge to one deCONZ gateway: its events and its resources become publications, once, however many listen. Where
 * the WebSocket is, is asked anew at every attempt, since it moves between releases and restarts.
 */
import { everyRight } from "../../core/access.ts";
import { BackOff } from "../../core/back-off.ts";
import { BridgeStatus, BridgeVoice } from "../../core/bridge-state.ts";
import type { Hub } from "../../core/hub.ts";
import { parseObject } from "../../core/json.ts";
import { MapPicture } from "../../core/map-picture.ts";
import { Refused } from "../../core/refusals.ts";
import { messageOf } from "../../core/thrown.ts";
import { UpstreamGap } from "../../core/upstream-gap.ts";
import type {
  Bridge,
  BridgeReport,
  BridgeState,
  Chance,
  Clock,
  DialAnswer,
  DialedSocket,
  Dialer,
  Log,
} from "../../ports.ts";
import { isEvent, readEvent } from "./events.ts";
import { HouseReader } from "./house-reader.ts";
import { impliedEvents } from "./implied-events.ts";
import { sortedText } from "./json.ts";
import { Mirror, type PictureKind, pictureKinds, type Resources } from "./mirror.ts";
import { openWebSocket } from "./opening.ts";
import { Pulse } from "./pulse.ts";
import { KeyRefused, Upstream } from "./upstream.ts";

export interface DeconzBridgeParts {
  readonly name: string;
  readonly url: string;
  /** Asked at every request, so that a key that was paired meanwhile is used. */
  readonly key: () => string | undefined;
  readonly hub: Hub;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  readonly dialer: Dialer;
}

/** Between attempts, growing while they fail, in ms. */
const pauses = [250, 1000, 2000, 5000, 10_000];
const withoutKey = 2000;
const pollInterval = 5000;
/** A WebSocket is looked for again at every so many polls. */
const pollsBetweenLooks = 6;
/** After a write that has no event. */
const afterWrite = 500;

export class DeconzBridge implements Bridge {
  readonly name: string;
  readonly #hub: Hub;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #dialer: Dialer;
  readonly #upstream: Upstream;
  readonly #voice: BridgeVoice;
  readonly #status: BridgeStatus;
  readonly #gap: UpstreamGap;
  readonly #house: HouseReader;
  readonly #backOff: BackOff;
  readonly #maps = new Map<PictureKind, MapPicture>();
  /** Grows with each attempt: what belongs to an earlier one is let go. */
  #attempt = 0;
  #polls = 0;
  #loaded = false;
  #socket: DialedSocket | undefined;
  #pulse: Pulse | undefined;
  #cancel: (() => void) | undefined;

  constructor({ name, url, key, hub, clock, chance, log, dialer }: DeconzBridgeParts) {
    this.name = name;
    this.#hub = hub;
    this.#clock = clock;
    this.#log = log;
    this.#dialer = dialer;
    this.#backOff = new BackOff(chance, pauses);
    this.#upstream = new Upstream(dialer, url, key);
    this.#voice = new BridgeVoice({ hub, clock, log, name });
    this.#status = new BridgeStatus(this.#voice, { clock, log });
    this.#gap = new UpstreamGap(this.#voice, clock, this.events);
    for (const kind of pictureKinds) this.#maps.set(kind, new MapPicture(this.#voice, `${name}/${kind}`));
    const mirror = new Mirror({
      set: (kind, id, text) => this.#maps.get(kind)?.set(id, text),
      remove: (kind, id) => this.#maps.get(kind)?.remove(id),
      replace: (kind, entries) => this.#maps.get(kind)?.replace(entries),
    });
    this.#house = new HouseReader(mirror, this.#upstream, clock);
  }

  get state(): BridgeState {
    return this.#status.state;
  }

  get report(): BridgeReport {
    return this.#status.report;
  }

  /** The house as it is now, as far as it is known. */
  get mirror(): Mirror {
    return this.#house.mirror;
  }

  get events(): string {
    return `${this.name}/events`;
  }

  /** The picture is whole, and kept so. */
  get ready(): boolean {
    return this.mirror.whole && (this.state === "connected" || this.state === "polling");
  }

  start(): void {
    this.#status.become("connecting");
    this.#again(0);
  }

  stop(): void {
    this.#letGo();
    this.#status.become("stopped");
  }

  /** A request of a peer, and the gateway's own answer. Refused (108) while it cannot be asked. */
  async forward(method: string, path: readonly string[], body?: string): Promise<DialAnswer> {
    if (!this.ready) throw new Refused("notAvailable", `Cannot reach the gateway of ${this.name} now`);
    let answer: DialAnswer;
    try {
      answer = await this.#upstream.ask(method, path, body);
    } catch (thrown) {
      if (thrown instanceof KeyRefused) this.#lost(thrown);
      throw new Refused("notAvailable", `Cannot reach the gateway of ${this.name} now: ${messageOf(thrown)}`);
    }
    // States of lights and sensors come back as events; much of the rest does not.
    if (method !== "GET" && path[2] !== "state") this.#house.readSoon(afterWrite);
    return answer;
  }

  // ── Attempts ──

  #again(pause: number): void {
    this.#letGo();
    const attempt = this.#attempt;
    this.#cancel = this.#clock.after(pause, () => {
      this.#connect(attempt).catch((thrown: unknown) => {
        if (attempt === this.#attempt) this.#lost(thrown);
      });
    });
  }

  #letGo(): void {
    this.#attempt++;
    this.#cancel?.();
    this.#house.letGo();
    this.#pulse?.stop();
    this.#socket?.end();
    this.#cancel = undefined;
    this.#pulse = undefined;
    this.#socket = undefined;
  }

  /** What was heard ends here; it is tried again, later and later. */
  #lost(thrown: unknown): void {
    const was = this.state;
    if (was === "connected" || was === "polling") this.#gap.open(this.#clock.now());
    const refused = thrown instanceof KeyRefused;
    const known = this.mirror.whole ? "lost" : "connecting";
    const advice = refused ? `; run \`hearthwire bridge pair ${this.name}\`` : "";
    this.#status.become(
      refused ? "refused" : known,
      `Cannot hear the gateway of ${this.name}: ${messageOf(thrown)}${advice}`,
    );
    this.#again(refused ? withoutKey : this.#backOff.failed());
  }

  async #connect(attempt: number): Promise<void> {
    await this.#load();
    const found = await this.#upstream.find();
    if (attempt !== this.#attempt) return;
    const reasons: string[] = [];
    for (const url of found.webSockets) {
      const reason = await this.#open(url, attempt);
      if (attempt !== this.#attempt || reason === undefined) return;
      reasons.push(`${url}: ${reason}`);
    }
    this.#poll(attempt, reasons.join("; "));
  }

  /** What the maps hold of an earlier run, so that only what is different now is published. */
  async #load(): Promise<void> {
    if (this.#loaded) return;
    for (const map of this.#maps.values()) await map.load(this.#hub);
    const { offset } = await this.#hub.history(this.events, { limit: 0 }, everyRight);
    if (offset > 0) this.#gap.open(this.#clock.now());
    this.#loaded = true;
  }

  /** Why the WebSocket cannot be had there; nothing once it is open. */
  #open(url: string, attempt: number): Promise<string | undefined> {
    const current = (): boolean => attempt === this.#attempt;
    return openWebSocket(this.#dialer, this.#clock, url, {
      opened: (socket) => {
        if (current()) this.#heard(socket, attempt);
        return current();
      },
      message: (text) => current() && this.#message(text),
      alive: () => current() && this.#pulse?.beat(),
      closed: (reason) => current() && this.#lost(new Error(reason)),
    });
  }

  /** From here on every event comes. */
  #heard(socket: DialedSocket, attempt: number): void {
    this.#socket = socket;
    this.#pulse = new Pulse(this.#clock, socket, () => {
      if (attempt === this.#attempt) this.#lost(new Error("no event and no pong came any more"));
    });
    this.#gap.close();
    this.#house.keep({
      read: () => {
        this.#backOff.succeeded();
        this.#status.become("connected");
      },
      failed: (thrown) => {
        if (thrown instanceof KeyRefused) this.#lost(thrown);
        else this.#status.become(this.state, `Cannot read the house of ${this.name}: ${messageOf(thrown)}`);
      },
    });
  }

  // ── Events ──

  #message(text: string): void {
    this.#pulse?.beat();
    const frame = parseObject(text);
    if (frame === undefined || !isEvent(frame)) {
      this.#log.debug({ bridge: this.name, text: text.slice(0, 200) }, "Cannot use what the gateway sent: no event");
      return;
    }
    this.#status.event();
    this.#voice.publish(this.events, { data: /[\r\n]/.test(text) ? sortedText(frame) : text });
    const event = readEvent(frame);
    if (event !== undefined) this.#house.apply(event);
  }

  /** The only way left where there is no WebSocket: asking again and again. */
  #poll(attempt: number, why: string): void {
    const again = async (): Promise<void> => {
      const before = this.state === "polling" ? this.mirror.resources : undefined;
      await this.#house.take();
      if (attempt !== this.#attempt) return;
      this.#backOff.succeeded();
      if (before !== undefined) this.#tellImplied(before);
      this.#status.become("polling", `Cannot open the WebSocket of ${this.name}, so it is asked every 5 s (${why})`);
      this.#gap.open(this.#clock.now());
      this.#polls = (this.#polls + 1) % pollsBetweenLooks;
      this.#cancel = this.#clock.after(pollInterval, () => {
        const next = this.#polls === 0 ? this.#connect(attempt) : again();
        next.catch((thrown: unknown) => attempt === this.#attempt && this.#lost(thrown));
      });
    };
    again().catch((thrown: unknown) => attempt === this.#attempt && this.#lost(thrown));
  }

  /** What changed between two questions, as the events that say so. */
  #tellImplied(before: Resources): void {
    for (const data of impliedEvents(before, this.mirror.resources)) {
      this.#status.event();
      this.#voice.publish(this.events, { data, tags: { implied: "polling" } });
    }
  }
}
