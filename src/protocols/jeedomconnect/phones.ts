/**
 * All phones of one plugin: those who look at their app are asked for, one question at a time for each, and those in the
 * background are left alone.
 */
import { objectOf } from "../../core/json.ts";
import type { Clock, Log } from "../../ports.ts";
import { type Answer, exception, type Reply, readEvents } from "./answer.ts";
import type { KeptInboxes } from "./kept-inbox.ts";
import { Lanes } from "./lanes.ts";
import { Phone } from "./phone.ts";
import { type Plugin, PluginLost } from "./plugin.ts";
import type { Question } from "./question.ts";

export interface PhonesParts {
  readonly plugin: Plugin;
  readonly inboxes: KeptInboxes;
  readonly clock: Clock;
  readonly log: Log;
  /** How often each is asked for, in ms. */
  readonly interval: () => number;
  /** Whether it is known when something happens in the house. */
  readonly hears: () => boolean;
  /** Told whether there is anybody to ask for. */
  readonly awake: (awake: boolean) => void;
}

/** How often it is looked whose turn it is, in ms. */
const glance = 250;
/** However much happens, a phone is not asked for more often than this, in ms: as often as the plugin's daemon does. */
const leastInterval = 1000;
/** And so often while its answers are no good. */
const whileInTrouble = 5000;
/** The plugin takes a phone that polls for gone when it was not asked for it for 3 s. */
const longestQuiet = 2500;
/** Its own pace is not exact: its next question may come so much later than the plugin should be asked. */
const slack = 1.25;
/** How often it is looked whether a phone should come by another transport, in ms. */
const settingsInterval = 30_000;
/** Phones that are away and have nothing waiting are forgotten when there are more than so many. */
const mostKnown = 1000;

export class Phones {
  /** Comings and goings of a phone overtake each other nowhere; nor do keys that nobody knows yet. */
  readonly lanes = new Lanes();
  readonly #parts: PhonesParts;
  readonly #known = new Map<string, Phone>();
  #cancelGlance: (() => void) | undefined;

  constructor(parts: PhonesParts) {
    this.#parts = parts;
  }

  find(key: string): Phone | undefined {
    return this.#known.get(key);
  }

  /** One whose key the plugin knows. */
  of(key: string): Phone {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.#known.size >= mostKnown) this.#forget();
    const { inboxes } = this.#parts;
    const failed = (thrown: unknown): void => this.#failed(thrown);
    const phone = new Phone(key, {
      keep: (text) => inboxes.keep(key, text),
      forget: () => void inboxes.forget(key).catch(failed),
    });
    this.#known.set(key, phone);
    inboxes.load(key).then((texts) => {
      phone.inbox.restore(texts);
      phone.act();
    }, failed);
    return phone;
  }

  /** It is to be asked for from now on. */
  wake(phone: Phone): void {
    phone.active = true;
    phone.parted = false;
    phone.wanted = true;
    phone.act();
    this.#begin();
    this.#askIfDue(phone);
  }

  /** Something happened in the house. */
  stir(): void {
    for (const phone of this.#known.values()) {
      phone.wanted = true;
      this.#askIfDue(phone);
    }
  }

  /** A phone's own question for its events. Rejects with `PluginLost`. */
  async poll(phone: Phone, question: Question): Promise<Reply> {
    const { clock, plugin, hears, interval } = this.#parts;
    const now = clock.now();
    const pace = now - phone.polledAt;
    phone.polledAt = now;
    this.#begin();
    const asked = JSON.stringify(question.params);
    const isEarly = now - phone.askedAt + pace <= Math.min(slack * interval(), longestQuiet);
    const { quiet } = phone;
    if (hears() && isEarly && !phone.wanted && quiet?.question === asked) return quiet.reply;
    return this.lanes.run(eventsLane(phone), async () => {
      phone.wanted = false;
      phone.askedAt = clock.now();
      phone.quiet = undefined;
      const reply = await plugin.askByReply(question);
      if (reply.answer?.type === "SET_EVENTS") {
        const { cursors, lists } = readEvents(reply.answer);
        const next = JSON.stringify({ ...question.params, ...cursors });
        if (lists.length === 0) phone.quiet = { question: next, reply };
      }
      return reply;
    });
  }

