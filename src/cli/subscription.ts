/** Listening to channels until told to stop: through lost connections and restarts, from the cursor of the last line. */
import type { IncomingMessage } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { StreamingDoor } from "./door.ts";
import { CommandFailure } from "./failure.ts";
import { messageIn, NoGateway, RefusedByGateway } from "./gateway-door.ts";

export type SubscriptionState =
  | { readonly state: "live" }
  | { readonly state: "connecting" }
  | { readonly state: "waiting"; readonly seconds: number; readonly why: string };

/** What is told of a subscription. */
export interface Listener {
  /** A publication, or who came or went: the line as it came, and what it says. */
  line(text: string, value: Readonly<Record<string, unknown>>): void;
  /** Something of these channels was missed and cannot be had any more. */
  gap(text: string, channels: readonly string[]): void;
  state(state: SubscriptionState): void;
}

export interface SubscriptionOptions {
  readonly door: StreamingDoor;
  /** The path of the channels. */
  readonly path: string;
  readonly what: string;
  readonly history: number;
  readonly since: string | undefined;
  readonly signal: AbortSignal;
  readonly listener: Listener;
}

/** Bounds of the pauses between attempts, in ms. */
const shortest = 250;
const longest = 20_000;
/** Without a line for so many of its heartbeats a connection is given up. */
const missedHeartbeats = 2.5;
const defaultHeartbeat = 25;

/** Why a connection ended; in good order, it is opened again at once. */
interface Ending {
  readonly why?: string;
  readonly retryAfter?: number;
}

export class Subscription {
  readonly #options: SubscriptionOptions;
  /** Where the last line left off. */
  cursor: string | undefined;
  #attempts = 0;
  #wasLive = false;

  constructor(options: SubscriptionOptions) {
    this.#options = options;
    this.cursor = options.since;
  }

  /** Ends when the signal says so. Rejects when the gateway refuses for good, or was never there. */
  async run(): Promise<void> {
    const { signal, listener } = this.#options;
    while (!signal.aborted) {
      listener.state({ state: "connecting" });
      const { why, retryAfter = 0 } = await this.#connect();
      if (signal.aborted) return;
      if (why === undefined) continue;
      // Spread, so that all who lost the same gateway do not come back at the same moment.
      const pause = Math.min(longest, shortest * 2 ** this.#attempts++) * (0.5 + Math.random() / 2);
      const delay = Math.max(pause, retryAfter * 1000);
      listener.state({ state: "waiting", seconds: delay / 1000, why });
      await sleep(delay, undefined, { signal }).catch(() => undefined);
    }
  }

  async #connect(): Promise<Ending> {
    const { door, what, signal } = this.#options;
    const silence = new AbortController();
    const either = AbortSignal.any([signal, silence.signal]);
    try {
      const response = await door.open(this.#path, what, either);
      return await this.#follow(response, silence);
    } catch (thrown) {
      if (signal.aborted) return {};
      if (thrown instanceof NoGateway && this.#wasLive) return { why: "no gateway answers" };
      if (thrown instanceof RefusedByGateway && thrown.comeBack && this.#wasLive) {
        return { why: thrown.message, retryAfter: thrown.retryAfter };
      }
      throw thrown;
    }
  }

  get #path(): string {
    const { path, history } = this.#options;
    if (this.cursor !== undefined) return `${path}?since=${encodeURIComponent(this.cursor)}`;
    return history > 0 ? `${path}?history=${history}` : path;
  }

  async #follow(response: IncomingMessage, silence: AbortController): Promise<Ending> {
    let heartbeat = defaultHeartbeat;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const heard = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), heartbeat * missedHeartbeats * 1000);
    };
    try {
      heard();
      for await (const text of linesOf(response)) {
        const value = parse(text);
        if (typeof value["heartbeat"] === "number") ({ heartbeat } = value as { heartbeat: number });
        heard();
        const ending = this.#take(text, value);
        if (ending !== undefined) return ending;
      }
      return { why: "the connection was closed" };
    } catch (thrown) {
      if (thrown instanceof CommandFailure) throw thrown;
      return { why: silence.signal.aborted ? "the gateway fell silent" : "the connection broke" };
    } finally {
      clearTimeout(timer);
      response.destroy();
    }
  }

  #take(text: string, value: Readonly<Record<string, unknown>>): Ending | undefined {
    const { listener } = this.#options;
    if (typeof value["cursor"] === "string") this.cursor = value["cursor"];
    if (value["end"] === true || value["error"] !== undefined) return endingOf(value);
    if (value["gap"] === true) listener.gap(text, (value["channels"] ?? []) as readonly string[]);
    else if (value["live"] === true) {
      this.#attempts = 0;
      this.#wasLive = true;
      listener.state({ state: "live" });
    } else if (typeof value["channel"] === "string") listener.line(text, value);
    return undefined;
  }
}

/** Ends that would be the same next time are thrown; the ranges of the codes say which. */
function endingOf(value: Readonly<Record<string, unknown>>): Ending {
  const message = messageIn(value);
  if (message === undefined) return {};
  const { code } = value["error"] as { readonly code?: unknown };
  const passes = typeof code === "number" && code >= 3000 && code < 3500 && code !== 3005;
  if (!passes) throw new CommandFailure(`Cannot go on listening: ${message}`);
  return { why: message };
}

async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  response.setEncoding("utf8");
  let rest = "";
  for await (const chunk of response as AsyncIterable<string>) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line !== "") yield line;
  }
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch {
    // Said below.
  }
  throw new CommandFailure("Cannot understand what the gateway sends: it is not the protocol of this Hearthwire");
}
