/** Who listens to what: all audiences, and which of them a publication reaches. */
import type { Clock, Selector } from "../ports.ts";
import { Audience } from "./audience.ts";
import { PatternTable } from "./channels.ts";
import type { Form } from "./form.ts";

/** The audiences of one channel name. */
interface Route {
  readonly exact: Audience[];
  /** `exact`, and those whose patterns match; as of `version`. `exact` itself where there are none. */
  all: readonly Audience[];
  version: number;
}

const nobody: readonly Audience[] = [];
/** Routes of channels that only patterns reach are kept while they are used: so many, and so long, in ms. */
const passingRoutes = 100_000;
const passingTime = 60_000;

export class Routes {
  /** By the ids of their forms and selectors. */
  readonly #audiences = new Map<string, Map<string, Audience>>();
  readonly #routes = new Map<string, Route>();
  readonly #clock: Clock;
  /** Routes of channels that only patterns reach, and those that were used before and not since `#passingSince`. */
  #passing = new Map<string, Route>();
  #passed = new Map<string, Route>();
  #passingSince = Number.NEGATIVE_INFINITY;
  readonly #patterns = new PatternTable<Audience>();
  #patternsVersion = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The audiences that a publication on this channel reaches. */
  of(channel: string): readonly Audience[] {
    let route = this.#routes.get(channel) ?? this.#passing.get(channel);
    if (route === undefined) {
      if (this.#patterns.size === 0) return nobody;
      route = this.#pass(channel);
    }
    if (route.version !== this.#patternsVersion) {
      const matching = this.#patterns.match(channel);
      route.all = matching.length === 0 ? route.exact : [...new Set([...route.exact, ...matching])];
      route.version = this.#patternsVersion;
    }
    return route.all;
  }

  /** Whether somebody listens to a channel by its name. */
  named(channel: string): boolean {
    return this.#routes.has(channel);
  }

  find(form: Form, selector: Selector): Audience | undefined {
    return this.#audiences.get(form.id)?.get(selector.id);
  }

  /** The audience for a form and a selector; a new one where there is none. */
  audience(form: Form, selector: Selector): Audience {
    const known = this.find(form, selector);
    if (known !== undefined) return known;
    const audience = new Audience(form, selector);
    const alike = this.#audiences.get(form.id);
    if (alike === undefined) this.#audiences.set(form.id, new Map([[selector.id, audience]]));
    else alike.set(selector.id, audience);
    for (const name of selector.names) {
      const route = this.#routes.get(name);
      if (route === undefined) {
        this.#routes.set(name, { exact: [audience], all: nobody, version: -1 });
        this.#passing.delete(name);
        this.#passed.delete(name);
      } else {
        route.exact.push(audience);
        route.version = -1;
      }
    }
    for (const pattern of selector.patterns) this.#patterns.add(pattern, audience);
    if (selector.patterns.length > 0) this.#patternsVersion++;
    return audience;
  }

  /** Forgets an audience that nobody belongs to any more. */
  dissolve(audience: Audience): void {
    const { form, selector } = audience;
    const alike = this.#audiences.get(form.id);
    alike?.delete(selector.id);
    if (alike?.size === 0) this.#audiences.delete(form.id);
    for (const name of selector.names) {
      const route = this.#routes.get(name);
      if (route === undefined) continue;
      route.exact.splice(route.exact.indexOf(audience), 1);
      route.version = -1;
      if (route.exact.length === 0) this.#routes.delete(name);
    }
    for (const pattern of selector.patterns) this.#patterns.remove(pattern, audience);
    if (selector.patterns.length > 0) this.#patternsVersion++;
  }

  #pass(channel: string): Route {
    const route = this.#passed.get(channel) ?? { exact: [], all: nobody, version: -1 };
    this.#passed.delete(channel);
    const now = this.#clock.now();
    // Less than nothing: the clock was set back.
    const since = now - this.#passingSince;
    if (since >= passingTime || since < 0 || this.#passing.size >= passingRoutes) {
      this.#passed = this.#passing;
      this.#passing = new Map();
      this.#passingSince = now;
    }
    this.#passing.set(channel, route);
    return route;
  }
}
