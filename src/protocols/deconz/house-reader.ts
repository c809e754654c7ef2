/** Reads the gateway's resources by REST, whole or one by one, while events go on. */

import { parseObject } from "../../core/json.ts";
import type { Clock } from "../../ports.ts";
import type { GatewayEvent } from "./events.ts";
import type { Mirror, Missing } from "./mirror.ts";
import type { Upstream } from "./upstream.ts";

/** Who wants to know how the readings go. */
export interface ReadingEars {
  /** The picture is whole and fresh. */
  read(): void;
  failed(thrown: unknown): void;
}

/** Between tries, in ms. */
const pauses = [500, 1000, 2000, 5000, 10_000];
/** What has no event (actions of groups, the config) is read again this often, in ms. */
const rereading = 300_000;

export class HouseReader {
  readonly mirror: Mirror;
  readonly #upstream: Upstream;
  readonly #clock: Clock;
  /** Answers to requests of an earlier connection are let go. */
  #connection = 0;
  #ears: ReadingEars | undefined;
  #cancel: (() => void) | undefined;
  /** Resources that were asked for, or that the gateway does not know, since the last whole reading. */
  readonly #asked = new Set<string>();

  constructor(mirror: Mirror, upstream: Upstream, clock: Clock) {
    this.mirror = mirror;
    this.#upstream = upstream;
    this.#clock = clock;
  }

  apply(event: GatewayEvent): void {
    const missing = this.mirror.apply(event);
    if (event.e === "added") this.#asked.delete(`${event.kind}/${event.id}`);
    if (missing !== undefined) this.#fetch(missing);
  }

  /** The connection is over: nothing that was asked for in it counts. */
  letGo(): void {
    this.#connection++;
    this.#ears = undefined;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#asked.clear();
  }

  /** Reads now, again until it succeeds, and then from time to time. */
  keep(ears: ReadingEars): void {
    this.#ears = ears;
    this.#read(ears, 0);
  }

  /** After a write that has no event. */
  readSoon(pause: number): void {
    const ears = this.#ears;
    if (ears === undefined) return;
    this.#cancel?.();
    this.#cancel = this.#clock.after(pause, () => this.#read(ears, 0));
  }

  /** Reads everything once. */
  async take(): Promise<void> {
    const connection = this.#connection;
    const reading = this.mirror.beginReading();
    try {
      const every = this.mirror.knows("groups", "0") ? await this.#upstream.ask("GET", ["groups", "0"]) : undefined;
      const answer = await this.#upstream.object();
      if (connection !== this.#connection) {
        this.mirror.giveUp(reading);
        return;
      }
      this.#asked.clear();
      const group = every?.status === 200 ? parseObject(every.text) : undefined;
      for (const missing of this.mirror.takeWhole(reading, answer, group)) this.#fetch(missing);
    } catch (thrown) {
      this.mirror.giveUp(reading);
      throw thrown;
    }
  }

  #read(ears: ReadingEars, tries: number): void {
    this.#cancel = undefined;
    this.take().then(
      () => {
        if (ears !== this.#ears) return;
        ears.read();
        if (this.#cancel === undefined) this.readSoon(rereading);
      },
      (thrown: unknown) => {
        if (ears !== this.#ears) return;
        ears.failed(thrown);
        if (ears !== this.#ears) return;
        const pause = pauses[Math.min(tries, pauses.length - 1)] ?? 0;
        this.#cancel?.();
        this.#cancel = this.#clock.after(pause, () => this.#read(ears, tries + 1));
      },
    );
  }

  /** Asks for a body that no event brought. */
  #fetch(missing: Missing): void {
    const { kind, id } = missing;
    const name = `${kind}/${id}`;
    if (this.#asked.has(name)) return;
    this.#asked.add(name);
    const connection = this.#connection;
    const reading = this.mirror.beginReading();
    this.#upstream.ask("GET", [kind, id]).then(
      ({ status, text }) => {
        const good = connection === this.#connection && (status === 200 || status === 404);
        if (good) this.mirror.takeOne(reading, missing, status === 200 ? parseObject(text) : undefined);
        else this.mirror.giveUp(reading);
        if (!good || this.mirror.knows(kind, id)) this.#asked.delete(name);
      },
      () => {
        this.mirror.giveUp(reading);
        this.#asked.delete(name);
      },
    );
  }
}
