/** A phone's WebSocket, as with the plugin's daemon: a first message CONNECT, then questions and what happens. */
import type { Form } from "../../core/form.ts";
import { type Gate, nobody } from "../../core/gate.ts";
import type { Hub } from "../../core/hub.ts";
import { objectOf } from "../../core/json.ts";
import { Refused } from "../../core/refusals.ts";
import type { Conversation, Goodbye, Session } from "../../core/session.ts";
import type { Clock, JsonText, Outlet } from "../../ports.ts";
import { type Answer, exception, withId } from "./answer.ts";
import type { Line, Phone } from "./phone.ts";
import type { Phones } from "./phones.ts";
import type { Plugin } from "./plugin.ts";
import { isAboutItself, isBackground, isForeground, isIntroduction, type Question, readQuestion } from "./question.ts";
import { asUser, faultOf } from "./shield.ts";
import { answerFor, introduced, NoForm, principalOf } from "./visitor.ts";

export interface WebSocketParts {
  /** The bridge's name. */
  readonly name: string;
  readonly hub: Hub;
  readonly gate: Gate;
  readonly clock: Clock;
  readonly plugin: Plugin;
  readonly phones: Phones;
  /** Time between pings, in ms. */
  readonly heartbeat: number;
}

/** A phone that was welcomed by this session, and which of its arrivals that was. */
interface Visitor {
  readonly phone: Phone;
  readonly arrival: number;
}

interface PeerState {
  visitor?: Visitor | undefined;
  /** It is sent to another gateway: the plugin is not told of its end. */
  sentAway: boolean;
  /** Questions that are on their way. */
  asked: number;
}

export type Peer = Session<PeerState>;

/** How long a peer may say nothing, in ms. */
const patience = 3000;
/** So many questions of a peer are asked at once; more wait. */
const mostAsked = 8;
const longestKey = 256;

export class WebSocketFace implements Conversation<PeerState> {
  readonly protocol = "jeedomconnect";
  readonly #parts: WebSocketParts;
  #form: Form | undefined;

  constructor(parts: WebSocketParts) {
    this.#parts = parts;
  }

  open(outlet: Outlet): Peer {
    const { hub, clock, heartbeat } = this.#parts;
    this.#form ??= new NoForm(outlet.framing);
    const session: Peer = hub.open(outlet, this, this.#form, nobody, { sentAway: false, asked: 0 });
    session.deadline = clock.now() + patience;
    session.beatEvery(heartbeat);
    return session;
  }

  message(session: Peer, data: string | Uint8Array): Promise<void> | undefined {
    session.state.visitor?.phone.lives();
    const question = readQuestion(data);
    if ("fault" in question) {
      this.#say(session, exception(`Cannot make sense of a message: ${question.fault}`), question.id);
      return undefined;
    }
    const fault = faultOf(question);
    if (fault !== undefined) {
      this.#say(session, exception(`Error with '${question.method}' method ${fault}`), question.id);
      return undefined;
    }
    return question.method === "CONNECT" ? this.#connect(session, question) : this.#pass(session, question);
  }

  refused(session: Peer, refused: Refused): void {
    this.#say(session, exception(refused.message), undefined);
  }

  alive({ state }: Peer): void {
    state.visitor?.phone.lives();
  }

  /** As the daemon, but that a gateway that stops says so. */
  goodbye({ state }: Peer, { refusal, message }: Refused): Goodbye {
    const isStopping = refusal.name === "shutdown";
    // It comes back at once, perhaps to another gateway, whose CONNECT must not be followed by our DISCONNECT.
    state.sentAway = isStopping;
    return { code: isStopping ? 1001 : 1000, reason: message };
  }

  ended({ state }: Peer): void {
    const { visitor } = state;
    state.visitor = undefined;
    if (visitor === undefined) return;
    const { phone, arrival } = visitor;
    if (phone.arrivals !== arrival) return;
    phone.lose();
    if (!state.sentAway) this.#parts.phones.left(phone, arrival, true);
  }

  // ── CONNECT ──

  async #connect(session: Peer, question: Question): Promise<void> {
    session.deadline = 0;
    const { apiKey } = question.params;
    if (typeof apiKey !== "string" || apiKey === "" || apiKey.length > longestKey) {
      this.#refuse(session, exception("Error with 'CONNECT' method `apiKey` is missing"), question.id);
      return;
    }
    const { visitor } = session.state;
    if (visitor !== undefined && visitor.phone.key !== apiKey) {
      this.#refuse(session, exception("Error with 'CONNECT' method it is connected as another phone"), question.id);
      return;
    }
    const { gate, clock } = this.#parts;
    const since = clock.now();
    try {
      const { answer } = await introduced(gate, session.outlet.address, () => this.#introduce(question, apiKey));
      if (answer.type === "WELCOME") this.#welcome(session, apiKey, answer, { since, id: question.id });
      else this.#refuse(session, answer, question.id);
    } catch (thrown) {
      this.#refuse(session, answerFor(thrown), question.id);
    }
  }

  /** Shows a key to the plugin. */
  async #introduce(question: Question, apiKey: string): Promise<{ readonly answer: Answer }> {
    const { plugin, phones } = this.#parts;
    const answer = await phones.lanes.run(apiKey, () => plugin.ask(question, apiKey));
    return { answer: answer ?? exception("Error with 'CONNECT' method no answer") };
  }

