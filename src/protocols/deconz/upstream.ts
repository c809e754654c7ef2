/** The gateway upstream as a REST client sees it. All I/O is the dialer's. */

import { type JsonObject, parseObject } from "../../core/json.ts";
import type { DialAnswer, Dialer } from "../../ports.ts";

/** Where it was found this time. */
export interface Found {
  /** `http://host:port`, after redirects. */
  readonly base: string;
  readonly config: JsonObject;
  /** URLs at which its WebSocket may be, the likeliest first. */
  readonly webSockets: readonly string[];
}

/** How long a request may take, in ms. */
const patience = 10_000;

/** The gateway does not know our key. */
export class KeyRefused extends Error {}
/** It answers, but not with what was asked for. */
export class UpstreamError extends Error {}

export class Upstream {
  readonly #dialer: Dialer;
  readonly #url: string;
  readonly #key: () => string | undefined;
  #base: string;

  constructor(dialer: Dialer, url: string, key: () => string | undefined) {
    this.#dialer = dialer;
    this.#url = url.replace(/\/+$/, "");
    this.#key = key;
    this.#base = this.#url;
  }

  /** Looks for the gateway anew: it may have moved, and its WebSocket even more so. */
  async find(): Promise<Found> {
    // What needs no key goes first, so that the key is shown only where the gateway really is.
    const open = await this.#dial(`${this.#url}/api/config`, "GET");
    if (open.status !== 200) throw new UpstreamError(`it answers ${open.status} to /api/config`);
    this.#base = open.url.replace(/\/api\/config\/?$/, "");
    const config = await this.object("config");
    return { base: this.#base, config, webSockets: webSocketsOf(this.#base, config) };
  }

  /** The object at a path below the key. */
  async object(...path: readonly string[]): Promise<JsonObject> {
    const { status, text } = await this.ask("GET", path);
    if (status !== 200) throw new UpstreamError(`it answers ${status} to /${path.join("/")}`);
    const value = parseObject(text);
    if (value === undefined) throw new UpstreamError(`its answer to /${path.join("/")} is no JSON object`);
    return value;
  }

  /** Any request below the key. Rejects with `KeyRefused` where the key is no good. */
  async ask(method: string, path: readonly string[], body?: string): Promise<DialAnswer> {
    const key = this.#key();
    if (key === undefined) throw new KeyRefused("there is no key");
    // Gateways do not decode the colons of a uniqueid.
    const below = path.map((level) => `/${encodeURIComponent(level).replaceAll("%3A", ":")}`).join("");
    const answer = await this.#dial(`${this.#base}/api/${encodeURIComponent(key)}${below}`, method, body);
    if (answer.status === 403 && /"type":\s*1[,}]/.test(answer.text)) throw new KeyRefused("it does not know the key");
    return answer;
  }

  async #dial(url: string, method: string, body?: string): Promise<DialAnswer> {
    const given = body === undefined ? {} : { body, headers: { "content-type": "application/json" } };
    return this.#dialer.request(url, { method, patience, ...given });
  }
}

/** `websocketport_wss`, then `websocketport`, then the REST port. */
function webSocketsOf(base: string, config: JsonObject): readonly string[] {
  const { hostname, port, protocol } = new URL(base);
  const secure = protocol === "https:";
  const rest = port === "" ? (secure ? 443 : 80) : Number(port);
  const urls: string[] = [];
  const add = (scheme: string, at: unknown): void => {
    if (typeof at === "number" && Number.isInteger(at) && at > 0 && at < 65_536)
      urls.push(`${scheme}://${hostname}:${at}/`);
  };
  add("wss", config["websocketport_wss"]);
  add("ws", config["websocketport"]);
  add(secure ? "wss" : "ws", rest);
  return [...new Set(urls)];
}
