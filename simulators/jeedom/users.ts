/** Who may ask: users with a key each, the key of the API itself, and what each of them may see. */
import { createHash } from "node:crypto";

export interface User {
  readonly login: string;
  password: string;
  /** The user's hash, which is the key. */
  key: string;
  profile: "admin" | "user" | "restrict";
  enabled: boolean;
  /** Of the profile `restrict`: what may be seen (`r`), also used (`rx`), or neither (`n`), by `eqLogic12` or `scenario3`. */
  readonly rights: Map<string, "r" | "rx" | "n">;
}

/** Who asks: a user, or nobody in particular, who has the key of the API. */
export type Asking = { readonly user?: User };

export class Users {
  readonly all = new Map<string, User>();
  /** The key of the API itself. */
  apiKey: string;
  readonly #knowsHashes: boolean;

  /** `knowsHashes`: the SHA-512 of a user's key is taken for it. */
  constructor(apiKey: string, knowsHashes: boolean) {
    this.apiKey = apiKey;
    this.#knowsHashes = knowsHashes;
  }

  /** The key is made of the login, so that it is known beforehand. */
  add(login: string, profile: User["profile"] = "user", rights: Readonly<Record<string, "r" | "rx" | "n">> = {}): User {
    const key = keyOf(login);
    const user: User = { login, password: login, key, profile, enabled: true, rights: new Map(Object.entries(rights)) };
    this.all.set(login, user);
    return user;
  }

  find(key: unknown): Asking | undefined {
    if (typeof key !== "string" || key.length < 16) return undefined;
    if (key === this.apiKey) return {};
    const user = [...this.all.values()].find(
      (one) => one.key === key || (this.#knowsHashes && createHash("sha512").update(one.key).digest("hex") === key),
    );
    return user?.enabled === true ? { user } : undefined;
  }
}

/** 64 letters and digits, as Jeedom makes them. */
export function keyOf(login: string): string {
  return createHash("sha256").update(`key of ${login}`).digest("hex");
}

export function may({ user }: Asking, what: "eqLogic" | "scenario", id: number, right: "r" | "rx"): boolean {
  if (user === undefined || user.profile !== "restrict") return true;
  const given = user.rights.get(`${what}${id}`) ?? "n";
  return given === "rx" || given === right;
}
