/** Connections that the gateway opens, for its bridges. */
import type { DialAnswer, DialedEars, DialedSocket, Dialer, DialRequest } from "../ports.ts";

/** Bun's WebSocket has more than the web's. */
interface PingingSocket extends WebSocket {
  ping(): void;
  terminate(): void;
}

/** What no home system answers in one piece, in bytes. */
const largestAnswer = 64 * 1024 * 1024;

async function request(url: string, options: DialRequest): Promise<DialAnswer> {
  const { method = "GET", body, patience, largest = largestAnswer, asBytes } = options;
  const tooLate = AbortSignal.timeout(patience);
  const response = await fetch(url, {
    method,
    signal: options.signal === undefined ? tooLate : AbortSignal.any([options.signal, tooLate]),
    ...(options.headers === undefined ? {} : { headers: options.headers }),
    ...(body === undefined ? {} : { body }),
  });
  const { status, url: from, headers } = response;
  if (asBytes !== true) return { status, url: from, headers, text: await textOf(response, largest) };
  return { status, url: from, headers, text: "", bytes: await bytesOf(response, largest) };
}

async function textOf(response: Response, largest: number): Promise<string> {
  return new TextDecoder().decode(await bytesOf(response, largest));
}

/** Nothing is read of an answer that says that it is too large, and nothing more when it turns out to be. */
async function bytesOf({ headers, body }: Response, largest: number): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = (): Error => new Error("the answer is too large");
  if (Number(headers.get("content-length")) > largest) {
    await body?.cancel();
    throw tooLarge();
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > largest) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function webSocket(url: string, ears: DialedEars): DialedSocket {
  const socket = new WebSocket(url) as PingingSocket;
  let over = false;
  let trouble = "";
  const close = (reason: string): void => {
    if (over) return;
    over = true;
    ears.closed(reason);
  };
  socket.onopen = () => {
    if (!over) ears.opened();
  };
  socket.onmessage = ({ data }: MessageEvent<unknown>) => {
    if (!over && typeof data === "string") ears.message(data);
  };
  socket.addEventListener("pong" as "message", () => {
    if (!over) ears.alive();
  });
  socket.addEventListener("ping" as "message", () => {
    if (!over) ears.alive();
  });
  socket.onerror = (event) => {
    trouble = "message" in event && typeof event.message === "string" ? event.message : "it failed";
  };
  socket.onclose = ({ code, reason }) =>
    close(trouble || `it was closed (${code}${reason === "" ? "" : ` ${reason}`})`);
  const isOpen = (): boolean => !over && socket.readyState === WebSocket.OPEN;
  return {
    send(text) {
      if (isOpen()) socket.send(text);
    },
    ping() {
      if (isOpen()) socket.ping();
    },
    end() {
      over = true;
      socket.terminate();
    },
  };
}

export const systemDialer: Dialer = { request, webSocket };
