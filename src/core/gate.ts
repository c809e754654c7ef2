/** Who comes in, and as whom: keys, tickets, and what a peer without either may do from where it is. */
import ipaddr from "ipaddr.js";
import type { Clock, KeyStore, MaybePromise, Policy, Visit } from "../ports.ts";
import { everyRight, noRight, Rights } from "./access.ts";
import { type Credential, credentialOf, isToken, keyId } from "./credentials.ts";
import type { Figure } from "./figure.ts";
import { isHash } from "./keys.ts";
import { originAllowed, ownOrigins } from "./origins.ts";
import { RateLimit } from "./rate.ts";
import { Refused } from "./refusals.ts";
import type { Principal } from "./session.ts";
import type { Tickets } from "./tickets.ts";
import type { Tokens } from "./tokens.ts";

/** What strangers of one policy are, and from which addresses. */
interface Strangers {
  readonly ranges: readonly Range[];
  readonly principal: Principal;
  readonly welcome: Map<string, boolean>;
}

const rememberedAddresses = 10_000;
/** Of each key; after so many all are forgotten. */
const addressesOfKey = 100;
/** A key's last use is written down this often at most. */
const touchInterval = 60_000;

/** A key that was good, as it is remembered. */
interface KnownKey {
  readonly principal: Principal;
  readonly hash: string;
  touched: number;
  /** Where it was shown from. */
  readonly addresses: Set<string>;
}

export interface GateParts {
  readonly keys: KeyStore;
  readonly clock: Clock;
  readonly tickets: Tickets;
  readonly publicUrl?: string | undefined;
  /** How many wrong keys, tickets and tokens are looked at per second and address; 0 or nothing sets no limit. */
  readonly wrongKeys?: Figure;
  /** Of an application; nothing where the configuration has none. */
  readonly tokens?: (() => Pick<Tokens, "identity"> | undefined) | undefined;
}

export const nobody: Principal = { id: "anonymous", name: "anonymous", rights: noRight };
export const owner: Principal = { id: "owner", name: "owner of this machine", rights: everyRight };

export class Gate {
  readonly #keys: KeyStore;
  readonly #clock: Clock;
  readonly #tickets: Tickets;
  readonly #publicUrl: string | undefined;
  readonly #principals = new Map<string, KnownKey>();
  readonly #strangers = new WeakMap<Policy, Strangers>();
  readonly #failures: RateLimit;
  readonly #tokens: GateParts["tokens"];
  /** Who bears the token of a request, or why nobody does. */
  readonly #bearers = new WeakMap<Request, Principal | { readonly refused: unknown }>();

  constructor(parts: GateParts) {
    this.#keys = parts.keys;
    this.#clock = parts.clock;
    this.#tickets = parts.tickets;
    this.#publicUrl = parts.publicUrl;
    this.#failures = new RateLimit(parts.clock, parts.wrongKeys ?? 0);
    this.#tokens = parts.tokens;
  }

  /** A token takes a moment to verify: to be awaited before a request that brings one is shown to anybody. */
  introduce({ request, query, address, owner }: Visit): Promise<void> | undefined {
    const tokens = this.#tokens?.();
    if (tokens === undefined || owner) return undefined;
    const credential = credentialOf(request.headers, query);
    if (credential?.kind !== "key" || !isToken(credential.text)) return undefined;
    return Promise.try(() => this.guarded(address, () => tokens.identity(credential.text))).then(
      ({ principal }) => void this.#bearers.set(request, principal),
      (refused: unknown) => void this.#bearers.set(request, { refused }),
    );
  }

  /** As whom a request comes: the owner, whoever its credential names, or a stranger. */
  principalOf(visit: Visit, policy: Policy): Principal {
    if (visit.owner) return owner;
    const credential = credentialOf(visit.request.headers, visit.query);
    if (credential === undefined) return this.stranger(policy, visit.address);
    const bearer = this.#tokens === undefined ? undefined : this.#bearers.get(visit.request);
    if (bearer === undefined) return this.admit(credential, visit.address);
    if ("refused" in bearer) throw bearer.refused;
    return bearer;
  }

