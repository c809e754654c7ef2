/** Tokens (JWT) of an application: who bears one, and what it allows. Verified by `jose`; times come from the clock. */
import { createHash } from "node:crypto";
import { decodeProtectedHeader, errors, type JWTPayload, type JWTVerifyResult, jwtVerify } from "jose";
import type { Clock, Grants, JsonText } from "../ports.ts";
import { grantsFault, Rights, verbs } from "./access.ts";
import { nameFault } from "./channels.ts";
import { personalChannel } from "./own-channels.ts";
import { Refused } from "./refusals.ts";
import type { Principal } from "./session.ts";
import type { VerifyingKeys } from "./verifying-keys.ts";

/** How long after its end a token may be refreshed in the connection, in ms. */
export const tokenGrace = 25_000;

/** How a subscription that a token gives is worded. */
export interface ChannelTerms {
  /** Told to the subscriber when it begins. */
  readonly data?: JsonText;
  /** What is told of the subscriber to others in this channel. */
  readonly info?: JsonText;
  /** It is told of joins and leaves, where the channel has presence. */
  readonly joinLeave?: boolean;
}

/** Who a connection token says its bearer is. */
export interface TokenIdentity {
  /** Its `expires` lies `tokenGrace` behind that of the token. */
  readonly principal: Principal;
  /** When a new token is due; absent for never. */
  readonly expires?: number;
  /** Channels that its bearer is subscribed to, whatever its grants. */
  readonly channels: readonly string[];
  /** Of those of its claim `subs`. */
  readonly terms: ReadonlyMap<string, ChannelTerms>;
}

/** What a token for one channel allows. */
export interface TokenSubscription extends Omit<ChannelTerms, "data"> {
  readonly expires?: number;
}

export interface TokensParts {
  readonly clock: Clock;
  readonly keys: VerifyingKeys;
  readonly audience?: readonly string[] | undefined;
  readonly issuer?: string | undefined;
  /** The rights of a token without the claim `grants`. */
  readonly defaultGrants: Grants;
}

/** The longest that is looked at; those in use have a tenth of it. */
const longest = 16_384;
const mostChannels = 256;
const longestUser = 200;
/** How long a token that was good is taken for good, in ms, and how many are: clients that come back at once are not verified anew. */
const rememberedFor = 60_000;
const mostRemembered = 10_000;
const algorithms = /^(HS|RS|PS|ES)(256|384|512)$|^(EdDSA|Ed25519)$/;

export class Tokens {
  readonly #parts: TokensParts;
  /** By their hash: tokens that were good lately, and until when they are taken for good. */
  readonly #remembered = new Map<string, { readonly claims: JWTPayload; readonly until: number }>();

  constructor(parts: TokensParts) {
    this.#parts = parts;
  }

