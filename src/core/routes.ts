/** Who listens to what: all audiences, and which of them a publication reaches. */
import type { Clock, Selector } from "../ports.ts";
import { Audience } from "./audience.ts";
import { PatternTable } from "./channels.ts";
import type { Form } from "./form.ts";

/** All audiences that a channel reaches, where there are patterns; as of `version`. */
interface Reached {
  all: readonly Audience[];
  version: number;
}

const nobody: readonly Audience[] = [];
/** What channels reach is kept while they are used: of so many or as many as are listened to by name, and so long, in ms. */
const keptChannels = 100_000;
const keptTime = 60_000;

export class Routes {
  /** The audiences that name a channel; that of the name alone, of each form, before those of lists with it. */
  readonly #naming = new Map<string, Audience[]>();
  /** Those of lists and patterns, by the ids of their forms and selectors. */
  readonly #wider = new Map<string, Map<string, Audience>>();
  readonly #clock: Clock;
  readonly #patterns = new PatternTable<Audience>();
  #patternsVersion = 0;
  /** What channels reach, and what those reach that were used before and not since `#reachedSince`. */
  #reached = new Map<string, Reached>();
  #reachedBefore = new Map<string, Reached>();
  #reachedSince = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The audiences that a publication on this channel reaches. */
  of(channel: string): readonly Audience[] {
    if (this.#patterns.size === 0) return this.#naming.get(channel) ?? nobody;
    const reached = this.#reached.get(channel) ?? this.#keep(channel);
    if (reached.version !== this.#patternsVersion) {
      const naming = this.#naming.get(channel) ?? nobody;
      const matching = this.#patterns.match(channel);
      reached.all = matching.length === 0 ? naming : [...new Set([...naming, ...matching])];
      reached.version = this.#patternsVersion;
    }
    return reached.all;
  }

  /** Whether somebody listens to a channel by its name. */
  named(channel: string): boolean {
    return this.#naming.has(channel);
  }

  find(form: Form, selector: Selector): Audience | undefined {
    const name = onlyName(selector);
    if (name === undefined) return this.#wider.get(form.id)?.get(selector.id);
    for (const one of this.#naming.get(name) ?? nobody) {
      // Lists come after those of the name alone.
      if (onlyName(one.selector) === undefined) return undefined;
      if (one.form.id === form.id) return one;
    }
    return undefined;
  }

  /** The audience for a form and a selector; a new one where there is none. */
  audience(form: Form, selector: Selector): Audience {
    const known = this.find(form, selector);
    if (known !== undefined) return known;
    const audience = new Audience(form, selector);
    const name = onlyName(selector);
    if (name === undefined) {
      const alike = this.#wider.get(form.id);
      if (alike === undefined) this.#wider.set(form.id, new Map([[selector.id, audience]]));
      else alike.set(selector.id, audience);
    }
    for (const each of selector.names) {
      const naming = this.#naming.get(each);
      if (naming === undefined) this.#naming.set(each, [audience]);
      else if (name === undefined) naming.push(audience);
      else naming.unshift(audience);
      this.#forget(each);
    }
    for (const pattern of selector.patterns) this.#patterns.add(pattern, audience);
    if (selector.patterns.length > 0) this.#patternsVersion++;
    return audience;
  }

  /** Forgets an audience that nobody belongs to any more. */
  dissolve(audience: Audience): void {
    const { form, selector } = audience;
    if (onlyName(selector) === undefined) {
      const alike = this.#wider.get(form.id);
      alike?.delete(selector.id);
      if (alike?.size === 0) this.#wider.delete(form.id);
    }
    for (const name of selector.names) {
      const naming = this.#naming.get(name);
      const at = naming?.indexOf(audience) ?? -1;
      if (naming === undefined || at === -1) continue;
      if (naming.length === 1) this.#naming.delete(name);
      else naming.splice(at, 1);
      this.#forget(name);
    }
    for (const pattern of selector.patterns) this.#patterns.remove(pattern, audience);
    if (selector.patterns.length > 0) this.#patternsVersion++;
    if (this.#patterns.size > 0) return;
    this.#reached = new Map();
    this.#reachedBefore = new Map();
  }

  #keep(channel: string): Reached {
    const reached = this.#reachedBefore.get(channel) ?? { all: nobody, version: -1 };
    this.#reachedBefore.delete(channel);
    const now = this.#clock.now();
    // Less than nothing: the clock was set back.
    const since = now - this.#reachedSince;
    if (since >= keptTime || since < 0 || this.#reached.size >= Math.max(keptChannels, this.#naming.size)) {
      this.#reachedBefore = this.#reached;
      this.#reached = new Map();
      this.#reachedSince = now;
    }
    this.#reached.set(channel, reached);
    return reached;
  }

  #forget(channel: string): void {
    this.#reached.delete(channel);
    this.#reachedBefore.delete(channel);
  }
}

/** The name, where a selector is but one. */
function onlyName({ names, patterns }: Selector): string | undefined {
  return names.length === 1 && patterns.length === 0 ? names[0] : undefined;
}
