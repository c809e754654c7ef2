/** One-way streams as HTTP responses that do not end: what SSE and JSON lines have in common. */
import type { Framing, Inlet, OpenPeer, Outlet, Payload } from "../ports.ts";

const encoder = new TextEncoder();

/** All frames as the one piece of bytes that every subscriber shares. */
export function joinBytes(frames: readonly string[]): Payload {
  const bytes = encoder.encode(frames.length === 1 ? (frames[0] ?? "") : frames.join(""));
  return { parts: [bytes], bytes: bytes.length };
}

/** Sets the idle time-out of a request's connection, in seconds; 0 for none. */
export interface Timeouts {
  timeout(request: Request, seconds: number): void;
}

/** Seconds after which a peer that reads nothing more is cut off once its stream has ended. */
const lingering = 10;

/** The outlet is the stream's own source, so that a subscriber costs one object and no closure. */
class StreamOutlet implements Outlet {
  readonly framing: Framing;
  readonly hears = false;
  readonly address: string;
  inlet: Inlet | undefined;
  readonly #timeouts: Timeouts;
  readonly #request: Request;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;

  constructor(framing: Framing, address: string, timeouts: Timeouts, request: Request) {
    this.framing = framing;
    this.address = address;
    this.#timeouts = timeouts;
    this.#request = request;
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
  }

  /** It may be so already when its opening returns. */
  get over(): boolean {
    return this.#controller === undefined;
  }

  /** Called whenever everything that was enqueued has been taken. */
  pull(): void {
    if (this.queued() === 0) this.inlet?.drained();
  }

  /** The peer is gone. */
  cancel(): void {
    this.#finish();
  }

  queued(): number {
    return -(this.#controller?.desiredSize ?? 0);
  }

  write({ parts }: Payload): boolean {
    for (const part of parts) if (typeof part !== "string") this.#controller?.enqueue(part);
    return this.queued() === 0;
  }

  ping(): void {
    // A one-way stream has no sign of life of its own; the protocol's heartbeat frame is one.
  }

  end(_code: number, _reason: string, abrupt: boolean): void {
    const controller = this.#controller;
    if (controller === undefined) return;
    this.#controller = undefined;
    // `error` frees what is queued at once, but only the idle time-out ends the connection of a peer that does not read.
    this.#timeouts.timeout(this.#request, abrupt ? 1 : lingering);
    if (abrupt) controller.error(new Error("slow"));
    else controller.close();
    this.#finish();
  }

  #finish(): void {
    const { inlet } = this;
    this.inlet = undefined;
    this.#controller = undefined;
    inlet?.ended(1000, "");
  }
}

/** Opens a stream. What `open` writes leaves with the head. */
export function streamResponse(
  framing: Framing,
  address: string,
  open: OpenPeer,
  headers: Readonly<Record<string, string>>,
  timeouts: Timeouts,
  request: Request,
): Response {
  const outlet = new StreamOutlet(framing, address, timeouts, request);
  const body = new ReadableStream<Uint8Array>(outlet, new ByteLengthQueuingStrategy({ highWaterMark: 0 }));
  timeouts.timeout(request, 0);
  const inlet = open(outlet);
  if (outlet.over) inlet.ended(1000, "");
  else outlet.inlet = inlet;
  return new Response(body, { headers });
}
