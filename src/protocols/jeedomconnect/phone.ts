/** One phone as it is now, whatever it comes by. Pure. */
import { objectOf } from "../../core/json.ts";
import type { JsonText } from "../../ports.ts";
import { type Answer, type Cursors, configVersionOf, type Events } from "./answer.ts";
import { Inbox, type Keeper } from "./inbox.ts";
import type { Question } from "./question.ts";
import { Told } from "./told.ts";

/** The connection by which a phone is told things as they happen. */
export interface Line {
  /** Whether the plugin's answers for it come by the port of this machine. */
  readonly isWebSocket: boolean;
  tell(texts: readonly JsonText[]): void;
  /** What a SET_EVENTS brought, in this transport's way. Not called when it brought nothing. */
  tellEvents(answer: Answer, events: Events): void;
  /** Asks for a sign of life, where that can be. */
  probe(): void;
  /** Whether the peer has taken all that it was told, where there are no signs of life. */
  readonly isThrough: boolean;
  /** In good order; the phone's absence is not told to the plugin. */
  end(reason: string): void;
}

const fromTheBeginning: Cursors = { lastReadTimestamp: null, lastHistoricReadTimestamp: null };

export class Phone {
  readonly key: string;
  readonly inbox: Inbox;
  /** What it has of the house's values. */
  readonly told = new Told();
  line: Line | undefined;
  /** Somebody looks at the app; those in the background are not asked for. */
  active = false;
  /** It said DISCONNECT itself: the plugin knows. */
  parted = false;
  /** How often it has come, by whatever way: who belongs to an earlier time has nothing to say of it. */
  arrivals = 0;
  /** Who uses it, as Jeedom says. */
  user: { readonly id: unknown; readonly login: unknown; readonly hash: unknown; readonly title: unknown } | undefined;
  /** When the plugin was asked for its events last, and whether they should be asked for sooner than usual. */
  askedAt = Number.NEGATIVE_INFINITY;
  wanted = false;
  asking = false;
  /** When it asked for its events itself last. */
  polledAt = Number.NEGATIVE_INFINITY;
  /** The parameters of its next question, if it has got the last answer. */
  expected: JsonText | undefined;
  /** When its settings were looked at last: whether it should come by another transport. */
  settingsAt = Number.NEGATIVE_INFINITY;
  /** What went wrong last, so that it is told once. */
  trouble: JsonText | undefined;
  #cursors = fromTheBeginning;
  #configVersion: unknown = null;

  constructor(key: string, keeper: Keeper) {
    this.key = key;
    this.inbox = new Inbox(keeper);
  }

  /** `since`: before the plugin was asked for what it was welcomed with, in ms. */
  welcomed(welcome: Answer, since: number): void {
    const { userId, userName, userHash, eqName } = objectOf(welcome.payload);
    this.user = { id: userId, login: userName, hash: userHash, title: eqName };
    this.#configVersion = configVersionOf(welcome) ?? null;
    this.beginAt(since);
  }

  /** What came before this time, in ms, is known to the phone. */
  beginAt(since: number): void {
    this.#cursors = { lastReadTimestamp: since / 1000, lastHistoricReadTimestamp: since / 1000 };
  }

  /** It came, by this line or, without one, by single requests. The line before it ends. */
  arrive(line: Line | undefined): number {
    const before = this.line;
    this.line = line;
    this.arrivals++;
    this.parted = false;
    this.active = true;
    this.wanted = true;
    this.trouble = undefined;
    this.inbox.vanished();
    before?.end("The phone has come by a newer connection");
    return this.arrivals;
  }

  /** Its line is gone, and nobody knows what of it arrived. */
  lose(): void {
    this.line = undefined;
    this.told.lose();
    this.active = false;
    this.inbox.vanished();
  }

  question(): Question {
    const params = { apiKey: this.key, configVersion: this.#configVersion, ...this.#cursors };
    return { method: "GET_EVENTS", params, id: "1" };
  }

  /** Where it is in the plugin's events. */
  get cursors(): Cursors {
    return this.#cursors;
  }

  moveTo(cursors: Partial<Cursors>): void {
    this.#cursors = { ...this.#cursors, ...cursors };
  }

  get knowsConfig(): boolean {
    return this.#configVersion !== null;
  }

  configured(answer: Answer): void {
    this.#configVersion = configVersionOf(answer) ?? null;
  }

  /** Writes the actions that wait. */
  act(): void {
    if (this.line === undefined) return;
    const texts = this.inbox.take();
    if (texts.length === 0) return;
    this.line.tell(texts);
    this.line.probe();
  }

  /** A sign of life of it. */
  lives(): void {
    if (!this.inbox.isEmpty) this.inbox.arrived();
  }
}
