/** Where actions wait that a phone may not have got, also over a restart: the channel of its inbox. */
import { hash } from "node:crypto";
import { everyRight } from "../../core/access.ts";
import type { BridgeVoice } from "../../core/bridge-state.ts";
import type { Hub } from "../../core/hub.ts";
import type { JsonText } from "../../ports.ts";

/** What a phone is called where its key must not be told. */
export function nameOf(bridge: string, key: string): string {
  return `${bridge}-${hash("sha256", key).slice(0, 16)}`;
}

export class KeptInboxes {
  readonly #hub: Hub;
  readonly #voice: BridgeVoice;

  constructor(hub: Hub, voice: BridgeVoice) {
    this.#hub = hub;
    this.#voice = voice;
  }

  keep(key: string, text: JsonText): void {
    this.#voice.publish(this.#channelOf(key), { data: text });
  }

  /** All of it has arrived. */
  async forget(key: string): Promise<void> {
    await this.#hub.removeHistory(this.#channelOf(key));
  }

  /** What had not arrived in an earlier run. */
  async load(key: string): Promise<readonly JsonText[]> {
    const { publications } = await this.#hub.history(this.#channelOf(key), { limit: -1 }, everyRight);
    return publications.map(({ data }) => data);
  }

  #channelOf(key: string): string {
    return `$device/${nameOf(this.#voice.name, key)}`;
  }
}
