/**
 * The four ways to listen, each behind the same small function: it opens a connection, hands in the gateway's messages
 * as they are, and tells once why it ended. None of them comes back by itself; that is the client's to decide.
 */
import { endingOf, endingOfClose } from "./refusals.js";

/** @import { Ending, Message, Sink, Transport, TransportName, Wish } from "./wire.js" */

/** @type {Ending} */
const broken = { text: "The connection broke" };
/** @type {Ending} */
const nobody = { text: "The gateway does not answer" };

/** Seconds that a poll waits for something to come. */
const pollWait = 25;

/**
 * @param {Wish} wish
 * @param {Record<string, string | number>} [more]
 */
function channelUrl({ base, channel, cursor, history }, more = {}) {
  const url = new URL(`channels/${encodeChannel(channel)}`, base);
  if (cursor !== "") url.searchParams.set("since", cursor);
  else if (history > 0) url.searchParams.set("history", String(history));
  for (const [name, value] of Object.entries(more)) url.searchParams.set(name, String(value));
  return url;
}

/** Levels and the commas between channels stay readable. @param {string} channel */
export function encodeChannel(channel) {
  return channel.replaceAll(/[^/,*]+/g, encodeURIComponent);
}

/** @param {string} key @returns {Record<string, string>} */
export function authorization(key) {
  return key === "" ? {} : { authorization: `Bearer ${key}` };
}

/** What is no JSON did not come from the gateway: it counts as a sign of life that says nothing. @param {string} text @returns {Message} */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

/**
 * Browsers keep to themselves why a WebSocket or an EventSource was refused, so the same is asked for by fetch.
 *
 * @param {Wish} wish
 * @param {AbortSignal} signal
 * @param {Ending} otherwise
 * @returns {Promise<Ending>}
 */
async function askWhy(wish, signal, otherwise) {
  try {
    const response = await fetch(channelUrl({ ...wish, history: 0 }), { headers: authorization(wish.key), signal });
    if (!response.ok) return await endingOf(response);
    await response.body?.cancel();
    return otherwise;
  } catch {
    return nobody;
  }
}

/**
 * The key goes in the first message rather than in a subprotocol: a refusal then comes as a close with its reason.
 *
 * @type {Transport}
 */
function webSocket(wish, sink) {
  const url = channelUrl(wish);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(url);
  const closing = new AbortController();
  let opened = false;
  socket.onopen = () => {
    opened = true;
    if (wish.key !== "") socket.send(JSON.stringify({ apiKey: wish.key }));
  };
  socket.onmessage = ({ data }) => {
    if (!closing.signal.aborted) sink.message(parse(data));
  };
  socket.onclose = async ({ code, reason }) => {
    const ending = opened ? endingOfClose(code, reason) : await askWhy(wish, closing.signal, broken);
    if (!closing.signal.aborted) sink.ended(ending);
  };
  return () => {
    closing.abort();
    socket.close();
  };
}

/**
 * EventSource can set no header, so a key becomes a ticket first. It would come back by itself, but with the same used
 * ticket and the cursor of its first URL, so it is closed at its first error and opened anew by the client.
 *
 * @type {Transport}
 */
function sse(wish, sink) {
  const closing = new AbortController();
  const { signal } = closing;
  /** @param {Ending} ending */
  const ended = (ending) => {
    if (signal.aborted) return;
    closing.abort();
    sink.ended(ending);
  };
  /** @param {Record<string, string>} credentials */
  const listen = (credentials) => {
    const source = new EventSource(channelUrl(wish, credentials));
    signal.addEventListener("abort", () => source.close());
    let opened = false;
    /** @param {Event} event */
    const heard = async (event) => {
      if (signal.aborted) return;
      if (event instanceof MessageEvent) {
        const message = parse(event.data);
        sink.message(message);
        if (message.end) ended(endingOfEnd(message));
      } else if (event.type === "open") opened = true;
      else if (event.type === "error") {
        source.close();
        ended(opened ? broken : await askWhy(wish, signal, broken));
      }
    };
    for (const name of ["open", "error", "message", "hello", "live", "gap", "heartbeat", "end"]) {
      source.addEventListener(name, heard);
    }
  };
  if (wish.key === "") listen({});
  else buyTicket(wish, signal).then(listen, (reason) => ended(endingOfThrown(reason)));
  return () => closing.abort();
}

