/** What this protocol asks others: who bears a token, what a token for a channel allows, what an RPC answers. */

import type { Calls } from "../../core/calls.ts";
import { keyId } from "../../core/credentials.ts";
import type { Gate } from "../../core/gate.ts";
import { inboxOf } from "../../core/own-channels.ts";
import { Refused } from "../../core/refusals.ts";
import type { Principal, Session } from "../../core/session.ts";
import { type ChannelTerms, type Tokens, tokenGrace } from "../../core/tokens.ts";
import type { JsonText, MaybePromise } from "../../ports.ts";
import type { Peer } from "./peer.ts";

export type ClientSession = Session<Peer>;

/** Who connects. */
export interface ConnectIdentity {
  /** Its `expires` is when the session ends; that of a token that can be refreshed lies `refreshGrace` behind it. */
  readonly principal: Principal;
  /** When the token is over and the client brings a new one, in ms since the epoch; absent where it cannot. */
  readonly expires?: number;
  /** Channels that the gateway subscribes it to, whatever its grants. */
  readonly channels?: readonly string[];
  /** How it is told of them. */
  readonly terms?: ReadonlyMap<string, ChannelTerms>;
}

/** What a token for one channel allows. */
export interface SubscriptionGrant extends ChannelTerms {
  /** When it is over, in ms since the epoch. */
  readonly expires?: number;
}

export interface Seams {
  /** Refused: unauthorized (ends the connection, 3500) or token expired (109: the client gets itself a new one). */
  authenticate(token: string, address: string): MaybePromise<ConnectIdentity>;
  /** A token that is good for the channel grants subscribing to it; refused as above where it is not. */
  subscriptionToken(token: string, channel: string, principal: Principal): MaybePromise<SubscriptionGrant>;
  rpc(method: string, data: JsonText, session: ClientSession): MaybePromise<JsonText>;
}

/** How long after its end a token may be refreshed in the connection, in ms. */
export const refreshGrace = tokenGrace;

export interface SeamsParts {
  readonly gate: Gate;
  /** Of an application; absent where the configuration has none. */
  readonly tokens?: (() => Tokens | undefined) | undefined;
  /** What can be called; absent where nothing can. */
  readonly calls?: Calls | undefined;
}

/** What holds on one node: a token is an API key, or one of the application's. */
export function seamsOf({ gate, tokens, calls }: SeamsParts): Seams {
  return {
    authenticate(token, address) {
      const known = tokens?.();
      if (keyId(token) === undefined && known !== undefined) {
        return gate.guarded<MaybePromise<ConnectIdentity>>(address, () => known.identity(token));
      }
      const principal = gate.byKey(token, address);
      return { principal, ...(principal.device === undefined ? {} : { channels: [inboxOf(principal.device)] }) };
    },
    subscriptionToken(token, channel, { id }) {
      const known = tokens?.();
      if (known !== undefined) return known.subscription(token, channel, id);
      throw new Refused("permissionDenied", "Cannot use a token for a channel: tokens are not configured");
    },
    rpc(method, data, { principal }) {
      if (calls !== undefined) return calls.call(method, data, principal);
      throw new Refused("methodNotFound", `Cannot call ${method.slice(0, 80)}: there is no such method`);
    },
  };
}
