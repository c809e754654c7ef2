/** What was heard, for the peer side: told to whoever hears now, and kept for a while for those who come back. Pure. */
import type { Batch, Replay } from "./upstream.ts";

/** How many events are kept. */
const most = 5000;

export class Batches {
  readonly #ears = new Set<(batch: Batch) => void>();
  #kept: Batch[] = [];
  #events = 0;
  /** By Jeedom's clock, since when nothing is missing; never, before anything was heard. */
  #wholeSince = Number.POSITIVE_INFINITY;

  get isHeard(): boolean {
    return this.#ears.size > 0;
  }

  hear(ears: (batch: Batch) => void): () => void {
    this.#ears.add(ears);
    return () => void this.#ears.delete(ears);
  }

  /** From this time of Jeedom's clock on, everything is heard. */
  wholeSince(jeedomNow: number): void {
    this.#wholeSince = jeedomNow;
  }

  tell(batch: Batch): void {
    this.#kept.push(batch);
    this.#events += batch.events.length;
    while (this.#events > most && this.#kept.length > 1) {
      const gone = this.#kept.shift();
      this.#events -= gone?.events.length ?? 0;
      const last = Math.max(...(gone?.events.map(({ datetime }) => datetime) ?? []));
      this.#wholeSince = Math.max(this.#wholeSince, last);
    }
    for (const ears of [...this.#ears]) ears(batch);
  }

  since(time: number): Replay {
    const batches = this.#kept.flatMap((batch) => {
      const events = batch.events.filter(({ datetime }) => datetime > time);
      if (events.length === batch.events.length) return batch;
      return events.length === 0 ? [] : { ...batch, events };
    });
    return { batches, complete: time >= this.#wholeSince };
  }
}
