/** JSON lines (application/x-ndjson): one JSON text a line. */
import type { Framing } from "../ports.ts";
import { joinBytes } from "./stream.ts";

export const jsonLinesFraming: Framing = {
  name: "json-lines",
  frame: (text) => `${text}\n`,
  join: joinBytes,
};

export const jsonLinesHeaders = {
  "content-type": "application/x-ndjson; charset=utf-8",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
} as const;
