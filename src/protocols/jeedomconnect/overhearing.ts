/**
 * Hears the bridge to Jeedom through the hub, as a listener without a peer: its events, and whether it is connected, without
 * which they are not all there are.
 */
import { everyRight } from "../../core/access.ts";
import { select } from "../../core/channels.ts";
import { Form } from "../../core/form.ts";
import type { Hub } from "../../core/hub.ts";
import { Refused } from "../../core/refusals.ts";
import type { Conversation, Principal, Session } from "../../core/session.ts";
import type { Frame, Framing, JsonText, Outlet, Publication, Reading } from "../../ports.ts";

export interface OverhearingParts {
  readonly hub: Hub;
  /** The bridge's name; undefined where there is none. */
  readonly bridge: () => string | undefined;
  /** Its events, once for each turn in which there were some. */
  readonly heard: (events: readonly JsonText[]) => void;
  /** From here on every event is heard; before, some may have been missed. */
  readonly began: () => void;
}

const framing: Framing = {
  name: "within",
  frame: (text) => text,
  join: (frames) => ({ parts: frames, bytes: 0 }),
};
const itself: Principal = { id: "gateway", name: "the gateway itself", rights: everyRight };
/** What tells of events that are missing. */
const gap = "gap";
const stateMark = "state ";

/** Publications as text: an event as it is, a state with a mark before it. */
class Words extends Form {
  readonly #events: string;

  constructor(events: string) {
    super(`jeedomconnect ${events}`, framing);
    this.#events = events;
  }

  override concerns({ channel, key }: Publication): boolean {
    return channel === this.#events || key === "state";
  }

  protected encode({ channel, data, tags }: Publication): Frame {
    if (channel !== this.#events) return stateMark + data;
    return tags?.["gap"] === undefined ? data : gap;
  }
}

export class Overhearing {
  readonly #parts: OverhearingParts;
  #session: Session<undefined> | undefined;
  /** Whom it hears. */
  #bridge: string | undefined;
  #isConnected = false;

  constructor(parts: OverhearingParts) {
    this.#parts = parts;
  }

  /** Whether every event is heard. */
  get hears(): boolean {
    return this.#isConnected;
  }

  /** To be called again and again: a reload may bring another bridge, or send away whoever listens to this one. */
  begin(): void {
    const bridge = this.#parts.bridge();
    if (bridge === this.#bridge) return;
    this.end();
    this.#bridge = bridge;
    if (bridge === undefined) return;
    const [events, states] = [`${bridge}/events`, `$bridges/${bridge}`];
    const session = this.#parts.hub.open(this.#outlet(), this.#conversation, new Words(events), itself, undefined);
    this.#session = session;
    const told = ({ channels }: Reading): void => {
      const entries = channels.find(({ channel }) => channel === states)?.publications ?? [];
      this.#become(entries.find(({ key }) => key === "state")?.data);
    };
    const done = this.#parts.hub.subscribe(session, select([events, states]), { from: "now", history: 0 }, told);
    if (done instanceof Promise) done.catch(() => session.end(new Refused("serverError")));
  }

  end(): void {
    this.#isConnected = false;
    this.#bridge = undefined;
    const session = this.#session;
    this.#session = undefined;
    session?.end(new Refused("closed"));
  }

  readonly #conversation: Conversation<undefined> = {
    protocol: "jeedomconnect",
    message: () => undefined,
    refused: () => undefined,
    ended: (session) => {
      if (session === this.#session) this.end();
    },
  };

  #outlet(): Outlet {
    return {
      framing,
      address: "",
      hears: false,
      queued: () => 0,
      write: ({ parts }) => {
        this.#take(parts.map(String));
        return true;
      },
      ping: () => undefined,
      end: () => undefined,
    };
  }

  #take(texts: readonly string[]): void {
    let events: JsonText[] = [];
    const tell = (): void => {
      if (events.length > 0 && this.#isConnected) this.#parts.heard(events);
      events = [];
    };
    for (const text of texts) {
      const isState = text.startsWith(stateMark);
      if (!isState && text !== gap) events.push(text);
      else {
        tell();
        if (isState) this.#become(text.slice(stateMark.length));
        else if (this.#isConnected) this.#parts.began();
      }
    }
    tell();
  }

  #become(state: JsonText | undefined): void {
    const was = this.#isConnected;
    this.#isConnected = state === '"connected"';
    if (this.#isConnected && !was) this.#parts.began();
  }
}
