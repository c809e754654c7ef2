/** A broker as tests have it: with settings by its channels' names, on a clock of its own, and all that it delivered. */
import { select } from "../../src/core/channels.ts";
import { Refused } from "../../src/core/refusals.ts";
import type {
  Broker,
  ChannelReading,
  ChannelSettings,
  Draft,
  Past,
  Position,
  Publication,
  Reading,
  Receipt,
  SettingsOf,
} from "../../src/ports.ts";
import { stream as plain } from "../fakes/channels.ts";
import type { FakeClock } from "../fakes/clock.ts";

export const stream: ChannelSettings = { ...plain, history: { size: 5, ttl: 600_000 } };

/** Settings by the first level of a channel's name. */
const byFirstLevel: Readonly<Record<string, Partial<ChannelSettings>>> = {
  map: { kind: "map" },
  brief: { history: { size: 100, ttl: 10_000 } },
  none: { history: { size: 0, ttl: 600_000 }, durable: "no" },
  nomap: { kind: "map", history: { size: 0, ttl: 600_000 } },
  durable: { durable: "yes" },
  kept: { kind: "map", durable: "sync" },
};

/** `durable`: how all channels of the contract are kept, where that is asked for. */
export function contractSettings(durable: ChannelSettings["durable"]): SettingsOf {
  return (channel) => ({ ...stream, durable, ...byFirstLevel[channel.split("/")[0] ?? ""] });
}

/** A broker that runs, on a clock of its own. `works` lets it do what it has put off. */
export interface Running {
  readonly broker: Broker;
  readonly clock: FakeClock;
  works(): Promise<void>;
}

export interface StartOptions {
  readonly maxChannels?: number;
  readonly durable?: ChannelSettings["durable"];
}

export type StartBroker = (clock: FakeClock, options: StartOptions) => Promise<Running>;

/** A broker and all that it delivered. */
export class Bench {
  readonly broker: Broker;
  readonly clock: FakeClock;
  readonly delivered: Publication[] = [];
  readonly #works: () => Promise<void>;

  constructor({ broker, clock, works }: Running) {
    this.broker = broker;
    this.clock = clock;
    this.#works = works;
    broker.attach((publication) => this.delivered.push(publication));
  }

  async publish(channel: string, draft: Draft | string = "1"): Promise<Receipt> {
    const receipt = this.broker.publish(channel, typeof draft === "string" ? { data: draft } : draft);
    await this.works();
    return receipt;
  }

  /** So many, with their numbers as data. */
  async fill(channel: string, count: number): Promise<void> {
    for (let number = 1; number <= count; number++) await this.publish(channel, String(number));
  }

  set(channel: string, key: string, data = "1"): Promise<Receipt> {
    return this.publish(channel, { key, data });
  }

  remove(channel: string, key: string): Promise<Receipt> {
    return this.publish(channel, { key, data: "null", removed: true });
  }

  async read(channels: string | readonly string[], past: Past): Promise<Reading> {
    return await this.broker.read(select(typeof channels === "string" ? [channels] : channels), past);
  }

  async one(channel: string, past: Past): Promise<ChannelReading> {
    const { channels } = await this.read(channel, past);
    const [only, ...more] = channels;
    if (only === undefined || more.length > 0) throw new Error(`Cannot read ${channel} alone`);
    return only;
  }

  async position(): Promise<Position> {
    return (await this.read("position", now(0))).position;
  }

  works(): Promise<void> {
    return this.#works();
  }
}

export function now(history: number): Past {
  return { from: "now", history };
}

export function since(position: Position): Past {
  return { from: "position", position };
}

export function data({ publications }: { readonly publications: readonly Publication[] }): string[] {
  return publications.map((publication) => publication.data);
}

export async function refusal(work: () => unknown): Promise<string> {
  try {
    await work();
  } catch (thrown) {
    if (thrown instanceof Refused) return thrown.refusal.name;
    throw thrown;
  }
  return "nothing was refused";
}

export function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, at) => String(from + at));
}
