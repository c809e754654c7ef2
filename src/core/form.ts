/**
 * How publications are phrased for sessions: one `Form` per protocol, transport and set of rights that changes the
 * wording. Everything that is the same for all its sessions is encoded once.
 */
import type { Frame, Framing, JsonText, Payload, Publication } from "../ports.ts";

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
  /** What is told of it to others, as JSON. */
  readonly info?: JsonText;
  /** What is told of it in this channel alone. */
  readonly channelInfo?: JsonText;
}

export abstract class Form {
  /** Forms with the same id word everything the same. */
  readonly id: string;
  readonly framing: Framing;
  /** Sessions count the publications of each channel: a hole in their offsets ends the subscription (`gap`). */
  readonly counted: boolean = false;
  /** A frame may build on the one before it, which newcomers do not have: they get `frameAlone` first. */
  readonly chained: boolean = false;
  /** Least time from one write of an audience to the next, in ms: what comes meanwhile leaves in one. */
  readonly spacing: number = 0;
  #lastPublication: Publication | undefined;
  #lastFrame: Frame = "";

  constructor(id: string, framing: Framing) {
    this.id = id;
    this.framing = framing;
  }

  protected abstract encode(publication: Publication): Frame;

  /** Whether sessions of this form want the publication at all. */
  concerns(_publication: Publication): boolean {
    return true;
  }

  /** What tells a session that publications of these channels are lost to it; undefined where the protocol cannot. */
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

  /** The frame that needs no other before it. */
  frameAlone(publication: Publication): Frame {
    return this.frameOf(publication);
  }
}

/** Frames that belong together, with the publications they came from, and the one payload that they make. */
export class Batch {
  readonly framing: Framing;
  readonly frames: readonly Frame[];
  /** In step with `frames`; undefined for what is no publication. */
  readonly publications: readonly (Publication | undefined)[];
  /** The batch that this one words differently; itself where it does not. */
  readonly source: Batch;
  #payload: Payload | undefined;
  /** Parts of it, by the number of publications that they lack. */
  #after: Map<number, Batch> | undefined;

  constructor(
    framing: Framing,
    frames: readonly Frame[],
    publications: readonly (Publication | undefined)[],
    source?: Batch,
  ) {
    this.framing = framing;
    this.frames = frames;
    this.publications = publications;
    this.source = source ?? this;
  }

  get payload(): Payload {
    this.#payload ??= this.framing.join(this.frames);
    return this.#payload;
  }

  /** The part that came after `seq`, for sessions that know the rest already. */
  after(seq: number): Batch {
    if ((this.publications[0]?.seq ?? seq) > seq) return this;
    const kept = this.frames.map((_, at) => at).filter((at) => (this.publications[at]?.seq ?? seq + 1) > seq);
    const known = this.frames.length - kept.length;
    if (known === 0) return this;
    this.#after ??= new Map();
    let after = this.#after.get(known);
    if (after === undefined) {
      after = new Batch(
        this.framing,
        kept.map((at) => this.frames[at] ?? ""),
        kept.map((at) => this.publications[at]),
      );
      this.#after.set(known, after);
    }
    return after;
  }
}

/** What was joined of the batches on the way to it. */
interface Joining {
  joined: Batch | undefined;
  readonly next: Map<Batch, Joining>;
}

function startJoining(): Joining {
  return { joined: undefined, next: new Map() };
}

/** Joins batches for sessions that are owed several; the same combination is joined once. */
export class BatchJoiner {
  #start = startJoining();

  join(batches: readonly Batch[]): Batch {
    const first = batches[0];
    if (first === undefined) throw new Error("Cannot join no batches");
    if (batches.length === 1) return first;
    let joining = this.#start;
    for (const batch of batches) {
      let next = joining.next.get(batch);
      if (next === undefined) {
        next = startJoining();
        joining.next.set(batch, next);
      }
      joining = next;
    }
    joining.joined ??= inOrder(first.framing, batches);
    return joining.joined;
  }

  /** Forgets the combinations, so that nothing of a turn is kept beyond it. */
  clear(): void {
    if (this.#start.next.size > 0) this.#start = startJoining();
  }
}

/** All frames in the order of their publications; what is no publication stays behind the one before it. */
function inOrder(framing: Framing, batches: readonly Batch[]): Batch {
  const all = batches.flatMap(({ frames, publications }) => {
    let seq = 0;
    return frames.map((frame, at) => {
      const publication = publications[at];
      seq = publication?.seq ?? seq;
      return { frame, publication, seq };
    });
  });
  all.sort((a, b) => a.seq - b.seq);
  return new Batch(
    framing,
    all.map(({ frame }) => frame),
    all.map(({ publication }) => publication),
  );
}
