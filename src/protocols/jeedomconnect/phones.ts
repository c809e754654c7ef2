/**
 * All phones of one plugin: those who look at their app are asked for, one question at a time for each, and those in the
 * background are left alone.
 */
import type { Clock, Log } from "../../ports.ts";
import { type Answer, exception, readEvents } from "./answer.ts";
import { Lanes } from "./lanes.ts";
import { Phone } from "./phone.ts";
import { type Plugin, PluginLost } from "./plugin.ts";

export interface PhonesParts {
  readonly plugin: Plugin;
  readonly clock: Clock;
  readonly log: Log;
  /** How often each is asked for, in ms. */
  readonly interval: number;
  /** Told whether there is anybody to ask for. */
  readonly awake: (awake: boolean) => void;
}

/** How often it is looked whose turn it is, in ms. */
const glance = 250;
/** However much happens, a phone is not asked for more often than this, in ms: as often as the plugin's daemon does. */
const leastInterval = 1000;
/** And so often while its answers are no good. */
const whileInTrouble = 5000;
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

  get size(): number {
    return this.#known.size;
  }

  find(key: string): Phone | undefined {
    return this.#known.get(key);
  }

  /** One whose key the plugin knows. */
  of(key: string): Phone {
    let phone = this.#known.get(key);
    if (phone === undefined) {
      if (this.#known.size >= mostKnown) this.#forget();
      phone = new Phone(key);
      this.#known.set(key, phone);
    }
    return phone;
  }

  /** It is to be asked for from now on. */
  wake(phone: Phone): void {
    phone.active = true;
    phone.wanted = true;
    phone.act();
    if (this.#cancelGlance === undefined) this.#parts.awake(true);
    this.#cancelGlance ??= this.#parts.clock.after(glance, () => this.#look());
    this.#askIfDue(phone);
  }

  /** Something happened in the house. */
  stir(): void {
    for (const phone of this.#known.values()) {
      if (!isAsked(phone)) continue;
      phone.wanted = true;
      this.#askIfDue(phone);
    }
  }

  /** Its line is gone. The plugin is told, unless it has come again meanwhile. */
  left(phone: Phone, arrival: number): void {
    void this.lanes
      .run(phone.key, async () => {
        if (phone.arrivals !== arrival) return;
        await this.#parts.plugin.ask({ method: "DISCONNECT", params: {}, id: "1" }, phone.key);
      })
      .catch((thrown: unknown) => this.#failed(thrown));
  }

  /** Those that are there are sent away; nobody tells the plugin, since they come back. */
  close(): void {
    this.#cancelGlance?.();
    this.#cancelGlance = undefined;
    for (const phone of this.#known.values()) {
      const { line } = phone;
      phone.arrivals++;
      phone.lose();
      line?.end("The bridge to the plugin was stopped");
    }
  }

  #look(): void {
    let any = false;
    for (const phone of this.#known.values()) {
      if (phone.line?.isThrough === true) phone.lives();
      if (!isAsked(phone)) continue;
      any = true;
      this.#askIfDue(phone);
    }
    this.#cancelGlance = any ? this.#parts.clock.after(glance, () => this.#look()) : undefined;
    if (!any) this.#parts.awake(false);
  }

  #askIfDue(phone: Phone): void {
    if (phone.asking || !isAsked(phone)) return;
    const { clock, interval } = this.#parts;
    const usual = phone.wanted ? leastInterval : interval;
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
      const answer = await (line?.isWebSocket === true ? plugin.ask(question, phone.key) : plugin.askByReply(question));
      this.answered(phone, answer, phone.arrivals === arrivals);
    } catch (thrown) {
      if (!(thrown instanceof PluginLost)) throw thrown;
      phone.askedAt = clock.now();
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
    if (type === "SET_NEW_APIKEY" || (type === "EQUIPMENT_DISABLE" && line?.isWebSocket === true)) {
      phone.arrivals++;
      phone.line = undefined;
      phone.active = false;
      line?.end(type);
    }
  }

  #failed(thrown: unknown): void {
    if (thrown instanceof PluginLost) return;
    this.#parts.log.error({ err: thrown }, "Cannot ask for a phone's events");
  }

  #forget(): void {
    for (const [key, { line, inbox, asking }] of this.#known) {
      if (line === undefined && inbox.isEmpty && !asking) this.#known.delete(key);
    }
  }
}

/** Whether it is asked for: somebody looks at it, and it hears what comes. */
function isAsked({ active, line }: Phone): boolean {
  return active && line !== undefined;
}

/** What a phone gets for an answer where the plugin gives none. */
export function lost(thrown: unknown): Answer {
  return exception(thrown instanceof PluginLost ? "Cannot reach Jeedom's plugin now" : "Cannot answer that");
}
