/** WebSocket frames (RFC 6455) in strings of bytes. Pure, but for the chance in masks. */
import { char } from "./utf8.ts";

/** Of 65,535 bytes at most. */
export function frame(opcode: number, payload: string, masked: boolean): string {
  const size = payload.length;
  const bit = masked ? 128 : 0;
  const head =
    char(128 | opcode) + (size < 126 ? char(bit | size) : char(bit | 126) + char(size >> 8) + char(size & 255));
  if (!masked) return head + payload;
  const mask = randomBytes(4);
  return head + mask + masking(payload, mask);
}

export function randomBytes(count: number): string {
  let bytes = "";
  while (bytes.length < count) bytes += char(Math.random() * 256);
  return bytes;
}

/** Masks, and unmasks. */
function masking(payload: string, mask: string): string {
  let bytes = "";
  for (let i = 0; i < payload.length; i++) bytes += char(payload.charCodeAt(i) ^ mask.charCodeAt(i & 3));
  return bytes;
}

export interface Listener {
  /** Gets whole messages (1 text, 2 bytes) and control frames (8, 9, 10). */
  _heard(opcode: number, payload: string): void;
  /** 1002: the bytes are no WebSocket, and nothing more may be pushed. 1009: a message over the limit is passed over. */
  _failed(code: number): void;
}

/** Makes messages of whatever pieces the bytes come in. */
export class Reader {
  private readonly _limit: number;
  private readonly _to: Listener;
  private _bytes = "";
  /** Bytes to come that belong to a message over the limit. */
  private _skip = 0;
  /** Of the message that is under way; 0 for none. */
  private _opcode = 0;
  /** What there is of it; undefined where it is over the limit. */
  private _payload: string | undefined = "";

  /** `limit`: bytes of a message. */
  constructor(limit: number, to: Listener) {
    this._limit = limit;
    this._to = to;
  }

  _push(bytes: string): void {
    this._bytes += bytes;
    let more = true;
    while (more) more = this._read();
  }

  /** Reads one frame, or what is passed over; false when it wants more bytes. */
  private _read(): boolean {
    const bytes = this._bytes;
    const first = bytes.charCodeAt(0);
    const second = bytes.charCodeAt(1);
    const opcode = first & 15;
    const control = opcode > 7;
    let size = second & 127;
    let start = 2;
    if (this._skip) {
      this._bytes = bytes.substr(this._skip);
      this._skip -= bytes.length - this._bytes.length;
      return !this._skip;
    }
    if (size > 125) {
      const long = size > 126 ? 10 : 4;
      for (size = 0; start < long; start++) size = size * 256 + bytes.charCodeAt(start);
    }
    if (second > 127) start += 4;
    if (bytes.length < start) return false;
    // Reserved bits and opcodes; control frames that are long or in pieces; a message within another, or the rest of none.
    if (first & 112 || (control ? opcode > 10 || first < 128 || size > 125 : opcode > 2 || !opcode === !this._opcode)) {
      this._bytes = "";
      this._to._failed(1002);
      return false;
    }
    const over = !control && (this._payload === undefined || this._payload.length + size > this._limit);
    if (!over && bytes.length < start + size) return false;
    this._bytes = bytes.substr(over ? start : start + size);
    let payload = bytes.substr(start, size);
    if (second > 127 && !over) payload = masking(payload, bytes.substr(start - 4, 4));
    if (control) {
      this._to._heard(opcode, payload);
      return true;
    }
    this._opcode = opcode || this._opcode;
    if (over) {
      if (this._payload !== undefined) this._to._failed(1009);
      this._skip = size;
      this._payload = undefined;
    } else this._payload += payload;
    if (first > 127) {
      const kind = this._opcode;
      const whole = this._payload;
      this._opcode = 0;
      this._payload = "";
      if (whole !== undefined) this._to._heard(kind, whole);
    }
    return true;
  }
}
