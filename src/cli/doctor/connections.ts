/** The doctor's own connections, which note what comes and when they end. */
import { setTimeout as sleep } from "node:timers/promises";
import { ask, channelPath, type Place, patience } from "./finding.ts";

/** Asks for a heartbeat far off, so that nothing is said meanwhile. */
export const farHeartbeat = 300;

/** A WebSocket for the doctor: when it opened, and when and how it ended. */
export class Probe {
  readonly socket: WebSocket;
  readonly opened: Promise<boolean>;
  ended: { readonly code: number; readonly at: number } | undefined;
  heard: string[] = [];
  readonly #noted = Promise.withResolvers<void>();

  constructor(place: Place) {
    const url = new URL(`${channelPath(place)}?heartbeat=${farHeartbeat}`, place.base);
    url.protocol = url.protocol.replace("http", "ws");
    const headers = place.key === undefined ? {} : { "x-api-key": place.key };
    this.socket = new WebSocket(url, { headers, tls: { ...place.tls } });
    this.opened = new Promise((resolve) => {
      this.socket.onopen = () => resolve(true);
      this.socket.onclose = ({ code }) => {
        this.ended = { code, at: performance.now() };
        resolve(false);
        this.#noted.resolve();
      };
      setTimeout(() => resolve(false), patience).unref();
    });
    this.socket.onerror = () => undefined;
    this.socket.onmessage = ({ data }) => {
      this.heard.push(String(data));
      this.#noted.resolve();
    };
  }

  /** Its first message or its end. */
  async answered(): Promise<void> {
    await Promise.race([this.#noted.promise, sleep(patience)]);
  }

  leave(): void {
    this.socket.close();
  }
}

/** Server-sent events, read as they come. */
export class EventStream {
  readonly response: Response;
  text = "";
  ended: number | undefined;
  readonly #abort: AbortController;
  #heard: () => void = () => undefined;

  private constructor(response: Response, abort: AbortController) {
    this.response = response;
    this.#abort = abort;
    void this.#read();
  }

  /** Undefined when nothing came in time, not even the head. */
  static async open(place: Place, query: string): Promise<EventStream | undefined> {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), patience);
    try {
      const headers = { accept: "text/event-stream" };
      return new EventStream(
        await ask(place, `${channelPath(place)}${query}`, { headers, signal: abort.signal }),
        abort,
      );
    } catch {
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    try {
      for await (const chunk of this.response.body ?? []) {
        this.text += decoder.decode(chunk, { stream: true });
        this.#heard();
      }
    } catch {
      // Cut off: the end is what counts.
    }
    this.ended = performance.now();
    this.#heard();
  }

  /** Whether `part` comes in time. */
  async hears(part: string): Promise<boolean> {
    const end = performance.now() + patience;
    while (!this.text.includes(part) && this.ended === undefined && performance.now() < end) {
      const more = new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
      await Promise.race([more, sleep(end - performance.now())]);
    }
    return this.text.includes(part);
  }

  leave(): void {
    this.#abort.abort();
  }
}
