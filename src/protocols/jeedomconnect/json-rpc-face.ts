/** What phones ask by HTTP: the plugin's JSON-RPC, passed on, and its answers in the reply. */
import type { Gate } from "../../core/gate.ts";
import { objectOf } from "../../core/json.ts";
import { Refused } from "../../core/refusals.ts";
import type { Clock, JsonText, Visit } from "../../ports.ts";
import { type Answer, type Cursors, exception } from "./answer.ts";
import type { Phone } from "./phone.ts";
import type { Phones } from "./phones.ts";
import type { Plugin } from "./plugin.ts";
import { isAboutItself, isBackground, isForeground, isIntroduction, type Question, readQuestion } from "./question.ts";
import { asUser, faultOf } from "./shield.ts";
import { answerFor, introduced } from "./visitor.ts";

export interface JsonRpcParts {
  readonly gate: Gate;
  readonly clock: Clock;
  readonly plugin: Plugin;
  readonly phones: Phones;
}

/** Widgets with their settings, in bytes. */
const largest = 4 * 1024 * 1024;

export class JsonRpcFace {
  readonly #parts: JsonRpcParts;

  constructor(parts: JsonRpcParts) {
    this.#parts = parts;
  }

  async answer(visit: Visit): Promise<Response> {
    if (visit.request.method !== "POST") throw new Refused("badRequest", "Cannot answer that: questions are posted");
    const text = await visit.text(largest);
    const question = readQuestion(text);
    if ("fault" in question) {
      const error = { code: -32_600, message: `Cannot make sense of it: ${question.fault}` };
      return json(`{"jsonrpc":"2.0","id":${question.id ?? "null"},"error":${JSON.stringify(error)}}`);
    }
    const cookies: string[] = [];
    const result = await this.#result(visit, question, cookies);
    const response = json(`{"jsonrpc":"2.0","id":${question.id},"result":${result}}`);
    for (const cookie of cookies) response.headers.append("set-cookie", cookie);
    return response;
  }

  /** `cookies`: where those go that the phone is to keep. */
  async #result(visit: Visit, question: Question, cookies: string[]): Promise<JsonText> {
    const { method, params } = question;
    const fault = faultOf(question);
    if (fault !== undefined) return exception(`Error with '${method}' method ${fault}`).text;
    const key = typeof params["apiKey"] === "string" ? params["apiKey"] : "";
    const phone = this.#parts.phones.find(key);
    try {
      if (isIntroduction(method)) return await this.#introduce(visit, question, key, cookies);
      phone?.lives();
      if (method === "GET_EVENTS") return await this.#events(visit, question, key);
      if (isAboutItself(method)) return await this.#aboutItself(question, key);
      const asked = phone?.user === undefined ? question : asUser(question, phone.user);
      const from = phone?.cursors;
      const { result, answer } = await this.#parts.plugin.askByReply(asked);
      if (phone !== undefined && from !== undefined && answer !== undefined) this.#noted(phone, answer, from);
      return result;
    } catch (thrown) {
      return answerFor(thrown).text;
    }
  }

  async #introduce({ address }: Visit, question: Question, key: string, cookies: string[]): Promise<JsonText> {
    const { gate, clock, plugin, phones } = this.#parts;
    const since = clock.now();
    const known = phones.find(key);
    // The answer before it was written out, or it was noticed.
    if (known?.line === undefined) known?.lives();
    const pass = () => plugin.askByReply(question);
    const introduce = () => (question.method === "CONNECT" ? phones.lanes.run(key, pass) : pass());
    const { result, answer, cookie } = await introduced(gate, address, introduce);
    if (answer?.type === "WELCOME") {
      const phone = phones.of(key);
      phone.welcomed(answer, since);
      phones.values.came(phone, answer);
      phone.arrive(undefined);
    }
    if (question.method === "REGISTER_DEVICE" && cookie !== undefined) cookies.push(cookie);
    return result;
  }

  /** Whether it is there and looked at: in order, and known here too. */
  async #aboutItself(question: Question, key: string): Promise<JsonText> {
    const { plugin, phones } = this.#parts;
    const phone = phones.find(key);
    if (phone !== undefined && isBackground(question)) phone.active = false;
    if (phone !== undefined && question.method === "DISCONNECT") phone.parted = true;
    const { result } = await phones.lanes.run(key, () => plugin.askByReply(question));
    if (phone !== undefined && isForeground(question)) phones.rounds.wake(phone);
    return result;
  }

  /** A polling phone's own question: actions that wait for it come first. */
  async #events(visit: Visit, question: Question, key: string): Promise<JsonText> {
    const { phones, plugin } = this.#parts;
    const phone = phones.find(key);
    if (phone === undefined) {
      const { result, answer } = await plugin.askByReply(question);
      // It came before the gateway was started anew.
      if (answer?.type !== "EXCEPTION" && answer?.type !== "SET_NEW_APIKEY") phones.of(key);
      return result;
    }
    let [due] = phone.line === undefined ? phone.inbox.take(1) : [];
    if (due === undefined) {
      const { result, answer } = await phones.polls.poll(phone, question);
      if (answer?.type !== "ACTIONS") return result;
      phone.inbox.add(answer.text);
      [due] = phone.inbox.take(1);
    }
    // It does not hear the answer.
    if (visit.request.signal.aborted) phone.inbox.vanished();
    return due ?? '"ok"';
  }

  #noted(phone: Phone, answer: Answer, from: Cursors): void {
    const { values, transportSwitch } = this.#parts.phones;
    values.showed(phone, answer, from);
    const { type, payload } = answer;
    if (type === "GET_WEBSOCKET" || type === "GET_POLLING") transportSwitch.told(phone, objectOf(payload));
  }
}

function json(text: string): Response {
  return new Response(text, { headers: { "content-type": "application/json" } });
}
