/** How a phone is in touch with the plugin, or with whatever stands in its place: its three transports. */
import { EventSource } from "eventsource";
import { type Message, readMessage } from "./message.ts";

export type PhoneTransport = "sse" | "polling" | "websocket";
export const phoneTransports: readonly PhoneTransport[] = ["sse", "polling", "websocket"];

export interface LineOptions {
  /** Where JSON-RPC and the stream are: the plugin's own addresses below it. */
  readonly http: string;
  readonly websocket: string;
  readonly apiKey: string;
  /** An authority that it trusts besides, as PEM. */
  readonly ca?: string;
  /** How often a polling phone asks, in ms. */
  readonly pollPeriod: number;
  /** What a polling phone says of itself each time. */
  readonly cursors: () => Readonly<Record<string, unknown>>;
  /** Whatever comes that nobody asked for. */
  readonly heard: (message: Message) => void;
  readonly ended: (why: string) => void;
}

type MaybePromise = Promise<void> | void;

export interface Line {
  /** The reply. Over a WebSocket, methods that have none never end. */
  ask(method: string, params: object): Promise<Message | undefined>;
  /** Without waiting for a reply where its coming is not sure. */
  tell(method: string, params: object): Promise<void>;
  /** The phone was welcomed: now it listens, and from when it resolves it hears all. */
  listen(): MaybePromise;
  /** Whether a polling phone asks; the others are told by the plugin. */
  rest(resting: boolean): void;
  /** At once, as when the network goes. */
  end(): void;
}

const folder = "plugins/JeedomConnect/core";
/** What goes wrong on the way of one request is mended by the next. */
const patience = 10_000;

export function openLine(transport: PhoneTransport, options: LineOptions): Line {
  if (transport === "websocket") return new SocketLine(options);
  return transport === "sse" ? new StreamLine(options) : new PollingLine(options);
}

/** For GEOLOC it is the phone's key. */
function idOf(method: string, count: number, apiKey: string): string {
  return method === "GEOLOC" ? apiKey : String(count);
}

function trusting({ ca }: LineOptions): { readonly tls?: { readonly ca: string } } {
  return ca === undefined ? {} : { tls: { ca } };
}

abstract class HttpLine implements Line {
  protected readonly options: LineOptions;
  protected readonly over = new AbortController();
  #id = 0;

  constructor(options: LineOptions) {
    this.options = options;
  }

  async ask(method: string, params: object): Promise<Message | undefined> {
    const { http, apiKey } = this.options;
    const id = idOf(method, ++this.#id, apiKey);
    const body = JSON.stringify({ jsonrpc: "2.0", id, method, params: { apiKey, ...params } });
    const response = await fetch(`${http}/${folder}/api/JeedomConnect.api.php`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
      signal: AbortSignal.any([this.over.signal, AbortSignal.timeout(patience)]),
      ...trusting(this.options),
    });
    const answer = (await response.json()) as { readonly id?: unknown; readonly result?: unknown };
    if (answer.id !== id) throw new Error(`Cannot take the answer to ${method}: it is that to ${String(answer.id)}`);
    return answer.result === "ok" ? undefined : readMessage(answer.result);
  }

  async tell(method: string, params: object): Promise<void> {
    const reply = await this.ask(method, params);
    if (reply !== undefined) this.options.heard(reply);
  }

  abstract listen(): MaybePromise;
  rest(_resting: boolean): void {
    // A stream stays, and the plugin says nothing on it.
  }

  end(): void {
    this.over.abort();
  }
}

class StreamLine extends HttpLine {
  #stream: EventSource | undefined;

  listen(): Promise<void> {
    const { http, apiKey, heard, ended } = this.options;
    const { promise, resolve } = Promise.withResolvers<void>();
    const stream = new EventSource(`${http}/${folder}/php/eventServer.php?apiKey=${apiKey}`, {
      fetch: (url, init) => fetch(url, { ...init, ...trusting(this.options) }),
    });
    this.#stream = stream;
    stream.onmessage = ({ data }) => {
      const message = readMessage(JSON.parse(JSON.parse(String(data)) as string));
      // A heartbeat has no type.
      if (message !== undefined) heard(message);
      resolve();
    };
    stream.onerror = ({ message }) => {
      if (this.over.signal.aborted) return;
      stream.close();
      ended(message ?? "the stream ended");
      resolve();
    };
    return promise;
  }

  override end(): void {
    super.end();
    this.#stream?.close();
  }
}

class PollingLine extends HttpLine {
  #resting = false;

  listen(): void {
    void this.#poll();
  }

  override rest(resting: boolean): void {
    this.#resting = resting;
  }

  async #poll(): Promise<void> {
    const { pollPeriod, cursors, heard, ended } = this.options;
    const { signal } = this.over;
    try {
      while (!signal.aborted) {
        const message = this.#resting ? undefined : await this.ask("GET_EVENTS", cursors());
        if (message !== undefined && !signal.aborted) heard(message);
        await Bun.sleep(pollPeriod);
      }
    } catch (error) {
      if (!signal.aborted) ended(String(error));
    }
  }
}

class SocketLine implements Line {
  readonly #options: LineOptions;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<string, (message: Message | undefined) => void>();
  readonly #opened = Promise.withResolvers<void>();
  #id = 0;
  #over = false;

  constructor(options: LineOptions) {
    this.#options = options;
    this.#socket = new WebSocket(options.websocket, trusting(options));
    this.#socket.onopen = () => this.#opened.resolve();
    this.#socket.onmessage = ({ data }) => this.#hear(JSON.parse(String(data)));
    this.#socket.onclose = ({ code, reason }) => {
      if (this.#over) return;
      this.#over = true;
      this.#opened.resolve();
      for (const answer of this.#waiting.values()) answer(undefined);
      options.ended(`${code} ${reason}`.trim());
    };
  }

  async ask(method: string, params: object): Promise<Message | undefined> {
    const id = String(++this.#id);
    const { promise, resolve } = Promise.withResolvers<Message | undefined>();
    this.#waiting.set(id, resolve);
    await this.#send(method, params, id);
    return promise.finally(() => this.#waiting.delete(id));
  }

  async tell(method: string, params: object): Promise<void> {
    await this.#send(method, params, idOf(method, ++this.#id, this.#options.apiKey));
  }

  listen(): void {
    // It does since its first message.
  }

  rest(_resting: boolean): void {
    // The daemon is told, and says nothing.
  }

  end(): void {
    this.#over = true;
    this.#socket.terminate();
  }

  async #send(method: string, params: object, id: string): Promise<void> {
    await this.#opened.promise;
    const own = method === "CONNECT" ? { apiKey: this.#options.apiKey } : {};
    this.#socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params: { ...own, ...params } }));
  }

  #hear(value: unknown): void {
    const message = readMessage(value);
    if (message === undefined) throw new Error(`Cannot read what came over the WebSocket: ${JSON.stringify(value)}`);
    const answer = this.#waiting.get(String((value as { readonly id?: unknown }).id));
    if (answer === undefined) this.#options.heard(message);
    else answer(message);
  }
}
