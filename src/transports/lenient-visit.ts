/** A board's request in the terms of the `Visit` port, so that protocols need not know which listener it came to. */
import { Refused } from "../core/refusals.ts";
import type { Answer, OpenPeer, Visit, WebSocketOptions } from "../ports.ts";
import { type RequestHead, switchingAnswer, wantsWebSocket } from "./lenient-handshake.ts";

/** Becomes a WebSocket, `answer` first. */
export type Upgrade = (answer: Uint8Array, open: OpenPeer) => void;

export class LenientVisit implements Visit {
  readonly request: Request;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly address: string;
  readonly secure: boolean;
  readonly owner = false;
  readonly #head: RequestHead;
  readonly #upgrade: Upgrade;

  constructor(head: RequestHead, { address, secure }: Pick<Visit, "address" | "secure">, upgrade: Upgrade) {
    const [path = "/", ...queries] = head.target.replace(/^https?:\/\/[^/?]*/i, "").split("?");
    this.path = path.startsWith("/") ? path : `/${path}`;
    this.query = new URLSearchParams(queries.join("?"));
    this.address = address;
    this.secure = secure;
    this.#head = head;
    this.#upgrade = upgrade;
    // Boards need no `Host`, and name one that is none; what it said is in the headers.
    this.request = new Request(`http://localhost${this.path}`, { method: head.method, headers: head.headers });
  }

  get wantsWebSocket(): boolean {
    return wantsWebSocket(this.#head);
  }

  webSocket(open: OpenPeer, { subprotocol }: WebSocketOptions = {}): Answer {
    this.#upgrade(switchingAnswer(this.#head, subprotocol), open);
    return undefined;
  }

  body(): Promise<Uint8Array> {
    return Promise.reject(onlyWebSocket());
  }

  text(): Promise<string> {
    return Promise.reject(onlyWebSocket());
  }

  sse(): Answer {
    throw onlyWebSocket();
  }

  jsonLines(): Answer {
    throw onlyWebSocket();
  }

  longPoll(): Promise<Answer> {
    return Promise.reject(onlyWebSocket());
  }
}

function onlyWebSocket(): Refused {
  return new Refused("notAvailable", "Cannot do that here: this listener has nothing but WebSocket");
}
