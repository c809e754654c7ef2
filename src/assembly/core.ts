/** The middle of the gateway, by the configuration in force: the hub, and who may come in. */
import type { InForce } from "../config/in-force.ts";
import type { Config } from "../config/schema.ts";
import { Gate } from "../core/gate.ts";
import { Hub, type HubLimits } from "../core/hub.ts";
import { Keyring } from "../core/keyring.ts";
import { Refused } from "../core/refusals.ts";
import { Tickets } from "../core/tickets.ts";
import type { Broker, Chance, Clock, Dialer, KeyStore, Log, SettingsOf } from "../ports.ts";
import { ReloadedTokens } from "./reloaded.ts";

export interface CoreParts {
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  readonly dialer: Dialer;
  readonly keys: KeyStore;
  readonly settingsOf: SettingsOf;
  readonly broker: Broker & { readonly run: string };
  /** Clears away what a crowd's coming left. */
  readonly rest: () => void;
}

export interface Core {
  readonly hub: Hub;
  readonly gate: Gate;
  readonly tickets: Tickets;
  readonly tokens: ReloadedTokens;
  readonly keyring: Keyring;
  /** What lives by a key that is no more, or says something else, ends. */
  readonly endKey: (id: string) => void;
}

export function assembleCore({ config }: InForce, parts: CoreParts): Core {
  const { clock, chance, log, dialer, keys, settingsOf, broker, rest } = parts;
  const { limits } = config;
  const hub = new Hub({ clock, log, broker, settingsOf, limits: hubLimits(limits), run: broker.run, rest });
  const tickets = new Tickets(clock, chance);
  const tokens = new ReloadedTokens(config, { clock, log, dialer });
  const gate = new Gate({
    keys,
    clock,
    tickets,
    publicUrl: config.public_url,
    wrongKeys: () => limits.wrong_keys,
    tokens: tokens.inForce,
  });
  const endKey = (id: string): void => {
    gate.forget(id);
    hub.end(
      ({ principal }) => principal.id === id,
      () => new Refused("invalidToken", "The key was revoked"),
    );
  };
  const keyring = new Keyring({ keys, clock, chance, revoked: endKey });
  return { hub, gate, tickets, tokens, keyring, endKey };
}

/** As the hub reads them: those in force. */
function hubLimits(limits: Config["limits"]): HubLimits {
  return {
    get queue() {
      return limits.queue;
    },
    get publication() {
      return limits.publication;
    },
    get subscriptions() {
      return limits.subscriptions;
    },
    get commands() {
      return limits.commands;
    },
    connections: limits.connections,
    get channelsPerKey() {
      return limits.channels_per_key;
    },
  };
}
