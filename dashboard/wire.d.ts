/** What the gateway says and is told on /channels/…; specified in docs/channel-url.md. */

export interface Publication {
  channel: string;
  offset: number;
  data: unknown;
  key?: string;
  removed?: true;
  tags?: Record<string, string>;
  info?: unknown;
  /** ms since the epoch */
  time: number;
  cursor: string;
}

export interface WireError {
  code: number;
  name: string;
  message: string;
  /** A path on the gateway that explains the code. */
  doc: string;
}

/** Everything a stream can carry; which one it is shows in the member that only it has. */
export interface Message extends Partial<Publication> {
  hello?: true;
  live?: true;
  gap?: true;
  end?: true;
  channels?: string[];
  /** Seconds between signs of life. */
  heartbeat?: number;
  error?: WireError;
}

export interface Receipt {
  channel: string;
  offset: number;
  epoch: string;
}

/** What one connection is to bring. */
export interface Wish {
  /** The gateway's address, ending in `/`. */
  base: string;
  /** Names and patterns, separated by commas. */
  channel: string;
  /** The API key, or nothing. */
  key: string;
  /** Where to go on, or nothing to begin with the present. */
  cursor: string;
  /** How many publications of the past to begin with. */
  history: number;
}

/** Why a connection is over. */
export interface Ending {
  /** For people, a whole sentence. */
  text: string;
  error?: WireError;
  /** Seconds. */
  retryAfter?: number;
  /** It ended as planned: come back at once. */
  planned?: boolean;
}

/** Where a connection hands in what it brings. */
export interface Sink {
  message(message: Message): void;
  /** Once, and nothing after it. */
  ended(ending: Ending): void;
}

/** Opens a connection; the answer closes it, after which the sink hears no more. */
export type Transport = (wish: Wish, sink: Sink) => () => void;

export type TransportName = "websocket" | "sse" | "json-lines" | "long-poll";

/**
 * Where a publication belongs: `snapshot` is a map as it is, `history` the past that was asked for, `owed` what was
 * missed, and `live` is new.
 */
export type Place = "snapshot" | "history" | "owed" | "live";

export type State =
  | { name: "idle" }
  | { name: "connecting" }
  | { name: "live"; since: number }
  | { name: "waiting"; since: number; until: number; attempt: number; ending: Ending }
  | { name: "refused"; ending: Ending };

export interface Counts {
  received: number;
  /** Of these, how many were owed when a connection came back. */
  recovered: number;
  gaps: number;
  /** Time of the last publication as it came in here, 0 for none. */
  last: number;
  /** Announced seconds between signs of life, 0 for not known yet. */
  heartbeat: number;
}

/** What the client tells whoever made it. */
export interface Listener {
  state(state: State): void;
  publication(publication: Publication, place: Place): void;
  gap(channels: readonly string[]): void;
  /** The connection has caught up; `owed` were missed. */
  caughtUp(owed: number): void;
}
