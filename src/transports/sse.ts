/** Server-sent events (WHATWG HTML, 9.2). */
import type { Framing } from "../ports.ts";
import { joinBytes } from "./stream.ts";

export const sseFraming: Framing = {
  name: "sse",
  frame(text, head) {
    const id = head?.id === undefined ? "" : `id: ${head.id}\n`;
    const event = head?.event === undefined ? "" : `event: ${head.event}\n`;
    const retry = head?.retry === undefined ? "" : `retry: ${head.retry}\n`;
    // Texts are single lines as a rule; a line break in one must not end its event.
    const data = text.includes("\n") || text.includes("\r") ? text.replaceAll(/\r\n|\r|\n/g, "\ndata: ") : text;
    return `${id}${event}data: ${data}\n${retry}\n`;
  },
  join: joinBytes,
};

/** `no-transform` and `X-Accel-Buffering` keep proxies from collecting what should arrive at once. */
export const sseHeaders = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
} as const;
