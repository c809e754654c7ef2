/** All phones of one plugin: who they are, and how they come and go. */
import type { Clock, JsonText, Log } from "../../ports.ts";
import { type Answer, exception } from "./answer.ts";
import type { KeptInboxes } from "./kept-inbox.ts";
import { Lanes } from "./lanes.ts";
import { Phone } from "./phone.ts";
import { type Plugin, PluginLost } from "./plugin.ts";
import { Polls } from "./polls.ts";
import type { Question } from "./question.ts";
import { Rounds } from "./rounds.ts";
import { TransportSwitch } from "./transport-switch.ts";
import { Values, type ValuesParts } from "./values.ts";

export interface PhonesParts {
  readonly plugin: Plugin;
  readonly inboxes: KeptInboxes;
  readonly hub: ValuesParts["hub"];
  readonly clock: Clock;
  readonly log: Log;
  /** How often the plugin is asked for each phone, in ms. */
  readonly actionDelay: number;
  /** The bridge to the plugin's Jeedom; undefined where there is none. */
  readonly jeedom: () => string | undefined;
}

/** As often as the plugin's daemon asks, where nothing else tells what happens, in ms. */
const withoutEvents = 1000;
/** Phones that are away and have nothing waiting are forgotten when there are more than so many. */
const mostKnown = 1000;

export class Phones {
  /** Comings and goings of a phone overtake each other nowhere; nor do keys that nobody knows yet. */
  readonly lanes = new Lanes();
  readonly values: Values;
  readonly rounds: Rounds;
  readonly polls: Polls;
  readonly transportSwitch: TransportSwitch;
  readonly #parts: PhonesParts;
  readonly #known = new Map<string, Phone>();

  constructor(parts: PhonesParts) {
    const { plugin, hub, clock, actionDelay, jeedom } = parts;
    this.#parts = parts;
    const { lanes } = this;
    const phones = { [Symbol.iterator]: () => this.#known.values() };
    const failed = (thrown: unknown): void => this.#failed(thrown);
    const dismiss = (phone: Phone, why: string): void => this.#dismiss(phone, why);
    const interval = (): number => (this.values.hears ? actionDelay : Math.min(actionDelay, withoutEvents));
    const clean = (text: JsonText): JsonText => plugin.clean(text);
    const stirred = (phone: Phone): void => this.rounds.stir(phone);
    this.values = new Values({ hub, clean, jeedom, phones, stirred });
    const { values } = this;
    this.transportSwitch = new TransportSwitch({ plugin, clock, dismiss, failed });
    const looked = (phone: Phone): void => this.transportSwitch.look(phone);
    this.rounds = new Rounds({ plugin, clock, phones, lanes, values, interval, dismiss, looked, failed });
    const began = (): void => this.rounds.begin();
    this.polls = new Polls({ plugin, clock, lanes, values, interval, began });
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
    this.rounds.end();
    this.values.end();
    for (const phone of this.#known.values()) this.#dismiss(phone, "The bridge to the plugin was stopped");
  }

  /** Ends its line, of which the plugin knows or need not know. */
  #dismiss(phone: Phone, why: string): void {
    const { line } = phone;
    phone.arrivals++;
    phone.lose();
    line?.end(why);
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

/** What a phone gets for an answer where the plugin gives none. */
export function lost(thrown: unknown): Answer {
  return exception(thrown instanceof PluginLost ? "Cannot reach Jeedom's plugin now" : "Cannot answer that");
}
