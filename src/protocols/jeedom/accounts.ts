/**
 * The users of one Jeedom who are here, by their keys. Jeedom's word on a key is asked for again every minute while
 * somebody uses it: who was disabled, or whose key was changed, goes.
 */
import pLimit from "p-limit";
import type { Rights } from "../../core/access.ts";
import { Refused } from "../../core/refusals.ts";
import type { AnySession, Principal } from "../../core/session.ts";
import type { Clock } from "../../ports.ts";
import type { Sight } from "./upstream.ts";

export interface AccountsParts {
  /** The bridge's. */
  readonly name: string;
  /** Users of Jeedom may hear their Jeedom, and do nothing else with Hearthwire. */
  readonly rights: Rights;
  readonly check: (key: string) => Promise<Sight | undefined>;
  readonly clock: Clock;
  /** What a user may see is different now. */
  readonly changed: (account: Account) => void;
}

/** A user with at least one peer here. */
export interface Account {
  readonly key: string;
  readonly principal: Principal;
  readonly sight: Sight;
  readonly peers: ReadonlySet<AnySession>;
}

interface OpenAccount extends Account {
  sight: Sight;
  readonly peers: Set<AnySession>;
}

/** How often it is asked for anew, in ms; the bridge remembers each answer for a minute. */
const interval = 20_000;
/** Questions to Jeedom at once, and how many may wait: who sends keys at random shall not be its burden. */
const atOnce = 4;
const mostWaiting = 500;

export class Accounts {
  readonly #parts: AccountsParts;
  readonly #accounts = new Map<string, OpenAccount>();
  readonly #limit = pLimit(atOnce);
  #opened = 0;
  #rechecking = false;

  constructor(parts: AccountsParts) {
    this.#parts = parts;
  }

  values(): Iterable<Account> {
    return this.#accounts.values();
  }

  /** Of a key that is in use already, about which Jeedom is asked anyway. */
  sightOf(key: string): Sight | undefined {
    return this.#accounts.get(key)?.sight;
  }

  /** Refused (101) when it is nobody's key, and while Jeedom cannot be asked. */
  async check(key: string): Promise<Sight> {
    if (this.#limit.pendingCount >= mostWaiting) {
      throw new Refused("serverError", "Cannot check the key: too many are being checked");
    }
    return await this.#limit(() => this.#ask(key));
  }

  enter(key: string, sight: Sight, session: AnySession): Account {
    let account = this.#accounts.get(key);
    if (account === undefined) {
      const { name, rights } = this.#parts;
      const id = `${name} user ${++this.#opened}`;
      account = { key, sight, principal: { id, name: id, rights }, peers: new Set() };
      this.#accounts.set(key, account);
    }
    account.peers.add(session);
    this.#recheckLater();
    this.#take(account, sight);
    return account;
  }

  leave({ key }: Account, session: AnySession): void {
    const account = this.#accounts.get(key);
    account?.peers.delete(session);
    if (account?.peers.size === 0) this.#accounts.delete(key);
  }

  async #ask(key: string): Promise<Sight> {
    let sight: Sight | undefined;
    try {
      sight = await this.#parts.check(key);
    } catch (thrown) {
      const why = thrown instanceof Refused ? thrown.message : "Jeedom cannot be asked now";
      throw new Refused("serverError", `Cannot check the key: ${why}`);
    }
    if (sight === undefined) throw new Refused("unauthorized", "Cannot listen: no enabled user of Jeedom has this key");
    return sight;
  }

  #recheckLater(): void {
    if (this.#rechecking) return;
    this.#rechecking = true;
    this.#parts.clock.after(interval, () => {
      this.#rechecking = false;
      if (this.#accounts.size === 0) return;
      this.#recheckLater();
      for (const account of this.#accounts.values()) void this.#recheck(account);
    });
  }

  async #recheck(account: OpenAccount): Promise<void> {
    try {
      this.#take(account, await this.#ask(account.key));
    } catch (thrown) {
      // While Jeedom cannot be asked its last word holds.
      if (!(thrown instanceof Refused) || thrown.refusal.name !== "unauthorized") return;
      for (const session of [...account.peers]) {
        session.end(new Refused("invalidToken", "Cannot listen any more: the user was disabled or has another key"));
      }
    }
  }

  #take(account: OpenAccount, sight: Sight): void {
    const changed = account.sight.id !== sight.id;
    account.sight = sight;
    if (changed) this.#parts.changed(account);
  }
}
