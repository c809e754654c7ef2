/**
 * The plugin's end: asked by JSON-RPC at its callback, it answers in the reply or, what comes from a WebSocket, at the port
 * of this machine. All I/O is the dialer's.
 */

import { hash } from "node:crypto";
import { objectOf, textIn } from "../../core/json.ts";
import { messageOf } from "../../core/thrown.ts";
import type { Clock, DialAnswer, Dialer, DialRequest, JsonText } from "../../ports.ts";
import { type Answer, type Reply, readAnswer, readReply } from "./answer.ts";
import { type Question, questionText } from "./question.ts";

export interface PluginParts {
  readonly dialer: Dialer;
  readonly clock: Clock;
  /** Jeedom's address, or that of the plugin's API. */
  readonly url: string;
  /** The plugin's API key. */
  readonly key: () => string | undefined;
  /** Whether it can bring its answers to a port of this machine now. */
  readonly hasPort: () => boolean;
  /** Told of each exchange how it went: what went wrong, or nothing. */
  readonly went: (trouble: string | undefined, refused: boolean) => void;
  /** What the plugin says without having been asked, or too late. */
  readonly unasked: (answer: Answer) => void;
}

/** The plugin cannot be asked now. */
export class PluginLost extends Error {}

export const endpoint = "/plugins/JeedomConnect/core/api/JeedomConnect.api.php";
/** How long the plugin may take, in ms: some of its answers are a year of history. */
const patience = 120_000;
/** The same for what others wait for: who comes, and what happened. */
const shortPatience = 20_000;
const hurried = ["CONNECT", "DISCONNECT", "GET_EVENTS"];
/** How long after the reply an answer may come by the port, in ms. */
const grace = 100;

/** A question that is on its way. */
interface Asked {
  readonly method: string;
  readonly answered: (answer: Answer) => void;
}

export class Plugin {
  /** Where Jeedom is, without a path of the plugin's. */
  readonly base: string;
  readonly #parts: PluginParts;
  readonly #asked = new Map<string, Asked>();
  #questions = 0;

  constructor(parts: PluginParts) {
    this.#parts = parts;
    this.base = parts.url.replace(/\/+$/, "").replace(endpoint, "");
  }

  /** As from a WebSocket. Undefined where the method has no answer. Rejects with `PluginLost`. */
  async ask({ method, params }: Question, apiKey: string): Promise<Answer | undefined> {
    // Of its answers some say whose they are by the id alone; for GEOLOC the id is the phone's key. None is as a phone likes.
    const id = JSON.stringify(method === "GEOLOC" ? apiKey : `hearthwire-${++this.#questions}`);
    if (!this.#parts.hasPort() || this.#isMistakable(method)) {
      const { answer } = await this.askByReply({ method, params: { ...params, apiKey }, id });
      return answer;
    }
    const text = questionText({ method, params, id }, { apiKey, connexionFrom: "WS" });
    const { promise, resolve } = Promise.withResolvers<Answer>();
    this.#asked.set(id, { method, answered: resolve });
    try {
      return await Promise.race([promise, this.#exchange(method, text, promise)]);
    } finally {
      this.#asked.delete(id);
    }
  }

  /** As by HTTP: the answer is in the reply. Rejects with `PluginLost`. */
  async askByReply(question: Question): Promise<Reply> {
    const { text, headers } = await this.#post(question.method, questionText(question, {}));
    const reply = readReply(this.clean(text));
    if (reply === undefined) throw this.#lost("it answers with no JSON-RPC");
    const cookie = headers.getSetCookie().find((one) => one.startsWith("registerDevice="));
    return cookie === undefined ? reply : { ...reply, cookie: this.clean(cookie) };
  }

  /** Another of its pages. What goes wrong there says nothing of the plugin: a camera may be off. */
  page(path: string, request: DialRequest): Promise<DialAnswer> {
    return this.#parts.dialer.request(`${this.base}${path}`, request);
  }

  /** What came at the port. False for what does not show the plugin's key. */
  heard(text: string): boolean {
    const answer = readAnswer(text);
    if (answer === undefined || !this.#isPlugins(answer.jeedomApiKey)) return false;
    const clean = { ...answer, text: this.clean(answer.text) };
    const asked = this.#askedBy(answer);
    if (asked === undefined) this.#parts.unasked(clean);
    else asked.answered(clean);
    return true;
  }

  /** Whatever it is, the plugin's key does not leave with it. */
  clean(text: string): string {
    const key = this.#parts.key();
    return key !== undefined && text.includes(key) ? text.replaceAll(key, "") : text;
  }

  async #exchange(method: string, text: JsonText, byPort: Promise<Answer>): Promise<Answer | undefined> {
    const key = encodeURIComponent(this.#parts.key() ?? "");
    const { text: replied } = await this.#post(method, text, `?apikey=${key}`);
    const reply = readReply(this.clean(replied));
    if (reply !== undefined) return reply.answer;
    return Promise.race([byPort, this.#afterGrace()]);
  }

  async #post(method: string, body: JsonText, query = ""): Promise<DialAnswer> {
    const { dialer, went } = this.#parts;
    let answer: DialAnswer;
    try {
      answer = await dialer.request(`${this.base}${endpoint}${query}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
        patience: hurried.includes(method) ? shortPatience : patience,
      });
    } catch (thrown) {
      throw this.#lost(messageOf(thrown));
    }
    if (answer.status >= 400) throw this.#lost(`it answers ${answer.status}`, [401, 403].includes(answer.status));
    went(undefined, false);
    return answer;
  }

  #afterGrace(): Promise<undefined> {
    return new Promise((resolve) => this.#parts.clock.after(grace, () => resolve(undefined)));
  }

  /** Whether it could not be said whose answer it is, if it came by the port and went wrong. */
  #isMistakable(method: string): boolean {
    return [...this.#asked.values()].some((asked) => method === "CONNECT" || asked.method === method);
  }

  /**
   * Whose answer it is. What went wrong, and a new key, come without an id: then it is the question's of the method that is
   * named, or of any, but nobody's where there are several.
   */
  #askedBy({ id, eqApiKey, type, payload }: Answer): Asked | undefined {
    if (id !== undefined) return this.#asked.get(JSON.stringify(id));
    if (eqApiKey !== undefined) return undefined;
    const { message } = objectOf(payload);
    const isOf = ({ method }: Asked): boolean =>
      type !== "EXCEPTION" || textIn(message).startsWith(`Error with '${method}' method`);
    const fitting = [...this.#asked.values()].filter(isOf);
    return fitting.length === 1 ? fitting[0] : undefined;
  }

  #isPlugins(shown: string | undefined): boolean {
    const key = this.#parts.key();
    return key !== undefined && shown !== undefined && digest(shown) === digest(key);
  }

  #lost(why: string, refused = false): PluginLost {
    const advice = refused ? "; see `key` of the bridge" : "";
    const trouble = `Cannot ask the plugin JeedomConnect: ${this.clean(why)}${advice}`;
    this.#parts.went(trouble, refused);
    return new PluginLost(trouble);
  }
}

/** Of the same length whatever is compared, so that the time it takes tells nothing. */
function digest(text: string): string {
  return hash("sha256", text);
}
