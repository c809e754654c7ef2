/** The room server: who is in which room, and what peers say there. Specified in README.md. */
import { select } from "../../core/channels.ts";
import { keyInMessage } from "../../core/credentials.ts";
import type { Gate } from "../../core/gate.ts";
import type { Hub } from "../../core/hub.ts";
import type { PublishRate } from "../../core/rate.ts";
import { redact } from "../../core/redaction.ts";
import { asRefused, errorObject, errorText, Refused } from "../../core/refusals.ts";
import type { AnySession, Conversation, Principal, Session } from "../../core/session.ts";
import type { Draft, Framing, MaybePromise, Outlet, Past, Reading } from "../../ports.ts";
import { RoomForm } from "./form.ts";
import { everyRoom, inbox, type Wish, wishesOf } from "./message.ts";
import { Unfit } from "./unfit.ts";

export interface RoomsParts {
  readonly hub: Hub;
  readonly gate: Gate;
  readonly rate: PublishRate;
  /** How long a peer that may do nothing without a key may take to send it, in ms. */
  readonly limits: { readonly unauthenticated: number };
  /** Silence after which a peer is asked whether it lives, in ms. */
  readonly heartbeat: number;
}

interface RoomState {
  /** It has shown a key, good or not; further ones are not looked at. */
  keyed: boolean;
  /** It knows more than the original's clients, who would take an error for a message. */
  hearsErrors: boolean;
}

type RoomSession = Session<RoomState>;

/** What everybody is told on arrival, as in the original. */
const welcome = "User Joined";
/** No room has a past; a map channel comes whole all the same. */
const fromNow: Past = { from: "now", history: 0 };

export class Rooms implements Conversation<RoomState> {
  readonly protocol = "espruino";
  readonly #parts: RoomsParts;
  readonly #unfit: Unfit;
  /** By the name of their framing: listeners that write alike share them. */
  readonly #forms = new Map<string, RoomForm>();

  constructor(parts: RoomsParts) {
    this.#parts = parts;
    this.#unfit = new Unfit(parts.hub);
  }

  open(outlet: Outlet, principal: Principal): RoomSession {
    const { hub, limits, heartbeat } = this.#parts;
    const keyed = principal.id !== "anonymous";
    const session = hub.open(outlet, this, this.#formFor(outlet.framing), principal, { keyed, hearsErrors: keyed });
    session.beatEvery(heartbeat);
    if (keyed || mayDoAnything(principal)) this.#welcome(session);
    else session.deadline = hub.now + limits.unauthenticated;
    return session;
  }

  /** Wishes are obeyed one after the other; one that is refused leaves the others. */
  message(session: RoomSession, data: string | Uint8Array): MaybePromise<void> {
    const text = typeof data === "string" ? data : Buffer.from(data).toString();
    this.#recognise(session, text);
    // Who has still to send a key is not listened to.
    if (session.deadline > 0) throw new Refused("unauthorized", "Cannot do that without a key: send one first");
    return this.#obeyAll(session, wishesOf(text));
  }

  refused(session: RoomSession, refused: Refused): void {
    const { id, principal, outlet, form, lastRefusal, host } = session;
    const { code, name } = errorObject(refused);
    // What a peer does again and again is worth one line.
    const level = lastRefusal?.refusal.code === code ? "debug" : "info";
    host.log[level]({ session: id, address: outlet.address, by: principal.id, code }, redact(refused.message));
    session.note(refused);
    if (!session.state.hearsErrors) return;
    const { framing } = form;
    const whole = errorText(refused);
    // A small board gets what it can act on.
    const text = (framing.fits?.(whole) ?? true) ? whole : JSON.stringify({ error: { code, name } });
    session.send(framing.frame(text));
  }

  #formFor(framing: Framing): RoomForm {
    let form = this.#forms.get(framing.name);
    if (form === undefined) {
      form = new RoomForm(framing, this.#unfit);
      this.#forms.set(framing.name, form);
    }
    return form;
  }

  #welcome(session: RoomSession): void {
    session.send(session.form.framing.frame(welcome));
    if (!session.rights.may("subscribe", everyRoom)) return;
    const done = this.#join(session, everyRoom);
    if (done instanceof Promise) done.catch(() => session.end(new Refused("serverError")));
  }

  #recognise(session: RoomSession, text: string): void {
    const { state } = session;
    const key = state.keyed ? undefined : keyInMessage(text);
    if (key === undefined) return;
    state.keyed = true;
    state.hearsErrors = true;
    try {
      session.principal = this.#parts.gate.byKey(key, session.outlet.address);
    } catch (thrown) {
      this.refused(session, asRefused(thrown));
      session.end(asRefused(thrown));
      return;
    }
    if (session.deadline === 0) return;
    session.deadline = 0;
    this.#welcome(session);
  }

  #obeyAll(session: RoomSession, wishes: readonly (() => Wish)[], from = 0): MaybePromise<void> {
    for (const [at, wish] of wishes.entries()) {
      if (at < from || !session.open) continue;
      try {
        const done = this.#obey(session, wish());
        if (!(done instanceof Promise)) continue;
        return done
          .catch((thrown: unknown) => this.#refuse(session, thrown))
          .then(() => this.#obeyAll(session, wishes, at + 1));
      } catch (thrown) {
        this.#refuse(session, thrown);
      }
    }
  }

  #refuse(session: RoomSession, thrown: unknown): void {
    if (!(thrown instanceof Refused)) throw thrown;
    this.refused(session, thrown);
  }

  #obey(session: RoomSession, wish: Wish): MaybePromise<unknown> {
    switch (wish.kind) {
      case "join":
        return this.#join(session, wish.channel);
      case "leave":
        session.state.hearsErrors = true;
        this.#parts.hub.unsubscribe(session as AnySession, select([wish.channel]));
        return undefined;
      case "room":
        return this.#publish(session, wish.channel, { data: wish.data });
      case "inbox":
        if (wish.room === undefined) return this.#publish(session, inbox, { data: wish.data });
        // What goes to a room goes to the server besides: no fault of a peer that may speak in rooms only.
        if (!session.rights.may("publish", inbox)) return undefined;
        return this.#publish(session, inbox, { data: wish.data, tags: { room: wish.room } });
    }
  }

  /** Once, however often it is asked for. */
  #join(session: RoomSession, channel: string): MaybePromise<void> {
    const { hub } = this.#parts;
    const peer = session as AnySession;
    if (hub.subscriptionTo(channel, peer) !== undefined) return;
    return hub.subscribe(peer, select([channel]), fromNow, (reading) => tellEntries(peer, reading));
  }

  #publish(session: RoomSession, channel: string, draft: Draft): MaybePromise<unknown> {
    const { hub, rate } = this.#parts;
    const { principal, outlet, rights } = session;
    rate.take(principal, outlet.address, draft.data);
    const { info } = principal;
    return hub.publish(channel, info === undefined ? draft : { ...draft, info }, rights);
  }
}

function mayDoAnything({ rights }: Principal): boolean {
  return rights.mayAny("subscribe") || rights.mayAny("publish");
}

/** What a map channel holds when a peer joins it. */
function tellEntries(session: AnySession, { channels }: Reading): void {
  const entries = channels.flatMap(({ publications }) => publications).sort((a, b) => a.seq - b.seq);
  const { form } = session;
  session.sendAll(entries.filter((entry) => form.concerns(entry)).map((entry) => form.frameOf(entry)));
}