  /** From here on it is that phone, and no other connection is. */
  #welcome(session: Peer, apiKey: string, welcome: Answer, { since, id }: { since: number; id: JsonText }): void {
    const { phones, name } = this.#parts;
    const phone = phones.of(apiKey);
    // Once more by the same connection: it is not in its own way.
    if (session.state.visitor?.arrival === phone.arrivals) phone.lose();
    phone.welcomed(welcome, since);
    phones.values.came(phone, welcome);
    const arrival = phone.arrive(this.#lineOf(session));
    if (!session.open) {
      phone.lose();
      phones.left(phone, arrival, true);
      return;
    }
    session.state.visitor = { phone, arrival };
    const { eqName } = objectOf(welcome.payload);
    session.principal = principalOf(name, apiKey, eqName);
    this.#say(session, welcome, id);
    phones.rounds.wake(phone);
  }

  #refuse(session: Peer, answer: Answer, id: JsonText): void {
    this.#say(session, answer, id);
    session.end(new Refused("connectionDenied", answer.type));
  }

  #lineOf(session: Peer): Line {
    return {
      isWebSocket: true,
      isThrough: false,
      tell: (texts) => session.sendAll(texts.map((text) => session.form.framing.frame(text))),
      tellEvents: (_, { lists }) => session.sendAll(lists.map((text) => session.form.framing.frame(text))),
      // After what was told, which leaves at the end of the turn.
      probe: () => this.#parts.clock.atEndOfTurn(() => session.open && session.outlet.ping()),
      end: (reason) => session.end(new Refused("forceDisconnect", reason)),
    };
  }

  // ── Everything else ──

  #pass(session: Peer, question: Question): Promise<void> | undefined {
    const { visitor } = session.state;
    const { method, params, id } = question;
    if (visitor === undefined) {
      this.#say(session, exception(`Error with '${method}' method it came before CONNECT`), id);
      return undefined;
    }
    const { phone } = visitor;
    if (params["apiKey"] !== undefined && params["apiKey"] !== phone.key) {
      this.#say(session, exception(`Error with '${method}' method \`apiKey\` is that of another phone`), id);
      return undefined;
    }
    // Its events are asked for already, one question at a time.
    if (method === "GET_EVENTS") {
      this.#parts.phones.rounds.wake(phone);
      return undefined;
    }
    const asked = this.#ask(session, phone, question);
    // Whether it looks at the app, and whether it is there, must come in order.
    return isAboutItself(method) || session.state.asked >= mostAsked ? asked : undefined;
  }

  async #ask(session: Peer, phone: Phone, question: Question): Promise<void> {
    const { gate, plugin, phones } = this.#parts;
    const { method, id } = question;
    const { state, outlet } = session;
    const ask = () => plugin.ask(phone.user === undefined ? question : asUser(question, phone.user), phone.key);
    const introduce = async () => ({ answer: await ask() });
    const { cursors } = phone;
    state.asked++;
    try {
      if (isBackground(question)) phone.active = false;
      if (method === "DISCONNECT") phone.parted = true;
      const { answer } = isIntroduction(method)
        ? await introduced(gate, outlet.address, introduce)
        : await (isAboutItself(method) ? phones.lanes.run(phone.key, introduce) : introduce());
      if (answer !== undefined) this.#say(session, answer, id);
      if (answer !== undefined) phones.values.showed(phone, answer, cursors);
      if (isForeground(question) && phone.line !== undefined) phones.rounds.wake(phone);
    } catch (thrown) {
      this.#say(session, answerFor(thrown), id);
    } finally {
      state.asked--;
    }
  }

  #say(session: Peer, answer: Answer, id: JsonText | undefined): void {
    session.send(session.form.framing.frame(withId(answer, id)));
  }
}
