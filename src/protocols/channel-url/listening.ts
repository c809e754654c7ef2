/** The subscribing side of the protocol: WebSocket, SSE and JSON lines, which differ only in their framing. */
import { keyInMessage } from "../../core/credentials.ts";
import { cursorText } from "../../core/cursor.ts";
import type { Gate } from "../../core/gate.ts";
import type { Hub } from "../../core/hub.ts";
import { memberText } from "../../core/member-text.ts";
import { asRefused, errorObject, errorText, Refused } from "../../core/refusals.ts";
import type { AnySession, Conversation, Goodbye, Principal, Session } from "../../core/session.ts";
import type { Frame, FrameHead, MaybePromise, Outlet, Publication, Reading, Verb } from "../../ports.ts";
import { itemOf } from "./draft.ts";
import type { Forms } from "./form.ts";
import { endText, gapText, heartbeatText, helloText, liveText, receiptText } from "./messages.ts";
import type { Publishing } from "./publishing.ts";
import type { Wish } from "./query.ts";

/** Characters of a message's `id`, which its answer repeats. */
const longestId = 255;

/** What a session still wants to hear: undefined once it does. */
type State = Wish | undefined;
type ListeningSession = Session<State>;

export interface ListeningParts {
  readonly hub: Hub;
  readonly gate: Gate;
  readonly forms: Forms;
  readonly publishing: Publishing;
  /** How long a WebSocket without rights may take to send its key, in ms. */
  readonly limits: { readonly unauthenticated: number };
  /** After which a one-way stream ends in good order, in ms. */
  readonly maxAge: number;
}

function frame(session: AnySession, text: string, head?: FrameHead): Frame {
  return session.form.framing.frame(text, head);
}

export class Listening implements Conversation<State> {
  readonly protocol = "channel-url";
  readonly #parts: ListeningParts;

  constructor(parts: ListeningParts) {
    this.#parts = parts;
  }

  /** Opens a session that listens at once if it may, or after its key where the transport can bring one. */
  open(outlet: Outlet, wish: Wish, principal: Principal, mayWait: boolean): ListeningSession {
    const { hub, forms, limits, maxAge } = this.#parts;
    const session = hub.open<State>(outlet, this, forms.of(outlet.framing, wish.presence), principal, wish);
    session.beatEvery(wish.heartbeat * 1000);
    if (!outlet.hears && maxAge > 0) session.retires = hub.now + maxAge;
    if (mayWait && !mayListen(principal, wish)) session.deadline = hub.now + limits.unauthenticated;
    else this.#listen(session, wish);
    return session;
  }

  message(session: ListeningSession, data: string | Uint8Array): MaybePromise<void> {
    if (typeof data !== "string") throw new Refused("badRequest", "Cannot read binary messages: send JSON as text");
    const key = keyInMessage(data);
    if (key !== undefined) return this.#authenticate(session, key);
    if (session.deadline > 0) {
      session.end(new Refused("invalidToken", 'Cannot listen without a key: send {"apiKey": …} first'));
      return;
    }
    return this.#publish(session, data);
  }

  refused(session: ListeningSession, refused: Refused): void {
    session.send(frame(session, errorText(refused), { event: "refused" }));
  }

  heartbeat(session: ListeningSession): Frame {
    return frame(session, heartbeatText(session.heartbeat / 1000), { event: "heartbeat" });
  }

  goodbye(session: ListeningSession, refused: Refused): Goodbye {
    const { close, code } = refused.refusal;
    const plain = { code: close, reason: refused.message };
    if (session.outlet.hears) return plain;
    const error = code === 3000 ? undefined : JSON.stringify(errorObject(refused));
    const seq = this.#parts.hub.delivered;
    // Whoever was not live yet has not got all that came before the cursor.
    const cursor = session.state === undefined ? cursorText(session.host.run, seq) : undefined;
    const head = { event: "end", ...(cursor === undefined ? {} : { id: cursor }) };
    return { ...plain, frames: [frame(session, endText(cursor, error), head)] };
  }

