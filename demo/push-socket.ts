/**
 * Speaks to the gateway as a backend does: one JSON after the other into its Unix socket, one `OK` or `ERR` back for
 * each. Comes back when the gateway was restarted.
 */
import { connect, type Socket } from "node:net";
import type { Push } from "./house.ts";

const retryAfter = 500;

export class PushSocket {
  /** Replies so far. */
  ok = 0;
  err = 0;
  readonly #path: string;
  readonly #connected: () => void;
  #socket: Socket | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  /** The beginning of a reply whose rest has not come yet. */
  #rest = "";

  /** `connected` is called each time that a gateway is there, which may be a new one that knows nothing. */
  constructor(path: string, connected: () => void) {
    this.#path = path;
    this.#connected = connected;
    this.#connect();
  }

  /** False when nobody is there to take it. */
  send(push: Push): boolean {
    if (this.#socket?.readyState !== "open") return false;
    this.#socket.write(`${JSON.stringify({ action: "sendToChannel", ...push })}\n`);
    return true;
  }

  close(): void {
    clearTimeout(this.#retry);
    this.#socket?.removeAllListeners("close").destroy();
    this.#socket = undefined;
  }

  #connect(): void {
    const socket = connect(this.#path, this.#connected);
    this.#socket = socket;
    this.#rest = "";
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => this.#count(text));
    // `close` follows, and is where we come back.
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#retry = setTimeout(() => this.#connect(), retryAfter);
    });
  }

  /** Replies have no end mark: `OKOKERR`. */
  #count(text: string): void {
    const replies = this.#rest + text;
    this.ok += replies.match(/OK/g)?.length ?? 0;
    this.err += replies.match(/ERR/g)?.length ?? 0;
    this.#rest = /(?:O|ER?)$/.exec(replies)?.[0] ?? "";
  }
}