  /** Its line is gone. The plugin is told, unless it has come again meanwhile. */
  left(phone: Phone, arrival: number, isWebSocket: boolean): void {
    const { plugin } = this.#parts;
    const question: Question = { method: "DISCONNECT", params: { apiKey: phone.key }, id: "1" };
    void this.lanes
      .run(phone.key, async () => {
        if (phone.arrivals !== arrival || phone.parted) return;
        await (isWebSocket ? plugin.ask(question, phone.key) : plugin.askByReply(question));
      })
      .catch((thrown: unknown) => this.#failed(thrown));
  }

  /** Those that are there are sent away; nobody tells the plugin, since they come back. */
  close(): void {
    this.#cancelGlance?.();
    this.#cancelGlance = undefined;
    for (const phone of this.#known.values()) this.#dismiss(phone, "The bridge to the plugin was stopped");
  }

  /** Ends its line, of which the plugin knows or need not know. */
  #dismiss(phone: Phone, why: string): void {
    const { line } = phone;
    phone.arrivals++;
    phone.lose();
    line?.end(why);
  }

  /** What the plugin says of its transport: a phone that should come by another one has no stream any more. */
  switched(phone: Phone, { useWs, polling }: { readonly useWs?: unknown; readonly polling?: unknown }): void {
    const isElsewhere = [useWs, polling].some((one) => String(one) === "1");
    if (isElsewhere && phone.line?.isWebSocket === false) this.#dismiss(phone, "The phone comes by another transport");
  }

  // ── Asking ──

  #begin(): void {
    if (this.#cancelGlance !== undefined) return;
    this.#parts.awake(true);
    this.#cancelGlance = this.#parts.clock.after(glance, () => this.#look());
  }

  #look(): void {
    const now = this.#parts.clock.now();
    let any = false;
    for (const phone of this.#known.values()) {
      if (phone.line?.isThrough === true) phone.lives();
      if (phone.line === undefined ? now - phone.polledAt > settingsInterval : !phone.active) continue;
      any = true;
      this.#askIfDue(phone);
      if (phone.line?.isWebSocket === false && now - phone.settingsAt >= settingsInterval)
        void this.#readSettings(phone);
    }
    this.#cancelGlance = any ? this.#parts.clock.after(glance, () => this.#look()) : undefined;
    if (!any) this.#parts.awake(false);
  }

  #askIfDue(phone: Phone): void {
    if (phone.asking || !phone.active || phone.line === undefined) return;
    const { clock, interval } = this.#parts;
    const usual = phone.wanted ? leastInterval : interval();
    if (clock.now() - phone.askedAt < (phone.trouble === undefined ? usual : whileInTrouble)) return;
    void this.#ask(phone).catch((thrown: unknown) => this.#failed(thrown));
  }

  /** One question, to its end. */
  async #ask(phone: Phone): Promise<void> {
    const { plugin, clock } = this.#parts;
    const { arrivals, line } = phone;
    phone.asking = true;
    phone.wanted = false;
    phone.askedAt = clock.now();
    try {
      const question = phone.question();
      const answer = await this.lanes.run(eventsLane(phone), async () =>
        line?.isWebSocket === true ? plugin.ask(question, phone.key) : (await plugin.askByReply(question)).answer,
      );
      this.answered(phone, answer, phone.arrivals === arrivals);
    } finally {
      phone.asking = false;
    }
  }

  /** What a question for events brought. `isCurrent`: the phone has not come anew since it was asked. */
  answered(phone: Phone, answer: Answer | undefined, isCurrent: boolean): void {
    // An action waits for the phone however it comes next; all else was about another visit.
    if (answer?.type === "ACTIONS") {
      phone.inbox.add(answer.text);
      phone.act();
    }
    const { line } = phone;
    if (!isCurrent || line === undefined) return;
    if (answer === undefined || answer.type === "ACTIONS" || answer.type === "SET_EVENTS") {
      phone.trouble = undefined;
      if (answer?.type !== "SET_EVENTS") return;
      const events = readEvents(answer);
      phone.moveTo(events.cursors);
      if (events.lists.length > 0) line.tellEvents(answer, events);
    } else if (answer.type === "CONFIG_AND_INFOS") {
      phone.trouble = undefined;
      phone.configured(answer);
      line.tell([answer.text]);
    } else this.#troubled(phone, answer);
  }

  /** Told once. Where there is nothing to stay for, its line ends. */
  #troubled(phone: Phone, { type, text }: Answer): void {
    const { line } = phone;
    if (phone.trouble !== text) line?.tell([text]);
    phone.trouble = text;
    const isOver = type === "SET_NEW_APIKEY" || (type === "EQUIPMENT_DISABLE" && line?.isWebSocket === true);
    if (isOver) this.#dismiss(phone, type);
  }

  async #readSettings(phone: Phone): Promise<void> {
    const userHash = phone.user?.hash;
    phone.settingsAt = this.#parts.clock.now();
    if (typeof userHash !== "string" || userHash === "") return;
    try {
      const question: Question = { method: "GET_AVAILABLE_EQUIPEMENT", params: { userHash }, id: "1" };
      const { answer } = await this.#parts.plugin.askByReply(question);
      const all = Array.isArray(answer?.payload) ? answer.payload.map(objectOf) : [];
      const own = all.find(({ logicalId }) => logicalId === phone.key);
      if (own !== undefined) this.switched(phone, own);
    } catch (thrown) {
      this.#failed(thrown);
    }
  }

  #failed(thrown: unknown): void {
    // The bridge's state tells of it.
    if (thrown instanceof PluginLost) return;
    this.#parts.log.error({ err: thrown }, "Cannot look after a phone");
  }

  #forget(): void {
    for (const [key, { line, inbox, asking }] of this.#known) {
      if (line === undefined && inbox.isEmpty && !asking) this.#known.delete(key);
    }
  }
}

/** Questions for its events never overlap, whoever asks them. */
function eventsLane({ key }: Phone): string {
  return `${key} events`;
}

/** What a phone gets for an answer where the plugin gives none. */
export function lost(thrown: unknown): Answer {
  return exception(thrown instanceof PluginLost ? "Cannot reach Jeedom's plugin now" : "Cannot answer that");
}
