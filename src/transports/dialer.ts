/** Connections that the gateway opens, for its bridges. */
import type { DialAnswer, DialedEars, DialedSocket, Dialer, DialRequest } from "../ports.ts";

/** Bun's WebSocket has more than the web's. */
interface PingingSocket extends WebSocket {
  ping(): void;
  terminate(): void;
}

/** What no home system answers in one piece, in bytes. */
const largestAnswer = 64 * 1024 * 1024;

async function request(url: string, { method = "GET", headers, body, patience }: DialRequest): Promise<DialAnswer> {
  const response = await fetch(url, {
    method,
    signal: AbortSignal.timeout(patience),
    ...(headers === undefined ? {} : { headers }),
    ...(body === undefined ? {} : { body }),
  });
  if (Number(response.headers.get("content-length")) > largestAnswer) throw new Error("the answer is too large");
  return { status: response.status, text: await response.text(), url: response.url };
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
