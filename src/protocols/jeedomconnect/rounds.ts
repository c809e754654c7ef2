/** Phones that are told things as they happen: who is there and looked at is asked for, one question at a time for each. */
import type { Clock } from "../../ports.ts";
import { type Answer, type Cursors, readEvents, valuesAnswer, valuesText } from "./answer.ts";
import { eventsLane, type Lanes } from "./lanes.ts";
import type { Phone } from "./phone.ts";
import type { Plugin } from "./plugin.ts";
import type { Values } from "./values.ts";

export interface RoundsParts {
  readonly plugin: Plugin;
  readonly clock: Clock;
  readonly phones: Iterable<Phone>;
  readonly lanes: Lanes;
  readonly values: Values;
  /** How often each is asked for, in ms. */
  readonly interval: () => number;
  /** Its line ends, of which the plugin knows or need not know. */
  readonly dismiss: (phone: Phone, why: string) => void;
  /** A phone on an event stream may be set to another transport: called at every look. */
  readonly looked: (phone: Phone) => void;
  readonly failed: (thrown: unknown) => void;
}

/** How often it is looked whose turn it is, in ms, and how often in the time after which each is asked for at least. */
const glance = 250;
const glances = 4;
/** However much happens that only the plugin can tell, a phone is not asked for more often than this, in ms: as often as the plugin's daemon does. */
const leastInterval = 1000;
/** And so often while its answers are no good. */
const whileInTrouble = 5000;
/** A phone that polls is taken to be there for so long after its last question, in ms. */
const polledLately = 30_000;

export class Rounds {
  readonly #parts: RoundsParts;
  #cancelGlance: (() => void) | undefined;

  constructor(parts: RoundsParts) {
    this.#parts = parts;
  }

  /** It is to be asked for from now on. */
  wake(phone: Phone): void {
    if (!phone.active) this.#parts.values.woke(phone);
    phone.active = true;
    phone.parted = false;
    phone.wanted = true;
    phone.act();
    this.begin();
    this.#askIfDue(phone);
  }

  /** Somebody is there. */
  begin(): void {
    if (this.#cancelGlance !== undefined) return;
    this.#lookSoon();
    this.#parts.values.begin();
  }

  /** What happened is told; what only the plugin can tell is asked for. */
  stir(phone: Phone): void {
    const { line } = phone;
    const due = line === undefined ? [] : this.#parts.values.due(phone);
    if (due.length > 0) {
      line?.tellEvents(valuesAnswer(phone.cursors, due), { cursors: {}, values: due, lists: [valuesText(due)] });
      phone.told.arrived();
    }
    this.#askIfDue(phone);
  }

  end(): void {
    this.#cancelGlance?.();
    this.#cancelGlance = undefined;
  }

  #lookSoon(): void {
    const { clock, interval } = this.#parts;
    this.#cancelGlance = clock.after(Math.min(glance, interval() / glances), () => this.#look());
  }

  #look(): void {
    const { clock, phones, values, looked } = this.#parts;
    const now = clock.now();
    let any = false;
    for (const phone of phones) {
      if (phone.line?.isThrough === true) phone.lives();
      if (phone.line === undefined ? now - phone.polledAt > polledLately : !phone.active) continue;
      any = true;
      this.#askIfDue(phone);
      looked(phone);
    }
    if (any) {
      values.begin();
      this.#lookSoon();
      return;
    }
    this.#cancelGlance = undefined;
    values.end();
  }

  #askIfDue(phone: Phone): void {
    if (phone.asking || !phone.active || phone.line === undefined) return;
    const { clock, interval, failed } = this.#parts;
    const usual = phone.wanted ? Math.min(leastInterval, interval()) : interval();
    if (clock.now() - phone.askedAt < (phone.trouble === undefined ? usual : whileInTrouble)) return;
    void this.#ask(phone).catch(failed);
  }

  /** One question, to its end. */
  async #ask(phone: Phone): Promise<void> {
    const { plugin, clock, lanes } = this.#parts;
    const { arrivals, line, told } = phone;
    const { edition } = told;
    phone.asking = true;
    phone.wanted = false;
    phone.askedAt = clock.now();
    try {
      const question = phone.question();
      const { cursors } = phone;
      const answer = await lanes.run(eventsLane(phone.key), async () =>
        line?.isWebSocket === true ? plugin.ask(question, phone.key) : (await plugin.askByReply(question)).answer,
      );
      // What it has is another by now: where it is in the events stays, so that all of this is told again.
      const isCurrent = phone.arrivals === arrivals && told.edition === edition;
      if (!isCurrent) phone.wanted = true;
      this.answered(phone, answer, isCurrent ? cursors : undefined);
    } finally {
      phone.asking = false;
    }
  }

  /** What a question for events brought. `from`: its cursors when it was asked; undefined where it has something else by now than it had then. */
  answered(phone: Phone, answer: Answer | undefined, from: Cursors | undefined): void {
    // An action waits for the phone however it comes next; all else was about another visit.
    if (answer?.type === "ACTIONS") {
      phone.inbox.add(answer.text);
      phone.act();
    }
    const { line } = phone;
    if (from === undefined || line === undefined) return;
    if (answer === undefined || answer.type === "ACTIONS") {
      phone.trouble = undefined;
      // It still waits for the first values.
      phone.wanted ||= !phone.told.isSettled;
    } else if (answer.type === "SET_EVENTS") {
      phone.trouble = undefined;
      const events = readEvents(answer);
      const news = this.#parts.values.merged(phone, answer, events);
      phone.moveTo(events.cursors);
      if (news.events.lists.length > 0) line.tellEvents(news.answer, news.events);
      phone.told.arrived();
    } else if (answer.type === "CONFIG_AND_INFOS") {
      phone.trouble = undefined;
      phone.configured(answer);
      line.tell([answer.text]);
      this.#parts.values.showed(phone, answer, from);
    } else this.#troubled(phone, answer);
  }

  /** Told once. Where there is nothing to stay for, its line ends. */
  #troubled(phone: Phone, { type, text }: Answer): void {
    const { line } = phone;
    if (phone.trouble !== text) line?.tell([text]);
    phone.trouble = text;
    // As where it is disabled: nobody tells it anything before the plugin does again.
    phone.told.unsettle();
    const isOver = type === "SET_NEW_APIKEY" || (type === "EQUIPMENT_DISABLE" && line?.isWebSocket === true);
    if (isOver) this.#parts.dismiss(phone, type);
  }
}
