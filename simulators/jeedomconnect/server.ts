/** The plugin as a process beside its Jeedom: its three addresses on a real port, calls back to its daemon, faults on demand. */
import type { Server } from "bun";
import { readQuestion } from "../jeedom/json-rpc.ts";
import type { Simulator as Jeedom } from "../jeedom/server.ts";
import { serve } from "../serve.ts";
import { tellPort } from "./answers-port.ts";
import type { PhoneEquipment } from "./equipment.ts";
import type { Message } from "./message.ts";
import { answer, exception, filesMessage } from "./methods.ts";
import { type Params, Plugin } from "./plugin.ts";
import { phpJson } from "./shapes.ts";
import { streamEvents } from "./stream.ts";

export interface SimulatorOptions {
  /** Whose house it is. It is started and stopped by whoever made it. */
  readonly jeedom: Jeedom;
  /** 0: any free one. */
  readonly port?: number;
  readonly hostname?: string;
  /** What the plugin and its daemon know each other by. */
  readonly pluginKey?: string;
  /** Where the daemon takes answers, on this machine. */
  readonly socketPort?: number;
  /** How often a stream looks for events, in ms. Default: 1000. */
  readonly round?: number;
}

/** A question as it came. */
export interface Asked {
  readonly method: string;
  readonly params: Params;
  readonly id: unknown;
  readonly apiKey: string;
  /** The `apikey` of its URL. */
  readonly pluginKey: string | null;
}

type MaybePromise<T> = T | Promise<T>;

const folder = "/plugins/JeedomConnect/core";
/** A picture of one pixel. */
const jpeg = Buffer.from(
  "/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////////////////////////////////wgALCAABAAEBAREA/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPxA=",
  "base64",
);

export class Simulator {
  readonly plugin: Plugin;
  readonly pluginKey: string;
  /** Where the daemon takes answers; it may start later. */
  socketPort: number;
  /** HTTP requests so far. */
  requests = 0;
  /** Looks for events by streams, which cost no request. */
  looks = 0;
  /** GET_EVENTS that came while another of the same phone was being answered. */
  overlaps = 0;
  /** Answers that no daemon took. */
  undelivered = 0;
  /** Told of each question. */
  asked: (asked: Asked) => void = () => undefined;
  /** What methods answer in the place of what they should, by their names. */
  readonly answers = new Map<string, (asked: Asked) => MaybePromise<Message | undefined>>();
  /** And pages, by the names of their files. */
  readonly pages = new Map<string, (request: Request) => MaybePromise<Response>>();
  /** An answer waits so long, in ms, by its method. */
  readonly slowness = new Map<string, number>();
  trouble: "500" | "html" | "hang" | undefined;
  readonly #options: SimulatorOptions;
  /** Requests by method and phone. */
  readonly #counts = new Map<string, number>();
  /** Keys of phones whose events are being told. */
  readonly #answering = new Set<string>();
  #server: Server<undefined> | undefined;
  #port: number;
  #closing = new AbortController();

  constructor(options: SimulatorOptions) {
    this.#options = options;
    this.#port = options.port ?? 0;
    this.pluginKey = options.pluginKey ?? "simulated0plugin0key0of0jeedomconnect";
    this.socketPort = options.socketPort ?? 58_090;
    this.plugin = new Plugin(options.jeedom);
  }

  get port(): number {
    return this.#server?.port ?? this.#port;
  }

  get url(): string {
    return `http://${this.#options.hostname ?? "127.0.0.1"}:${this.port}`;
  }

  /** What the daemon is told to call. */
  get callback(): string {
    return `${this.url}${folder}/api/JeedomConnect.api.php`;
  }

