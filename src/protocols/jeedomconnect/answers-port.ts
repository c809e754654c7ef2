/**
 * The port of this machine where the plugin brings its answers: a connection for each, one JSON object, ended by the end of
 * the connection. Who connects and says nothing delays nobody, and is sent away after a while.
 */
import type { Clock, StreamInlet, StreamOutlet, StreamProtocol } from "../../ports.ts";

/** The largest answer, in bytes: the configuration of a phone with all of its values. */
const largest = 64 * 1024 * 1024;
/** How long an answer may take to come, in ms, and how often it is looked for those that took longer. */
const patience = 30_000;
const glance = 5000;

const utf8 = new TextDecoder("utf-8", { fatal: true });

interface Arriving {
  readonly outlet: StreamOutlet;
  readonly since: number;
}

export class AnswersPort implements StreamProtocol {
  readonly name = "jeedomconnect";
  readonly #clock: Clock;
  readonly #heard: (text: string) => void;
  readonly #arriving = new Set<Arriving>();
  #cancelGlance: (() => void) | undefined;

  /** `heard` gets each answer, once it is whole. */
  constructor(clock: Clock, heard: (text: string) => void) {
    this.#clock = clock;
    this.#heard = heard;
  }

  connect(outlet: StreamOutlet): StreamInlet {
    const arriving: Arriving = { outlet, since: this.#clock.now() };
    this.#arriving.add(arriving);
    this.#cancelGlance ??= this.#clock.after(glance, () => this.#look());
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    const whole = (): void => {
      if (chunks.length === 0) return;
      const text = decode(chunks.splice(0), bytes);
      if (text !== undefined) this.#heard(text);
    };
    return {
      bytes(chunk) {
        bytes += chunk.length;
        // The transport reuses its buffer.
        if (bytes <= largest) chunks.push(chunk.slice());
        else outlet.end(0, "", true);
      },
      halfClosed() {
        whole();
        outlet.end(0, "", false);
      },
      drained: () => undefined,
      ended: () => {
        whole();
        this.#arriving.delete(arriving);
      },
    };
  }

  #look(): void {
    const now = this.#clock.now();
    for (const { outlet, since } of this.#arriving) if (now - since >= patience) outlet.end(0, "", true);
    this.#cancelGlance = this.#arriving.size === 0 ? undefined : this.#clock.after(glance, () => this.#look());
  }

  close(): void {
    this.#cancelGlance?.();
    this.#cancelGlance = undefined;
    for (const { outlet } of this.#arriving) outlet.end(0, "", true);
  }
}

/** Undefined for what is no UTF-8. */
function decode(chunks: readonly Uint8Array[], length: number): string | undefined {
  const all = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  try {
    return utf8.decode(all);
  } catch {
    return undefined;
  }
}
