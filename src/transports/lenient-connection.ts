/** One connection of a board: its request, then its frames, and what waits for it to be able to take it. */
import type { Socket } from "bun";
import { abnormalClosure, asRefused, closeReason, errorText, Refused } from "../core/refusals.ts";
import type { Answer, Framing, Inlet, Log, MaybePromise, OpenPeer, Outlet, Payload, Visit } from "../ports.ts";
import { closePayload, encodeFrame, FrameDecoder, type FrameLimits, opcodes, type Received } from "./lenient-frames.ts";
import { type Generation, generationOf, HeadReader, type RequestHead } from "./lenient-handshake.ts";
import { Outgoing, type OutgoingOwner, type OutgoingParts } from "./lenient-outgoing.ts";
import { LenientVisit } from "./lenient-visit.ts";
import type { Sweep } from "./sweep.ts";

/** What all connections of a listener share. */
export interface LenientShared extends OutgoingParts {
  readonly log: Log;
  readonly visit: (visit: Visit) => MaybePromise<Answer>;
  /** By TLS. */
  readonly secure: boolean;
  /** Called before a WebSocket begins; refuses it by throwing. */
  readonly accept: () => void;
  /** By generation. */
  readonly framings: { readonly "2015": Framing; readonly current: Framing };
  readonly limits: { readonly "2015": FrameLimits; readonly current: FrameLimits };
  /** ms between two frames to a board of 2015. */
  readonly spacing: number;
  /** ms between two signs of life of a board of 2015. */
  readonly keepAlive: number;
  /** Connections that have begun something, and until when they may take to end it. */
  readonly begun: Sweep<LenientConnection>;
}

/** How long a request head, a message or a goodbye may take, in ms. */
const patience = 10_000;
const largestHead = 8192;
/** Bytes that may come with the head, before it is decided what becomes of the request. */
const mostEarly = 65_536;
/** What comes in one segment with the 101 is lost to some boards, so that what follows waits so many ms. */
const afterAnswer = 100;
/** What boards call their own pings. */
const pingFrame = encodeFrame(opcodes.ping, Buffer.from("ping"));

export class LenientConnection implements Outlet, OutgoingOwner {
  readonly hears = true;
  readonly address: string;
  readonly #shared: LenientShared;
  readonly #socket: Socket<LenientConnection>;
  readonly #outgoing: Outgoing;
  #generation: Generation = "current";
  #reader: HeadReader | FrameDecoder | undefined;
  #inlet: Inlet | undefined;
  #early: Uint8Array | undefined;
  /** When patience with what it has begun is over. */
  #deadline = 0;
  #ending = false;
  #over = false;

  constructor(socket: Socket<LenientConnection>, shared: LenientShared) {
    this.#socket = socket;
    this.#shared = shared;
    this.#outgoing = new Outgoing(socket, shared, this);
    this.address = socket.remoteAddress;
    this.#reader = new HeadReader(largestHead);
    this.#beginPatience();
  }

  // ── What the socket tells ──

