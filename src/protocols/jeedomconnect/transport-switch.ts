/** Whether a phone on an event stream should come by another transport: then its stream ends, as the plugin's does. */
import { numberIn, objectOf } from "../../core/json.ts";
import type { Clock } from "../../ports.ts";
import type { Phone } from "./phone.ts";
import type { Plugin } from "./plugin.ts";
import type { Question } from "./question.ts";

export interface TransportSwitchParts {
  readonly plugin: Plugin;
  readonly clock: Clock;
  readonly dismiss: (phone: Phone, why: string) => void;
  readonly failed: (thrown: unknown) => void;
}

/** How often the plugin's page is looked at, in ms. */
const interval = 30_000;

export class TransportSwitch {
  readonly #parts: TransportSwitchParts;

  constructor(parts: TransportSwitchParts) {
    this.#parts = parts;
  }

  /** What the plugin says of its transport, in its own words. */
  told(phone: Phone, { useWs, polling }: { readonly useWs?: unknown; readonly polling?: unknown }): void {
    const isElsewhere = [useWs, polling].some((one) => numberIn(one) === 1);
    if (isElsewhere && phone.line?.isWebSocket === false)
      this.#parts.dismiss(phone, "The phone comes by another transport");
  }

  /** Asks the plugin, where that is due. */
  look(phone: Phone): void {
    const now = this.#parts.clock.now();
    if (phone.line?.isWebSocket !== false || now - phone.settingsAt < interval) return;
    phone.settingsAt = now;
    const userHash = phone.user?.hash;
    if (typeof userHash === "string" && userHash !== "") void this.#ask(phone, userHash).catch(this.#parts.failed);
  }

  async #ask(phone: Phone, userHash: string): Promise<void> {
    const question: Question = { method: "GET_AVAILABLE_EQUIPEMENT", params: { userHash }, id: "1" };
    const { answer } = await this.#parts.plugin.askByReply(question);
    const all = Array.isArray(answer?.payload) ? answer.payload.map(objectOf) : [];
    const own = all.find(({ logicalId }) => logicalId === phone.key);
    if (own !== undefined) this.told(phone, own);
  }
}