  /** Refused: unauthorized (101), also for a token of one channel; token expired (109). */
  async identity(token: string): Promise<TokenIdentity> {
    const claims = await this.claims(token);
    if (claims["channel"] !== undefined) throw unauthorized("it is for one channel, not for a connection");
    const { sub: user = "" } = claims;
    const rights = new Rights(grantsIn(claims) ?? this.#parts.defaultGrants);
    const expires = endOf(claims);
    const info = jsonIn(claims, "info");
    const id = user === "" ? "anonymous" : user;
    const principal: Principal = {
      id,
      name: id,
      rights,
      ...(info === undefined ? {} : { info }),
      ...(expires === undefined ? {} : { expires: expires + tokenGrace }),
    };
    const channels = channelsIn(claims);
    return { principal, channels, terms: termsIn(claims), ...(expires === undefined ? {} : { expires }) };
  }

  /** Refused: permission denied (103) when it is no good for this channel and user; token expired (109). */
  async subscription(token: string, channel: string, user: string): Promise<TokenSubscription> {
    let claims: JWTPayload;
    try {
      claims = await this.claims(token);
    } catch (thrown) {
      if (thrown instanceof Refused && thrown.refusal.name === "unauthorized") throw denied(thrown.message);
      throw thrown;
    }
    if (claims["channel"] !== channel) throw denied(`Cannot use the token for ${channel}: it is for another channel`);
    const bearer = user === "anonymous" ? "" : user;
    if ((claims.sub ?? "") !== bearer) throw denied(`Cannot use the token for ${channel}: it is another user's`);
    const expires = endOf(claims);
    const { data: _, ...terms } = termsOf(claims);
    return expires === undefined ? terms : { ...terms, expires };
  }

  /** The claims of a token that is signed by one of our keys, for us, and not over. */
  async claims(token: string): Promise<JWTPayload> {
    if (token.length > longest) throw unauthorized("it is too long");
    const now = this.#parts.clock.now();
    const hash = createHash("sha256").update(token).digest("base64");
    const known = this.#remembered.get(hash);
    if (known !== undefined && now < known.until) return known.claims;
    const claims = await this.#verify(token);
    if (this.#remembered.size >= mostRemembered) this.#remembered.clear();
    const end = claims.exp === undefined ? Number.POSITIVE_INFINITY : claims.exp * 1000;
    this.#remembered.set(hash, { claims, until: Math.min(end, now + rememberedFor) });
    return claims;
  }

  async #verify(token: string): Promise<JWTPayload> {
    const algorithm = algorithmOf(token);
    const { clock, keys, audience, issuer } = this.#parts;
    const options = {
      algorithms: [algorithm],
      currentDate: new Date(clock.now()),
      ...(audience === undefined || audience.length === 0 ? {} : { audience: [...audience] }),
      ...(issuer === undefined ? {} : { issuer }),
    };
    const header = decodeProtectedHeader(token);
    for (const key of await keys.fitting({ algorithm, id: header.kid })) {
      try {
        const { payload }: JWTVerifyResult = await jwtVerify(token, key, options);
        const user: unknown = payload.sub === undefined ? "" : payload.sub;
        if (typeof user === "string" && user.isWellFormed() && user.length <= longestUser) return payload;
        throw unauthorized("its `sub` is no name of a user");
      } catch (thrown) {
        if (thrown instanceof errors.JWSSignatureVerificationFailed) continue;
        if (thrown instanceof Refused) throw thrown;
        throw asRefusal(thrown);
      }
    }
    throw unauthorized("no key of ours has signed it");
  }
}

function algorithmOf(token: string): string {
  try {
    const { alg } = decodeProtectedHeader(token);
    if (typeof alg === "string" && algorithms.test(alg)) return alg;
  } catch {
    throw unauthorized("it is no JWT");
  }
  throw unauthorized("its algorithm is not taken");
}

function unauthorized(why: string): Refused {
  return new Refused("unauthorized", `Cannot use the token: ${why}`);
}

function denied(message: string): Refused {
  return new Refused("permissionDenied", message);
}

function asRefusal(thrown: unknown): Refused {
  if (thrown instanceof errors.JWTExpired) return new Refused("tokenExpired");
  if (thrown instanceof errors.JWTClaimValidationFailed) return unauthorized(`its claim \`${thrown.claim}\` is wrong`);
  return unauthorized("it is not valid");
}

/** When the connection or subscription is over: `expire_at` (0 for never) where it is told, else the token's own end. */
function endOf({ exp, expire_at: told }: JWTPayload): number | undefined {
  if (told === undefined) return exp === undefined ? undefined : exp * 1000;
  if (typeof told !== "number" || !Number.isFinite(told) || told < 0) throw unauthorized("its `expire_at` is no time");
  return told === 0 ? undefined : told * 1000;
}

function grantsIn({ grants }: JWTPayload): Grants | undefined {
  if (grants === undefined) return undefined;
  const fault = claimedGrantsFault(grants);
  if (fault !== undefined) throw unauthorized(`its \`grants\` make no sense: ${fault}`);
  return grants as Grants;
}

/** What is wrong with a claim `grants`, which may be anything, or nothing. */
export function claimedGrantsFault(claim: unknown): string | undefined {
  if (typeof claim !== "object" || claim === null || Array.isArray(claim)) return "it is no object";
  for (const [verb, patterns] of Object.entries(claim)) {
    if (!(verbs as readonly string[]).includes(verb)) return `there is no grant ${verb.slice(0, 40)}`;
    if (!Array.isArray(patterns) || !patterns.every((pattern) => typeof pattern === "string")) {
      return `${verb} is no list of patterns`;
    }
  }
  return grantsFault(claim as Grants);
}

type Claims = Readonly<Record<string, unknown>>;

/** A member that may be any JSON, or be told in base64. */
function jsonIn(claims: Claims, name: "data" | "info"): JsonText | undefined {
  const encoded = claims[`b64${name}`];
  if (typeof encoded === "string") {
    try {
      return JSON.stringify(JSON.parse(Buffer.from(encoded, "base64").toString()));
    } catch {
      throw unauthorized(`its \`b64${name}\` is no JSON in base64`);
    }
  }
  return claims[name] === undefined ? undefined : JSON.stringify(claims[name]);
}

/** Of `override` only `join_leave` says something here: the rest is the channel's, as it is configured. */
function termsOf(claims: Claims): ChannelTerms {
  const data = jsonIn(claims, "data");
  const info = jsonIn(claims, "info");
  const { join_leave: joinLeave } = objectIn(claims["override"]);
  return {
    ...(data === undefined ? {} : { data }),
    ...(info === undefined ? {} : { info }),
    ...(objectIn(joinLeave)["value"] === true ? { joinLeave: true } : {}),
  };
}

function termsIn({ subs }: JWTPayload): ReadonlyMap<string, ChannelTerms> {
  return new Map(Object.entries(objectIn(subs)).map(([name, claims]) => [name, termsOf(objectIn(claims))]));
}

function objectIn(value: unknown): Claims {
  return typeof value === "object" && value !== null ? (value as Claims) : {};
}

/** The user's own channel, those of `channels`, and those of `subs`. */
function channelsIn({ sub = "", channels, subs }: JWTPayload): readonly string[] {
  const listed: unknown = channels ?? [];
  if (!Array.isArray(listed)) throw unauthorized("its `channels` are no list");
  if (subs !== undefined && (typeof subs !== "object" || subs === null)) throw unauthorized("its `subs` are no object");
  const named: unknown[] = [...listed, ...Object.keys((subs as object | undefined) ?? {})];
  if (named.length > mostChannels) throw unauthorized("it has too many channels");
  const names = new Set<string>(sub === "" ? [] : [personalChannel(sub)]);
  for (const name of named) {
    if (typeof name !== "string" || nameFault(name) !== undefined) throw unauthorized("it has what is no channel");
    names.add(name);
  }
  return [...names];
}