  bytes(chunk: Uint8Array): void {
    if (this.#over || this.#ending) return;
    const reader = this.#reader;
    if (reader instanceof HeadReader) this.#readHead(reader, chunk);
    else if (reader !== undefined) {
      // Only who has read the 101 sends frames, but for the board of 2015, which does not wait for it.
      if (this.#outgoing.held && !this.#isOf2015) this.#outgoing.release();
      this.#readFrames(reader, chunk);
    } else if ((this.#early?.length ?? 0) + chunk.length > mostEarly) this.#socket.terminate();
    else this.#early = Buffer.concat([this.#early ?? new Uint8Array(), chunk]);
  }

  drain(): void {
    if (!this.#outgoing.empty) this.#outgoing.flush();
  }

  emptied(): void {
    if (this.#ending) this.#socket.end();
    else if (this.#outgoing.ready) this.#inlet?.drained();
  }

  /** The connection is no more. */
  gone(): void {
    this.#over = true;
    this.#reader = undefined;
    this.#early = undefined;
    this.#outgoing.drop();
    this.#shared.begun.delete(this);
    this.#tellEnd(1006, "");
  }

  /** Whether there is still patience with it. */
  lookAtPatience(now: number): boolean {
    if (now < this.#deadline) return true;
    if (this.#reader instanceof FrameDecoder && !this.#ending) {
      this.#part(1002, "A message was begun and not ended");
      return true;
    }
    this.#socket.terminate();
    return false;
  }

  // ── What the session asks ──

  get framing(): Framing {
    return this.#shared.framings[this.#generation];
  }

  get keepAlive(): number | undefined {
    return this.#isOf2015 ? this.#shared.keepAlive : undefined;
  }

  queued(): number {
    return this.#outgoing.bytes;
  }

  write({ parts }: Payload): boolean {
    if (this.#over || this.#ending) return true;
    const only = parts[0];
    const outgoing = this.#outgoing;
    if (parts.length === 1 && only instanceof Uint8Array) return outgoing.send(only);
    for (const part of parts) if (typeof part !== "string") outgoing.queue(part);
    outgoing.flush();
    return outgoing.ready;
  }

  ping(): void {
    // Boards of 2015 show it as a message; and who has something to read needs none.
    if (!this.#isOf2015 && this.#listens) this.#outgoing.send(pingFrame);
  }

  end(code: number, reason: string, abrupt: boolean): void {
    if (this.#over || this.#ending) return;
    if (!abrupt && code !== abnormalClosure) {
      this.#part(code, reason);
      return;
    }
    this.#tellEnd(code, reason);
    this.#socket.terminate();
    this.gone();
  }

  // ── The request ──

  #readHead(reader: HeadReader, chunk: Uint8Array): void {
    try {
      const found = reader.push(chunk);
      if (found === undefined) return;
      this.#reader = undefined;
      this.#shared.begun.delete(this);
      if (found.rest.length > 0) this.#early = new Uint8Array(found.rest);
      this.#decide(found.head);
    } catch (thrown) {
      this.#refuse(thrown);
    }
  }

  #decide(head: RequestHead): void {
    const from = { address: this.address, secure: this.#shared.secure };
    const visit = new LenientVisit(head, from, (answer, open) => this.#becomeWebSocket(head, answer, open));
    const answer = this.#shared.visit(visit);
    if (answer instanceof Promise) {
      answer.then(
        (settled) => this.#answer(settled),
        (thrown: unknown) => this.#refuse(thrown),
      );
    } else this.#answer(answer);
  }

  /** Undefined: it has become a WebSocket. */
  #answer(response: Answer): void {
    if (response === undefined) return;
    response.text().then(
      (body) => this.#respond(response.status, response.headers, body),
      (thrown: unknown) => this.#refuse(thrown),
    );
  }

  #refuse(thrown: unknown): void {
    const refused = asRefused(thrown);
    if (refused !== thrown) this.#shared.log.error({ err: thrown }, "Cannot answer a board");
    const headers = new Headers({ "content-type": "application/json; charset=utf-8" });
    this.#respond(refused.refusal.status, headers, errorText(refused));
  }

  #respond(status: number, headers: Headers, body: string): void {
    if (this.#over || this.#ending) return;
    headers.set("content-length", String(Buffer.byteLength(body)));
    headers.set("connection", "close");
    const lines = Array.from(headers, ([name, value]) => `${name}: ${value}\r\n`).join("");
    this.#outgoing.queue(Buffer.from(`HTTP/1.1 ${status} \r\n${lines}\r\n${body}`));
    this.#finish();
  }

  #becomeWebSocket(head: RequestHead, answer: Uint8Array, open: OpenPeer): void {
    if (this.#over) return;
    const { limits, spacing, accept } = this.#shared;
    accept();
    this.#generation = generationOf(head);
    const decoder = new FrameDecoder(limits[this.#generation]);
    this.#reader = decoder;
    this.#outgoing.send(answer);
    this.#outgoing.hold(afterAnswer);
    if (this.#isOf2015) this.#outgoing.space(spacing);
    this.#open(open);
    const early = this.#early;
    this.#early = undefined;
    if (early !== undefined && !this.#over && !this.#ending) this.#readFrames(decoder, early);
  }

  #open(open: OpenPeer): void {
    try {
      const inlet = open(this);
      // It may have been ended while it was opened.
      if (this.#over || this.#ending) inlet.ended(1000, "");
      else this.#inlet = inlet;
    } catch (thrown) {
      const { refusal, message } = asRefused(thrown);
      this.#part(refusal.close, closeReason(message));
      if (!(thrown instanceof Refused)) throw thrown;
    }
  }

  // ── Frames ──

  #readFrames(decoder: FrameDecoder, chunk: Uint8Array): void {
    const wasIncomplete = decoder.incomplete;
    const received = decoder.push(chunk);
    // A session notes the time of a message itself.
    if (received[0]?.kind !== "message") this.#inlet?.alive();
    if (!decoder.incomplete) {
      if (wasIncomplete) this.#shared.begun.delete(this);
    } else if (!wasIncomplete || received.some(({ kind }) => kind === "message")) this.#beginPatience();
    for (const one of received) this.#take(one);
  }

  #take(one: Received): void {
    switch (one.kind) {
      case "message":
        this.#inlet?.message(one.data);
        break;
      case "ping":
        // Who does not read gets no second answer while the first waits.
        if (this.#listens) this.#outgoing.send(encodeFrame(opcodes.pong, one.payload));
        break;
      case "close":
      case "fault":
        this.#part(one.code, one.reason);
        break;
      case "pong":
        break;
    }
  }

  /** Says goodbye with what the generation understands, behind all that waits: it ignores close frames, or answers none. */
  #part(code: number, reason: string): void {
    if (this.#over || this.#ending) return;
    if (!this.#isOf2015) this.#outgoing.queue(encodeFrame(opcodes.close, closePayload(code, reason)));
    this.#ending = true;
    this.#tellEnd(code, reason);
    this.#finish();
  }

  #tellEnd(code: number, reason: string): void {
    const inlet = this.#inlet;
    this.#inlet = undefined;
    inlet?.ended(code, reason);
  }

  get #isOf2015(): boolean {
    return this.#generation === "2015";
  }

  /** It has taken all that was written to it. */
  get #listens(): boolean {
    return this.#outgoing.empty && !this.#over && !this.#ending;
  }

  /** Ends when all that waits is written, or patience is over. */
  #finish(): void {
    this.#ending = true;
    this.#beginPatience();
    this.#outgoing.flush();
  }

  #beginPatience(): void {
    this.#deadline = this.#shared.clock.now() + patience;
    this.#shared.begun.add(this);
  }
}
