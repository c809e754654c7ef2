/**
 * What waits for one peer that does not read as fast as it is written to. It exists only while the peer lags: frames
 * are shared with everyone else's, so a slow peer costs references, not copies.
 */
import type { Frame, Publication, QueuePolicy } from "../ports.ts";
import type { Batch } from "./form.ts";

export interface QueueLimits {
  /** At most this many bytes wait, besides what was written in one piece and is on its way. */
  readonly bytes: number;
  /** At most this many ms may something of a `disconnect` channel wait. */
  readonly age: number;
}

interface Waiting {
  readonly frame: Frame;
  readonly publication: Publication | undefined;
  readonly bytes: number;
  /** Of a `disconnect` channel: it can neither be dropped nor wait for ever. */
  readonly strict: boolean;
}

/** The subject of which only the latest matters. */
function subjectOf(publication: Publication): string {
  return publication.key === undefined ? publication.channel : `${publication.channel} ${publication.key}`;
}

export class OutgoingQueue {
  #waiting = new Set<Waiting>();
  /** Of each subject its latest publication: as often as it came, in several forms or to several subscriptions. */
  #latest: Map<string, Waiting[]> | undefined;
  #lost: Set<string> | undefined;
  #strict = 0;
  /** Bytes of the frames that wait here; what the transport holds comes on top. */
  bytes = 0;
  /** Frames that a policy took out. */
  dropped = 0;
  /** Since when something of a `disconnect` channel waits. */
  #strictSince = 0;
  /** Bytes that the transport held when it was looked at last. */
  left = 0;
  /** Since when the peer lags. */
  readonly since: number;

  constructor(since: number) {
    this.since = since;
  }

  get frames(): number {
    return this.#waiting.size;
  }

  add(batch: Batch, now: number, policyOf: (channel: string) => QueuePolicy): void {
    for (const [at, frame] of batch.frames.entries()) {
      const publication = batch.publications[at];
      const policy = publication === undefined ? undefined : policyOf(publication.channel);
      const waiting: Waiting = { frame, publication, bytes: Buffer.byteLength(frame), strict: policy === "disconnect" };
      if (waiting.strict && this.#strict++ === 0) this.#strictSince = now;
      if (publication !== undefined && policy === "latest") this.#supersede(publication, waiting);
      this.#waiting.add(waiting);
      this.bytes += waiting.bytes;
    }
  }

  /**
   * Whether more waits than may. What the transport holds does not count: it was written in one piece when nothing waited,
   * and may be a snapshot that is larger than the limit and that a slow line takes its time for.
   */
  over(limits: QueueLimits, now: number): boolean {
    return this.bytes > limits.bytes || (this.#strict > 0 && now - this.#strictSince > limits.age);
  }

  /**
   * Takes out the oldest of `drop-oldest` channels until the queue is within its bytes. False if it is over a limit even
   * then: the session cannot be kept.
   */
  shrink(limits: QueueLimits, now: number, policyOf: (channel: string) => QueuePolicy): boolean {
    for (const waiting of this.#waiting) {
      if (this.bytes <= limits.bytes) break;
      if (waiting.publication === undefined || policyOf(waiting.publication.channel) !== "drop-oldest") continue;
      this.#lost ??= new Set();
      this.#lost.add(waiting.publication.channel);
      this.#drop(waiting);
    }
    return !this.over(limits, now);
  }

  /** Everything that waits, oldest first, and the channels of which something was dropped; the queue is then empty. */
  take(): { frames: Frame[]; lost: readonly string[] } {
    const frames = Array.from(this.#waiting, (waiting) => waiting.frame);
    const lost = [...(this.#lost ?? [])];
    this.#waiting = new Set();
    this.#latest = undefined;
    this.#lost = undefined;
    this.#strict = 0;
    this.bytes = 0;
    return { frames, lost };
  }

  /** The `seq` of the oldest publication that waits, if one does. */
  get oldestSeq(): number | undefined {
    for (const waiting of this.#waiting) if (waiting.publication !== undefined) return waiting.publication.seq;
    return undefined;
  }

  #supersede(publication: Publication, waiting: Waiting): void {
    this.#latest ??= new Map();
    const subject = subjectOf(publication);
    const older = this.#latest.get(subject) ?? [];
    if (older[0]?.publication === publication) older.push(waiting);
    else {
      for (const superseded of older) this.#drop(superseded);
      this.#latest.set(subject, [waiting]);
    }
  }

  #drop(waiting: Waiting): void {
    this.#waiting.delete(waiting);
    this.bytes -= waiting.bytes;
    this.dropped++;
  }
}
