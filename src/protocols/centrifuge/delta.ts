/** Changes between one publication and the next of a channel, as the Fossil delta format has them. Pure. */
import { createDelta } from "fossil-delta";
import type { Publication } from "../../ports.ts";

const encoder = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true });

/** Channels whose last value is kept; when there are more, each begins anew with a whole value. */
const mostChannels = 10_000;

export class DeltaChains {
  readonly #last = new Map<string, Uint8Array>();

  /** The change from the channel's last publication, or `whole` where there is none or it would not be shorter. */
  next({ channel, data }: Publication): "whole" | Uint8Array {
    const before = this.#last.get(channel);
    const now = encoder.encode(data);
    if (before === undefined && this.#last.size >= mostChannels) this.#last.clear();
    this.#last.set(channel, now);
    if (before === undefined) return "whole";
    const delta = createDelta(before, now);
    return delta.length < now.length && isText(delta) ? delta : "whole";
  }
}

/** In JSON a delta travels as text, and one that cuts a character in two is none. */
function isText(bytes: Uint8Array): boolean {
  try {
    strict.decode(bytes);
    return true;
  } catch {
    return false;
  }
}