/**
 * Names of channels that there are; none where the gateway does not say.
 * @param {string} key @returns {Promise<string[]>}
 */
export async function channelNames(key) {
  try {
    const response = await fetch("channels", { headers: authorization(key) });
    return response.ok ? (await response.json()).channels : [];
  } catch {
    return [];
  }
}

/** @param {Wish} wish @param {AbortSignal} signal @returns {Promise<{ ticket: string }>} */
async function buyTicket({ base, key }, signal) {
  const response = await fetch(new URL("tickets", base), { method: "POST", headers: authorization(key), signal });
  if (!response.ok) throw new Unwelcome(await endingOf(response));
  const { ticket } = await response.json();
  return { ticket };
}

/** @type {Transport} */
function jsonLines(wish, sink) {
  return byFetch(sink, async (signal, message) => {
    const headers = { accept: "application/x-ndjson", ...authorization(wish.key) };
    const response = await fetch(channelUrl(wish), { headers, signal });
    if (!response.ok || response.body === null) throw new Unwelcome(await endingOf(response));
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return broken;
      const lines = (rest + value).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const read = parse(line);
        message(read);
        if (read.end) return endingOfEnd(read);
      }
    }
  });
}

/**
 * Answers are put into the words of a stream: the first one opens it and makes it live, each one is a sign of life.
 *
 * @type {Transport}
 */
function longPoll(wish, sink) {
  return byFetch(sink, async (signal, message) => {
    let { cursor } = wish;
    let wait = 0;
    for (;;) {
      const url = channelUrl({ ...wish, cursor }, wait > 0 ? { wait } : {});
      const response = await fetch(url, { headers: authorization(wish.key), signal });
      if (!response.ok) throw new Unwelcome(await endingOf(response));
      const { gap, channels, publications, cursor: next } = await response.json();
      if (wait === 0) message({ hello: true, heartbeat: pollWait });
      if (gap) message({ gap, channels });
      for (const publication of publications) message(publication);
      message(wait === 0 ? { live: true, cursor: next } : { heartbeat: pollWait, cursor: next });
      cursor = next;
      wait = pollWait;
    }
  });
}

/**
 * What the two transports over fetch have in common: one signal, and one place where all ways to end come together.
 *
 * @param {Sink} sink
 * @param {(signal: AbortSignal, message: (message: Message) => void) => Promise<Ending>} read
 */
function byFetch(sink, read) {
  const closing = new AbortController();
  const { signal } = closing;
  read(signal, (message) => {
    signal.throwIfAborted();
    sink.message(message);
  })
    .catch(endingOfThrown)
    .then((ending) => {
      if (signal.aborted) return;
      closing.abort();
      sink.ended(ending);
    });
  return () => closing.abort();
}

class Unwelcome extends Error {
  /** @param {Ending} ending */
  constructor(ending) {
    super(ending.text);
    this.ending = ending;
  }
}

/** @param {unknown} thrown @returns {Ending} */
function endingOfThrown(thrown) {
  return thrown instanceof Unwelcome ? thrown.ending : nobody;
}

/** @param {Message} message @returns {Ending} */
function endingOfEnd({ error }) {
  return error === undefined
    ? { text: "The stream came to its planned end", planned: true }
    : { text: error.message, error };
}

/** @type {Readonly<Record<TransportName, Transport>>} */
export const transports = { websocket: webSocket, sse, "json-lines": jsonLines, "long-poll": longPoll };
