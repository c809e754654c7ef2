/** One connection of a board: its request, then its frames, and what waits for it to be able to take it. */
import type { Socket } from "bun";
import { abnormalClosure, asRefused, closeReason, errorText, Refused } from "../core/refusals.ts";
import type { Answer, Clock, Framing, Inlet, Log, MaybePromise, OpenPeer, Outlet, Payload, Visit } from "../ports.ts";
import { closePayload, encodeFrame, FrameDecoder, type FrameLimits, opcodes, type Received } from "./lenient-frames.ts";
import { type Generation, generationOf, HeadReader, type RequestHead } from "./lenient-handshake.ts";
import { LenientVisit } from "./lenient-visit.ts";
import type { Sweep } from "./sweep.ts";

/** What all connections of a listener share. */
export interface LenientShared {
  readonly clock: Clock;
  readonly log: Log;
  readonly visit: (visit: Visit) => MaybePromise<Answer>;
  /** Called before a WebSocket begins; refuses it by throwing. */
  readonly accept: () => void;
  /** By generation. */
  readonly framings: { readonly "2015": Framing; readonly current: Framing };
  readonly limits: { readonly "2015": FrameLimits; readonly current: FrameLimits };
  /** ms between two frames to a board of 2015. */
  readonly spacing: number;
  /** ms between two signs of life of a board of 2015. */
  readonly keepAlive: number;
  /** Connections that may not be written to yet. */
  readonly held: Sweep<LenientConnection>;
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

export class LenientConnection implements Outlet {
  readonly hears = true;
  readonly address: string;
  readonly #shared: LenientShared;
  readonly #socket: Socket<LenientConnection>;
  #generation: Generation = "current";
  #reader: HeadReader | FrameDecoder | undefined;
  #inlet: Inlet | undefined;
  #early: Uint8Array | undefined;
  #waiting: Uint8Array[] | undefined;
  #waitingBytes = 0;
  /** Nothing is written before; 0 when it may be written to. */
  #notBefore = 0;
  /** When patience with what it has begun is over. */
  #deadline = 0;
  #ending = false;
  #over = false;

  constructor(socket: Socket<LenientConnection>, shared: LenientShared) {
    this.#socket = socket;
    this.#shared = shared;
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
      if (this.#notBefore > 0 && !this.#isOf2015) this.#release();
      this.#readFrames(reader, chunk);
    } else if ((this.#early?.length ?? 0) + chunk.length > mostEarly) this.#socket.terminate();
    else this.#early = Buffer.concat([this.#early ?? new Uint8Array(), chunk]);
  }

  drain(): void {
    if (this.#waiting !== undefined) this.#flush();
  }

  /** The connection is no more. */
  gone(): void {
    this.#over = true;
    this.#reader = undefined;
    this.#early = undefined;
    this.#waiting = undefined;
    this.#waitingBytes = 0;
    this.#shared.held.delete(this);
    this.#shared.begun.delete(this);
    this.#tellEnd(1006, "");
  }

  // ── What the sweeps ask ──

  /** Whether it is still held back. */
  look(now: number): boolean {
    if (now >= this.#notBefore) {
      this.#notBefore = 0;
      this.#flush();
    }
    return this.#notBefore > 0;
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
    return this.#waitingBytes;
  }

  write({ parts }: Payload): boolean {
    if (this.#over || this.#ending) return true;
    const only = parts[0];
    if (parts.length === 1 && only instanceof Uint8Array) return this.#send(only);
    for (const part of parts) if (typeof part !== "string") this.#queue(part);
    this.#flush();
    return this.#isReady;
  }

  ping(): void {
    // Boards of 2015 show it as a message; and who has something to read needs none.
    if (!this.#isOf2015 && this.#hasNothingWaiting) this.#send(pingFrame);
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
    const visit = new LenientVisit(head, this.address, (answer, open) => this.#becomeWebSocket(head, answer, open));
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
    this.#queue(Buffer.from(`HTTP/1.1 ${status} \r\n${lines}\r\n${body}`));
    this.#finish();
  }

  #becomeWebSocket(head: RequestHead, answer: Uint8Array, open: OpenPeer): void {
    if (this.#over) return;
    const { limits, clock, accept } = this.#shared;
    accept();
    this.#generation = generationOf(head);
    const decoder = new FrameDecoder(limits[this.#generation]);
    this.#reader = decoder;
    this.#give(answer);
    this.#holdUntil(clock.now() + afterAnswer);
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
        if (this.#hasNothingWaiting) this.#send(encodeFrame(opcodes.pong, one.payload));
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
    if (!this.#isOf2015) {
      this.#queue(encodeFrame(opcodes.close, closePayload(code, reason)));
    }
    this.#ending = true;
    this.#tellEnd(code, reason);
    this.#finish();
  }

  #tellEnd(code: number, reason: string): void {
    const inlet = this.#inlet;
    this.#inlet = undefined;
    inlet?.ended(code, reason);
  }

  // ── Writing ──

  get #isOf2015(): boolean {
    return this.#generation === "2015";
  }

  get #hasNothingWaiting(): boolean {
    return this.#waiting === undefined && !this.#over && !this.#ending;
  }

  /** Nothing waits, and it may be written to: what is held back waits with its session, by the channels' policies. */
  get #isReady(): boolean {
    return this.#waiting === undefined && this.#notBefore === 0;
  }

  /** Whether the next may be written at once. */
  #send(bytes: Uint8Array): boolean {
    if (this.#isReady && !this.#isOf2015) {
      const taken = this.#give(bytes);
      if (taken < bytes.length) this.#queue(bytes.subarray(taken));
    } else {
      this.#queue(bytes);
      this.#flush();
    }
    return this.#isReady;
  }

  #queue(bytes: Uint8Array): void {
    this.#waiting ??= [];
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
  }

  #flush(): void {
    const waiting = this.#waiting;
    while (waiting !== undefined && waiting.length > 0 && this.#notBefore === 0) {
      const part = waiting[0] ?? new Uint8Array();
      const taken = this.#give(part);
      this.#waitingBytes -= taken;
      if (taken < part.length) {
        waiting[0] = part.subarray(taken);
        return;
      }
      waiting.shift();
      if (this.#isOf2015) this.#holdUntil(this.#shared.clock.now() + this.#shared.spacing);
    }
    if (waiting !== undefined && waiting.length > 0) return;
    this.#waiting = undefined;
    if (this.#ending) this.#socket.end();
    else if (this.#notBefore === 0) this.#inlet?.drained();
  }

  /** How much of it the kernel took. */
  #give(bytes: Uint8Array): number {
    return Math.max(0, this.#socket.write(bytes));
  }

  #holdUntil(time: number): void {
    this.#notBefore = time;
    this.#shared.held.add(this);
  }

  #release(): void {
    this.#notBefore = 0;
    this.#shared.held.delete(this);
    this.#flush();
  }

  /** Ends when all that waits is written, or patience is over. */
  #finish(): void {
    this.#ending = true;
    this.#beginPatience();
    this.#flush();
  }

  #beginPatience(): void {
    this.#deadline = this.#shared.clock.now() + patience;
    this.#shared.begun.add(this);
  }
}
