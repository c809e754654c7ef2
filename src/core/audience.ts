/** All sessions that listen to the same selector in the same form: whatever one of them is owed, all are. */
import type { Frame, Publication, Selector } from "../ports.ts";
import { Batch, type Form, type PresenceChange } from "./form.ts";

/** Whoever gets what an audience is owed. */
export interface Listener {
  owe(batch: Batch): void;
}

export class Audience {
  readonly form: Form;
  readonly selector: Selector;
  readonly sessions = new Set<Listener>();
  /** Sessions whose reading is on its way, and what was published meanwhile. */
  readonly gathering = new Map<Listener, Publication[]>();
  #frames: Frame[] = [];
  #publications: (Publication | undefined)[] = [];
  /** Sessions that know everything up to a `seq` already. */
  #newcomers: Map<Listener, number> | undefined;

  constructor(form: Form, selector: Selector) {
    this.form = form;
    this.selector = selector;
  }

  get empty(): boolean {
    return this.sessions.size === 0 && this.gathering.size === 0;
  }

  /** Whether this turn has brought something already. */
  get owing(): boolean {
    return this.#frames.length > 0;
  }

  /** Notes a publication for the end of the turn. True if it is the first of the turn. */
  owe(publication: Publication): boolean {
    for (const gathered of this.gathering.values()) gathered.push(publication);
    if (this.sessions.size === 0) return false;
    this.#publications.push(publication);
    return this.#frames.push(this.form.frameOf(publication)) === 1;
  }

  oweChange(change: PresenceChange): boolean {
    if (this.sessions.size === 0) return false;
    const frame = this.form.presence(change);
    if (frame === undefined) return false;
    this.#publications.push(undefined);
    return this.#frames.push(frame) === 1;
  }

  /** A session that knows everything up to `seq` listens from now on. */
  join(session: Listener, seq: number): void {
    this.sessions.add(session);
    this.#newcomers ??= new Map();
    this.#newcomers.set(session, seq);
  }

  leave(session: Listener): void {
    this.sessions.delete(session);
    this.gathering.delete(session);
    this.#newcomers?.delete(session);
  }

  /** Hands what this turn brought to every session. `delivered`: nothing up to this `seq` will come any more. */
  flush(delivered: number): void {
    const frames = this.#frames;
    if (frames.length === 0) return;
    const batch = new Batch(this.form.framing, frames, this.#publications);
    this.#frames = [];
    this.#publications = [];
    const newcomers = this.#newcomers;
    if (newcomers === undefined) {
      for (const session of this.sessions) session.owe(batch);
      return;
    }
    let waiting = false;
    for (const session of this.sessions) {
      const known = newcomers.get(session);
      if (known === undefined) session.owe(batch);
      else {
        const rest = batch.after(known);
        if (rest.frames.length > 0) session.owe(rest);
        if (known > delivered) waiting = true;
      }
    }
    if (!waiting) this.#newcomers = undefined;
  }
}