  #authenticate(session: ListeningSession, key: string): void {
    let principal: Principal;
    try {
      principal = this.#parts.gate.byKey(key, session.outlet.address);
    } catch (thrown) {
      if (!(thrown instanceof Refused)) throw thrown;
      session.end(thrown);
      return;
    }
    const { id } = session.principal;
    // What listens by one key ends with it, so it cannot go on as another's.
    if (id !== "anonymous" && id !== principal.id) {
      throw new Refused("badRequest", "Cannot take a second key: open another WebSocket for it");
    }
    try {
      session.principal = principal;
    } catch (thrown) {
      session.end(asRefused(thrown));
      return;
    }
    const wish = session.state;
    if (session.deadline === 0 || wish === undefined) return;
    session.deadline = 0;
    this.#listen(session, wish);
  }

  #publish(session: ListeningSession, data: string): MaybePromise<void> {
    let id: string | undefined;
    const answer = (text: string): void => {
      if (id !== undefined) session.send(frame(session, `{"id":${id},${text.slice(1)}`));
    };
    const failed = (thrown: unknown): void => {
      if (id === undefined || !(thrown instanceof Refused)) throw thrown;
      session.note(thrown);
      answer(errorText(thrown));
    };
    try {
      const value = parse(data);
      id = idOf(value, data);
      const { channel, draft } = itemOf(value, data);
      const receipt = this.#parts.publishing.publish(channel, draft, session.principal, session.outlet.address);
      if (receipt instanceof Promise) return receipt.then((kept) => answer(receiptText(kept))).catch(failed);
      answer(receiptText(receipt));
    } catch (thrown) {
      failed(thrown);
    }
  }

  #listen(session: ListeningSession, wish: Wish): void {
    const failed = (thrown: unknown): void => {
      if (!(thrown instanceof Refused)) session.host.log.error({ err: thrown }, "Cannot subscribe");
      session.end(thrown instanceof Refused ? thrown : new Refused("serverError"));
    };
    try {
      requireRights(session.principal, wish);
      const head = { event: "hello", retry: session.comesBackAfter };
      session.send(frame(session, helloText(wish.heartbeat), head));
      const done = this.#parts.hub.subscribe(session as AnySession, wish.selector, wish.past, (reading) => {
        session.state = undefined;
        session.sendAll(beginning(session as AnySession, reading));
      });
      if (done instanceof Promise) done.catch(failed);
    } catch (thrown) {
      failed(thrown);
    }
  }
}

export function mayListen({ rights }: Principal, wish: Wish): boolean {
  return grantsFor(wish).every(([verb, name]) => rights.may(verb, name));
}

export function requireRights({ rights }: Principal, wish: Wish): void {
  for (const [verb, name] of grantsFor(wish)) rights.require(verb, name);
}

function grantsFor({ selector, presence }: Wish): (readonly [Verb, string])[] {
  const verbs: readonly Verb[] = presence ? ["subscribe", "presence"] : ["subscribe"];
  return [...selector.names, ...selector.patterns].flatMap((name) => verbs.map((verb) => [verb, name] as const));
}

/** All publications of a reading in the broker's order, so that a cursor in the middle of them is good. */
export function inOrder(reading: Reading): Publication[] {
  const [only, ...more] = reading.channels;
  const all =
    only !== undefined && more.length === 0 ? [...only.publications] : reading.channels.flatMap((c) => c.publications);
  return all.sort((a, b) => a.seq - b.seq);
}

/** Channels of which something is lost; every one that was asked for where that cannot be told. */
export function lostChannels(
  reading: Reading,
  wish: { readonly names: readonly string[]; readonly patterns: readonly string[] },
): string[] {
  const lost = reading.channels.filter((channel) => channel.as === "gap").map((channel) => channel.channel);
  return lost.length > 0 ? lost : [...wish.patterns];
}

/** The beginning of a stream: the gap if there is one, what it is owed of the past, and from where on it is live. */
function beginning(session: AnySession, reading: Reading): Frame[] {
  const { run, seq } = reading.position;
  const frames: Frame[] = [];
  const selector = session.audience?.selector ?? { names: [], patterns: [] };
  if (reading.gap) frames.push(frame(session, gapText(lostChannels(reading, selector)), { event: "gap" }));
  for (const publication of inOrder(reading)) frames.push(session.form.frameOf(publication));
  const cursor = cursorText(run, seq);
  frames.push(frame(session, liveText(cursor), { event: "live", id: cursor }));
  return frames;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refused("badRequest", "Cannot parse the message: it is not JSON");
  }
}

/** The message's `id`, as it was written. */
function idOf(value: unknown, text: string): string | undefined {
  if (typeof value !== "object" || value === null || !("id" in value)) return undefined;
  const id = memberText(text, "id");
  if (id !== undefined && id.length > longestId) throw new Refused("badRequest", "Cannot use an id of that length");
  return id;
}
