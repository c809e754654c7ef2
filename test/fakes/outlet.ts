/** The writing side of a peer that lives in the test: it records what is written and can stop reading. */
import type { Framing, Inlet, Outlet, Payload } from "../../src/ports.ts";

export const lineFraming: Framing = {
  name: "lines",
  frame: (text) => text,
  join: (frames) => ({ parts: frames, bytes: frames.reduce((bytes, frame) => bytes + Buffer.byteLength(frame), 0) }),
};

export interface End {
  readonly code: number;
  readonly reason: string;
  readonly abrupt: boolean;
}

export class FakeOutlet implements Outlet {
  readonly framing: Framing;
  readonly address = "192.0.2.1";
  hears = true;
  /** Every write, in order. */
  readonly writes: Payload[] = [];
  /** What has reached the peer. */
  readonly received: string[] = [];
  readonly ends: End[] = [];
  pings = 0;
  inlet: Inlet | undefined;
  /** Called with each frame when the peer reads it. */
  onFrame: ((frame: string) => void) | undefined;
  #reading = true;
  #held: Payload[] = [];
  #taken = 0;

  constructor(framing: Framing = lineFraming) {
    this.framing = framing;
  }

  get reading(): boolean {
    return this.#reading;
  }

  get frames(): string[] {
    return this.writes.flatMap(framesOf);
  }

  queued(): number {
    return this.#held.reduce((bytes, payload) => bytes + payload.bytes, -this.#taken);
  }

  write(payload: Payload): boolean {
    if (this.ends.length > 0) throw new Error("Cannot write to a peer that was ended");
    this.writes.push(payload);
    if (this.#reading) this.#receive(payload);
    else this.#held.push(payload);
    return this.#reading;
  }

  ping(): void {
    this.pings++;
  }

  end(code: number, reason: string, abrupt: boolean): void {
    this.ends.push({ code, reason, abrupt });
    if (!abrupt) this.#takeHeld();
    this.#held = [];
  }

  /** The peer stops reading: what is written from now on stays in the kernel. */
  stopReading(): void {
    this.#reading = false;
  }

  /** The peer reads so many bytes of what the kernel holds, and not all of it. */
  readSome(bytes: number): void {
    this.#taken += bytes;
  }

  /** The peer reads all that the kernel holds, and the session hears of it. */
  readOn(): void {
    if (this.#reading) return;
    this.#reading = true;
    const held = this.#held.length > 0;
    this.#takeHeld();
    if (held && this.ends.length === 0) this.inlet?.drained();
  }

  /** The connection breaks: what the peer has not read it never will. */
  breaks(): void {
    this.#held = [];
    this.inlet?.ended(1006, "");
  }

  #takeHeld(): void {
    const held = this.#held;
    this.#held = [];
    this.#taken = 0;
    for (const payload of held) this.#receive(payload);
  }

  #receive(payload: Payload): void {
    for (const frame of framesOf(payload)) {
      this.received.push(frame);
      this.onFrame?.(frame);
    }
  }
}

function framesOf(payload: Payload): string[] {
  return payload.parts.map((part) => (typeof part === "string" ? part : new TextDecoder().decode(part)));
}
