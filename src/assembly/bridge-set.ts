/** The bridges of one type, as the configuration wants them. */
import { isDeepStrictEqual } from "node:util";
import type { BridgeConfig, Config } from "../config/schema.ts";
import type { Bridge } from "../ports.ts";

/** A bridge that is not started yet, and how to take back what it registered. */
export interface MadeBridge<B extends Bridge> {
  readonly bridge: B;
  readonly takeBack: () => void;
}

export interface BridgeSetParts<B extends Bridge> {
  /** The one in force. */
  readonly config: Config;
  readonly type: BridgeConfig["type"];
  readonly make: (name: string, options: BridgeConfig) => MadeBridge<B>;
}

export class BridgeSet<B extends Bridge> {
  readonly #parts: BridgeSetParts<B>;
  readonly #made = new Map<string, MadeBridge<B> & { readonly options: BridgeConfig }>();
  #started = false;

  constructor(parts: BridgeSetParts<B>) {
    this.#parts = parts;
    this.#make();
  }

  get(name: string | undefined): B | undefined {
    return name === undefined ? undefined : this.#made.get(name)?.bridge;
  }

  [Symbol.iterator](): Iterator<B> {
    return Array.from(this.#made.values(), ({ bridge }) => bridge).values();
  }

  start(): void {
    this.#started = true;
    for (const bridge of this) bridge.start();
  }

  stop(): void {
    this.#started = false;
    for (const bridge of this) bridge.stop();
  }

  /** Stops those that are not wanted any more, or otherwise, and starts those that are wanted. */
  reload(): void {
    const { bridges } = this.#parts.config;
    for (const [name, { bridge, options, takeBack }] of this.#made) {
      if (isDeepStrictEqual(bridges.get(name), options)) continue;
      bridge.stop();
      takeBack();
      this.#made.delete(name);
    }
    for (const bridge of this.#make()) if (this.#started) bridge.start();
  }

  #make(): readonly B[] {
    const { config, type, make } = this.#parts;
    const made: B[] = [];
    for (const [name, options] of config.bridges) {
      if (options.type !== type || this.#made.has(name)) continue;
      const one = make(name, options);
      this.#made.set(name, { ...one, options });
      made.push(one.bridge);
    }
    return made;
  }
}
