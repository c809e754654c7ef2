/** The peer's side of the protocol: its messages, one command after the other, and how it is spoken to. */
import type { Hub } from "../../core/hub.ts";
import { asRefused, Refused } from "../../core/refusals.ts";
import type { Conversation, Goodbye, Principal } from "../../core/session.ts";
import type { Frame, JsonText, MaybePromise, Outlet } from "../../ports.ts";
import type { Connecting } from "./connecting.ts";
import type { Emulated } from "./emulation.ts";
import type { Forms } from "./forms.ts";
import type { Obeying } from "./obeying.ts";
import { Peer } from "./peer.ts";
import type { ClientSession } from "./seams.ts";
import type { Subscribing } from "./subscribing.ts";
import type { Command, ConnectResult, Wire } from "./wire.ts";

export interface ConversationParts {
  readonly hub: Hub;
  readonly forms: Forms;
  readonly connecting: Connecting;
  readonly subscribing: Subscribing;
  readonly obeying: Obeying;
  readonly emulated: Emulated;
  /** How long a peer may take to connect, in ms. */
  readonly limits: { readonly unauthenticated: number };
}

export class Clients implements Conversation<Peer> {
  readonly protocol = "centrifuge";
  /** Pings are answered, except by those who only listen. */
  readonly asksForAnswer: boolean;
  readonly #parts: ConversationParts;

  constructor(parts: ConversationParts, oneWay: boolean) {
    this.#parts = parts;
    this.asksForAnswer = !oneWay;
  }

  open(outlet: Outlet, wire: Wire, principal: Principal): ClientSession {
    const { hub, forms, limits } = this.#parts;
    const session = hub.open(outlet, this, forms.of(wire), principal, new Peer(wire));
    session.deadline = hub.now + limits.unauthenticated;
    return session;
  }

  message(session: ClientSession, data: string | Uint8Array): MaybePromise<void> {
    const { wire, stage } = session.state;
    // All that one who only listens may say is who it is.
    if (wire.oneWay && stage !== "new") return;
    let commands: readonly Command[];
    try {
      commands = wire.commands(data);
    } catch (thrown) {
      session.end(asRefused(thrown));
      return;
    }
    return this.#obeyFrom(session, commands, 0);
  }

  refused(session: ClientSession, refused: Refused): void {
    session.end(refused);
  }

  heartbeat(session: ClientSession): Frame {
    return session.state.wire.ping;
  }

  /** Where a connection ends without a code, the code goes ahead of it. */
  goodbye(session: ClientSession, refused: Refused): Goodbye {
    const { close: code, comeBack: reconnect } = refused.refusal;
    const reason = refused.message;
    if (session.outlet.hears) return { code, reason };
    return { code, reason, frames: [session.state.wire.push({ disconnect: { code, reason, reconnect } })] };
  }

  channelInfo({ state }: ClientSession, channel: string): JsonText | undefined {
    return state.channelInfos?.get(channel);
  }

  lost(session: ClientSession, channels: readonly string[]): void {
    const { serverSide, wire } = session.state;
    for (const channel of channels) {
      if (wire.oneWay || serverSide?.has(channel) === true) session.end(new Refused("positionLost"));
      else this.#parts.subscribing.unsubscribe(session, channel);
    }
  }

  ended({ state }: ClientSession): void {
    if (state.secret !== undefined) this.#parts.emulated.remove(state.secret);
    state.end();
  }

  #obeyFrom(session: ClientSession, commands: readonly Command[], first: number): MaybePromise<void> {
    for (let at = first; at < commands.length && session.open; at++) {
      const command = commands[at];
      if (command === undefined) return;
      const done = this.#obey(session, command, at === 0);
      if (done instanceof Promise) return done.then(() => this.#obeyFrom(session, commands, at + 1));
    }
  }

  #obey(session: ClientSession, command: Command, first: boolean): MaybePromise<void> {
    const failed = (thrown: unknown): void => this.#refuse(session, command, thrown);
    try {
      // The session has counted the first of a message.
      if (!first) session.countCommand();
      const done = this.#run(session, command);
      return done instanceof Promise ? done.catch(failed) : done;
    } catch (thrown) {
      failed(thrown);
    }
  }

  #run(session: ClientSession, command: Command): MaybePromise<void> {
    const { state } = session;
    const { id, method, params } = command;
    if (method === "connect") return this.#connect(session, command);
    if (state.stage === "new") throw new Refused("badConnection", "Cannot do anything before `connect`");
    // Sent together with a connect command that was refused.
    if (state.stage === "refused") return;
    const result =
      method === "refresh"
        ? this.#parts.connecting.refresh(session, params)
        : this.#parts.obeying.obey(session, command);
    const answer = (value: object | undefined): void => {
      if (value !== undefined && id > 0) session.send(state.wire.reply(id, method, value));
    };
    return result instanceof Promise ? result.then(answer) : answer(result);
  }

  #connect(session: ClientSession, { id, params }: Command): MaybePromise<void> {
    const { wire } = session.state;
    return this.#parts.connecting.connect(session, params, (result: ConnectResult) => {
      const head = { retry: session.comesBackAfter };
      session.send(wire.oneWay ? wire.push({ connect: result }, head) : wire.reply(id, "connect", result));
    });
  }

  #refuse(session: ClientSession, { id, method }: Command, thrown: unknown): void {
    if (!session.open) return;
    if (!(thrown instanceof Refused)) {
      session.host.log.error({ err: thrown, session: session.id, method }, "Cannot obey a command");
    }
    const refused = asRefused(thrown);
    session.note(refused);
    const { code } = refused.refusal;
    if (method === "connect") session.state.stage = "refused";
    if (code >= 3000 || (method === "connect" && (code === 101 || session.state.wire.oneWay))) session.end(refused);
    else if (method === "refresh" && code === 101) session.end(refused);
    else if (id > 0) session.send(session.state.wire.refusal(id, refused));
  }
}
