/** The gateway as a process: REST and WebSocket on real ports, and faults on demand. */
import type { Server, ServerWebSocket } from "bun";
import { House } from "./house.ts";
import { sortedText } from "./json.ts";
import { Keys } from "./keys.ts";
import { People } from "./people.ts";
import { readBody } from "./question.ts";
import { Rest } from "./rest.ts";

export interface SimulatorOptions {
  /** 0: any free one. */
  readonly port?: number;
  readonly hostname?: string;
  /** `shared`: upgrades on the REST port; a number: a port of their own, as old gateways have (0: any free one). */
  readonly webSocketPort?: "shared" | number;
  readonly seed?: number;
  /** How fast the people live; 0: nobody lives there. */
  readonly speed?: number;
  /** Keys that are known from the start. */
  readonly keys?: readonly string[];
  /** Whether this machine may pair without the link button, as real gateways let it. */
  readonly allowLocal?: boolean;
}

/** How often it is looked what the people have done, in ms. */
const tick = 20;
const jsonType = "application/json; charset=utf-8";

export class Simulator {
  readonly house: House;
  readonly keys: Keys;
  readonly people: People | undefined;
  /** Told of every frame, also while no socket is there. */
  heard: (frame: string) => void = () => undefined;
  /** REST requests so far. */
  requests = 0;
  /** Each REST answer waits so long, in ms. */
  slowness = 0;
  /** Every REST request is answered with 503. */
  unavailable = false;
  /** WebSockets are not accepted. */
  deaf = false;
  readonly #options: SimulatorOptions;
  readonly #rest: Rest;
  readonly #sockets = new Set<ServerWebSocket<unknown>>();
  readonly #born = Date.now();
  #server: Server<unknown> | undefined;
  #socketServer: Server<unknown> | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #port: number;
  #webSocketPort: "shared" | number;

