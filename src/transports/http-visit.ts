/** One HTTP request, as Bun's server hands it over, in the terms of the `Visit` port. */
import type { Server } from "bun";
import { offeredSubprotocols } from "../core/credentials.ts";
import { asRefused, closeReason, Refused } from "../core/refusals.ts";
import type { Answer, Framing, OpenPeer, PollMessage, StreamOptions, Visit, WebSocketOptions } from "../ports.ts";
import { jsonLinesFraming, jsonLinesHeaders } from "./json-lines.ts";
import { longPollResponse } from "./long-poll.ts";
import { sseFraming, sseHeaders } from "./sse.ts";
import { streamResponse } from "./stream.ts";
import { WebSocketOutlet } from "./websocket.ts";

export type HttpServer = Server<WebSocketOutlet>;

/** What a listener knows of all its visits. */
export interface Doorway {
  readonly secure: boolean;
  /** Only the owner of this machine can open the socket. */
  readonly owner: boolean;
  /** Whether `X-Forwarded-*` from this address is to be believed. */
  readonly trusts: (address: string) => boolean;
  /** Called before a request becomes a session's; refuses it by throwing. */
  readonly accept: () => void;
}

/** Most requests ask for nothing there; nobody writes into it. */
const noQuery = new URLSearchParams();
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Sessions keep their address: those who come from the same place one after the other share one text. */
let latestAddress = "";

export class HttpVisit implements Visit {
  readonly request: Request;
  readonly path: string;
  readonly #server: HttpServer;
  readonly #doorway: Doorway;
  readonly #search: string;
  #query: URLSearchParams | undefined;
  #address: string | undefined;

  constructor(request: Request, server: HttpServer, doorway: Doorway) {
    this.request = request;
    this.#server = server;
    this.#doorway = doorway;
    const { url } = request;
    // Where `Host` is no host, the server leaves it out.
    const start = url.startsWith("/") ? 0 : url.indexOf("/", url.indexOf("//") + 2);
    const search = url.indexOf("?", start);
    this.path = search === -1 ? url.slice(start) : url.slice(start, search);
    this.#search = search === -1 ? "" : url.slice(search + 1);
  }

  get query(): URLSearchParams {
    if (this.#search === "") return noQuery;
    this.#query ??= new URLSearchParams(this.#search);
    return this.#query;
  }

  get address(): string {
    if (this.#address === undefined) {
      const address = this.#findAddress();
      if (address !== latestAddress) latestAddress = address;
      this.#address = latestAddress;
    }
    return this.#address;
  }

  get secure(): boolean {
    if (this.#doorway.secure) return true;
    return this.#forwarded("x-forwarded-proto") === "https";
  }

  get owner(): boolean {
    return this.#doorway.owner;
  }

  get wantsWebSocket(): boolean {
    return this.request.headers.get("upgrade")?.toLowerCase() === "websocket";
  }

  body(limit: number): Promise<Uint8Array> {
    const { request } = this;
    const announced = request.headers.get("content-length");
    if (announced === null) return this.#unannouncedBody(limit);
    return Number(announced) > limit ? Promise.reject(tooLarge(limit)) : request.bytes();
  }

  async #unannouncedBody(limit: number): Promise<Uint8Array> {
    const { request } = this;
    if (request.body === null) return new Uint8Array();
    const parts: Uint8Array[] = [];
    let size = 0;
    for await (const part of request.body as ReadableStream<Uint8Array>) {
      size += part.length;
      if (size > limit) throw tooLarge(limit);
      parts.push(part);
    }
    return new Uint8Array(Buffer.concat(parts));
  }

  text(limit: number): Promise<string> {
    return this.body(limit).then(decode);
  }

  webSocket(open: OpenPeer, options: WebSocketOptions = {}): Answer {
    const { subprotocol } = options;
    // Left alone, the server would echo the first subprotocol that was offered, which may be a key.
    if (subprotocol === undefined && offeredSubprotocols(this.request.headers).length > 0) {
      throw new Refused("badRequest", "Cannot speak any of the subprotocols offered: offer `hearthwire`, or none");
    }
    this.#doorway.accept();
    const outlet = new WebSocketOutlet(this.address);
    const headers: Record<string, string> = subprotocol === undefined ? {} : { "sec-websocket-protocol": subprotocol };
    if (!this.#server.upgrade(this.request, { data: outlet, headers })) {
      throw new Refused("badRequest", "Cannot upgrade to WebSocket: the handshake is not complete");
    }
    try {
      const inlet = open(outlet);
      // It may have been ended while it was opened.
      if (outlet.socket === undefined) inlet.ended(1000, "");
      else outlet.inlet = inlet;
    } catch (thrown) {
      const { refusal, message } = asRefused(thrown);
      outlet.end(refusal.close, closeReason(message), false);
      if (!(thrown instanceof Refused)) throw thrown;
    }
    return undefined;
  }

  sse(open: OpenPeer, options: StreamOptions = {}): Answer {
    return this.#stream(options.framing ?? sseFraming, { ...sseHeaders, ...options.headers }, open);
  }

  jsonLines(open: OpenPeer, options: StreamOptions = {}): Answer {
    return this.#stream(options.framing ?? jsonLinesFraming, { ...jsonLinesHeaders, ...options.headers }, open);
  }

  longPoll(open: OpenPeer, compose: (messages: readonly PollMessage[]) => string): Promise<Answer> {
    this.#doorway.accept();
    this.#server.timeout(this.request, 0);
    return longPollResponse(this.address, open, compose, this.request.signal);
  }

  #stream(framing: Framing, headers: Readonly<Record<string, string>>, open: OpenPeer): Response {
    this.#doorway.accept();
    return streamResponse(framing, this.address, open, headers, this.#server, this.request);
  }

  #findAddress(): string {
    const peer = this.#server.requestIP(this.request)?.address ?? "";
    const told = this.#doorway.trusts(peer) ? this.request.headers.get("x-forwarded-for") : null;
    if (told === null) return peer;
    // The nearest proxy wrote the last entry; entries of proxies that are trusted too are passed over.
    const hops = told.split(",").map((hop) => hop.trim());
    return hops.findLast((hop) => !this.#doorway.trusts(hop)) ?? hops[0] ?? peer;
  }

  #forwarded(name: string): string | null {
    const peer = this.#server.requestIP(this.request)?.address ?? "";
    return this.#doorway.trusts(peer) ? this.request.headers.get(name) : null;
  }
}

function decode(body: Uint8Array): string {
  try {
    return utf8.decode(body);
  } catch {
    throw new Refused("badRequest", "Cannot read the body: it is not UTF-8");
  }
}

function tooLarge(limit: number): Refused {
  return new Refused("limitExceeded", `Cannot take a body of more than ${limit} bytes`);
}
