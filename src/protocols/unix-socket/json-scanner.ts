/**
 * Finds where a JSON value ends in bytes that come in pieces. It keeps to the grammar (RFC 8259), so that it knows of an
 * error at the byte where it is; only escapes in strings are left to `JSON.parse`. Bytes of UTF-8 beyond ASCII occur in
 * strings alone and never look like anything else, so a piece may end inside a character.
 */

/** What the scanner is in the middle of. */
const inside = { structure: 0, string: 1, escape: 2, number: 3, literal: 4 } as const;
/** What the structure wants next. */
const want = { value: 0, valueOrEnd: 1, key: 2, keyOrEnd: 3, colon: 4, commaOrEnd: 5 } as const;
/** How far a number has come; those of `complete` may end here. */
const part = { none: 0, minus: 1, zero: 2, whole: 3, point: 4, fraction: 5, e: 6, sign: 7, exponent: 8 } as const;
const complete: readonly number[] = [part.zero, part.whole, part.fraction, part.exponent];

const quote = 0x22;
const backslash = 0x5c;
const plus = 0x2b;
const minus = 0x2d;
const point = 0x2e;
const zero = 0x30;
const comma = 0x2c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/** The rest of `true`, `false` and `null` after their first letter. */
const literals: Readonly<Record<number, readonly number[]>> = {
  116: [114, 117, 101],
  102: [97, 108, 115, 101],
  110: [117, 108, 108],
};

export type Finding = "whole" | "more" | "fault";

export function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

export class JsonScanner {
  /** After `whole` or `fault`: the position behind the value, or of the byte that cannot be. */
  position = 0;
  #inside: number = inside.structure;
  #want: number = want.value;
  #part: number = part.none;
  #literal: readonly number[] = [];
  #letters = 0;
  #inKey = false;
  #finding: Finding = "more";
  /** Open objects (true) and arrays (false), the innermost last. */
  #open: boolean[] = [];

  /** Forgets what it was in the middle of. */
  begin(): void {
    this.#inside = inside.structure;
    this.#want = want.value;
    this.#finding = "more";
    if (this.#open.length > 0) this.#open = [];
  }

  /** A number may be whole although nothing after it says so: is this one, if nothing more comes? */
  get mayEnd(): boolean {
    return this.#inside === inside.number && this.#open.length === 0 && complete.includes(this.#part);
  }

  /** Goes on from `from`, up to `to` at most. */
  scan(bytes: Uint8Array, from: number, to: number): Finding {
    let at = from;
    while (at < to && this.#finding === "more") {
      switch (this.#inside) {
        case inside.string:
          at = this.#string(bytes, at, to);
          break;
        case inside.structure:
          at = this.#structure(bytes, at, to);
          break;
        case inside.escape:
          this.#inside = inside.string;
          at++;
          break;
        case inside.number:
          at = this.#number(bytes, at, to);
          break;
        default:
          at = this.#letter(bytes, at);
      }
    }
    this.position = at;
    return this.#finding;
  }

  #string(bytes: Uint8Array, from: number, to: number): number {
    for (let at = from; at < to; at++) {
      const byte = bytes[at] as number;
      if (byte === quote) {
        this.#inside = inside.structure;
        if (this.#inKey) this.#want = want.colon;
        else this.#valueEnded();
        return at + 1;
      }
      if (byte === backslash) {
        this.#inside = inside.escape;
        return at + 1;
      }
      if (byte < 0x20) return this.#fault(at);
    }
    return to;
  }

  #structure(bytes: Uint8Array, from: number, to: number): number {
    let at = from;
    while (at < to && isSpace(bytes[at] as number)) at++;
    if (at === to) return at;
    const byte = bytes[at] as number;
    switch (this.#want) {
      case want.valueOrEnd:
        if (byte === closeBracket) return this.#close(at);
        return this.#value(byte, at);
      case want.value:
        return this.#value(byte, at);
      case want.keyOrEnd:
        if (byte === closeBrace) return this.#close(at);
        return this.#key(byte, at);
      case want.key:
        return this.#key(byte, at);
      case want.colon:
        if (byte !== colon) return this.#fault(at);
        this.#want = want.value;
        return at + 1;
      default:
        return this.#commaOrEnd(byte, at);
    }
  }

  #value(byte: number, at: number): number {
    if (byte === quote) {
      this.#inside = inside.string;
      this.#inKey = false;
    } else if (byte === openBrace || byte === openBracket) {
      const isObject = byte === openBrace;
      this.#open.push(isObject);
      this.#want = isObject ? want.keyOrEnd : want.valueOrEnd;
    } else {
      const first = nextPart(part.none, byte);
      const literal = literals[byte];
      if (first !== part.none) {
        this.#inside = inside.number;
        this.#part = first;
      } else if (literal !== undefined) {
        this.#inside = inside.literal;
        this.#literal = literal;
        this.#letters = 0;
      } else return this.#fault(at);
    }
    return at + 1;
  }

  #key(byte: number, at: number): number {
    if (byte !== quote) return this.#fault(at);
    this.#inside = inside.string;
    this.#inKey = true;
    return at + 1;
  }

  #commaOrEnd(byte: number, at: number): number {
    const isObject = this.#open[this.#open.length - 1] === true;
    if (byte === (isObject ? closeBrace : closeBracket)) return this.#close(at);
    if (byte !== comma) return this.#fault(at);
    this.#want = isObject ? want.key : want.value;
    return at + 1;
  }

  #close(at: number): number {
    this.#open.pop();
    this.#valueEnded();
    return at + 1;
  }

  #number(bytes: Uint8Array, from: number, to: number): number {
    for (let at = from; at < to; at++) {
      const byte = bytes[at] as number;
      const next = nextPart(this.#part, byte);
      if (next !== part.none) this.#part = next;
      else {
        // `01`, `1-2` and `1.2.3` are no two numbers.
        if (!complete.includes(this.#part) || ofNumber(byte)) return this.#fault(at);
        this.#inside = inside.structure;
        this.#valueEnded();
        return at;
      }
    }
    return to;
  }

  #letter(bytes: Uint8Array, at: number): number {
    if (bytes[at] !== this.#literal[this.#letters]) return this.#fault(at);
    this.#letters++;
    if (this.#letters === this.#literal.length) {
      this.#inside = inside.structure;
      this.#valueEnded();
    }
    return at + 1;
  }

  #valueEnded(): void {
    if (this.#open.length === 0) this.#finding = "whole";
    else this.#want = want.commaOrEnd;
  }

  #fault(at: number): number {
    this.#finding = "fault";
    return at;
  }
}

function ofNumber(byte: number): boolean {
  return isDigit(byte) || byte === minus || byte === plus || byte === point || isE(byte);
}

function isDigit(byte: number): boolean {
  return byte >= zero && byte <= 0x39;
}

function isE(byte: number): boolean {
  return byte === 0x65 || byte === 0x45;
}

/** How far a number has come with one byte more; `none` if the byte cannot go on with it. */
function nextPart(now: number, byte: number): number {
  if (isDigit(byte)) {
    if (now === part.none || now === part.minus) return byte === zero ? part.zero : part.whole;
    if (now === part.zero) return part.none;
    if (now === part.point) return part.fraction;
    return now === part.e || now === part.sign ? part.exponent : now;
  }
  if (byte === minus && now === part.none) return part.minus;
  if (byte === point) return now === part.zero || now === part.whole ? part.point : part.none;
  if (isE(byte)) return now === part.zero || now === part.whole || now === part.fraction ? part.e : part.none;
  return (byte === minus || byte === plus) && now === part.e ? part.sign : part.none;
}
