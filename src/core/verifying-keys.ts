/** The keys that tokens may be signed with: secrets, public keys, and those of a JWKS URL, which is asked when needed. */
import { type CryptoKey, importJWK, type JWK } from "jose";
import type { Clock, Log } from "../ports.ts";
import { Refused } from "./refusals.ts";

export interface VerifyingKeysParts {
  readonly clock: Clock;
  readonly log: Log;
  /** Any of them is good: while one is replaced by another, both are here. */
  readonly secrets: readonly string[];
  readonly publicKeys: readonly JWK[];
  /** Gets the text of the JWKS document; absent where there is none. */
  readonly fetchKeys?: (() => Promise<string>) | undefined;
}

/** What the header of a token says of its key. */
export interface KeyWanted {
  readonly algorithm: string;
  readonly id?: string | undefined;
}

export type VerifyingKey = CryptoKey | Uint8Array;

/** A document of keys is taken as it is for so long, in ms; keys that are not in it are looked for no more often. */
const freshFor = 10 * 60_000;
const leastBetween = 30_000;

export class VerifyingKeys {
  readonly #parts: VerifyingKeysParts;
  readonly #secrets: readonly Uint8Array[];
  readonly #imported = new Map<string, Promise<VerifyingKey | undefined>>();
  #fetched: readonly JWK[] = [];
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #triedAt = Number.NEGATIVE_INFINITY;
  #fetching: Promise<void> | undefined;

  constructor(parts: VerifyingKeysParts) {
    this.#parts = parts;
    this.#secrets = parts.secrets.map((secret) => new TextEncoder().encode(secret));
  }

  /** Keys that a token may have been signed with. A public key is never taken for a secret, nor a secret for one. */
  async fitting(wanted: KeyWanted): Promise<readonly VerifyingKey[]> {
    if (wanted.algorithm.startsWith("HS")) return this.#secrets;
    let found = this.#publicOf(wanted);
    if (this.#parts.fetchKeys !== undefined && this.#mayFetch(found.length > 0)) {
      await this.#fetch();
      found = this.#publicOf(wanted);
    }
    const keys = await Promise.all(found.map((jwk) => this.#import(jwk, wanted.algorithm)));
    return keys.filter((key) => key !== undefined);
  }

  #publicOf(wanted: KeyWanted): readonly JWK[] {
    return [...this.#parts.publicKeys, ...this.#fetched].filter((jwk) => fits(jwk, wanted));
  }

  #mayFetch(known: boolean): boolean {
    // Whoever comes while they are on their way waits for them too.
    if (this.#fetching !== undefined) return !known;
    const now = this.#parts.clock.now();
    return now - (known ? this.#fetchedAt : this.#triedAt) > (known ? freshFor : leastBetween);
  }

  #fetch(): Promise<void> {
    this.#fetching ??= this.#fetchOnce().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  /** What cannot be had now leaves the keys as they were. */
  async #fetchOnce(): Promise<void> {
    const { clock, log, fetchKeys } = this.#parts;
    this.#triedAt = clock.now();
    try {
      const keys = keysIn((await fetchKeys?.()) ?? "");
      this.#fetched = keys;
      this.#imported.clear();
    } catch (thrown) {
      log.warn({ err: thrown }, "Cannot get the keys of tokens (tokens.jwks_url)");
      if (this.#fetched.length === 0 && this.#parts.publicKeys.length === 0) {
        throw new Refused("notAvailable", "Cannot check the token now: its keys cannot be had");
      }
    }
    this.#fetchedAt = clock.now();
  }

  #import(jwk: JWK, algorithm: string): Promise<VerifyingKey | undefined> {
    const id = `${algorithm} ${jwk.kid ?? ""} ${jwk.n ?? ""} ${jwk.x ?? ""} ${jwk.y ?? ""}`;
    let key = this.#imported.get(id);
    if (key === undefined) {
      key = importJWK(jwk, algorithm).catch(() => undefined);
      this.#imported.set(id, key);
    }
    return key;
  }
}

const curves: Readonly<Record<string, string>> = { ES256: "P-256", ES384: "P-384", ES512: "P-521" };

function fits({ kty, crv, kid, alg, use }: JWK, { algorithm, id }: KeyWanted): boolean {
  if (id !== undefined && kid !== undefined && id !== kid) return false;
  if ((alg !== undefined && alg !== algorithm) || (use !== undefined && use !== "sig")) return false;
  if (algorithm.startsWith("ES")) return kty === "EC" && crv === curves[algorithm];
  if (algorithm.startsWith("Ed")) return kty === "OKP" && crv === "Ed25519";
  return kty === "RSA";
}

/** The keys of a JWKS document, or of one JWK; secret ones are not taken from where all can read them. */
export function keysIn(text: string): readonly JWK[] {
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null) throw new Error("Cannot read the keys: that is no JWKS");
  const keys: unknown = "keys" in value ? value.keys : [value];
  if (!Array.isArray(keys)) throw new Error("Cannot read the keys: `keys` is no list");
  return keys.filter((key: unknown): key is JWK => {
    return typeof key === "object" && key !== null && "kty" in key && key.kty !== "oct";
  });
}
