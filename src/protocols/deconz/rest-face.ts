/**
 * The gateway's REST interface, as existing clients know it. What is read comes from the picture that the bridge keeps;
 * what is written goes upstream, and its answer comes back as it is.
 */
import type { Gate } from "../../core/gate.ts";
import { parseObject } from "../../core/json.ts";
import type { Keyring } from "../../core/keyring.ts";
import type { PairingWindow } from "../../core/pairing-window.ts";
import { Refused } from "../../core/refusals.ts";
import type { Principal } from "../../core/session.ts";
import type { Answer, Clock, Log, Visit } from "../../ports.ts";
import { faultAnswer, faultOf, preflight, RestFault, restAnswer, successText, taggedAnswer } from "./answers.ts";
import type { DeconzBridge } from "./bridge.ts";
import { basicConfig, wholeConfig } from "./gateway-config.ts";
import { sortedText } from "./json.ts";
import { type PictureKind, pictureKinds } from "./mirror.ts";
import { Pairing } from "./pairing.ts";

export interface RestFaceParts {
  readonly gate: Gate;
  readonly keyring: Keyring;
  readonly window: PairingWindow;
  readonly clock: Clock;
  readonly log: Log;
}

/** One place where the interface is. */
export interface Place {
  readonly bridge: DeconzBridge;
  /** The port of the WebSocket that clients are told; the one they asked at if absent. */
  readonly webSocketPort: () => number | undefined;
}

/** One request of somebody with a key. */
interface Asked {
  readonly place: Place;
  readonly visit: Visit;
  readonly method: string;
  readonly key: string;
  readonly principal: Principal;
  /** Levels after the key. */
  readonly path: readonly string[];
  /** The same, for errors. */
  readonly address: string;
}

/** No request that makes sense is longer, in bytes. */
const largestBody = 64 * 1024;
/** What the gateway has besides resources, and is asked for it itself. */
const otherModules =
  "config rules schedules resourcelinks capabilities info userparameter touchlink devices ddf gateways".split(" ");

export class RestFace {
  readonly #parts: RestFaceParts;
  readonly #pairing: Pairing;

  constructor(parts: RestFaceParts) {
    this.#parts = parts;
    const { keyring, window, clock } = parts;
    const isKey = (text: string, bridge: string, address: string): boolean =>
      this.#principalOf(text, address)?.rights.may("subscribe", `${bridge}/events`) === true;
    this.#pairing = new Pairing({ keyring, window, clock, isKey });
  }

  /** `levels`: the path below `/api`, decoded. */
  async answer(visit: Visit, place: Place, levels: readonly string[]): Promise<Answer> {
    try {
      return await this.#answer(visit, place, levels);
    } catch (thrown) {
      const address = `/${levels.slice(1).join("/")}`;
      if (thrown instanceof RestFault) return faultAnswer(thrown);
      if (!(thrown instanceof Refused)) this.#parts.log.error({ err: thrown }, "Cannot answer a request");
      return faultAnswer(faultOf(thrown instanceof Refused ? thrown : new Refused("internal"), address));
    }
  }

  async #answer(visit: Visit, place: Place, levels: readonly string[]): Promise<Answer> {
    const { method } = visit.request;
    const [key, ...path] = levels;
    const { bridge } = place;
    if (method === "OPTIONS") return preflight();
    if (key === undefined) {
      if (method !== "POST") throw noMethod(method, "/");
      this.#pairing.requireOpen();
      return restAnswer(200, this.#pairing.pair(bridge.name, await visit.text(largestBody), visit.address));
    }
    const basic = isReading(method) && (path[0] ?? key) === "config" && path.length <= 1;
    const principal = this.#principalOf(key, visit.address);
    if (principal === undefined || !principal.rights.may("subscribe", `${bridge.name}/events`)) {
      if (basic) return taggedAnswer(sortedText(basicConfig(bridge.mirror.config)), null);
      throw new RestFault("unauthorized", `/${path.join("/")}`, "unauthorized user");
    }
    const address = `/${path.join("/")}`;
    if (!bridge.ready) throw new RestFault("notConnected", address, "Not connected, the gateway is not reachable");
    const asked: Asked = { place, visit, method, key, principal, path, address };
    return isReading(method) ? this.#read(asked) : this.#write(asked);
  }

