/**
 * A client of /channels/…: stays connected over any transport, comes back from its cursor, and says what it was owed.
 * It knows nothing of the page.
 */
import { endingOf, isFinal } from "./refusals.js";
import { authorization, encodeChannel, transports } from "./transports.js";

/** @import { Counts, Ending, Listener, Message, Place, Receipt, State, TransportName } from "./wire.js" */

/** Seconds between signs of life, until the gateway has announced its own. */
const presumedHeartbeat = 5;
const firstDelay = 500;
const longestDelay = 30_000;
/** A connection that was live for so long was a good one: the next wait begins small again. */
const settled = 10_000;
/** Away for longer than this, a connection may have died without anybody telling the page. */
const trustedAbsence = 1000;
const history = 30;

export class ChannelClient {
  /** @type {State} */
  state = { name: "idle" };
  /** @type {Counts} */
  counts = { received: 0, recovered: 0, gaps: 0, last: 0, heartbeat: 0 };
  channel = "";
  /** @type {TransportName} */
  transport = "websocket";
  key = "";
  #base;
  #listener;
  #cursor = "";
  #attempt = 0;
  #owed = 0;
  #lastSign = 0;
  /** Channels and patterns of this connection's gap, which begin anew. @type {readonly string[]} */
  #lost = [];
  /** @type {(() => void) | undefined} */
  #close;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #comeBack;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #deadMan;

  /** @param {string} base the gateway's address, ending in `/` @param {Listener} listener */
  constructor(base, listener) {
    this.#base = base;
    this.#listener = listener;
  }

  /**
   * Listens to these channels. The cursor is good for every transport and key, and is kept unless the channels change.
   *
   * @param {{ channel: string, transport: TransportName, key: string }} wanted
   */
  listen({ channel, transport, key }) {
    if (channel !== this.channel) {
      this.#cursor = "";
      this.counts = { received: 0, recovered: 0, gaps: 0, last: 0, heartbeat: 0 };
    }
    Object.assign(this, { channel, transport, key });
    this.#attempt = 0;
    this.#connect();
  }

  stop() {
    this.#letGo();
    this.#become({ name: "idle" });
  }

  /** Connects now, whatever it was waiting for. */
  retry() {
    if (this.channel !== "") this.#connect();
  }

  /**
   * The page is back after so many ms, or the network is. What looks open may be dead, and only a fresh connection
   * tells; from the cursor it costs one request. True when it connects.
   *
   * @param {number} absence
   */
  wake(absence) {
    const { name } = this.state;
    if (name === "idle" || name === "refused") return false;
    if (name !== "waiting" && absence < trustedAbsence) return false;
    this.#connect();
    return true;
  }

  /**
   * @param {string} channel
   * @param {{ body: string, json: boolean, mapKey?: string }} what
   * @returns {Promise<Receipt>}
   */
  async publish(channel, { body, json, mapKey = "" }) {
    const url = new URL(`channels/${encodeChannel(channel)}`, this.#base);
    if (mapKey !== "") url.searchParams.set("key", mapKey);
    const type = json ? "application/json" : "text/plain;charset=utf-8";
    const headers = { "content-type": type, ...authorization(this.key) };
    const response = await fetch(url, { method: "POST", headers, body });
    if (!response.ok) throw new Error((await endingOf(response)).text);
    return response.json();
  }

  #connect() {
    this.#letGo();
    this.#owed = 0;
    this.#lost = [];
    this.counts.heartbeat = 0;
    this.#become({ name: "connecting" });
    const { channel, key } = this;
    const wish = { base: this.#base, channel, key, cursor: this.#cursor, history };
    const place = this.#cursor === "" ? "history" : "owed";
    this.#lastSign = Date.now();
    this.#watchForSilence();
    this.#close = transports[this.transport](wish, {
      message: (message) => this.#hear(message, place),
      ended: (ending) => this.#ended(ending),
    });
  }

  /** @param {Message} message @param {Place} before where publications before `live` belong */
  #hear(message, before) {
    this.#lastSign = Date.now();
    if (message.cursor !== undefined) this.#cursor = message.cursor;
    if (message.heartbeat !== undefined && message.heartbeat !== this.counts.heartbeat) {
      this.counts.heartbeat = message.heartbeat;
      this.#watchForSilence();
    }
    if (isPublication(message)) this.#take(message, before);
    else if (message.gap) this.#gap(message.channels ?? []);
    else if (message.live) {
      this.#become({ name: "live", since: Date.now() });
      this.#listener.caughtUp(this.#owed);
    }
  }

  /** @param {import("./wire.js").Publication} publication @param {Place} before */
  #take(publication, before) {
    const { counts } = this;
    const wasLive = this.state.name === "live";
    // A map that begins anew comes whole: these are values, not events.
    const anew = before === "history" || this.#lost.some((lost) => lost === publication.channel || lost.includes("*"));
    /** @type {Place} */
    const place = wasLive ? "live" : publication.key !== undefined && anew ? "snapshot" : before;
    if (place !== "snapshot" && place !== "history") {
      counts.received++;
      counts.last = Date.now();
    }
    if (place === "owed") {
      counts.recovered++;
      this.#owed++;
    }
    this.#listener.publication(publication, place);
  }

  /** @param {readonly string[]} channels */
  #gap(channels) {
    this.counts.gaps++;
    this.#lost = channels;
    this.#listener.gap(channels);
  }

  /** @param {Ending} ending */
  #ended(ending) {
    const { state } = this;
    this.#letGo();
    if (isFinal(ending)) {
      this.#become({ name: "refused", ending });
      return;
    }
    const now = Date.now();
    if (state.name === "live" && now - state.since > settled) this.#attempt = 0;
    const delay = this.#delay(ending);
    this.#attempt++;
    this.#comeBack = setTimeout(() => this.#connect(), delay);
    this.#become({ name: "waiting", since: now, until: now + delay, attempt: this.#attempt, ending });
  }

  /** Doubles, and is spread by chance, so that a gateway that restarts is not met by everybody at once. @param {Ending} ending */
  #delay({ planned, retryAfter }) {
    if (planned) return Math.random() * firstDelay;
    if (retryAfter !== undefined) return retryAfter * 1000 * (1 + Math.random() / 4);
    return Math.min(longestDelay, firstDelay * 2 ** this.#attempt) * (0.5 + Math.random() / 2);
  }

  /**
   * The dead-man timer: nothing heard for two heartbeats means that nobody is there, whatever the browser thinks of the
   * connection. One timer for all signs of life: when it rings too early it is set for what is left.
   */
  #watchForSilence() {
    clearTimeout(this.#deadMan);
    const patience = 2000 * (this.counts.heartbeat || presumedHeartbeat);
    const silence = Date.now() - this.#lastSign;
    if (silence < patience) this.#deadMan = setTimeout(() => this.#watchForSilence(), patience - silence);
    else this.#ended({ text: `No sign of life for ${Math.round(silence / 1000)} s` });
  }

  #letGo() {
    this.#close?.();
    this.#close = undefined;
    clearTimeout(this.#comeBack);
    clearTimeout(this.#deadMan);
  }

  /** @param {State} state */
  #become(state) {
    this.state = state;
    this.#listener.state(state);
  }
}

/** @param {Message} message @returns {message is import("./wire.js").Publication} */
function isPublication(message) {
  return message.offset !== undefined && message.time !== undefined;
}