  /** Requests for a method, of one phone or of all. */
  count(method: string, phone?: PhoneEquipment): number {
    return [...this.#counts]
      .filter(([key]) => (phone === undefined ? key.startsWith(`${method} `) : key === `${method} ${phone.apiKey}`))
      .reduce((total, [, count]) => total + count, 0);
  }

  /** What a method answers the next time. */
  once(method: string, message: Message): void {
    this.answers.set(method, () => {
      this.answers.delete(method);
      return message;
    });
  }

  start(): this {
    this.#closing = new AbortController();
    const place = { hostname: this.#options.hostname, port: this.#port };
    this.#server = serve(place, (request) => this.#visit(request));
    this.#port = this.#server.port ?? 0;
    return this;
  }

  async stop(): Promise<void> {
    const stopped = this.#server?.stop(true);
    this.#server = undefined;
    this.#closing.abort();
    await stopped;
  }

  async #visit(request: Request): Promise<Response> {
    this.requests++;
    if (this.trouble === "hang")
      await new Promise((resolve) => this.#closing.signal.addEventListener("abort", resolve));
    if (this.trouble === "500") return new Response("", { status: 500 });
    if (this.trouble === "html") return new Response("<html></html>", { headers: { "content-type": "text/html" } });
    const { pathname, searchParams } = new URL(request.url);
    const [place, page = ""] = [pathname.slice(0, pathname.lastIndexOf("/")), pathname.split("/").at(-1)];
    const instead = this.pages.get(page);
    if (instead !== undefined) return instead(request);
    const apiKey = searchParams.get("apiKey") ?? "";
    if (place === `${folder}/api` && page === "JeedomConnect.api.php")
      return this.#call(await request.text(), searchParams.get("apikey"));
    if (place === `${folder}/api` && page === "upload.api.php") return this.#upload(request);
    if (place === `${folder}/php` && page === "eventServer.php") return this.#stream(apiKey, request.signal);
    if (place !== `${folder}/php` || page !== "snapshot.php") return new Response("", { status: 404 });
    return this.plugin.find(apiKey) === undefined
      ? new Response("", { status: 500 })
      : new Response(jpeg, { headers: { "content-type": "image/jpeg" } });
  }

  async #call(body: string, pluginKey: string | null): Promise<Response> {
    const { id, method, params, version } = readQuestion(body);
    if (version !== "2.0") return new Response("", { status: 500 });
    const apiKey = String((method === "GEOLOC" ? id : params["apiKey"]) ?? "");
    const asked = { method, params, id, apiKey, pluginKey };
    const counted = `${method} ${apiKey}`;
    this.#counts.set(counted, (this.#counts.get(counted) ?? 0) + 1);
    this.asked(asked);
    const isKnown = this.plugin.find(apiKey) !== undefined;
    const result = await this.#answer(asked);
    if ((params["connexionFrom"] ?? "API") === "API") {
      const answered = json({ jsonrpc: "2.0", id, result: result ?? "ok" });
      if (method === "REGISTER_DEVICE") registered(answered.headers, params);
      return answered;
    }
    if (result !== undefined) await this.#callBack(result, isKnown ? { id, eqApiKey: apiKey } : {});
    return new Response("", { headers: { "content-type": "application/json" } });
  }

  async #answer(asked: Asked): Promise<Message | undefined> {
    const { method, params, apiKey } = asked;
    const isReading = method === "GET_EVENTS";
    if (isReading && this.#answering.has(apiKey)) this.overlaps++;
    if (isReading) this.#answering.add(apiKey);
    try {
      const slowness = this.slowness.get(method) ?? 0;
      const instead = this.answers.get(method);
      const result = instead === undefined ? answer(method, params, apiKey, this.plugin) : await instead(asked);
      if (slowness > 0) await Bun.sleep(slowness);
      return result;
    } finally {
      if (isReading) this.#answering.delete(apiKey);
    }
  }

  /** One connection to the daemon for each answer. Whose answer it is, is left out where something went wrong. */
  async #callBack(message: Message, whose: object): Promise<void> {
    const named = message.type === "EXCEPTION" ? {} : whose;
    await this.tellDaemon(phpJson({ ...message, ...named, jeedomApiKey: this.pluginKey }));
  }

  /** What the daemon is told by itself. */
  async tellDaemon(text: string): Promise<void> {
    if (!(await tellPort(this.socketPort, text))) this.undelivered++;
  }

  #stream(apiKey: string, gone: AbortSignal): Response {
    const signal = AbortSignal.any([gone, this.#closing.signal]);
    const { round = 1000 } = this.#options;
    const looked = (): void => void this.looks++;
    const texts = streamEvents({ plugin: this.plugin, apiKey, round, signal, looked });
    const bytes = new TextEncoder();
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { done, value } = await texts.next();
        if (done === true) controller.close();
        else controller.enqueue(bytes.encode(value));
      },
    });
    const headers = { "content-type": "text/event-stream", "cache-control": "no-cache", "x-accel-buffering": "no" };
    return new Response(body, { headers });
  }

  /** Takes whatever it is given, under whatever name. */
  async #upload(request: Request): Promise<Response> {
    const { plugin } = this;
    const form = await request.formData();
    const reply = (result: Message): Response => json({ jsonrpc: "2.0", id: 99_999, result });
    if (plugin.find(form.get("apiKey")) === undefined)
      return reply(exception("UPLOAD", new Error("Can't find eqLogic")));
    for (const file of [...form.values()]) {
      if (typeof file === "string") continue;
      const timestamp = Math.floor(plugin.jeedom.now());
      plugin.uploads.set(`/data/files/${file.name}`, { timestamp, bytes: await file.bytes() });
    }
    return reply(filesMessage(plugin.uploads));
  }
}

/** What Jeedom's web pages know the phone by, beside what PHP says of itself. */
function registered(headers: Headers, { userHash, rdk }: Params): void {
  const year = "expires=Fri, 31 Dec 2038 23:00:00 GMT; Max-Age=31536000";
  headers.append("set-cookie", "PHPSESSID=6bq0; path=/; HttpOnly");
  headers.append("set-cookie", `registerDevice=${userHash}-${rdk}; ${year}; path=/; HttpOnly; SameSite=Strict`);
  headers.set("x-powered-by", "PHP/7.4.33");
}

function json(value: unknown): Response {
  return new Response(phpJson(value), { headers: { "content-type": "application/json" } });
}
