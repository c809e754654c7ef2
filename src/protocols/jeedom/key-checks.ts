/** Which keys are those of Jeedom's users, and what their owners may see. Jeedom is asked once per key and minute. */
import { createHash } from "node:crypto";
import { Refused } from "../../core/refusals.ts";
import type { Clock } from "../../ports.ts";
import { readHouse } from "./house.ts";
import { type JsonRpc, KeyRefused } from "./json-rpc.ts";
import type { JeedomEvent, Sight, Subject } from "./upstream.ts";

/** In ms. */
const freshness = 60_000;
/** Of keys that Jeedom may be asked about. A user's key has 64 letters, its SHA-512 128. */
const shortest = 16;
const longest = 256;

interface Check {
  readonly at: number;
  readonly sight: Promise<Sight | undefined>;
}

export class KeyChecks {
  readonly #rpc: JsonRpc;
  readonly #clock: Clock;
  readonly #checks = new Map<string, Check>();

  constructor(rpc: JsonRpc, clock: Clock) {
    this.#rpc = rpc;
    this.#clock = clock;
  }

  check(key: string): Promise<Sight | undefined> {
    if (key.length < shortest || key.length > longest) return Promise.resolve(undefined);
    const now = this.#clock.now();
    for (const [checked, { at }] of this.#checks) if (now - at >= freshness) this.#checks.delete(checked);
    const known = this.#checks.get(key);
    if (known !== undefined) return known.sight;
    const sight = this.#ask(key).catch((thrown: unknown) => {
      if (thrown instanceof KeyRefused) return undefined;
      this.#checks.delete(key);
      throw new Refused("notAvailable", "Cannot ask Jeedom about the key now");
    });
    this.#checks.set(key, { at: now, sight });
    return sight;
  }

  async #ask(key: string): Promise<Sight | undefined> {
    const full = await this.#rpc.list("jeeObject::full", { key });
    // The key of the API itself is let in by Jeedom, but is nobody's.
    if (key === (await this.#apiKey())) return undefined;
    const house = readHouse(full, await this.#rpc.list("scenario::all", { key }));
    return sightOf({
      commands: new Set(house.commands.keys()),
      equipments: new Set(house.equipments.keys()),
      objects: new Set([...house.objects.keys(), "global"]),
      scenarios: new Set(house.scenarios.keys()),
    });
  }

  /** Nothing where the bridge's own key may not ask for it. */
  async #apiKey(): Promise<unknown> {
    try {
      return (await this.#rpc.ask("config::byKey", { params: { key: "api" } })).result;
    } catch {
      return undefined;
    }
  }
}

/** What is about nothing in particular is seen by everyone. */
function sightOf(seen: Readonly<Record<Subject["kind"], ReadonlySet<string>>>): Sight {
  const text = JSON.stringify(Object.values(seen).map((ids) => [...ids].sort()));
  const id = createHash("sha256").update(text).digest("base64url");
  return { id, sees: ({ subject }: JeedomEvent) => subject === undefined || seen[subject.kind].has(subject.id) };
}
