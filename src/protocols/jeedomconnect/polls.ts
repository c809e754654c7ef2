import type { Clock } from "../../ports.ts";
import { type Answer, cursorsIn, type Reply, readEvents, valuesAnswer } from "./answer.ts";
import { eventsLane, type Lanes } from "./lanes.ts";
import type { Phone } from "./phone.ts";
import type { Plugin } from "./plugin.ts";
import type { Question } from "./question.ts";
import type { Values } from "./values.ts";

export interface PollsParts {
  readonly plugin: Plugin;
  readonly clock: Clock;
  readonly lanes: Lanes;
  readonly values: Values;
  /** How often the plugin is asked for each phone, in ms. */
  readonly interval: () => number;
  /** Somebody is there. */
  readonly began: () => void;
}

/** The plugin takes a phone that polls for gone when it was not asked for it for 3 s. */
const longestQuiet = 2500;
/** Its own pace is not exact: its next question may come so much later than the plugin should be asked. */
const slack = 1.25;
/**
 * How far an answer of ours sets the phone's cursor back, in seconds, so that its next question shows whether it has got it.
 * Less than two events are apart: it misses nothing, and the plugin may repeat what it said last.
 */
const hair = 1e-6;

export class Polls {
  readonly #parts: PollsParts;

  constructor(parts: PollsParts) {
    this.#parts = parts;
  }

  /** A phone's own question for its events. Rejects with `PluginLost`. */
  poll(phone: Phone, question: Question): Promise<Reply> {
    const { clock, lanes, began } = this.#parts;
    const now = clock.now();
    const pace = now - phone.polledAt;
    phone.polledAt = now;
    began();
    if (phone.line !== undefined) phone.told.lose();
    else if (!phone.active) this.#wake(phone);
    const own =
      phone.asking || this.#isDue(phone, now - phone.askedAt + pace) ? undefined : this.#answer(phone, question);
    if (own !== undefined) return Promise.resolve(own);
    phone.asking = true;
    return lanes.run(eventsLane(phone.key), () => this.#ask(phone, question));
  }

  /** Who asks is looked at, also when it was there before the gateway. */
  #wake(phone: Phone): void {
    phone.active = true;
    phone.expected = undefined;
    this.#parts.values.woke(phone);
  }

  /** Whether the plugin has to be asked: its last answer would be so old, in ms, at the phone's next question. */
  #isDue(phone: Phone, age: number): boolean {
    const { interval, values } = this.#parts;
    return !values.hears || phone.wanted || age > Math.min(slack * interval(), longestQuiet);
  }

  /** Without the plugin. Undefined where only the plugin can answer. */
  #answer(phone: Phone, question: Question): Reply | undefined {
    const params = JSON.stringify(question.params);
    const cursors = cursorsIn(question.params);
    if (phone.expected !== params || cursors === undefined) return undefined;
    phone.told.arrived();
    const due = this.#parts.values.due(phone);
    if (due.length === 0) return phone.wanted ? undefined : replyOf(valuesAnswer(cursors, []));
    const given = { ...cursors, lastReadTimestamp: cursors.lastReadTimestamp - hair };
    phone.expected = JSON.stringify({ ...question.params, ...given });
    return replyOf(valuesAnswer(given, due));
  }

  async #ask(phone: Phone, question: Question): Promise<Reply> {
    const { plugin, clock, values } = this.#parts;
    phone.asking = true;
    phone.wanted = false;
    phone.askedAt = clock.now();
    const from = phone.cursors;
    const { edition } = phone.told;
    if (phone.expected === JSON.stringify(question.params)) phone.told.arrived();
    else phone.told.vanished();
    phone.expected = undefined;
    try {
      const reply = await plugin.askByReply(question);
      const { answer } = reply;
      if (answer === undefined) return reply;
      if (phone.told.edition === edition) values.showed(phone, answer, from);
      if (answer.type !== "SET_EVENTS" || phone.told.edition !== edition) return reply;
      const events = readEvents(answer);
      const merged = values.merged(phone, answer, events);
      const { cursors } = events;
      phone.expected = JSON.stringify({ ...question.params, ...cursors });
      return replyOf(merged.answer);
    } finally {
      phone.asking = false;
    }
  }
}

function replyOf(answer: Answer): Reply {
  return { result: answer.text, answer };
}
