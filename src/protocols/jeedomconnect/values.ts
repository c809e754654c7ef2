/**
 * Values of the house as phones get them without asking the plugin: from the events of the bridge to Jeedom. What the plugin
 * tells of the same commands is told only where it is newer.
 */

import type { Hub } from "../../core/hub.ts";
import { objectOf } from "../../core/json.ts";
import type { JsonText } from "../../ports.ts";
import { type Answer, type Cursors, type Events, readEvents, shownBy, withValues } from "./answer.ts";
import { type Change, readChange } from "./change.ts";
import { type Entry, reworded } from "./entry.ts";
import { Overhearing } from "./overhearing.ts";
import type { Phone } from "./phone.ts";

export interface ValuesParts {
  readonly hub: Hub;
  /** What must not leave is taken out of a text. */
  readonly clean: (text: JsonText) => JsonText;
  /** The bridge to the plugin's Jeedom; undefined where there is none. */
  readonly jeedom: () => string | undefined;
  readonly phones: Iterable<Phone>;
  /** Something is due for a phone, or it is to be asked for. */
  readonly stirred: (phone: Phone) => void;
}

export class Values {
  readonly #parts: ValuesParts;
  readonly #overhearing: Overhearing;
  /** How a change is told after an entry: most phones have the same one. */
  readonly #worded = new WeakMap<Change, { readonly from: JsonText; readonly entry: Entry | undefined }>();
  /** Where Jeedom stands. */
  #zone: string | undefined;

  constructor(parts: ValuesParts) {
    this.#parts = parts;
    this.#overhearing = new Overhearing({
      hub: parts.hub,
      bridge: parts.jeedom,
      heard: (events) => this.#heard(events),
      began: () => this.#began(),
    });
  }

  /** Whether all that happens in the house is heard. */
  get hears(): boolean {
    return this.#overhearing.hears;
  }

  begin(): void {
    this.#overhearing.begin();
  }

  end(): void {
    this.#overhearing.end();
  }

  /** The phone begins with this answer, from where its cursors are now. */
  came(phone: Phone, first: Answer): void {
    const { timezone } = objectOf(first.payload);
    if (first.type === "WELCOME" && typeof timezone === "string" && timezone !== "") this.#zone = timezone;
    phone.told.lose();
    this.showed(phone, first, phone.cursors);
  }

  /** The phone is shown this answer. Where it is what the phone has from then on, it goes on from where it was when that was asked for. */
  showed(phone: Phone, answer: Answer, from: Cursors): void {
    const entries = shownBy(answer);
    if (entries === undefined) return;
    phone.told.begin(entries);
    phone.moveTo(from);
    phone.wanted = true;
  }

  /** Somebody looks at it again. What happened meanwhile it was not told. */
  woke(phone: Phone): void {
    phone.told.unsettle();
  }

  /** What is to be told of what happened; where only the plugin can say it, that is wanted of it. */
  due(phone: Phone): readonly JsonText[] {
    const { texts, lacks } = phone.told.due((entry, change) => this.#word(entry, change));
    if (lacks) phone.wanted = true;
    return texts;
  }

  /** A SET_EVENTS of the plugin's as the phone is to have it: without what it has, with what happened since. */
  merged(phone: Phone, answer: Answer, events: Events): { readonly answer: Answer; readonly events: Events } {
    const { lastReadTimestamp: at } = { ...phone.cursors, ...events.cursors };
    const told = phone.told.take(events.values, at ?? 0);
    const due = this.due(phone);
    if (due.length === 0 && told.length === events.values.length) return { answer, events };
    const merged = withValues(answer, [...told, ...due]);
    return { answer: merged, events: readEvents(merged) };
  }

  /** What was heard before may not go on from here. */
  #began(): void {
    for (const phone of this.#parts.phones) {
      phone.told.miss();
      phone.wanted = true;
      this.#parts.stirred(phone);
    }
  }

  #heard(events: readonly JsonText[]): void {
    const changes = events.flatMap((event) => readChange(this.#parts.clean(event)) ?? []);
    if (changes.length === 0) return;
    for (const phone of this.#parts.phones) {
      // The plugin tells it all when somebody looks at it again.
      if (!phone.active) continue;
      const shown = changes.filter((change) => phone.told.hear(change));
      if (!phone.told.isKnown) phone.wanted = true;
      if (shown.length > 0 || phone.wanted) this.#parts.stirred(phone);
    }
  }

  #word(from: Entry, change: Change): Entry | undefined {
    const known = this.#worded.get(change);
    if (known?.from === from.text) return known.entry;
    const entry = reworded(from, change, this.#zone);
    this.#worded.set(change, { from: from.text, entry });
    return entry;
  }
}
