/**
 * The opening handshake of boards: what a request must at least have, which generation of the Espruino module sent it, and
 * the answer. Pure.
 */
import { createHash } from "node:crypto";
import { Refused } from "../core/refusals.ts";

/**
 * `2015`: the module of that year, which reads one frame of at most 125 bytes a segment, shows a ping as a message, and
 * says itself that it lives. `current`: that of 2020 and later, and every other stack.
 */
export type Generation = "2015" | "current";

export interface RequestHead {
  readonly method: string;
  /** As it stood in the request line. */
  readonly target: string;
  readonly headers: Headers;
}

/** The key of every board of 2015. */
const constantKey = "x3JJHMbDL1EzLkh9GBhXDw==";
const acceptSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** Framing and handshake have been the same since 8. */
const versions = ["8", "13"];
/** What a board's first `data` event can hold: the answer must not be cut. */
const longestAnswer = 267;

/** Methods that a `Request` can have. */
const requestLine = /^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) +(\S+)(?: +HTTP\/1\.[01])? *$/;
const headEnd = /\r?\n\r?\n/;

/** Gathers a request head, however it is cut. */
export class HeadReader {
  readonly #largest: number;
  #text = "";

  /** `largest`: bytes that a head may have. */
  constructor(largest: number) {
    this.#largest = largest;
  }

  /** The head and the bytes after it, once it is whole; refused when it is too large or no HTTP. */
  push(chunk: Uint8Array): { readonly head: RequestHead; readonly rest: Uint8Array } | undefined {
    const before = this.#text.length;
    this.#text += Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString("latin1");
    // An end may have begun in the last piece.
    const from = Math.max(0, before - 3);
    const found = headEnd.exec(this.#text.slice(from));
    const length = found === null ? this.#text.length : from + found.index;
    if (length > this.#largest) throw new Refused("limitExceeded", `Cannot read a head of over ${this.#largest} bytes`);
    if (found === null) return undefined;
    return {
      head: parseHead(this.#text.slice(0, length)),
      rest: chunk.subarray(length + found[0].length - before),
    };
  }
}

/** Lines may end with a line feed alone; a header that is none is passed over. */
export function parseHead(text: string): RequestHead {
  const [first = "", ...lines] = text.split(/\r?\n/);
  const [, method, target] = requestLine.exec(first) ?? [];
  if (method === undefined || target === undefined) throw new Refused("badRequest", "Cannot read it: it is no HTTP");
  const headers = new Headers();
  for (const line of lines) {
    const colon = line.indexOf(":");
    try {
      headers.append(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
    } catch {
      // Names or values that no header can have.
    }
  }
  return { method, target, headers };
}

export function wantsWebSocket({ method, headers }: RequestHead): boolean {
  const upgrade = headers.get("upgrade")?.toLowerCase().split(",") ?? [];
  return method === "GET" && upgrade.some((name) => name.trim() === "websocket");
}

export function generationOf({ headers }: RequestHead): Generation {
  return headers.get("sec-websocket-key") === constantKey || !headers.has("host") ? "2015" : "current";
}

/** The whole 101, with nothing that a board does not need. Refused without a key, and for versions of before the RFC. */
export function switchingAnswer({ headers }: RequestHead, subprotocol: string | undefined): Uint8Array {
  const key = headers.get("sec-websocket-key") ?? "";
  if (key === "") throw new Refused("badRequest", "Cannot upgrade to WebSocket: there is no Sec-WebSocket-Key");
  const version = headers.get("sec-websocket-version");
  if (version !== null && !versions.includes(version)) {
    throw new Refused("badRequest", `Cannot speak WebSocket version ${version.slice(0, 20)}: use 13`);
  }
  const accept = createHash("sha1").update(`${key}${acceptSuffix}`, "latin1").digest("base64");
  const least = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n`;
  const chosen = subprotocol === undefined ? "" : `Sec-WebSocket-Protocol: ${subprotocol}\r\n`;
  const answer = `${least}${chosen}\r\n`;
  return Buffer.from(answer.length <= longestAnswer ? answer : `${least}\r\n`, "latin1");
}