  #principalOf(key: string, address: string): Principal | undefined {
    try {
      return this.#parts.gate.byKey(key, address);
    } catch {
      return undefined;
    }
  }

  // ── Reading ──

  async #read(asked: Asked): Promise<Answer> {
    const { path, place, visit, address } = asked;
    const [first, ...rest] = path;
    const known = visit.request.headers.get("if-none-match");
    const { mirror } = place.bridge;
    if (first === undefined) return taggedAnswer(this.#everything(asked), known);
    if (first === "config" && rest.length === 0) return taggedAnswer(this.#config(asked), known);
    const kind = pictureKinds.find((one) => one === first);
    if (kind === undefined) {
      if (otherModules.includes(first)) return this.#forward(asked, "get");
      throw noMethod(asked.method, address);
    }
    this.#requireReading(asked, kind);
    if (rest.length === 0) return taggedAnswer(mirror.list(kind), known);
    const isOne = rest.length === (kind === "scenes" ? 2 : 1) && rest[0] !== "new";
    if (!isOne) return kind === "scenes" ? Promise.reject(notAvailable(address)) : this.#forward(asked, "get");
    const text = mirror.find(kind, rest.join("/"));
    if (text === undefined) throw notAvailable(address);
    return taggedAnswer(text, known);
  }

  #everything(asked: Asked): string {
    const { mirror } = asked.place.bridge;
    const kinds = pictureKinds.filter((kind) => kind !== "scenes");
    for (const kind of kinds) this.#requireReading(asked, kind);
    const others = Object.entries(mirror.others).map(([name, value]) => [name, sortedText(value)] as const);
    const lists = kinds.map((kind) => [kind as string, mirror.list(kind)] as const);
    const members = [...lists, ...others, ["config", this.#config(asked)] as const].sort(([a], [b]) =>
      a < b ? -1 : 1,
    );
    return `{${members.map(([name, text]) => `"${name}":${text}`).join(",")}}`;
  }

  #config({ place, visit, key, principal }: Asked): string {
    const at = new URL(URL.canParse(visit.request.url) ? visit.request.url : "http://localhost");
    const standard = visit.secure ? 443 : 80;
    const port = at.port === "" ? standard : Number(at.port);
    const { clock, keyring } = this.#parts;
    return sortedText(
      wholeConfig(place.bridge.mirror.config, {
        port,
        webSocketPort: place.webSocketPort() ?? port,
        secure: visit.secure,
        pairingOpen: this.#pairing.open,
        address: /^[\d.]+$/.test(at.hostname) ? at.hostname : undefined,
        key,
        keyName: principal.name,
        created: keyring.find(principal.id)?.created ?? 0,
        now: clock.now(),
      }),
    );
  }

  #requireReading({ principal, place, address }: Asked, kind: PictureKind): void {
    if (principal.rights.may("subscribe", `${place.bridge.name}/${kind}`)) return;
    throw new RestFault("unauthorized", address, "unauthorized user");
  }

  // ── Writing ──

  async #write(asked: Asked): Promise<Answer> {
    const { method, path, visit, address, principal } = asked;
    const [first, second, third] = path;
    if (!["PUT", "POST", "PATCH", "DELETE"].includes(method)) throw noMethod(method, address);
    const body = await visit.text(largestBody);
    if (first === "config" && second === "whitelist") return this.#deleteKey(asked, third);
    const isScene = first === "groups" && path[2] === "scenes" && path[4] === "recall";
    requireCall(asked, isScene ? "scene" : "set");
    const wish = parseObject(body);
    // Searches and deletions need no body; everything else is an object.
    if (wish === undefined && !(body.trim() === "" && method !== "PUT" && method !== "PATCH")) {
      throw new RestFault("invalidJson", address, "body contains invalid JSON");
    }
    if (first === "config" && second === undefined && wish?.["unlock"] !== undefined) {
      return this.#unlock(wish["unlock"], principal, address);
    }
    return this.#forward(asked, isScene ? "scene" : "set", body);
  }

  /** A client that goes takes its key with it; those of others it can neither see nor delete. */
  #deleteKey({ method, key, principal, address }: Asked, wanted: string | undefined): Answer {
    if (method !== "DELETE" || wanted === undefined) throw noMethod(method, address);
    if (wanted !== key) return restAnswer(200, "[]");
    this.#parts.keyring.revoke(principal.id);
    return restAnswer(200, JSON.stringify([{ success: `/config/whitelist/${wanted} deleted.` }]));
  }

  /** Unlocking opens our own pairing, which is for administrators; the upstream's stays as it is. */
  #unlock(seconds: unknown, { rights }: Principal, address: string): Answer {
    if (!rights.mayAny("admin")) throw new RestFault("unauthorized", address, "unauthorized user");
    const valid = typeof seconds === "number" && Number.isInteger(seconds) && seconds >= 0 && seconds <= 600;
    if (!valid) throw new RestFault("invalidValue", "/config/unlock", "invalid value for parameter, unlock");
    this.#parts.window.openFor(seconds * 1000);
    return restAnswer(200, successText("/config/unlock", seconds));
  }

  async #forward(asked: Asked, call: "get" | "set" | "scene", body?: string): Promise<Answer> {
    requireCall(asked, call);
    const { bridge } = asked.place;
    const given = body === undefined || body === "" ? undefined : body;
    const { status, text } = await bridge.forward(asked.method === "HEAD" ? "GET" : asked.method, asked.path, given);
    return restAnswer(status, text);
  }
}

function requireCall({ principal, place, address }: Asked, call: string): void {
  if (principal.rights.may("call", `${place.bridge.name}.${call}`)) return;
  throw new RestFault("unauthorized", address, "unauthorized user");
}

function isReading(method: string): boolean {
  return method === "GET" || method === "HEAD";
}

function noMethod(method: string, address: string): RestFault {
  return new RestFault(
    "noMethod",
    address,
    `method, ${method.slice(0, 20)}, not available for resource, ${address.slice(0, 100)}`,
  );
}

function notAvailable(address: string): RestFault {
  return new RestFault("notAvailable", address, `resource, ${address.slice(0, 100)}, not available`);
}