  /**
   * Whose credential it is, shown from `address`; refused (101) when it is nobody's, (110) when it is over, and (111) when
   * too many wrong ones came from there: then nothing is looked at but a key that was good from there before.
   */
  admit({ kind, text }: Credential, address: string): Principal {
    return kind === "ticket" ? this.guarded(address, () => this.#tickets.redeem(text)) : this.byKey(text, address);
  }

  byKey(key: string, address: string): Principal {
    const id = keyId(key) ?? "";
    const now = this.#clock.now();
    const known = this.#principals.get(id);
    const principal =
      known?.addresses.has(address) === true && isHash(known.hash, key)
        ? known.principal
        : this.guarded(address, () => this.#recognise(id, key, address));
    if (principal.expires !== undefined && principal.expires <= now) {
      throw new Refused("expired", `Cannot use key ${id}: it has expired`);
    }
    if (known === undefined || now - known.touched >= touchInterval) {
      this.#keys.touch(id, now);
      const kept = this.#principals.get(id);
      if (kept !== undefined) kept.touched = now;
    }
    return principal;
  }

  /** Asks `whose` credential it is, unless too many wrong ones came from `address`; a wrong one is counted. */
  guarded<T extends MaybePromise<unknown>>(address: string, whose: () => T): T {
    this.#failures.require(address, "wrong keys");
    const failed = (thrown: unknown): never => {
      if (thrown instanceof Refused && thrown.refusal.code === 101) this.#failures.take(address, "wrong keys");
      throw thrown;
    };
    try {
      const answer = whose();
      return answer instanceof Promise ? (answer.catch(failed) as T) : answer;
    } catch (thrown) {
      return failed(thrown);
    }
  }

  #recognise(id: string, key: string, address: string): Principal {
    const known = this.#principals.get(id);
    // A storm of reconnects makes no principal twice, so that all sessions of a key share what it remembers.
    const principal = known !== undefined && isHash(known.hash, key) ? known.principal : this.#fromStore(id, key);
    const addresses = this.#principals.get(id)?.addresses;
    if (addresses !== undefined && addresses.size >= addressesOfKey) addresses.clear();
    addresses?.add(address);
    return principal;
  }

  #fromStore(id: string, key: string): Principal {
    const record = this.#keys.find(id);
    if (record === undefined || !isHash(record.hash, key)) throw new Refused("unauthorized");
    const principal: Principal = {
      id: record.id,
      name: record.name,
      rights: new Rights(record.grants),
      ...(record.device === undefined ? {} : { device: record.device }),
      ...(record.expires === undefined ? {} : { expires: record.expires }),
    };
    this.#principals.set(record.id, { principal, hash: record.hash, touched: 0, addresses: new Set() });
    return principal;
  }

  /** What a peer without a credential is and may do. */
  stranger(policy: Policy, address: string): Principal {
    let known = this.#strangers.get(policy);
    if (known === undefined) {
      const principal = { ...nobody, rights: new Rights(policy.anonymous) };
      known = { ranges: policy.openTo.map(parseRange), principal, welcome: new Map() };
      this.#strangers.set(policy, known);
    }
    let welcome = known.welcome.get(address);
    if (welcome === undefined) {
      welcome = inRanges(address, known.ranges);
      if (known.welcome.size >= rememberedAddresses) known.welcome.clear();
      known.welcome.set(address, welcome);
    }
    return welcome ? known.principal : nobody;
  }

  /** A key was changed or revoked: what is remembered of it goes. Its sessions are the hub's to end. */
  forget(id: string): void {
    this.#principals.delete(id);
    this.#tickets.revoke(id);
  }

  /** Refuses a web page that is neither ours nor listed; what is no web page has no Origin and passes. */
  requireOrigin(headers: Headers, secure: boolean, policy: Policy): void {
    const origin = headers.get("origin");
    if (origin === null || this.knowsOrigin(origin, headers, secure, policy)) return;
    throw new Refused(
      "permissionDenied",
      `Cannot serve a page of ${origin.slice(0, 100)}: add it to \`origins\` if you trust it`,
    );
  }

  knowsOrigin(origin: string, headers: Headers, secure: boolean, policy: Policy): boolean {
    return originAllowed(origin, ownOrigins(headers.get("host"), secure, this.#publicUrl), policy.origins);
  }
}

type Range = readonly [ipaddr.IPv4 | ipaddr.IPv6, number];

/** `10.0.0.0/8`, `::1`, or a single address. */
function parseRange(text: string): Range {
  return text.includes("/")
    ? ipaddr.parseCIDR(text)
    : [ipaddr.parse(text), ipaddr.parse(text).kind() === "ipv4" ? 32 : 128];
}

export function rangeFault(text: string): string | undefined {
  try {
    parseRange(text);
    return undefined;
  } catch {
    return `${JSON.stringify(text)} is no address or range like 192.168.0.0/16`;
  }
}

function inRanges(address: string, ranges: readonly Range[]): boolean {
  if (ranges.length === 0 || !ipaddr.isValid(address)) return false;
  const asked = ipaddr.process(address);
  return ranges.some(([range, bits]) => {
    if (asked.kind() !== range.kind()) return false;
    return asked instanceof ipaddr.IPv4
      ? range instanceof ipaddr.IPv4 && asked.match(range, bits)
      : range instanceof ipaddr.IPv6 && asked.match(range, bits);
  });
}

export function addressIn(address: string, ranges: readonly string[]): boolean {
  return inRanges(address, ranges.map(parseRange));
}
