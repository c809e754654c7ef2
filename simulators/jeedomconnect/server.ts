/** The plugin as a process beside its Jeedom: its three addresses on a real port, calls back to its daemon, faults on demand. */
import type { Server } from "bun";
import { readQuestion } from "../jeedom/json-rpc.ts";
import type { Simulator as Jeedom } from "../jeedom/server.ts";
import type { PhoneEquipment } from "./equipment.ts";
import type { Message } from "./message.ts";
import { answer, exception, filesMessage, type Params } from "./methods.ts";
import { Plugin } from "./plugin.ts";
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
  /** Told of each method that is asked for, by the phone's key, and of what was asked. */
  asked: (method: string, apiKey: string, params: Params) => void = () => undefined;
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

  start(): this {
    this.#closing = new AbortController();
    this.#server = Bun.serve({
      hostname: this.#options.hostname ?? "127.0.0.1",
      port: this.#port,
      development: false,
      idleTimeout: 0,
      fetch: (request) => this.#visit(request),
      error: () => new Response("", { status: 500 }),
    });
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
    if (pathname === `${folder}/api/JeedomConnect.api.php`) return this.#call(await request.text());
    if (pathname === `${folder}/php/eventServer.php`)
      return this.#stream(searchParams.get("apiKey") ?? "", request.signal);
    if (pathname === `${folder}/api/upload.api.php`) return this.#upload(request);
    if (pathname !== `${folder}/php/snapshot.php`) return new Response("", { status: 404 });
    const isKnown = this.plugin.find(searchParams.get("apiKey")) !== undefined;
    return isKnown
      ? new Response(jpeg, { headers: { "content-type": "image/jpeg" } })
      : new Response("", { status: 500 });
  }

  async #call(body: string): Promise<Response> {
    const { id, method, params, version } = readQuestion(body);
    if (version !== "2.0") return new Response("", { status: 500 });
    const apiKey = String((method === "GEOLOC" ? id : params["apiKey"]) ?? "");
    const counted = `${method} ${apiKey}`;
    this.#counts.set(counted, (this.#counts.get(counted) ?? 0) + 1);
    this.asked(method, apiKey, params);
    const isReading = method === "GET_EVENTS";
    if (isReading && this.#answering.has(apiKey)) this.overlaps++;
    if (isReading) this.#answering.add(apiKey);
    const result = answer(method, params, apiKey, this.plugin);
    const slowness = this.slowness.get(method) ?? 0;
    if (slowness > 0) await Bun.sleep(slowness);
    if (isReading) this.#answering.delete(apiKey);
    if ((params["connexionFrom"] ?? "API") === "API") return json({ jsonrpc: "2.0", id, result: result ?? "ok" });
    if (result !== undefined) await this.#callBack(result, id, apiKey);
    return new Response("", { headers: { "content-type": "application/json" } });
  }

  /** One connection to the daemon for each answer. Whose answer it is, is left out where something went wrong. */
  async #callBack(message: Message, id: unknown, eqApiKey: string): Promise<void> {
    const isNameless = message.type === "EXCEPTION" || this.plugin.find(eqApiKey) === undefined;
    const whose = isNameless ? {} : { id, eqApiKey };
    await this.tellDaemon(phpJson({ ...message, ...whose, jeedomApiKey: this.pluginKey }));
  }

  /** What the daemon is told by itself: one JSON object, ended by the end of the connection. */
  async tellDaemon(text: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    let left = Buffer.from(text);
    const write = (socket: Bun.Socket<undefined>): void => {
      left = left.subarray(socket.write(left));
      if (left.length === 0) socket.end();
    };
    const socket = { open: write, drain: write, close: () => resolve(left.length === 0), error: () => resolve(false) };
    const handlers = { ...socket, data: () => undefined, connectError: () => resolve(false) };
    Bun.connect({ hostname: "127.0.0.1", port: this.socketPort, socket: handlers }).catch(() => resolve(false));
    if (!(await promise)) this.undelivered++;
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

function json(value: unknown): Response {
  return new Response(phpJson(value), { headers: { "content-type": "application/json" } });
}
