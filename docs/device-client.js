/**
 * Keeps a device connected as its QR code says: in the house first, then from outside, by WebSocket, then SSE, then
 * polling, or by the one transport that its owner chose. Its cursor comes along, so that nothing is lost or doubled by
 * the change. For web pages and apps: copy it with the files that it imports. docs/phones.md shows it at work.
 */
import { isFinal } from "../dashboard/refusals.js";
import { transports } from "../dashboard/transports.js";

/**
 * @import { Ending, Message, Publication, TransportName } from "../dashboard/wire.js"
 *
 * @typedef {{ http: string, websocket: string }} Address
 * @typedef {"auto" | "websocket" | "sse" | "polling"} DeviceTransport
 *
 * What the QR code says.
 * @typedef {{
 *   device: string, name: string, key: string, transport: DeviceTransport, internal?: Address, external?: Address
 * }} DeviceCode
 *
 * Where and how it is connected.
 * @typedef {{ transport: TransportName, base: string }} Way
 *
 * @typedef {{
 *   publication(publication: Publication): void,
 *   gap?(channels: readonly string[]): void,
 *   live?(way: Way): void,
 *   away?(ending: Ending): void,
 *   refused?(ending: Ending): void,
 *   moved?(code: DeviceCode): void,
 * }} DeviceListener `moved`: the gateway says that its owner chose otherwise; to be kept in the place of the QR code's
 */

/** ms in which a way must turn out to be one. */
const patience = 5000;
const firstPause = 500;
const longestPause = 30_000;

/** @type {Readonly<Record<DeviceTransport, readonly TransportName[]>>} */
const tried = {
  auto: ["websocket", "sse", "long-poll"],
  websocket: ["websocket"],
  sse: ["sse"],
  polling: ["long-poll"],
};

export class DeviceClient {
  /** Where it goes on; to be kept where the device forgets. */
  cursor;
  #code;
  #listener;
  #channels;
  /** The way that is being tried, or is good. */
  #at = 0;
  #live = false;
  #rounds = 0;
  #heartbeat = 0;
  /** @type {(() => void) | undefined} */
  #close;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {DeviceCode} code
   * @param {DeviceListener} listener
   * @param {{ channels?: readonly string[], cursor?: string }} [options] `channels`: what its key may read besides its inbox
   */
  constructor(code, listener, { channels = [], cursor = "" } = {}) {
    this.#code = code;
    this.#listener = listener;
    this.#channels = [`$device/${code.device}`, ...channels];
    this.cursor = cursor;
  }

  start() {
    this.#at = 0;
    this.#rounds = 0;
    this.#connect();
  }

  stop() {
    this.#letGo();
  }

  /** The network is another one, or the app is looked at again: begins with the first way. */
  wake() {
    this.start();
  }

  /** @returns {Way[]} */
  #ways() {
    const { internal, external, transport } = this.#code;
    return [internal, external].flatMap((address) =>
      address === undefined
        ? []
        : tried[transport].map((name) => {
            const base = name === "websocket" ? address.websocket.replace(/^ws/, "http") : address.http;
            return { transport: name, base: `${base}/` };
          }),
    );
  }

  #connect() {
    this.#letGo();
    const way = this.#ways()[this.#at];
    if (way === undefined) return this.#pause();
    this.#live = false;
    this.#heartbeat = 0;
    const { cursor } = this;
    const wish = { base: way.base, channel: this.#channels.join(","), key: this.#code.key, cursor, history: 0 };
    this.#expect(patience);
    this.#close = transports[way.transport](wish, {
      message: (message) => this.#hear(message, way),
      ended: (ending) => this.#ended(ending),
    });
  }

  /** @param {Message} message @param {Way} way */
  #hear(message, way) {
    if (message.heartbeat !== undefined) this.#heartbeat = message.heartbeat * 1000;
    this.#expect(this.#live ? 2 * this.#heartbeat || patience : patience);
    if (message.cursor !== undefined) this.cursor = message.cursor;
    if (message.live) {
      this.#live = true;
      this.#rounds = 0;
      this.#expect(2 * this.#heartbeat || patience);
      this.#listener.live?.(way);
    } else if (message.gap) this.#listener.gap?.(message.channels ?? []);
    else if (isPublication(message)) this.#take(message);
  }

  /** @param {Publication} publication */
  #take(publication) {
    const told = publication.channel === this.#channels[0] ? connectionIn(publication.data) : undefined;
    if (told === undefined) return this.#listener.publication(publication);
    this.#code = { ...told, key: this.#code.key };
    this.#listener.moved?.(this.#code);
    this.start();
  }

  /** @param {Ending} ending */
  #ended(ending) {
    this.#letGo();
    if (isFinal(ending)) return this.#listener.refused?.(ending);
    this.#listener.away?.(ending);
    // What was a way until now is tried first, but behind the house's own.
    this.#at = this.#live ? 0 : this.#at + 1;
    if (this.#live) this.#pause();
    else this.#connect();
  }

  /** Longer with each round in which no way was one, with some chance in it. */
  #pause() {
    const longest = Math.min(longestPause, firstPause * 2 ** this.#rounds++);
    this.#timer = setTimeout(
      () => {
        this.#at = 0;
        this.#connect();
      },
      longest * (0.5 + Math.random() / 2),
    );
  }

  /** Silence for so many ms is the end of this connection. @param {number} silence */
  #expect(silence) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ended({ text: "No sign of life" }), silence);
  }

  #letGo() {
    clearTimeout(this.#timer);
    this.#close?.();
    this.#close = undefined;
  }
}

/** @param {Message} message @returns {message is Publication} */
function isPublication(message) {
  return message.offset !== undefined && message.time !== undefined;
}

/** @param {unknown} data @returns {DeviceCode | undefined} */
function connectionIn(data) {
  if (typeof data !== "object" || data === null || !("connection" in data)) return undefined;
  return /** @type {DeviceCode} */ (data.connection);
}
