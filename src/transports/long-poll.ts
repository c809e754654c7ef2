/** Long polls: a response that waits for the first write. */
import type { Framing, Inlet, OpenPeer, Outlet, Payload, PollMessage } from "../ports.ts";

export const longPollFraming: Framing = {
  name: "long-poll",
  // Neither ids nor event names contain spaces.
  frame: (text, head) => `${head?.id ?? ""} ${head?.event ?? ""} ${text}`,
  join(frames) {
    let bytes = 0;
    for (const frame of frames) bytes += frame.length;
    return { parts: frames, bytes };
  },
};

function messageOf(frame: string): PollMessage {
  const first = frame.indexOf(" ");
  const second = frame.indexOf(" ", first + 1);
  return { id: frame.slice(0, first), event: frame.slice(first + 1, second), text: frame.slice(second + 1) };
}

const headers = { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" };

class LongPollOutlet implements Outlet {
  readonly framing = longPollFraming;
  readonly hears = false;
  readonly address: string;
  inlet: Inlet | undefined;
  readonly #compose: (messages: readonly PollMessage[]) => string;
  #answer: ((response: Response) => void) | undefined;

  constructor(address: string, compose: (messages: readonly PollMessage[]) => string, answer: (r: Response) => void) {
    this.address = address;
    this.#compose = compose;
    this.#answer = answer;
  }

  get over(): boolean {
    return this.#answer === undefined;
  }

  queued(): number {
    return 0;
  }

  write({ parts }: Payload): boolean {
    this.#respond(parts.filter((part) => typeof part === "string").map(messageOf));
    return true;
  }

  ping(): void {
    // A poll that waits says nothing until it answers.
  }

  end(): void {
    this.#respond([]);
  }

  /** The peer gave up waiting. */
  handleEvent(): void {
    this.#answer = undefined;
    this.#finish();
  }

  #respond(messages: readonly PollMessage[]): void {
    const answer = this.#answer;
    if (answer === undefined) return;
    this.#answer = undefined;
    answer(new Response(this.#compose(messages), { headers }));
    this.#finish();
  }

  #finish(): void {
    const { inlet } = this;
    this.inlet = undefined;
    inlet?.ended(1000, "");
  }
}

/** Waits with the answer until the peer's session writes or ends. */
export function longPollResponse(
  address: string,
  open: OpenPeer,
  compose: (messages: readonly PollMessage[]) => string,
  signal: AbortSignal,
): Promise<Response> {
  return new Promise((resolve) => {
    const outlet = new LongPollOutlet(address, compose, resolve);
    signal.addEventListener("abort", outlet, { once: true });
    const inlet = open(outlet);
    // It may have been answered while it was opened.
    if (signal.aborted || outlet.over) inlet.ended(1000, "");
    else outlet.inlet = inlet;
  });
}
