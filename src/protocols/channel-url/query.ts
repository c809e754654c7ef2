/** What a request's URL and headers ask for. Pure. */
import { select } from "../../core/channels.ts";
import { parseCursor } from "../../core/cursor.ts";
import { Refused } from "../../core/refusals.ts";
import type { Past, Position, Selector } from "../../ports.ts";

export interface Wish {
  readonly selector: Selector;
  readonly past: Past;
  /** Seconds between signs of life. */
  readonly heartbeat: number;
  /** How long a poll may wait, in ms. */
  readonly wait: number;
  readonly presence: boolean;
}

export interface WishLimits {
  /** Default interval of heartbeats, in seconds. */
  readonly heartbeat: number;
  /** Names and patterns in one request. */
  readonly channels: number;
}

/** The run of a cursor that no broker ever counted: such a position is answered with a gap. */
const unknownRun = "";
const longestWait = 60;
const heartbeatBounds = [15, 300] as const;
const mostHistory = 10_000;

/** Channels of a path below the prefix: percent-decoded, separated by commas. */
export function channelsOf(path: string): readonly string[] {
  return path.split(",").map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      throw new Refused("badRequest", `Cannot decode ${JSON.stringify(part.slice(0, 80))} in the path`);
    }
  });
}

export function wishOf(path: string, query: URLSearchParams, headers: Headers, limits: WishLimits): Wish {
  const since = sinceOf(query, headers);
  const selector = select(channelsOf(path));
  if (selector.names.length + selector.patterns.length > limits.channels) {
    throw new Refused("limitExceeded", `Cannot listen to more than ${limits.channels} channels at once`);
  }
  return {
    selector,
    past:
      since === undefined
        ? { from: "now", history: Math.floor(countOf(query, "history", mostHistory)) }
        : { from: "position", position: since },
    heartbeat: heartbeatOf(query, limits.heartbeat),
    wait: countOf(query, "wait", longestWait) * 1000,
    presence: flagOf(query, "presence"),
  };
}

/** What a misspelt yes was to prevent, as that something is kept, cannot be undone: so it is refused. */
export function flagOf(query: URLSearchParams, name: string): boolean {
  const text = query.get(name);
  if (text === null || text === "" || text === "false") return false;
  if (text === "true") return true;
  throw new Refused("badRequest", `Cannot use ${name}=${text.slice(0, 20)}: give true or false`);
}

/** A browser that comes back says so in the header; its URL still has what it was opened with. */
function sinceOf(query: URLSearchParams, headers: Headers): Position | undefined {
  const text =
    headers.get("last-event-id") ?? query.get("last_event_id") ?? query.get("lastEventId") ?? query.get("since");
  if (text === null || text === "") return undefined;
  return parseCursor(text) ?? { run: unknownRun, seq: 0 };
}

function heartbeatOf(query: URLSearchParams, standard: number): number {
  const text = query.get("heartbeat");
  if (text === null) return standard;
  const [least, most] = heartbeatBounds;
  const seconds = Number(text);
  if (Number.isInteger(seconds) && seconds >= least && seconds <= most) return seconds;
  throw new Refused("badRequest", `Cannot use heartbeat=${text.slice(0, 20)}: give ${least} to ${most} seconds`);
}

function countOf(query: URLSearchParams, name: string, most: number): number {
  const text = query.get(name);
  if (text === null || text === "") return 0;
  const count = Number(text);
  if (Number.isFinite(count) && count >= 0 && count <= most) return count;
  throw new Refused("badRequest", `Cannot use ${name}=${text.slice(0, 20)}: give 0 to ${most}`);
}
