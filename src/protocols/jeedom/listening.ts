/** The WebSocket of the peer side at one place: a first message with a key, then events. What else peers say is ignored. */
import { Rights } from "../../core/access.ts";
import { select } from "../../core/channels.ts";
import { keyId } from "../../core/credentials.ts";
import { type Gate, nobody } from "../../core/gate.ts";
import type { Hub } from "../../core/hub.ts";
import { abnormalClosure, asRefused, Refused } from "../../core/refusals.ts";
import type { Conversation, Goodbye, Session } from "../../core/session.ts";
import type { Clock, Log, MaybePromise, Outlet, Past, Publication, Reading } from "../../ports.ts";
import { type Account, Accounts } from "./accounts.ts";
import { missedSince } from "./catch-up.ts";
import { type FirstMessage, readFirstMessage } from "./first-message.ts";
import { type BatchForm, Forms } from "./forms.ts";
import type { JeedomUpstream, Sight } from "./upstream.ts";
import { Waiting } from "./waiting.ts";

export interface ListeningParts {
  readonly hub: Hub;
  readonly gate: Gate;
  readonly clock: Clock;
  readonly log: Log;
  /** Time between pings, in ms. */
  readonly heartbeat: number;
  readonly upstream: Pick<JeedomUpstream, "name" | "check">;
  /** How long a peer may say nothing, and the least time between two messages to it, in ms. */
  readonly authDelay: number;
  readonly readDelay: number;
  /** What users of Jeedom get: what they may see, or everything. */
  readonly rights: "user" | "all";
}

/** `new`: its first message has not come; `asked`: it has; an account where the key was one of Jeedom's. */
export type Peer = Session<"new" | "asked" | Account>;

export class Listening implements Conversation<"new" | "asked" | Account> {
  readonly protocol = "jeedom";
  readonly #parts: ListeningParts;
  readonly #events: string;
  readonly #accounts: Accounts;
  readonly #waiting: Waiting;
  #forms: Forms | undefined;

  constructor(parts: ListeningParts) {
    const { clock, upstream, authDelay } = parts;
    this.#parts = parts;
    this.#events = `${upstream.name}/events`;
    const rights = new Rights({ subscribe: [this.#events] });
    const check = (key: string) => upstream.check(key);
    const changed = (account: Account): void => this.#reword(account);
    this.#accounts = new Accounts({ name: upstream.name, rights, check, clock, changed });
    this.#waiting = new Waiting(clock, authDelay);
  }

  open(outlet: Outlet): Peer {
    const { hub, heartbeat, readDelay } = this.#parts;
    this.#forms ??= new Forms(outlet.framing, readDelay);
    const session: Peer = hub.open(outlet, this, this.#forms.everything, nobody, "new");
    session.beatEvery(heartbeat);
    this.#waiting.add(session);
    return session;
  }

  message(session: Peer, data: string | Uint8Array): void {
    if (session.state !== "new") return;
    session.state = "asked";
    this.#waiting.delete(session);
    const first = readFirstMessage(data);
    if ("fault" in first) {
      this.#refuse(session, new Refused("badConnection", `Cannot make sense of the first message: ${first.fault}`));
      return;
    }
    const failed = (thrown: unknown): void => {
      if (!(thrown instanceof Refused)) this.#parts.log.error({ err: thrown }, "Cannot let a client listen");
      this.#refuse(session, asRefused(thrown));
    };
    try {
      const done = this.#admit(session, first);
      if (done instanceof Promise) done.catch(failed);
    } catch (thrown) {
      failed(thrown);
    }
  }

  refused(): void {
    // Also of a thousand messages only the first is heard.
  }

  /** Known clients come back only when the connection breaks (1006), and take 1000 for a no. */
  goodbye(_: Peer, { refusal, message }: Refused): Goodbye {
    const comesBack = refusal.comeBack && refusal.status !== 401;
    return { code: comesBack ? abnormalClosure : 1000, reason: message };
  }

  ended(session: Peer): void {
    this.#waiting.delete(session);
    if (typeof session.state === "object") this.#accounts.leave(session.state, session);
  }

  #refuse(session: Peer, refused: Refused): void {
    this.#parts.log.info({ address: session.outlet.address, channel: this.#events }, refused.message);
    session.end(refused);
  }

  #admit(session: Peer, { apiKey, since }: FirstMessage): MaybePromise<void> {
    const { gate } = this.#parts;
    const { address } = session.outlet;
    if (keyId(apiKey) !== undefined) {
      session.principal = gate.byKey(apiKey, address);
      session.rights.require("subscribe", this.#events);
      this.#listen(session, since);
      return;
    }
    const known = this.#accounts.sightOf(apiKey);
    if (known !== undefined) return this.#enter(session, apiKey, known, since);
    const checked = gate.guarded(address, () => this.#accounts.check(apiKey));
    return checked.then((sight) => this.#enter(session, apiKey, sight, since));
  }

  #enter(session: Peer, key: string, sight: Sight, since: number | undefined): void {
    // It may have gone while its key was checked.
    if (!session.open) return;
    session.state = this.#accounts.enter(key, sight, session);
    session.principal = session.state.principal;
    this.#listen(session, since);
  }

  #listen(session: Peer, since: number | undefined): void {
    const { address } = session.outlet;
    this.#parts.log.debug({ address, channel: this.#events }, "A client listens as one of Jeedom's plugin");
    if (since === undefined) this.#subscribe(session, { from: "now", history: 0 }, () => []);
    else {
      const past: Past = { from: "now", history: Number.MAX_SAFE_INTEGER };
      this.#subscribe(session, past, (publications) => missedSince(publications, since));
    }
  }

  /** What the account may see has changed: its peers get that from now on, without a hole. */
  #reword({ peers }: Account): void {
    const { hub } = this.#parts;
    for (const session of peers as ReadonlySet<Peer>) {
      const worded = hub.subscriptionTo(this.#events, session)?.form;
      if (worded === undefined || worded.id === this.#formFor(session).id) continue;
      hub.flushFor(session);
      hub.unsubscribe(session, select([this.#events]), worded);
      this.#subscribe(session, { from: "position", position: hub.position }, (publications) => publications);
    }
    this.#forms?.keepOnly(new Set(Array.from(this.#accounts.values(), ({ sight }) => sight.id)));
  }

  #subscribe(
    session: Peer,
    past: Past,
    missed: (publications: readonly Publication[]) => readonly Publication[],
  ): void {
    const form = this.#formFor(session);
    const begin = ({ channels }: Reading): void => {
      const publications = missed(channels[0]?.publications ?? []).filter((one) => form.concerns(one));
      session.sendAll(publications.map((publication) => form.frameAlone(publication)));
    };
    const done = this.#parts.hub.subscribe(session, select([this.#events]), past, begin, form);
    if (done instanceof Promise) done.catch(() => session.end(new Refused("serverError")));
  }

  /** Who came with a key of Hearthwire's that may hear the channel may hear all of it. */
  #formFor({ state }: Peer): BatchForm {
    if (this.#forms === undefined) throw new Error("Cannot word anything before a peer came");
    const { everything } = this.#forms;
    return typeof state === "object" && this.#parts.rights === "user" ? this.#forms.of(state.sight) : everything;
  }
}
