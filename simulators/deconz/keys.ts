/** Pairing: who may get a key, and who has one. */
import { createHmac, randomBytes } from "node:crypto";
import { ok, type RestAnswer, refuse, success } from "./answers.ts";
import type { JsonObject } from "./json.ts";
import type { RestRequest } from "./rest.ts";

interface KeyOwner {
  readonly name: string;
  readonly created: number;
}

const challengeLife = 10 * 60_000;
const challengeInterval = 5000;
const sameDevice = 30_000;
const credentials = `Basic ${btoa("delight:delight")}`;
export const installCode = "0123456789abcdef0123456789abcdef";

export class Keys {
  readonly owners = new Map<string, KeyOwner>();
  /** Until when anybody may pair. */
  unlockedUntil = 0;
  #challenge = { text: "", at: Number.NEGATIVE_INFINITY };
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  get unlocked(): boolean {
    return this.#now() < this.unlockedUntil;
  }

  pair(request: RestRequest): RestAnswer {
    const { wish, isJson } = request;
    if (!this.#allowed(request)) return refuse(403, 101, "/", "link button not pressed");
    if (!isJson) return refuse(400, 2, "/", "body contains invalid JSON");
    const name = wish["devicetype"];
    if (typeof name !== "string") return refuse(400, 5, "/", "missing parameters in body");
    const username = wish["username"];
    if (username !== undefined && (typeof username !== "string" || username.length < 10)) {
      return refuse(400, 7, "/", `invalid value, ${String(username)}, for parameter, username`);
    }
    if (typeof username === "string" && this.owners.has(username)) return ok([success("username", username)]);
    const recent = [...this.owners].find(
      ([, owner]) => owner.name === name && this.#now() - owner.created < sameDevice,
    );
    const key = username ?? recent?.[0] ?? randomBytes(5).toString("hex").toUpperCase();
    if (!this.owners.has(key)) this.owners.set(key, { name, created: this.#now() });
    return ok([success("username", key)]);
  }

  challenge(): RestAnswer {
    if (this.#now() - this.#challenge.at < challengeInterval) {
      return refuse(503, 3, "/challenge", "too many requests, try again later");
    }
    this.#challenge = { text: randomBytes(32).toString("hex"), at: this.#now() };
    return ok({ challenge: this.#challenge.text });
  }

  whitelist(): JsonObject {
    return Object.fromEntries(
      Array.from(this.owners, ([key, { name, created }]) => {
        const time = new Date(created).toISOString().slice(0, 19);
        return [key, { "create date": time, "last use date": time, name }];
      }),
    );
  }

  #allowed({ address, host, authorization, wish }: RestRequest): boolean {
    if (this.unlocked || authorization === credentials) return true;
    if (address === "127.0.0.1" && /^(127\.0\.0\.1|localhost)(:\d+)?$/.test(host) && this.allowLocal) return true;
    const proof = wish["hmac-sha256"];
    if (typeof proof !== "string" || this.#now() - this.#challenge.at > challengeLife) return false;
    return proof === createHmac("sha256", installCode).update(this.#challenge.text).digest("hex");
  }

  /** `--allow-local`: whoever asks from this machine by a loopback name may pair. Off, so that a test can be a stranger. */
  allowLocal = false;
}
