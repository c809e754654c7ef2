/** Carries out the commands of backends, whichever way they came. */
import { everyRight, type Rights } from "../../core/access.ts";
import type { Hub } from "../../core/hub.ts";
import { asRefused, Refused } from "../../core/refusals.ts";
import type { Draft, MaybePromise, Receipt } from "../../ports.ts";
import { hasId, jsonAnswer, type Outcome, plainAnswer } from "./answers.ts";
import { type Command, commandOf } from "./command.ts";
import { plainCommand } from "./plain-command.ts";

/** Who lets devices listen. The answers are how many sessions of the device are there; refused for an unknown device. */
export interface Subscriptions {
  subscribe(device: string, channel: string): MaybePromise<number>;
  unsubscribe(device: string, channel: string): number;
}

/** What somebody at the Unix socket asks for. */
export interface Heard {
  readonly command: Command | Refused;
  /** The JSON value, where the answer may depend on it, and its text. */
  readonly value: unknown;
  readonly text: string;
}

export class Commands {
  readonly #hub: Hub;
  readonly #subscriptions: Subscriptions;

  constructor(hub: Hub, subscriptions: Subscriptions) {
    this.#hub = hub;
    this.#subscriptions = subscriptions;
  }

  /** What a JSON value asks for. Does not throw: a refusal is one of the answers. `text` is the value as it was written. */
  read(value: unknown, text: string): Command | Refused {
    try {
      return commandOf(value, text);
    } catch (thrown) {
      return this.#refusalOf(thrown);
    }
  }

  /** What a JSON text of the Unix socket asks for; undefined for `null`. Throws where it is no JSON. */
  hear(text: string): Heard | undefined {
    const plain = plainCommand(text);
    if (plain !== undefined) return { command: plain, value: undefined, text };
    const value: unknown = JSON.parse(text);
    return value === null ? undefined : { command: this.read(value, text), value, text };
  }

  /** The reply of the Unix socket. Whoever may open the socket may do everything. */
  reply({ command, value, text }: Heard): MaybePromise<string> {
    if (!hasId(value)) {
      const outcome = this.obey(command, everyRight, false);
      return outcome instanceof Promise ? outcome.then(plainAnswer) : plainAnswer(outcome);
    }
    const answer = (outcome: Outcome): string => `${jsonAnswer(value, text, outcome)}\n`;
    const outcome = this.obey(command, everyRight);
    return outcome instanceof Promise ? outcome.then(answer) : answer(outcome);
  }

  /** These are about to be obeyed. */
  expect(heard: readonly (Heard | undefined)[]): void {
    const channels: string[] = [];
    for (const one of heard) if (one !== undefined && "draft" in one.command) channels.push(one.command.channel);
    this.#hub.expect(channels);
  }

  /** Neither throws nor rejects: a refusal is an outcome. */
  obey(command: Command | Refused, by: Rights, counting = true): MaybePromise<Outcome> {
    if (command instanceof Refused) return { refused: command };
    const failed = (thrown: unknown): Outcome => ({ refused: this.#refusalOf(thrown) });
    try {
      const outcome =
        command.kind === "publish"
          ? this.#publish(command.channel, command.draft, by, counting)
          : this.#subscribe(command, by);
      return outcome instanceof Promise ? outcome.catch(failed) : outcome;
    } catch (thrown) {
      return failed(thrown);
    }
  }

  #refusalOf(thrown: unknown): Refused {
    if (!(thrown instanceof Refused)) this.#hub.log.error({ err: thrown }, "Cannot obey a backend's command");
    return asRefused(thrown);
  }

  #publish(channel: string, draft: Draft, by: Rights, counting: boolean): MaybePromise<Outcome> {
    // Counted before: those who come later read it in the history.
    const heard = counting ? { sessions: this.#hub.listeners(channel) } : {};
    const receipt = this.#hub.publish(channel, draft, by);
    const done = ({ offset }: Receipt): Outcome => ({ offset, ...heard });
    return receipt instanceof Promise ? receipt.then(done) : done(receipt);
  }

  #subscribe(command: Exclude<Command, { kind: "publish" }>, by: Rights): MaybePromise<Outcome> {
    const { kind, device, channel } = command;
    if (!by.may("admin", channel)) by.require("publish", channel);
    const sessions = this.#subscriptions[kind](device, channel);
    const done = (count: number): Outcome => ({ sessions: count });
    return sessions instanceof Promise ? sessions.then(done) : done(sessions);
  }
}