  constructor(options: SimulatorOptions = {}) {
    this.#options = options;
    this.#port = options.port ?? 0;
    this.#webSocketPort = options.webSocketPort ?? "shared";
    const now = (): number => this.now();
    this.house = new House((frame) => this.#broadcast(frame), now);
    this.keys = new Keys(() => Date.now());
    this.keys.allowLocal = options.allowLocal ?? false;
    for (const key of options.keys ?? []) this.keys.owners.set(key, { name: "given", created: Date.now() });
    this.#rest = new Rest(this.house, this.keys, () => ({ port: this.port, websocketport: this.webSocketPort }), now);
    if ((options.speed ?? 0) > 0) this.people = new People(this.house, options.seed ?? 8642, this.now());
  }

  /** The time in the house, where it passes as fast as its people live. */
  now(): number {
    return this.#born + (Date.now() - this.#born) * Math.max(1, this.#options.speed ?? 0);
  }

  get port(): number {
    return this.#server?.port ?? this.#port;
  }

  get webSocketPort(): number {
    return this.#socketServer?.port ?? this.port;
  }

  get url(): string {
    return `http://${this.#options.hostname ?? "127.0.0.1"}:${this.port}`;
  }

  get listeners(): number {
    return this.#sockets.size;
  }

  start(): this {
    const hostname = this.#options.hostname ?? "127.0.0.1";
    this.#server = this.#serve(hostname, this.#port, this.#webSocketPort === "shared");
    this.#port = this.#server.port ?? 0;
    if (this.#webSocketPort !== "shared") this.#socketServer = this.#serve(hostname, this.#webSocketPort, true);
    if (this.people !== undefined) this.#timer = setInterval(() => this.people?.liveUntil(this.now()), tick);
    return this;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.dropSockets();
    await Promise.all([this.#server?.stop(true), this.#socketServer?.stop(true)]);
    this.#server = undefined;
    this.#socketServer = undefined;
  }

  /** Any text as a frame, whatever it is: not what has happened, but what a gateway might say. */
  say(frame: string): void {
    this.#broadcast(frame);
  }

  // ── Faults ──

  /** Every WebSocket breaks, without a close frame. */
  dropSockets(): void {
    for (const socket of [...this.#sockets]) socket.terminate();
    this.#sockets.clear();
  }

  /** The process ends, and is there again on the same REST port; its WebSocket may be elsewhere then. */
  async restart(webSocketPort: "shared" | number = this.#webSocketPort, away = 0): Promise<void> {
    await this.stop();
    this.#webSocketPort = webSocketPort;
    if (away > 0) await new Promise((resolve) => setTimeout(resolve, away));
    this.start();
  }

  // ── Answers ──

  #serve(hostname: string, port: number, upgrades: boolean): Server<unknown> {
    return Bun.serve<unknown>({
      hostname,
      port,
      development: false,
      fetch: (request, server) => this.#answer(request, server, upgrades),
      error: () => new Response(null, { status: 500 }),
      websocket: {
        open: (socket) => void this.#sockets.add(socket),
        close: (socket) => void this.#sockets.delete(socket),
        // Whatever clients say is read and ignored.
        message: () => undefined,
        idleTimeout: 0,
        sendPings: false,
      },
    });
  }

  async #answer(request: Request, server: Server<unknown>, upgrades: boolean): Promise<Response | undefined> {
    if (upgrades && request.headers.get("upgrade") === "websocket") {
      if (this.deaf) return new Response(null, { status: 404 });
      return server.upgrade(request, { data: undefined }) ? undefined : new Response(null, { status: 400 });
    }
    const { pathname } = new URL(request.url);
    const [, first, ...path] = pathname.split("/").filter((level, at) => at === 0 || level !== "");
    if (first === "simulator") return this.#obey(path, request);
    this.requests++;
    if (this.slowness > 0) await new Promise((resolve) => setTimeout(resolve, this.slowness));
    if (request.method === "OPTIONS") return new Response("", { headers: optionsHeaders(request) });
    if (first !== "api") return new Response(null, { status: 404 });
    if (this.unavailable) {
      return answerOf(request, 503, '[{"error":{"address":"/","description":"Not connected","type":950}}]');
    }
    const text = await request.text();
    const { status, body } = this.#rest.answer({
      method: request.method,
      path,
      ...readBody(text),
      empty: text === "",
      address: server.requestIP(request)?.address ?? "",
      host: request.headers.get("host") ?? "",
      authorization: request.headers.get("authorization") ?? "",
    });
    return answerOf(request, status, sortedText(body));
  }

  /** Faults by HTTP, for whoever runs it as a process: `POST /simulator/drop`, `slow/500`, `down`, `up`, `press/1/2`. */
  #obey([what, first = "", second = ""]: readonly string[], { method }: Request): Response {
    if (method !== "POST") return new Response("POST drop, slow/<ms>, down, up, press/<sensor>/<button> or unlock\n");
    if (what === "drop") this.dropSockets();
    else if (what === "slow") this.slowness = Number(first) || 0;
    else if (what === "down") this.unavailable = true;
    else if (what === "up") this.unavailable = false;
    else if (what === "unlock") this.keys.unlockedUntil = Date.now() + 60_000;
    else if (what === "press") this.people?.press(first, Number(second) || 1, "short");
    else if (what === "restart") void this.restart(first === "" ? this.#webSocketPort : Number(first));
    else return new Response("No such fault\n", { status: 404 });
    return new Response("Done\n");
  }

  #broadcast(frame: string): void {
    this.heard(frame);
    for (const socket of this.#sockets) socket.send(frame);
  }
}

function answerOf(request: Request, status: number, text: string): Response {
  const etag = `"${Bun.hash(text).toString(16).padStart(32, "0")}"`;
  const headers = { "access-control-allow-origin": "*", "content-type": jsonType, etag };
  if (status === 200 && request.method === "GET" && request.headers.get("if-none-match") === etag) {
    return new Response(null, { status: 304, headers });
  }
  return new Response(text, { status, headers });
}

/** As real gateways answer: with whatever origin asked. */
function optionsHeaders(request: Request): Record<string, string> {
  return {
    "access-control-allow-origin": request.headers.get("origin") ?? "*",
    "access-control-allow-credentials": "true",
    "access-control-allow-methods": "POST, GET, OPTIONS, PUT, DELETE",
    connection: "close",
  };
}
