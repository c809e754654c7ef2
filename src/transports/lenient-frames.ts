/**
 * WebSocket frames (RFC 6455, 5) as far as microcontrollers speak them: bytes in, frames out. Masked or not, cut anywhere,
 * with text that is no UTF-8; nothing is kept but the bytes of a message that is not whole yet. Pure.
 */

export interface FrameLimits {
  /** Largest message, whole or in fragments, in bytes. */
  readonly message: number;
}

/** What came of the bytes. After a `fault` nothing more comes: the connection is to end with its code. */
export type Received =
  | { readonly kind: "message"; readonly data: string | Uint8Array }
  | { readonly kind: "ping"; readonly payload: Uint8Array }
  | { readonly kind: "pong" }
  | { readonly kind: "close"; readonly code: number; readonly reason: string }
  | { readonly kind: "fault"; readonly code: number; readonly reason: string };

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
type Opcode = (typeof opcodes)[keyof typeof opcodes];

/** No status was given (RFC 6455, 7.4.1); never on the wire. */
export const noStatus = 1005;
const protocolError = 1002;
const tooBig = 1009;
/** What a control frame may carry. */
const longestControl = 125;
const leastCapacity = 64;

interface Head {
  readonly final: boolean;
  readonly reserved: number;
  readonly opcode: number;
  /** Where the mask begins, if there is one. */
  readonly mask: number | undefined;
  readonly start: number;
  readonly size: number;
}

interface Fragments {
  readonly binary: boolean;
  readonly parts: Uint8Array[];
  bytes: number;
}

export class FrameDecoder {
  readonly #limits: FrameLimits;
  #held: Uint8Array | undefined;
  #length = 0;
  #fragments: Fragments | undefined;
  #over = false;

  constructor(limits: FrameLimits) {
    this.#limits = limits;
  }

  /** A message or frame has begun and is not whole. */
  get incomplete(): boolean {
    return !this.#over && (this.#length > 0 || this.#fragments !== undefined);
  }

