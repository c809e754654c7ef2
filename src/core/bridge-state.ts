/** What bridges tell of themselves: the map `$bridges/<name>` with `state`, `since`, `last_event_at` and `last_error`. */
import type { BridgeReport, BridgeState, Clock, Draft, JsonText, Log } from "../ports.ts";
import { everyRight } from "./access.ts";
import type { Hub } from "./hub.ts";
import { Refused } from "./refusals.ts";

/** `last_event_at` is told this often at most, in ms. */
const eventInterval = 5000;

export interface BridgeVoiceParts {
  readonly hub: Hub;
  readonly clock: Clock;
  readonly log: Log;
  /** The bridge's name. */
  readonly name: string;
}

/** How a bridge publishes. What the broker refuses is logged: there is nobody upstream to tell. */
export class BridgeVoice {
  readonly name: string;
  readonly #parts: BridgeVoiceParts;

  constructor(parts: BridgeVoiceParts) {
    this.name = parts.name;
    this.#parts = parts;
  }

  /** False when it is known at once that it was not taken; `failed` is told also of what is known later. */
  publish(channel: string, draft: Draft, failed: () => void = () => undefined): boolean {
    try {
      const receipt = this.#parts.hub.publish(channel, draft, everyRight);
      if (receipt instanceof Promise) receipt.catch((thrown: unknown) => this.#failed(channel, thrown, failed));
      return true;
    } catch (thrown) {
      this.#failed(channel, thrown, failed);
      return false;
    }
  }

  #failed(channel: string, thrown: unknown, failed: () => void): void {
    failed();
    if (thrown instanceof Refused && thrown.refusal.name === "shutdown") return;
    this.#parts.log.warn({ bridge: this.name, channel, err: thrown }, "Cannot publish what a bridge brought");
  }
}

export class BridgeStatus {
  readonly #voice: BridgeVoice;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #channel: string;
  #state: BridgeState = "stopped";
  #error: string | undefined;
  #since: number;
  #lastEvent = 0;
  #cancelTelling: (() => void) | undefined;

  constructor(voice: BridgeVoice, { clock, log }: Pick<BridgeVoiceParts, "clock" | "log">) {
    this.#voice = voice;
    this.#clock = clock;
    this.#log = log;
    this.#channel = `$bridges/${voice.name}`;
    this.#since = clock.now();
  }

  get state(): BridgeState {
    return this.#state;
  }

  get report(): BridgeReport {
    return {
      state: this.#state,
      since: this.#since,
      ...(this.#lastEvent === 0 ? {} : { lastEventAt: this.#lastEvent }),
      ...(this.#error === undefined ? {} : { lastError: this.#error }),
    };
  }

  /** The error stays until there is another; told and logged only when something is new. */
  become(state: BridgeState, error?: string): void {
    const news = state !== this.#state;
    if (error !== undefined && (news || error !== this.#error)) {
      this.#error = error;
      this.#tell("last_error", JSON.stringify(error));
      this.#log.warn({ bridge: this.#voice.name, state }, error);
    }
    if (!news) return;
    this.#state = state;
    this.#tell("state", JSON.stringify(state));
    this.#since = this.#clock.now();
    this.#tell("since", String(this.#since));
    if (error === undefined) this.#log.info({ bridge: this.#voice.name }, `Bridge is ${state}`);
    if (state === "stopped") this.#cancelTelling?.();
  }

  /** The upstream told of something. */
  event(): void {
    this.#lastEvent = this.#clock.now();
    if (this.#cancelTelling !== undefined) return;
    this.#tellEvent(this.#lastEvent);
  }

  #tellEvent(told: number): void {
    this.#tell("last_event_at", String(told));
    this.#cancelTelling = this.#clock.after(eventInterval, () => {
      this.#cancelTelling = undefined;
      if (this.#lastEvent > told) this.#tellEvent(this.#lastEvent);
    });
  }

  #tell(key: string, data: JsonText): void {
    this.#voice.publish(this.#channel, { key, data });
  }
}
