/** What each part of the gateway does when the configuration is reloaded. */
import type { Change } from "../config/changes.ts";
import type { Config } from "../config/schema.ts";
import { tokensOf } from "../config/token-keys.ts";
import { backendCallable } from "../core/call-backends.ts";
import type { Calls } from "../core/calls.ts";
import type { DeviceRegistry } from "../core/device-registry.ts";
import type { Hub } from "../core/hub.ts";
import { Refused } from "../core/refusals.ts";
import type { Tokens } from "../core/tokens.ts";
import type { Broker, Clock, Dialer, Log } from "../ports.ts";
import type { Bridges } from "./parts.ts";
import { concerns, type Reloading } from "./reload.ts";

const nothing = (): void => undefined;

/**
 * Channels get their new settings. Those that are of another kind by them, or durable, or no longer, begin anew; who
 * listens there is told to come back.
 */
export function reloadedChannels({ hub, broker }: { readonly hub: Hub; readonly broker: Broker }): Reloading {
  return {
    prepare: (_, changes) => () => {
      if (!concerns(changes, "channels", "bridges")) return;
      const others = broker.reconfigure?.() ?? [];
      hub.endListeners(others, () => new Refused("stateInvalidated", "The settings of a channel have changed"));
    },
  };
}

/** Backends of calls. */
export function reloadedCalls(
  config: Config,
  calls: Calls,
  parts: { readonly dialer: Dialer; readonly log: Log },
): Reloading {
  const register = (): void => {
    calls.registerFamilies(
      Array.from(config.calls, ([methods, backend]) => [methods, backendCallable(backend, parts)] as const),
    );
  };
  register();
  return { prepare: (_, changes) => (concerns(changes, "calls") ? register : nothing) };
}

export function reloadedBridges(all: readonly Bridges[]): Reloading {
  return {
    prepare: (_, changes) => () => {
      if (concerns(changes, "bridges")) for (const bridges of all) bridges.reload();
    },
  };
}

/** Who came without a key comes back, and may then what it may now. */
export function reloadedStrangers(hub: Hub): Reloading {
  return {
    prepare: (_, changes) => () => {
      if (!concerns(changes, "anonymous", "open_to")) return;
      hub.end(
        ({ principal }) => principal.id === "anonymous",
        () => new Refused("forceReconnect", "Who may come without a key has changed"),
      );
    },
  };
}

/** Devices that find the gateway elsewhere now are told so. */
export function reloadedAddresses(registry: DeviceRegistry): Reloading {
  return {
    prepare: (_, changes) => () => {
      if (concerns(changes, "addresses")) registry.announce();
    },
  };
}

/** Tokens (JWT), with the keys that their files have now. */
export class ReloadedTokens implements Reloading {
  readonly #parts: { readonly clock: Clock; readonly log: Log; readonly dialer: Dialer };
  #tokens: Tokens | undefined;

  constructor(config: Config, parts: { readonly clock: Clock; readonly log: Log; readonly dialer: Dialer }) {
    this.#parts = parts;
    this.#tokens = this.#read(config);
  }

  readonly inForce = (): Tokens | undefined => this.#tokens;

  prepare(next: Config, _changes: readonly Change[]): () => void {
    // The files that it names may have changed where the configuration has not.
    const tokens = this.#read(next);
    return () => {
      this.#tokens = tokens;
    };
  }

  #read({ tokens }: Config): Tokens | undefined {
    return tokens === undefined ? undefined : tokensOf(tokens, this.#parts);
  }
}
