/** Phones, a plugin that answers what the test says, and what the bridge to Jeedom publishes: on a clock whose hands the test turns. */

import type { Message } from "../../../simulators/jeedomconnect/message.ts";
import { everyRight } from "../../../src/core/access.ts";
import { BridgeVoice } from "../../../src/core/bridge-state.ts";
import { Refused } from "../../../src/core/refusals.ts";
import type { Dialer } from "../../../src/ports.ts";
import type { Answer } from "../../../src/protocols/jeedomconnect/answer.ts";
import { KeptInboxes } from "../../../src/protocols/jeedomconnect/kept-inbox.ts";
import type { Line, Phone } from "../../../src/protocols/jeedomconnect/phone.ts";
import { Phones } from "../../../src/protocols/jeedomconnect/phones.ts";
import { Plugin } from "../../../src/protocols/jeedomconnect/plugin.ts";
import { Setting, settingsByFirstLevel } from "../../core/setting.ts";
import { settle } from "../../fakes/clock.ts";

export interface Asked {
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** In ms since the beginning. */
  readonly at: number;
}

export interface ClockedHouseOptions {
  /** Default: 2000. */
  readonly actionDelay?: number;
  /** Whether there is a bridge to Jeedom, which is connected. Default: yes. */
  readonly hears?: boolean;
}

const ended = (): Refused => new Refused("forceDisconnect", "Its channels are others now");

/** As the plugin words a command, and as Jeedom words its events: in UTC. */
export function entry(id: string, value: string, seconds: number): string {
  return `{"id":"${id}","value":"${value}","modified":${seconds},"collectDate":${seconds},"history":{"tendance":null}}`;
}

export class ClockedHouse {
  readonly setting = new Setting({
    limits: { publication: 10_000 },
    settingsOf: (channel) => settingsByFirstLevel(channel.startsWith("$bridges/") ? "map" : channel),
  });
  readonly phones: Phones;
  readonly asked: Asked[] = [];
  /** What the plugin says to a method; without an entry, `"ok"`. */
  readonly answers = new Map<string, (params: Readonly<Record<string, unknown>>) => Message | undefined>();
  /** The bridge to Jeedom, as configured now. */
  jeedom: string | undefined;
  readonly #begin: number;

  constructor({ actionDelay = 2000, hears = true }: ClockedHouseOptions = {}) {
    const { clock, hub, log } = this.setting;
    this.#begin = clock.now();
    const dialer: Dialer = {
      request: async (url, { body }) => {
        const { id, method, params } = JSON.parse(String(body));
        this.asked.push({ method, params, at: clock.now() - this.#begin });
        const result = this.answers.get(method)?.(params) ?? "ok";
        return { status: 200, text: JSON.stringify({ jsonrpc: "2.0", id, result }), url, headers: new Headers() };
      },
      webSocket: () => {
        throw new Error("Nobody asks for one");
      },
    };
    const quiet = (): void => undefined;
    const plugin = new Plugin({
      dialer,
      clock,
      url: "http://jeedom",
      key: () => "the key",
      hasPort: () => false,
      went: quiet,
      unasked: quiet,
    });
    const inboxes = new KeptInboxes(hub, new BridgeVoice({ hub, clock, log, name: "jc" }));
    if (hears) this.jeedom = "house";
    const jeedom = (): string | undefined => this.jeedom;
    this.phones = new Phones({ plugin, inboxes, hub, clock, log, actionDelay, jeedom });
    this.answers.set("GET_EVENTS", () => this.events());
    if (hears) this.become("connected");
  }

  /** Jeedom's time, in seconds. */
  get seconds(): number {
    return this.setting.clock.now() / 1000;
  }

  /** How often a method was asked for. */
  count(method: string): number {
    return this.asked.filter((one) => one.method === method).length;
  }

  /** SET_EVENTS as of now. */
  events(...entries: readonly string[]): Message {
    const now = this.seconds;
    const cursors = [
      { type: "DATETIME", payload: now },
      { type: "HIST_DATETIME", payload: now },
    ];
    if (entries.length === 0) return { type: "SET_EVENTS", payload: cursors };
    const values = { type: "CMD_INFO", payload: entries.map((one) => JSON.parse(one)) };
    return { type: "SET_EVENTS", payload: [...cursors, values, { type: "SC_INFO", payload: [] }] };
  }

  /** A phone that is welcomed with these entries, by a line of its own or, without one, by single requests. */
  async welcome(key: string, line: Line | undefined, ...entries: readonly string[]): Promise<Phone> {
    const payload = `{"timezone":"UTC","userHash":"h","cmdInfo":[${entries.join(",")}]}`;
    const welcome: Answer = {
      type: "WELCOME",
      payload: JSON.parse(payload),
      text: `{"type":"WELCOME","payload":${payload}}`,
    };
    const phone = this.phones.of(key);
    phone.welcomed(welcome, this.setting.clock.now());
    this.phones.values.came(phone, welcome);
    phone.arrive(line);
    this.phones.rounds.wake(phone);
    await this.pass(0);
    return phone;
  }

  /** The bridge to Jeedom is so. */
  become(state: string): void {
    this.setting.publish("$bridges/house", JSON.stringify(state), "state");
    this.setting.endTurn();
  }

  /** The bridge to Jeedom missed events. */
  miss(): void {
    const { hub, clock } = this.setting;
    const data = JSON.stringify({ gap: { from: clock.now() - 1000, to: clock.now() } });
    void hub.publish("house/events", { data, tags: { gap: "upstream" } }, everyRight);
    this.setting.endTurn();
  }

  /** Whoever listens to the bridge is sent away, as by a reload that changes its channels. */
  sendListenersAway(): void {
    this.setting.hub.endListeners(["house/events"], ended);
    this.setting.endTurn();
  }

  /** A command has a value, and the bridge to Jeedom tells of it. */
  change(id: string, value: unknown, more: object = {}): void {
    const date = new Date(Math.floor(this.seconds) * 1000).toISOString().slice(0, 19).replace("T", " ");
    const option = { cmd_id: Number(id), value, display_value: value, valueDate: date, collectDate: date, ...more };
    this.setting.publish("house/events", JSON.stringify({ datetime: this.seconds, name: "cmd::update", option }));
    this.setting.endTurn();
  }

  /** Lets time pass, and all that it brings happen. */
  async pass(ms: number): Promise<void> {
    const { clock } = this.setting;
    for (const end = clock.now() + ms; ; ) {
      await settle();
      clock.endTurn();
      await settle();
      if (clock.now() >= end) return;
      clock.advance(Math.min(50, end - clock.now()));
    }
  }
}

/** What a phone was told, in the transport's own way. */
export class HeardLine implements Line {
  readonly isWebSocket: boolean;
  readonly isThrough = false;
  readonly texts: string[] = [];
  ended: string | undefined;

  constructor(isWebSocket: boolean) {
    this.isWebSocket = isWebSocket;
  }

  tell(texts: readonly string[]): void {
    this.texts.push(...texts);
  }

  tellEvents(answer: Answer, { lists }: { readonly lists: readonly string[] }): void {
    this.texts.push(...(this.isWebSocket ? lists : [answer.text]));
  }

  probe(): void {
    // It is always there.
  }

  end(why: string): void {
    this.ended = why;
  }
}
