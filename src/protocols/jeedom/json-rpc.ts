/** Jeedom's API as its client sees it. All I/O is the dialer's, which keeps no cookies: Jeedom counts failures by session. */
import { isObject, numberIn, objectOf, parseObject } from "../../core/json.ts";
import type { Dialer } from "../../ports.ts";

/** Jeedom says no. Its codes are small and positive; its words are for people, in the language of the house. */
export class JeedomError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** Jeedom does not take the key. */
export class KeyRefused extends JeedomError {}
/** What answers is no Jeedom, or not one that works. */
export class UpstreamError extends Error {}

export interface Asking {
  readonly params?: object;
  /** Default: the bridge's own. */
  readonly key?: string;
  /** For all of it, in ms. */
  readonly patience?: number;
}

/** An answer; `text` is all of it, as it came. */
export interface RpcAnswer {
  readonly text: string;
  readonly result: unknown;
}

/** In ms. Old boxes take their time over a whole house. */
const usualPatience = 60_000;
const endpoint = "/core/api/jeeApi.php";

/** Not authorised at all, and a bad key. */
const refusals = [1, 2];

export class JsonRpc {
  readonly #dialer: Dialer;
  readonly #url: string;
  readonly #key: () => string | undefined;
  #id = 0;

  /** `key` is asked at every request, so that one that was given meanwhile is used. */
  constructor(dialer: Dialer, url: string, key: () => string | undefined) {
    this.#dialer = dialer;
    this.#url = url.replace(/\/+$/, "").replace(endpoint, "") + endpoint;
    this.#key = key;
  }

  async ask(method: string, asking: Asking = {}): Promise<RpcAnswer> {
    const apikey = asking.key ?? this.#key();
    if (apikey === undefined) throw new KeyRefused(2, "there is no key");
    const params = { ...asking.params, apikey };
    const answer = await this.#dialer.request(this.#url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: ++this.#id, method, params }),
      patience: asking.patience ?? usualPatience,
    });
    if (answer.status !== 200) throw new UpstreamError(`it answers ${answer.status} to ${method}`);
    const value = parseObject(answer.text);
    if (value === undefined || !("result" in value || "error" in value)) {
      const moved = answer.url === "" || answer.url === this.#url ? "" : `, but sends to ${new URL(answer.url).origin}`;
      throw new UpstreamError(`it answers ${method} with no JSON-RPC${moved}`);
    }
    if (isObject(value["error"])) throw errorOf(value["error"]);
    return { text: answer.text, result: value["result"] };
  }

  /** A list; since 4.5 an empty one is `"ok"`. */
  async list(method: string, asking: Asking = {}): Promise<readonly unknown[]> {
    const { result } = await this.ask(method, asking);
    if (Array.isArray(result)) return result;
    if (result === "ok") return [];
    throw new UpstreamError(`its answer to ${method} is no list`);
  }

  /** Jeedom's clock, in seconds. */
  async time(): Promise<number> {
    const { result } = await this.ask("datetime");
    const time = numberIn(result);
    if (!(time > 0)) throw new UpstreamError("its answer to datetime is no time");
    return time;
  }
}

function errorOf(error: unknown): JeedomError {
  const { code, message } = objectOf(error);
  const number = numberIn(code);
  const words = typeof message === "string" ? message.slice(0, 300) : "";
  return refusals.includes(number) ? new KeyRefused(number, words) : new JeedomError(number, words);
}
