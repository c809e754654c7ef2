/**
 * JSON values out of a stream of bytes, one by one, however the bytes are cut: split anywhere, several in one piece,
 * separated by white space or by nothing. What comes out does not depend on where the pieces end. Pure.
 *
 * After an error everything up to the next newline is dropped.
 */
import { isAscii } from "node:buffer";
import { isSpace, JsonScanner } from "./json-scanner.ts";

/** Who takes what comes out, in its order. */
export interface JsonTaker<Value> {
  /** What a text says. Throws where it is no JSON value. */
  parse(text: string): Value;
  value(value: Value): void;
  /** Something that is no JSON value, or one that is too large, or that nobody finished. */
  fault(): void;
}

export interface JsonStreamOptions {
  /** Largest value, in bytes. */
  readonly limit: number;
}

const newline = 0x0a;
const openBrace = 0x7b;
const leastHeld = 1024;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class JsonStream<Value> {
  readonly #limit: number;
  readonly #taker: JsonTaker<Value>;
  readonly #scanner = new JsonScanner();
  /** Nothing of a value is open, or one is, or an error is being passed over. */
  #state: "between" | "within" | "dropping" = "between";
  /** The bytes of the open value that came with earlier pieces. */
  #held: Buffer | undefined;
  #heldLength = 0;

  constructor({ limit }: JsonStreamOptions, taker: JsonTaker<Value>) {
    this.#limit = limit;
    this.#taker = taker;
  }

  /** A value has begun and not ended, or the rest of an error is awaited: silence would settle it. */
  get unsettled(): boolean {
    return this.#state !== "between";
  }

  push(bytes: Uint8Array): void {
    const piece = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const ascii = isAscii(piece);
    const guess = new Guess(piece);
    let at = 0;
    while (at < piece.length) {
      if (this.#state === "within") at = this.#goOn(piece, at, ascii);
      else if (this.#state === "dropping") at = this.#drop(piece, at);
      else if (isSpace(piece[at] as number)) at++;
      else {
        const end = piece[at] === openBrace ? guess.end(at) : -1;
        if (end !== -1 && end - at <= this.#limit && this.#parsed(piece, at, end, ascii)) at = end;
        else {
          this.#state = "within";
          this.#scanner.begin();
        }
      }
    }
  }

  /** The sender will send no more, or has been silent for long: whatever is open ends here. */
  settle(): void {
    const state = this.#state;
    this.#state = "between";
    if (state !== "within") return;
    if (this.#scanner.mayEnd) this.#whole(this.#takeHeld());
    else this.#fault();
    // Whoever was silent after an error begins anew, and need not send a newline first.
    this.#state = "between";
  }

  /** Hands the bytes out as one value, if that is what they are. */
  #parsed(piece: Buffer, from: number, to: number, ascii: boolean): boolean {
    let value: Value;
    try {
      value = this.#taker.parse(textOf(piece, from, to, ascii));
    } catch {
      return false;
    }
    this.#taker.value(value);
    return true;
  }

  /** Goes on with the open value. The answer is where to go on after it. */
  #goOn(piece: Buffer, from: number, ascii: boolean): number {
    const most = from + this.#limit - this.#heldLength;
    const to = Math.min(piece.length, most);
    const finding = this.#scanner.scan(piece, from, to);
    const { position } = this.#scanner;
    if (finding === "whole") {
      this.#state = "between";
      if (this.#held === undefined) this.#whole(piece, from, position, ascii);
      else {
        this.#hold(piece, from, position);
        this.#whole(this.#takeHeld());
      }
      return position;
    }
    if (finding === "fault" || to < piece.length) this.#fault();
    else this.#hold(piece, from, to);
    return position;
  }

  #whole(bytes: Buffer, from = 0, to = bytes.length, ascii = isAscii(bytes)): void {
    if (!this.#parsed(bytes, from, to, ascii)) this.#fault();
  }

  #drop(piece: Buffer, from: number): number {
    const found = piece.indexOf(newline, from);
    if (found === -1) return piece.length;
    this.#state = "between";
    return found + 1;
  }

  #fault(): void {
    this.#state = "dropping";
    this.#held = undefined;
    this.#heldLength = 0;
    this.#taker.fault();
  }

  #hold(piece: Buffer, from: number, to: number): void {
    const length = this.#heldLength + to - from;
    if (this.#held === undefined || this.#held.length < length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(leastHeld, 2 * length));
      this.#held?.copy(larger, 0, 0, this.#heldLength);
      this.#held = larger;
    }
    piece.copy(this.#held, this.#heldLength, from, to);
    this.#heldLength = length;
  }

  #takeHeld(): Buffer {
    const held = this.#held?.subarray(0, this.#heldLength) ?? Buffer.alloc(0);
    this.#held = undefined;
    this.#heldLength = 0;
    return held;
  }
}

/** A text of its own: a part of a larger one would keep all of that in memory, for as long as a history keeps it. */
function textOf(bytes: Buffer, from: number, to: number, ascii: boolean): string {
  return ascii ? bytes.toString("latin1", from, to) : utf8.decode(bytes.subarray(from, to));
}

/**
 * Where an object may end: before the next newline or between the next `}{`, as most senders write. The parser, which is
 * quicker than the scanner, then tells whether it does.
 */
class Guess {
  readonly #piece: Buffer;
  #line = -1;
  #joint = -1;
  /** Up to here a line was tried, and is not one value. */
  #tried = -1;

  constructor(piece: Buffer) {
    this.#piece = piece;
  }

  /** A likely end of the object that begins at `at`; -1 if there is none. */
  end(at: number): number {
    if (this.#line < at) this.#line = found(this.#piece.indexOf(newline, at));
    if (this.#joint < at) this.#joint = found(this.#piece.indexOf("}{", at, "latin1"));
    if (this.#joint < this.#line) return this.#joint + 1;
    if (this.#line === Number.POSITIVE_INFINITY || this.#tried === this.#line) return -1;
    this.#tried = this.#line;
    return this.#line;
  }
}

function found(index: number): number {
  return index === -1 ? Number.POSITIVE_INFINITY : index;
}
