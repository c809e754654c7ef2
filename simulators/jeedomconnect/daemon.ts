/**
 * As much of the plugin's own daemon as it takes to compare: a request per message, and one per second of each client. Without two of
 * its faults, by which phones now and then miss something: its DISCONNECT at the end of a connection silences the phone's next one
 * where it comes after it, and it asks for events before WELCOME, whose late answer takes the cursor past a change.
 */
import type { ServerWebSocket } from "bun";
import { listenForAnswers } from "./answers-port.ts";
import type { Message } from "./message.ts";

interface Client {
  apiKey?: string;
  cursors: Record<string, unknown>;
}

export class Daemon {
  readonly #callback: string;
  readonly #clients = new Set<ServerWebSocket<Client>>();
  readonly #server: ReturnType<typeof Bun.serve>;
  readonly #answers: ReturnType<typeof listenForAnswers>;
  readonly #timer: ReturnType<typeof setInterval>;

  /** `round`: how often it asks for events, in ms; the original does every second. */
  constructor(callback: string, round: number) {
    this.#callback = callback;
    this.#server = Bun.serve<Client>({
      hostname: "127.0.0.1",
      port: 0,
      development: false,
      fetch: (request, server) => {
        if (server.upgrade(request, { data: { cursors: {} } })) return undefined;
        return new Response("", { status: 400 });
      },
      websocket: {
        open: (client) => void this.#clients.add(client),
        message: (client, text) => this.#take(client, String(text)),
        close: (client) => void this.#clients.delete(client),
      },
    });
    this.#answers = listenForAnswers((text) => this.#answer(text));
    this.#timer = setInterval(() => {
      for (const { data } of this.#clients) {
        if (data.cursors["lastReadTimestamp"] !== undefined) void this.#post("GET_EVENTS", data, data.cursors);
      }
    }, round);
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#server.port}`;
  }

  get socketPort(): number {
    return this.#answers.port;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#answers.stop(true);
    await this.#server.stop(true);
  }

  #take({ data }: ServerWebSocket<Client>, text: string): void {
    const { id, method, params } = JSON.parse(text) as { id: string; method: string; params: Record<string, unknown> };
    if (method === "CONNECT") data.apiKey = String(params["apiKey"]);
    void this.#post(method, data, params, id);
  }

  async #post(method: string, { apiKey }: Client, params: object, id = "own"): Promise<void> {
    const body = JSON.stringify({ jsonrpc: "2.0", id, method, params: { apiKey, ...params, connexionFrom: "WS" } });
    await fetch(this.#callback, { method: "POST", body }).catch(() => undefined);
  }

  #answer(text: string): void {
    const { eqApiKey, type, payload } = JSON.parse(text) as Message & { eqApiKey?: string };
    const client = [...this.#clients].find(({ data }) => data.apiKey === eqApiKey);
    if (client === undefined) return;
    const { cursors } = client.data;
    const fields = payload as Record<string, unknown>;
    if (type === "WELCOME") {
      const now = Date.now() / 1000;
      Object.assign(cursors, {
        configVersion: fields["configVersion"],
        lastReadTimestamp: now,
        lastHistoricReadTimestamp: now,
      });
    }
    if (type === "CONFIG_AND_INFOS") {
      cursors["configVersion"] = (fields["config"] as { payload: Record<string, unknown> }).payload["configVersion"];
    }
    if (type !== "SET_EVENTS") client.send(text);
    else {
      for (const item of payload as readonly Message[]) {
        if (item.type === "DATETIME") cursors["lastReadTimestamp"] = item.payload;
        else if (item.type === "HIST_DATETIME") cursors["lastHistoricReadTimestamp"] = item.payload;
        else if ((item.payload as unknown[]).length > 0) client.send(JSON.stringify(item));
      }
    }
  }
}
