/** How messages are written for boards: one framing for each generation and limit, so that each is encoded once. Pure. */
import type { Framing } from "../ports.ts";
import { encodeTexts, type FrameLimits, longestFrame } from "./lenient-frames.ts";

/** The most that a board of 2015 reads: a longer length it takes for text. */
export const largestOf2015 = 125;
/** What boards of today have the memory for, in bytes, besides what they are there for. */
const advised = 1024;

const notAscii = /[^\x00-\x7f]/;
const eachNotAscii = /[^\x00-\x7f]/g;

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** JSON is written in ASCII, since boards take each byte for a character; other text is left as it is. */
export function asciiJson(text: string): string {
  if (!notAscii.test(text)) return text;
  try {
    JSON.parse(text);
  } catch {
    return text;
  }
  return text.replace(eachNotAscii, escapeUnit);
}

function fitsWithin(largest: number): (text: string) => boolean {
  return (text) => {
    // A UTF-16 unit is at most six bytes: `\u00e9`.
    if (text.length * 6 <= largest) return true;
    return text.length <= largest && Buffer.byteLength(asciiJson(text)) <= largest;
  };
}

/** For boards that take several frames of a turn in one piece. */
export function currentFraming({ message }: FrameLimits): Framing {
  return {
    name: message === longestFrame ? "lenient-websocket" : `lenient-websocket/${message}`,
    frame: asciiJson,
    fits: fitsWithin(message),
    suits: fitsWithin(advised),
    join(frames) {
      const bytes = encodeTexts(frames);
      return { parts: [bytes], bytes: bytes.length };
    },
  };
}

/** For boards that take one frame a segment: each is a part of its own. */
export const framingOf2015: Framing = {
  name: "lenient-websocket/2015",
  frame: asciiJson,
  fits: fitsWithin(largestOf2015),
  join(frames) {
    const parts = frames.map((frame) => encodeTexts([frame]));
    return { parts, bytes: parts.reduce((bytes, part) => bytes + part.length, 0) };
  },
};
