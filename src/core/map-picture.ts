/** A map channel as a bridge last told it, so that only differences are published. */

import type { JsonText } from "../ports.ts";
import { everyRight } from "./access.ts";
import type { BridgeVoice } from "./bridge-state.ts";
import type { Hub } from "./hub.ts";

export class MapPicture {
  readonly channel: string;
  readonly #voice: BridgeVoice;
  readonly #told = new Map<string, JsonText>();

  constructor(voice: BridgeVoice, channel: string) {
    this.#voice = voice;
    this.channel = channel;
  }

  /** Takes over what the channel holds of an earlier run. */
  async load(hub: Hub): Promise<void> {
    const selector = { id: this.channel, names: [this.channel], patterns: [] };
    const { channels } = await hub.read(selector, { from: "now", history: 0 }, everyRight);
    for (const { key, data } of channels[0]?.publications ?? []) if (key !== undefined) this.#told.set(key, data);
  }

  get(key: string): JsonText | undefined {
    return this.#told.get(key);
  }

  entries(): ReadonlyMap<string, JsonText> {
    return this.#told;
  }

  set(key: string, data: JsonText): void {
    if (this.#told.get(key) === data) return;
    this.#told.set(key, data);
    // What was not taken counts as not told: the next difference tries again.
    this.#voice.publish(this.channel, { key, data }, () => this.#told.delete(key));
  }

  remove(key: string): void {
    if (this.#told.delete(key)) this.#voice.publish(this.channel, { key, data: "null", removed: true });
  }

  /** Everything as it is now: what is not in it is removed. */
  replace(entries: ReadonlyMap<string, JsonText>): void {
    for (const key of [...this.#told.keys()]) if (!entries.has(key)) this.remove(key);
    for (const [key, data] of entries) this.set(key, data);
  }
}
