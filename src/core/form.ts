/**
 * How publications are phrased for sessions: one `Form` per protocol, transport and set of rights that changes the
 * wording. Everything that is the same for all its sessions is encoded once.
 */
import type { Frame, Framing, Payload, Publication } from "../ports.ts";

/** Somebody came to or left a channel with presence. */
export interface PresenceChange {
  readonly channel: string;
  readonly kind: "join" | "leave";
  readonly member: Member;
}

/** One session in a channel with presence. */
export interface Member {
  readonly client: string;
  readonly user: string;
}

export abstract class Form {
  /** Forms with the same id word everything the same. */
  readonly id: string;
  readonly framing: Framing;
  #lastPublication: Publication | undefined;
  #lastFrame: Frame = "";

  constructor(id: string, framing: Framing) {
    this.id = id;
    this.framing = framing;
  }

  protected abstract encode(publication: Publication): Frame;

  /** What tells a session that its queue lost publications of these channels; undefined where the protocol cannot. */
  gap(_channels: readonly string[]): Frame | undefined {
    return undefined;
  }

  /** What tells of a join or leave; undefined where the protocol or the subscription does not. */
  presence(_change: PresenceChange): Frame | undefined {
    return undefined;
  }

  /** The publication's frame, encoded once however many audiences it has. */
  frameOf(publication: Publication): Frame {
    if (this.#lastPublication !== publication) {
      this.#lastFrame = this.encode(publication);
      this.#lastPublication = publication;
    }
    return this.#lastFrame;
  }
}

/** Frames that belong together, with the publications they came from, and the one payload that they make. */
export class Batch {
  readonly framing: Framing;
  readonly frames: readonly Frame[];
  /** In step with `frames`; undefined for what is no publication. */
  readonly publications: readonly (Publication | undefined)[];
  #payload: Payload | undefined;
  #afterSeq = -1;
  #after: Batch | undefined;

  constructor(framing: Framing, frames: readonly Frame[], publications: readonly (Publication | undefined)[]) {
    this.framing = framing;
    this.frames = frames;
    this.publications = publications;
  }

  get payload(): Payload {
    this.#payload ??= this.framing.join(this.frames);
    return this.#payload;
  }

  /** The part that came after `seq`, for sessions that know the rest already. */
  after(seq: number): Batch {
    if (this.#after === undefined || this.#afterSeq !== seq) {
      const kept = this.frames.map((_, at) => at).filter((at) => (this.publications[at]?.seq ?? seq + 1) > seq);
      this.#after = new Batch(
        this.framing,
        kept.map((at) => this.frames[at] ?? ""),
        kept.map((at) => this.publications[at]),
      );
      this.#afterSeq = seq;
    }
    return this.#after;
  }
}

/** Joins batches for sessions that are owed several; the same combination is joined once. */
export class BatchJoiner {
  #parts: readonly Batch[] = [];
  #joined: Batch | undefined;

  join(batches: readonly Batch[]): Batch {
    const first = batches[0];
    if (batches.length === 1 && first !== undefined) return first;
    const known = this.#joined;
    if (
      known !== undefined &&
      batches.length === this.#parts.length &&
      batches.every((b, at) => b === this.#parts[at])
    ) {
      return known;
    }
    const framing = first?.framing;
    if (framing === undefined) throw new Error("Cannot join no batches");
    this.#joined = new Batch(
      framing,
      batches.flatMap((batch) => batch.frames),
      batches.flatMap((batch) => batch.publications),
    );
    this.#parts = batches;
    return this.#joined;
  }

  /** Forgets the last combination, so that nothing of a turn is kept beyond it. */
  clear(): void {
    this.#parts = [];
    this.#joined = undefined;
  }
}
