/** All sessions that listen to the same selector in the same form: whatever one of them is owed, all are. */
import type { Frame, Publication, Selector } from "../ports.ts";
import { Batch, type Form, type PresenceChange } from "./form.ts";
import { handOut, type Listener } from "./hand-out.ts";

/** What idle audiences have: nothing, without arrays of their own. */
const noFrames: Frame[] = [];
const noPublications: (Publication | undefined)[] = [];

/** An empty one for the next audience: mostly they gather one after the other, each for a moment. */
let spareGathering: Map<Listener, Publication[]> | undefined;

export class Audience {
  readonly form: Form;
  readonly selector: Selector;
  /** Who listens. Most channels of somebody's own have one listener, who needs no set. */
  #listeners: Listener | Set<Listener> | undefined;
  /** Sessions whose reading is on its way, and what was published meanwhile. Absent while there are none: most of the time. */
  #gathering: Map<Listener, Publication[]> | undefined;
  #frames = noFrames;
  #publications = noPublications;
  /** Sessions that have got nothing yet, and know everything up to a `seq` already. */
  #newcomers: Map<Listener, number> | undefined;
  /** The offset of the channel's last publication, where the form counts; -1 before the first session. */
  #offset = -1;
  /** A publication is missing: the sessions were told, and are to be let go. */
  broken = false;
  /** Until when it hands out nothing, where its form spaces its writes. */
  restsUntil = 0;

  constructor(form: Form, selector: Selector) {
    this.form = form;
    this.selector = selector;
  }

  /** Who listens by now. */
  get listeners(): Iterable<Listener> {
    const listeners = this.#listeners;
    if (listeners instanceof Set) return listeners;
    return listeners === undefined ? [] : [listeners];
  }

  /** Who listens, or will when its reading is there. */
  get all(): readonly Listener[] {
    return [...this.listeners, ...(this.#gathering?.keys() ?? [])];
  }

  get size(): number {
    return this.#count + (this.#gathering?.size ?? 0);
  }

  has(session: Listener): boolean {
    return this.hears(session) || this.gathered(session) !== undefined;
  }

  /** Whether it listens by now. */
  hears(session: Listener): boolean {
    const listeners = this.#listeners;
    return listeners instanceof Set ? listeners.has(session) : listeners === session;
  }

  /** Keeps what is published from now on for a session whose reading is on its way. */
  gather(session: Listener): Publication[] {
    const gathered: Publication[] = [];
    this.#gathering ??= spareGathering ?? new Map();
    spareGathering = undefined;
    this.#gathering.set(session, gathered);
    return gathered;
  }

  gathered(session: Listener): readonly Publication[] | undefined {
    return this.#gathering?.get(session);
  }

  /** Whether this turn has brought something already. */
  get owing(): boolean {
    return this.#frames.length > 0;
  }

  /** Notes a publication for the end of the turn. True if it is the first of the turn. */
  owe(publication: Publication): boolean {
    if (this.#gathering !== undefined) for (const gathered of this.#gathering.values()) gathered.push(publication);
    if (this.#listeners === undefined) return false;
    const { form } = this;
    if (form.counted && !this.#follows(publication)) return this.#break(publication.channel);
    if (!form.concerns(publication)) return false;
    return this.#note(form.frameOf(publication), publication);
  }

  oweChange(change: PresenceChange): boolean {
    if (this.#listeners === undefined) return false;
    const frame = this.form.presence(change);
    return frame !== undefined && this.#note(frame, undefined);
  }

  /**
   * A session that knows everything up to `seq`, when the channel was at `offset`, listens from now on. `delivered`: nothing
   * up to this `seq` will come any more.
   */
  join(session: Listener, seq: number, offset: number, delivered: number): void {
    if (this.#listeners === undefined) this.#offset = offset;
    this.#admit(session);
    this.#endGathering(session);
    // Nothing that it knows can reach it, and no frame builds on one before it.
    if (seq <= delivered && !this.owing && !this.form.chained) return;
    this.#newcomers ??= new Map();
    this.#newcomers.set(session, seq);
  }

  leave(session: Listener): void {
    if (this.#listeners === session) this.#listeners = undefined;
    else if (this.#listeners instanceof Set && this.#listeners.delete(session) && this.#listeners.size === 0) {
      this.#listeners = undefined;
    }
    this.#endGathering(session);
    this.#newcomers?.delete(session);
  }

  /**
   * Hands what this turn brought to every session, and answers how many frames that were. `delivered`: nothing up to this
   * `seq` will come any more.
   */
  flush(delivered: number): number {
    const frames = this.#frames;
    if (frames.length === 0) return 0;
    const batch = new Batch(this.form.framing, frames, this.#publications);
    this.#frames = noFrames;
    this.#publications = noPublications;
    const newcomers = this.#newcomers;
    if (newcomers === undefined) {
      const handed = frames.length * this.#count;
      const listeners = this.#listeners;
      if (listeners instanceof Set) handOut(listeners, batch);
      else listeners?.owe(batch);
      return handed;
    }
    let handed = 0;
    let first: Batch | undefined;
    for (const session of this.listeners) {
      const known = newcomers.get(session);
      if (known === undefined) {
        session.owe(batch);
        handed += frames.length;
        continue;
      }
      const rest = batch.after(known);
      if (rest.frames.length > 0) {
        if (first?.source !== rest) first = this.#begin(rest);
        session.owe(first);
        handed += rest.frames.length;
      }
      const begun = !this.form.chained || rest.publications.some((publication) => publication !== undefined);
      if (begun && known <= delivered) newcomers.delete(session);
    }
    if (newcomers.size === 0) this.#newcomers = undefined;
    return handed;
  }

  get #count(): number {
    const listeners = this.#listeners;
    if (listeners instanceof Set) return listeners.size;
    return listeners === undefined ? 0 : 1;
  }

  #admit(session: Listener): void {
    const listeners = this.#listeners;
    if (listeners === undefined) this.#listeners = session;
    else if (listeners instanceof Set) listeners.add(session);
    else if (listeners !== session) this.#listeners = new Set([listeners, session]);
  }

  /** True if it is the first of the turn. */
  #note(frame: Frame, publication: Publication | undefined): boolean {
    if (this.#frames !== noFrames) {
      this.#frames.push(frame);
      this.#publications.push(publication);
      return false;
    }
    this.#frames = [frame];
    this.#publications = [publication];
    return true;
  }

  #endGathering(session: Listener): void {
    this.#gathering?.delete(session);
    if (this.#gathering?.size !== 0) return;
    spareGathering = this.#gathering;
    this.#gathering = undefined;
  }

  /** A batch as it is worded for who has nothing before it. */
  #begin(batch: Batch): Batch {
    const { form } = this;
    const at = form.chained ? batch.publications.findIndex((publication) => publication !== undefined) : -1;
    const publication = batch.publications[at];
    if (publication === undefined) return batch;
    const frames = batch.frames.with(at, form.frameAlone(publication));
    return new Batch(form.framing, frames, batch.publications, batch);
  }

  /** Whether it comes right after the one before it. What several channels bring cannot be told. */
  #follows({ offset }: Publication): boolean {
    if (this.selector.names.length !== 1 || this.selector.patterns.length > 0) return true;
    if (offset === 0) return !this.broken;
    const follows = this.#offset < 0 || offset === this.#offset + 1;
    this.#offset = offset;
    return follows && !this.broken;
  }

  #break(channel: string): boolean {
    if (this.broken) return false;
    this.broken = true;
    const frame = this.form.gap([channel]);
    return frame === undefined ? !this.owing : this.#note(frame, undefined);
  }
}
