/** The time in which a bridge did not hear its upstream, told in its events as soon as it hears again. */
import type { Clock } from "../ports.ts";
import type { BridgeVoice } from "./bridge-state.ts";

export class UpstreamGap {
  readonly #voice: BridgeVoice;
  readonly #clock: Clock;
  readonly #channel: string;
  #from: number | undefined;

  constructor(voice: BridgeVoice, clock: Clock, channel: string) {
    this.#voice = voice;
    this.#clock = clock;
    this.#channel = channel;
  }

  /** Everything was heard until `from`, and no more since. What is open already stays as it is. */
  open(from: number): void {
    this.#from ??= from;
  }

  /** Everything is heard from now on: a gap is told. */
  close(): void {
    const from = this.#from;
    if (from === undefined) return;
    this.#from = undefined;
    const data = JSON.stringify({ gap: { from, to: this.#clock.now() } });
    this.#voice.publish(this.#channel, { data, tags: { gap: "upstream" } });
  }
}
