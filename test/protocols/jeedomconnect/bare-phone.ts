/** A phone of which only the WebSocket is there: it says what the test says. */
import { until } from "../../transports/raw-client.ts";

export interface Heard {
  readonly type: string;
  readonly payload?: unknown;
  readonly id?: unknown;
}

export class BarePhone {
  readonly socket: WebSocket;
  readonly texts: string[] = [];
  closed: { readonly code: number; readonly reason: string } | undefined;
  #ids = 0;

  constructor(url: string) {
    this.socket = new WebSocket(url);
    this.socket.onmessage = ({ data }) => this.texts.push(String(data));
    this.socket.onclose = ({ code, reason }) => {
      this.closed = { code, reason };
    };
  }

  get messages(): readonly Heard[] {
    return this.texts.map((text) => JSON.parse(text) as Heard);
  }

  of(type: string): readonly Heard[] {
    return this.messages.filter((message) => message.type === type);
  }

  ask(method: string, params: object = {}): number {
    this.socket.send(JSON.stringify({ jsonrpc: "2.0", id: ++this.#ids, method, params }));
    return this.#ids;
  }

  async hears(type: string, count = 1): Promise<Heard> {
    await until(() => this.of(type).length >= count, `${type}; heard ${this.texts.join(" ").slice(0, 500)}`);
    const last = this.of(type).at(-1);
    if (last === undefined) throw new Error(`Heard no ${type}`);
    return last;
  }

  async ends(): Promise<{ readonly code: number; readonly reason: string }> {
    await until(() => this.closed !== undefined, "the end of a phone's socket", 8000);
    return this.closed ?? { code: 0, reason: "" };
  }
}
