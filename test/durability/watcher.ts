/** A subscriber that comes back with its cursor whenever its gateway is gone, and keeps all that it ever got. */
import { expect } from "bun:test";

export interface Seen {
  readonly channel: string;
  readonly offset: number;
  readonly data: unknown;
  readonly key?: string;
  readonly cursor: string;
}

export class Watcher {
  /** By channel, in the order in which it came: the first has offset 1, and none is missing. */
  readonly seen = new Map<string, Seen[]>();
  readonly #names: string;
  #cursor: string | undefined;

  constructor(names: string) {
    this.#names = names;
  }

  /** Listens until the gateway is gone. `live` is called when all that was missed is there. */
  async listen(url: string, live: () => void): Promise<void> {
    const since = this.#cursor === undefined ? "history=10000" : `since=${this.#cursor}`;
    let text = "";
    const decoder = new TextDecoder();
    try {
      const headers = { accept: "application/x-ndjson" };
      const response = await fetch(`${url}/channels/${this.#names}?${since}`, { headers });
      expect(response.status).toBe(200);
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
        const lines = (text + decoder.decode(chunk, { stream: true })).split("\n");
        text = lines.pop() ?? "";
        for (const line of lines) if (line !== "") this.#take(JSON.parse(line), live);
      }
    } catch (thrown) {
      if (!isBrokenConnection(thrown)) throw thrown;
    }
  }

  #take(message: Partial<Seen> & { readonly live?: true; readonly gap?: true }, live: () => void): void {
    if (message.gap === true) throw new Error(`A gap after ${this.#cursor}: ${JSON.stringify(message)}`);
    if (message.cursor !== undefined) this.#cursor = message.cursor;
    if (message.live === true) live();
    if (message.channel === undefined) return;
    const seen = this.#seenOn(message.channel);
    const due = seen.length + 1;
    if (message.offset !== due) throw new Error(`Offset ${message.offset} on ${message.channel} instead of ${due}`);
    seen.push(message as Seen);
  }

  #seenOn(channel: string): Seen[] {
    let seen = this.seen.get(channel);
    if (seen === undefined) {
      seen = [];
      this.seen.set(channel, seen);
    }
    return seen;
  }
}

function isBrokenConnection(thrown: unknown): boolean {
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
  return ["ECONNRESET", "ConnectionRefused", "ConnectionClosed", "ERR_SOCKET_CLOSED", "ECONNREFUSED"].includes(code);
}
