/** The bridge to one JeedomConnect plugin, in the place of the plugin's daemon. */

import { BackOff } from "../../core/back-off.ts";
import { BridgeStatus, BridgeVoice } from "../../core/bridge-state.ts";
import type { Hub } from "../../core/hub.ts";
import { messageOf } from "../../core/thrown.ts";
import type { Bridge, BridgeReport, BridgeState, Chance, Clock, Dialer, Log, StreamProtocol } from "../../ports.ts";
import { AnswersPort } from "./answers-port.ts";
import { KeptInboxes } from "./kept-inbox.ts";
import { Phones } from "./phones.ts";
import { Plugin, PluginLost } from "./plugin.ts";

export interface JeedomConnectBridgeParts {
  readonly name: string;
  readonly url: string;
  /** Asked at every request. */
  readonly key: () => string | undefined;
  /** How often each active phone is asked for, in ms. */
  readonly actionDelay: number;
  /** The bridge to the plugin's Jeedom, whose events tell phones of new values; nothing where there is none. */
  readonly jeedom: () => string | undefined;
  /**
   * Listens on this machine for what the plugin brings. Throws when it cannot. The answer ends it. Undefined where the plugin
   * is on another machine, and its answers are in its replies.
   */
  readonly listen: ((protocol: StreamProtocol) => () => void) | undefined;
  readonly hub: Hub;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  readonly dialer: Dialer;
}

/** Between attempts, growing while they fail, in ms. */
const pauses = [1000, 2000, 5000, 10_000, 20_000];

export class JeedomConnectBridge implements Bridge {
  readonly name: string;
  readonly plugin: Plugin;
  readonly phones: Phones;
  readonly #parts: JeedomConnectBridgeParts;
  readonly #status: BridgeStatus;
  readonly #backOff: BackOff;
  readonly #portBackOff: BackOff;
  #port: AnswersPort | undefined;
  #endListening: (() => void) | undefined;
  #cancel: (() => void) | undefined;
  #cancelListening: (() => void) | undefined;
  /** Why the plugin cannot bring its answers. */
  #portTrouble: string | undefined;

  constructor(parts: JeedomConnectBridgeParts) {
    const { name, url, key, actionDelay, jeedom, hub, clock, chance, log, dialer } = parts;
    this.name = name;
    this.#parts = parts;
    const voice = new BridgeVoice({ hub, clock, log, name });
    this.#status = new BridgeStatus(voice, { clock, log });
    this.#backOff = new BackOff(chance, pauses);
    this.#portBackOff = new BackOff(chance, pauses);
    this.plugin = new Plugin({
      dialer,
      clock,
      url,
      key,
      hasPort: () => this.#endListening !== undefined,
      went: (trouble, refused) => this.#went(trouble, refused),
      unasked: (answer) => {
        const phone = this.phones.find(answer.eqApiKey ?? "");
        if (phone === undefined || answer.type === "SET_EVENTS") return;
        if (answer.type === "ACTIONS") this.phones.rounds.answered(phone, answer, undefined);
        else phone.line?.tell([answer.text]);
      },
    });
    const inboxes = new KeptInboxes(hub, voice);
    this.phones = new Phones({ plugin: this.plugin, inboxes, hub, clock, log, actionDelay, jeedom });
  }

  get state(): BridgeState {
    return this.#status.state;
  }

  get report(): BridgeReport {
    return this.#status.report;
  }

  start(): void {
    this.#status.become("connecting");
    this.#listen();
    void this.#try();
  }

  stop(): void {
    this.#status.become("stopped");
    this.#cancel?.();
    this.#cancelListening?.();
    this.#endListening?.();
    this.#port?.close();
    this.phones.close();
  }

  /**
   * Another program may have the port, as the plugin's own daemon: it is tried again. Until then answers come in the replies,
   * and the bridge is `lost`, since the plugin goes on bringing to that program what nobody asked for.
   */
  #listen(): void {
    const { clock, log, listen } = this.#parts;
    if (listen === undefined) return;
    const port = new AnswersPort(clock, (text) => {
      this.#status.event();
      if (!this.plugin.heard(text))
        log.warn({ bridge: this.name }, "Somebody without the plugin's key spoke at its port");
    });
    try {
      this.#endListening = listen(port);
      this.#port = port;
      const wasInTrouble = this.#portTrouble !== undefined;
      this.#portTrouble = undefined;
      if (wasInTrouble) void this.#try();
    } catch (thrown) {
      this.#portTrouble = messageOf(thrown);
      this.#status.become("lost", this.#portTrouble);
      this.#cancelListening = clock.after(this.#portBackOff.failed(), () => this.#listen());
    }
  }

  /** Until the plugin answers; after that its phones tell how it is. */
  async #try(): Promise<void> {
    this.#cancel = undefined;
    try {
      await this.plugin.askByReply({ method: "GET_PLUGIN_CONFIG", params: {}, id: "1" });
    } catch (thrown) {
      if (!(thrown instanceof PluginLost)) throw thrown;
    }
  }

  #went(trouble: string | undefined, refused: boolean): void {
    if (this.state === "stopped") return;
    if (trouble === undefined) {
      this.#backOff.succeeded();
      this.#cancel?.();
      this.#cancel = undefined;
      if (this.#portTrouble === undefined) this.#status.become("connected");
      else this.#status.become("lost", this.#portTrouble);
      return;
    }
    const lost = this.state === "connecting" ? "connecting" : "lost";
    this.#status.become(refused ? "refused" : lost, trouble);
    this.#cancel ??= this.#parts.clock.after(this.#backOff.failed(), () => void this.#try());
  }
}