  push(chunk: Uint8Array): Received[] {
    if (this.#over) return [];
    const received: Received[] = [];
    const bytes = this.#length === 0 ? chunk : this.#hold(chunk);
    let at = 0;
    while (!this.#over) {
      const head = headAt(bytes, at);
      if (head === undefined) break;
      const fault = this.#faultOf(head);
      if (fault !== undefined) {
        received.push(fault);
        this.#over = true;
        break;
      }
      if (head.start + head.size > bytes.length) break;
      at = head.start + head.size;
      const one = this.#take(head, payloadOf(bytes, head));
      if (one === undefined) continue;
      received.push(one);
      this.#over = one.kind === "fault" || one.kind === "close";
    }
    this.#keep(bytes, at);
    return received;
  }

  /** The bytes that wait, and these behind them. Room grows with what came, never with what was announced. */
  #hold(chunk: Uint8Array): Uint8Array {
    const length = this.#length + chunk.length;
    let held = this.#held ?? new Uint8Array(leastCapacity);
    if (held.length < length) {
      const larger = new Uint8Array(Math.max(length, 2 * held.length));
      larger.set(held.subarray(0, this.#length));
      held = larger;
    }
    held.set(chunk, this.#length);
    this.#held = held;
    this.#length = length;
    return held.subarray(0, length);
  }

  #keep(bytes: Uint8Array, from: number): void {
    if (this.#over || from === bytes.length) {
      this.#held = undefined;
      this.#length = 0;
      if (this.#over) this.#fragments = undefined;
    } else if (from > 0 || this.#length === 0) {
      this.#held = copyOf(bytes, from, bytes.length);
      this.#length = bytes.length - from;
    }
  }

  #faultOf({ final, reserved, opcode, size }: Head): Received | undefined {
    if (reserved !== 0) return fault(protocolError, "No extension was agreed on");
    if (opcode >= opcodes.close) {
      if (opcode > opcodes.pong) return fault(protocolError, "Unknown opcode");
      return final && size <= longestControl ? undefined : fault(protocolError, "Control frame cut or too long");
    }
    if (opcode > opcodes.binary) return fault(protocolError, "Unknown opcode");
    if ((opcode === opcodes.continuation) !== (this.#fragments !== undefined)) {
      return fault(protocolError, "Fragments out of order");
    }
    const bytes = size + (this.#fragments?.bytes ?? 0);
    return bytes <= this.#limits.message ? undefined : fault(tooBig, `Over ${this.#limits.message} bytes`);
  }

  #take({ final, opcode }: Head, payload: Uint8Array): Received | undefined {
    switch (opcode) {
      case opcodes.ping:
        return { kind: "ping", payload };
      case opcodes.pong:
        return { kind: "pong" };
      case opcodes.close:
        return closeOf(payload);
      default: {
        const fragments = this.#fragments ?? { binary: opcode === opcodes.binary, parts: [], bytes: 0 };
        // Empty ones are left out, so that what is kept is bounded by its bytes.
        if (payload.length > 0) fragments.parts.push(payload);
        fragments.bytes += payload.length;
        this.#fragments = final ? undefined : fragments;
        return final ? { kind: "message", data: dataOf(fragments) } : undefined;
      }
    }
  }
}

/** The head of the frame that begins at `at`, once it is there whole. */
function headAt(bytes: Uint8Array, at: number): Head | undefined {
  const first = bytes[at];
  const second = bytes[at + 1];
  if (first === undefined || second === undefined) return undefined;
  const short = second & 0x7f;
  const extended = short === 126 ? 2 : short === 127 ? 8 : 0;
  const masked = second >= 0x80;
  const afterLength = at + 2 + extended;
  const start = afterLength + (masked ? 4 : 0);
  if (bytes.length < start) return undefined;
  let size = extended === 0 ? short : 0;
  for (let place = at + 2; place < afterLength; place++) size = size * 256 + (bytes[place] ?? 0);
  return {
    final: first >= 0x80,
    reserved: first & 0x70,
    opcode: first & 0x0f,
    mask: masked ? afterLength : undefined,
    start,
    size,
  };
}

/** The socket's bytes are its own again after they were read; and a `Buffer`'s `slice` copies nothing. */
function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(bytes.subarray(start, end));
}

function payloadOf(bytes: Uint8Array, { start, size, mask }: Head): Uint8Array {
  const payload = copyOf(bytes, start, start + size);
  if (mask === undefined) return payload;
  for (let at = 0; at < size; at++) payload[at] = (payload[at] ?? 0) ^ (bytes[mask + (at & 3)] ?? 0);
  return payload;
}

function dataOf({ binary, parts }: Fragments): string | Uint8Array {
  const only = parts[0];
  const whole = parts.length === 1 && only !== undefined ? only : joined(parts);
  return binary ? whole : textOf(whole);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((bytes, part) => bytes + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** UTF-8; where it is none, the bytes of a board that sends one for each character (Latin-1). */
export function textOf(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    let text = "";
    for (const byte of bytes) text += String.fromCharCode(byte);
    return text;
  }
}

function closeOf(payload: Uint8Array): Received {
  if (payload.length === 0) return { kind: "close", code: noStatus, reason: "" };
  const code = (payload[0] ?? 0) * 256 + (payload[1] ?? 0);
  if (payload.length === 1 || !maySend(code)) return fault(protocolError, "No such close code");
  return { kind: "close", code, reason: textOf(payload.subarray(2)) };
}

/** Whether a close frame may have the code (RFC 6455, 7.4). */
function maySend(code: number): boolean {
  return (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) || (code >= 3000 && code <= 4999);
}

function fault(code: number, reason: string): Received {
  return { kind: "fault", code, reason };
}

// ── Out ──

/** One whole frame, unmasked. At most 65,535 bytes: there are no 64-bit lengths here. */
export function encodeFrame(opcode: Opcode, payload: Uint8Array): Uint8Array {
  const { length } = payload;
  const frame = new Uint8Array(headLength(length) + length);
  frame.set(payload, putHead(frame, 0, opcode, length));
  return frame;
}

/** Texts as the frames of one piece of bytes. */
export function encodeTexts(texts: readonly string[]): Uint8Array {
  const lengths = texts.map((text) => Buffer.byteLength(text));
  const bytes = Buffer.allocUnsafeSlow(lengths.reduce((sum, length) => sum + headLength(length) + length, 0));
  let at = 0;
  for (const [index, text] of texts.entries()) {
    at = putHead(bytes, at, opcodes.text, lengths[index] ?? 0);
    at += bytes.write(text, at);
  }
  return bytes;
}

/** `code` and `reason` of a close frame; without a code it is empty. */
export function closePayload(code: number, reason: string): Uint8Array {
  if (code === noStatus) return new Uint8Array();
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code);
  payload.write(reason, 2);
  return payload;
}

export const longestFrame = 65_535;

function headLength(size: number): number {
  return size < 126 ? 2 : 4;
}

/** The answer is where the payload begins. */
function putHead(bytes: Uint8Array, at: number, opcode: Opcode, size: number): number {
  if (size > longestFrame) throw new RangeError(`Cannot frame ${size} bytes: at most ${longestFrame}`);
  bytes[at] = 0x80 | opcode;
  if (size < 126) {
    bytes[at + 1] = size;
    return at + 2;
  }
  bytes[at + 1] = 126;
  bytes[at + 2] = size >> 8;
  bytes[at + 3] = size & 0xff;
  return at + 4;
}
