/**
 * Every seam of Hearthwire on one page. Read this first.
 *
 * Words: see ARCHITECTURE.md. Time is in milliseconds since the epoch, sizes are in bytes, unless a name says otherwise.
 * Nothing here has behaviour; an interface has one folder of implementations and one contract test that all of them run.
 */

export type MaybePromise<T> = T | Promise<T>;

// ── Time and chance ───────────────────────────────────────────────────────────────────────────────────────────────────

/** The only source of time in core and protocols. Tests turn its hands. */
export interface Clock {
  now(): number;
  /** Runs `task` once after `delay` ms; the answer cancels it. */
  after(delay: number, task: () => void): () => void;
  /** Runs `task` once, when all that this turn of the event loop has read has been dealt with. */
  atEndOfTurn(task: () => void): void;
}

/** The only source of chance in core and protocols. */
export interface Chance {
  /** `length` characters of `alphabet` (default: A–Z a–z 0–9), from a cryptographic source. */
  text(length: number, alphabet?: string): string;
}

/** Structured logging. Secrets never come here: see `core/redaction.ts`. */
export interface Log {
  debug(fields: object, text: string): void;
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

// ── Publications ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** One JSON value as text, without line breaks, so that it can be put into any frame as it is. */
export type JsonText = string;

/** What a publisher hands in. */
export interface Draft {
  readonly data: JsonText;
  /** The key of a map channel; a stream channel refuses it. */
  readonly key?: string;
  /** The key is taken out of the map. `data` is then `null`. */
  readonly removed?: true;
  /** For those who listen now: it is neither kept nor counted. A map channel refuses it. */
  readonly transient?: true;
  readonly tags?: Readonly<Record<string, string>>;
  /** Who published, as JSON. */
  readonly info?: JsonText;
}

/** One message in a channel, in its place. */
export interface Publication extends Draft {
  readonly channel: string;
  /** Position in the channel: 1, 2, 3 … within the channel's epoch; 0 where it is transient, and so has none. */
  readonly offset: number;
  /** Position among all publications of the broker: grows in the order of delivery, not always by one. */
  readonly seq: number;
  readonly time: number;
}

/** What a publisher gets back: the publication's place. On a durable channel it is then kept, unless it is transient. */
export interface Receipt {
  readonly channel: string;
  /** 0 where it is transient. */
  readonly offset: number;
  readonly epoch: string;
}

// ── Channels ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export type ChannelKind = "stream" | "map";
/** What happens when a session's queue is over its limit: it is closed, keeps the latest per key, or loses the oldest. */
export type QueuePolicy = "disconnect" | "latest" | "drop-oldest";
/** `yes`: an acknowledged publication survives the end of the process; `sync`: also of the power. */
export type Durability = "no" | "yes" | "sync";

export interface ChannelSettings {
  readonly kind: ChannelKind;
  /** The last `size` publications, none older than `ttl` ms. Size 0 keeps none. */
  readonly history: { readonly size: number; readonly ttl: number };
  readonly durable: Durability;
  readonly presence: boolean;
  readonly queue: QueuePolicy;
}

/** The settings of a channel by its name: the first matching entry of the configuration. */
export type SettingsOf = (channel: string) => ChannelSettings;

/** What a subscription is about: exact names and patterns. Two of the same content have the same `id`. */
export interface Selector {
  readonly id: string;
  readonly names: readonly string[];
  readonly patterns: readonly string[];
}

// ── Broker ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The broker's own position: what every subscriber's cursor says, whatever it listens to. */
export interface Position {
  /** The run of the broker that counted `seq`. */
  readonly run: string;
  readonly seq: number;
}

/** What a new subscriber wants to know of the time before it. */
export type Past =
  /** Maps whole, and the last `history` publications of each stream (0: none). */
  | { readonly from: "now"; readonly history: number }
  /** Everything after a cursor that the subscriber brought. */
  | { readonly from: "position"; readonly position: Position }
  /** Everything after a place in one channel; an empty epoch stands for the present one. */
  | { readonly from: "offset"; readonly epoch: string; readonly offset: number };

/** One channel's part of a reading. */
export interface ChannelReading {
  readonly channel: string;
  readonly kind: ChannelKind;
  readonly epoch: string;
  /** The channel's top as of the reading. */
  readonly offset: number;
  /**
   * `snapshot`: the map as it is, one publication per key; `history`: the last ones that were asked for;
   * `missed`: all since the place that the subscriber named; `gap`: that place cannot be honoured. After a gap
   * `publications` has what is known all the same: the map, or the history that is left.
   */
  readonly as: "snapshot" | "history" | "missed" | "gap";
  readonly publications: readonly Publication[];
}

/** The past of a selector, all of it as of one position. */
export interface Reading {
  readonly position: Position;
  /** Something may be missing: a channel's reading is a gap, or a pattern was asked for a time that is not known. */
  readonly gap: boolean;
  /** Every name of the selector, and the channels of its patterns that hold something; in no particular order. */
  readonly channels: readonly ChannelReading[];
}

/** A page of one channel's history. */
export interface HistoryPage {
  readonly epoch: string;
  readonly offset: number;
  readonly publications: readonly Publication[];
}

export interface HistoryQuery {
  /** At most this many; 0 asks for the position only, a negative number for all. */
  readonly limit: number;
  readonly since?: { readonly offset: number; readonly epoch: string };
  readonly reverse?: boolean;
  /** The entries of a map instead of its history, those that changed last at the end. */
  readonly entries?: true;
}

/**
 * Puts publications in order, keeps history and maps, and carries them to every node. The cluster is this and nothing
 * else. Refusals are thrown (`Refused`) or rejected; a publication that was refused left no trace.
 */
export interface Broker {
  /**
   * Where every publication goes, own or of other nodes, in the order of `seq`. `listened`: whether somebody listens to exactly
   * this channel, whose place is then not to be forgotten; without it, somebody does. Called once, before anything else.
   */
  attach(deliver: (publication: Publication) => void, listened?: (channel: string) => boolean): void;
  publish(channel: string, draft: Draft): MaybePromise<Receipt>;
  /**
   * Capability: these, a few dozen, are about to be published on. It changes nothing: what that takes is fetched for all of them
   * at once, and not for one after the other.
   */
  expect?(channels: readonly string[]): void;
  /** Atomic: `deliver` was called for all that the reading contains and for nothing after it. */
  read(selector: Selector, past: Past): MaybePromise<Reading>;
  history(channel: string, query: HistoryQuery): MaybePromise<HistoryPage>;
  /** Names of the channels that hold something or were published on, matching `pattern`, in order. */
  channels(pattern: string): MaybePromise<readonly string[]>;
  /** Capability: forgets a channel's history. Its place goes on, and the entries of a map stay. */
  removeHistory?(channel: string): MaybePromise<void>;
  /** Capability: whether there is something in a channel, history or entries. */
  holds?(channel: string): boolean;
  /** Capability: how many channels it holds, with those of which it has nothing but their place. */
  readonly channelsHeld?: number;
  /**
   * Capability: the settings of channels have changed. Those that are of another kind by them, or durable now, or no longer,
   * begin anew. The answer is whose subscribers have to come back: those, and where presence is another.
   */
  reconfigure?(): readonly string[];
  /** Capability, of a broker of several nodes. */
  readonly relay?: Relay;
  /** Flushes what is on its way to the journal and lets go of it. */
  close(): Promise<void>;
}

/** What one node says to another, besides publications, which all hear. */
export interface Relay {
  /** This node's name, of which every node has another; they have the run of the broker in common. */
  readonly node: string;
  /** What is handed to this node: of each other node in its order. Called once, before anything else. */
  attach(hear: (message: string) => void): void;
  /** False where there is no such node. */
  hand(node: string, message: string): MaybePromise<boolean>;
}

/** A publication as the journal keeps it. */
export interface JournalRecord extends Publication {
  /** The fields of the channel that the bounds of the journal depend on. */
  readonly kind: ChannelKind;
  /** In the first record of a channel: `JournalChannel.since`. Default 0. */
  readonly since?: number;
}

/** What says which channels are durable. */
export interface JournalRules {
  /** The same text says the same. */
  readonly text: string;
  /** The `seq` at which they came into force; none later has the same. */
  readonly from: number;
}

/** A channel as the journal gives it back at start. */
export interface JournalChannel {
  readonly channel: string;
  readonly kind: ChannelKind;
  /** The `from` of the rules under which it began: tells its epoch from others of its name, and honours no `seq` before. */
  readonly since: number;
  /** The last offset that was ever given out. */
  readonly offset: number;
  /** The `seq` of the newest publication that the kept history no longer has; 0 when it has all. */
  readonly trimmedSeq: number;
  /** Kept history, oldest first: without holes, and up to `offset`. */
  readonly publications: readonly Publication[];
  /** The map, by key. Empty for a stream. */
  readonly entries: readonly Publication[];
}

/** A run of the broker on this journal: cursors of it are known, from its first `seq` to the next run's. */
export interface JournalRun {
  readonly run: string;
  readonly from: number;
}

/** Keeps durable channels. One process at a time; opening a journal that another process has is refused. */
export interface Journal {
  /** What the epochs of all durable channels begin with; new when the journal is new. */
  readonly epoch: string;
  /** The last ones that it was told. */
  readonly rules: JournalRules | undefined;
  /** Earlier runs, oldest first. */
  readonly runs: readonly JournalRun[];
  /** All `seq` that earlier runs may have given out are below this. */
  readonly nextSeq: number;
  load(): Iterable<JournalChannel>;
  begin(run: JournalRun): void;
  /** Other rules are in force: kept together with what is forgotten at the same moment. */
  rule(rules: JournalRules): void;
  /** Earlier runs may have used all below `seq`: kept before they do. */
  reserve(seq: number): Promise<void>;
  /** Resolves when all records survive the end of the process (`yes`) or of the power (`sync`). All or none. */
  append(records: readonly JournalRecord[], durability: Durability): Promise<void>;
  /** The channel's history no longer needs publications up to `offset`, the last of which had `seq`. May be done later. */
  trim(channel: string, offset: number, seq: number): void;
  /** The channel is no longer durable, or of another kind: nothing of it is kept. May be done later. */
  forget(channel: string): void;
  close(): Promise<void>;
}

/** How a journal does. */
export interface JournalFigures {
  /** Publications that wait for it. */
  readonly waiting: number;
  /** How long the oldest of them has waited, in ms. */
  readonly lag: number;
  /** Since the start: transactions, those of them with an fsync, publications kept. */
  readonly commits: number;
  readonly syncs: number;
  readonly kept: number;
  /** Why nothing can be kept now: publications on durable channels are refused. Absent while it can. */
  readonly failing?: string;
}

// ── Keys and devices ──────────────────────────────────────────────────────────────────────────────────────────────────

export type Verb = "subscribe" | "publish" | "history" | "presence" | "call" | "admin";

/** What a key may do: patterns of channels per verb; for `call` method names with levels split by `.`. */
export type Grants = { readonly [verb in Verb]?: readonly string[] };

export interface KeyRecord {
  /** The middle part of `hw_<id>_<secret>`; not secret. */
  readonly id: string;
  readonly name: string;
  /** SHA-256 of the whole key, in hex. The key has 128 random bits or more, so a slow hash would add nothing. */
  readonly hash: string;
  readonly grants: Grants;
  readonly created: number;
  readonly expires?: number;
  readonly lastUsed?: number;
  /** The device whose key this is. */
  readonly device?: string;
}

/** Keys at rest. Small, so answered at once. */
export interface KeyStore {
  find(id: string): KeyRecord | undefined;
  list(): readonly KeyRecord[];
  put(key: KeyRecord): void;
  remove(id: string): boolean;
  /** Notes the last use; may be written later. */
  touch(id: string, time: number): void;
}

export interface DeviceRecord {
  readonly id: string;
  readonly name: string;
  /** The id of its key. */
  readonly key: string;
  readonly created: number;
  readonly lastSeen?: number;
  /** Channels that a backend subscribed it to (Unix-socket protocol); they last over reconnects and restarts. */
  readonly channels: readonly string[];
  /** Where its last session ended: what it is owed begins after it. */
  readonly cursor?: string;
  /** Preferences and facts, by protocol or option name. */
  readonly settings: Readonly<Record<string, string>>;
}

export interface DeviceStore {
  find(id: string): DeviceRecord | undefined;
  list(): readonly DeviceRecord[];
  put(device: DeviceRecord): void;
  remove(id: string): boolean;
}

/** Puts many keys and devices at once: all of them or, when it throws, none. */
export type PutAll = (keys: readonly KeyRecord[], devices: readonly DeviceRecord[]) => void;

// ── Transports ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** One message in the form in which its transport carries it. */
export type Frame = string;

/** What leaves in one write: whole messages for a WebSocket, bytes for a stream. Shared by all who are owed the same. */
export interface Payload {
  readonly parts: readonly (string | Uint8Array)[];
  readonly bytes: number;
}

/** What stands beside a message's text, where a transport has a place for it (SSE: `id:`, `event:` and `retry:`). */
export interface FrameHead {
  readonly id?: string;
  readonly event?: string;
  /** After how many ms a client whose connection breaks should come back. */
  readonly retry?: number;
}

/** How a transport frames messages: pure, one object per transport. */
export interface Framing {
  readonly name: string;
  frame(text: string, head?: FrameHead): Frame;
  join(frames: readonly Frame[]): Payload;
  /** Capability: whether a message of this text can be carried. Without it, any can. */
  fits?(text: string): boolean;
  /** Capability: whether peers take it with ease, where it can be carried. Without it, they take any. */
  suits?(text: string): boolean;
}

/** The writing side of one peer, given to its session by the transport. Never blocks and never throws. */
export interface Outlet {
  readonly framing: Framing;
  readonly address: string;
  /** Whether the peer can be heard, so that its silence means something (a WebSocket: yes; a response: no). */
  readonly hears: boolean;
  /** The peer says by itself that it lives, this often in ms, and cannot be asked: it is dead after two of them in silence. */
  readonly keepAlive?: number | undefined;
  /** Bytes that were written and that the kernel has not taken yet. */
  queued(): number;
  /** Writes at once. False when the peer can take no more for now: `Inlet.drained` tells when it can. */
  write(payload: Payload): boolean;
  /** A sign of life in the transport's own way (a WebSocket ping), if it has one. */
  ping(): void;
  /**
   * Ends it. With a close code and reason where the transport has them; 1006 is never sent: the connection breaks. `abrupt` ends a peer that does not read:
   * what is queued is thrown away and the connection's memory is freed now.
   */
  end(code: number, reason: string, abrupt: boolean): void;
}

/** The reading side: what a transport tells of its peer. Implemented by `Session`. */
export interface Inlet {
  message(data: string | Uint8Array): void;
  /** Any byte came, also a pong. */
  alive(): void;
  /** The kernel took all that was queued. */
  drained(): void;
  /** The peer is gone, whoever ended it. Once. */
  ended(code: number, reason: string): void;
}

export type OpenPeer = (outlet: Outlet) => Inlet;

/** A message as a poll gets it: in one body with others. */
export interface PollMessage {
  readonly id: string;
  readonly event: string;
  readonly text: string;
}

/** How a WebSocket is accepted. */
export interface WebSocketOptions {
  /** The subprotocol to answer with; one of those offered. */
  readonly subprotocol?: string;
}

export interface StreamOptions {
  /** How messages are written, where it is not in the transport's usual way. */
  readonly framing?: Framing;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One HTTP request before it is decided what becomes of it. */
export interface Visit {
  readonly request: Request;
  /** Decoded by nobody: as it stood in the request line, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The peer's address; behind a trusted proxy the one that it tells. */
  readonly address: string;
  /** The connection, or the trusted proxy's, is TLS. */
  readonly secure: boolean;
  /** Came through a socket that only this machine's owner can open (control socket): holds every grant. */
  readonly owner: boolean;
  /** The request asks for an upgrade to WebSocket. */
  readonly wantsWebSocket: boolean;
  /** The body, refused (`Refused`, limit exceeded) when it is over `limit` bytes. */
  body(limit: number): Promise<Uint8Array>;
  /** The body as UTF-8 text, refused like `body`, and when it is not UTF-8. */
  text(limit: number): Promise<string>;
  /** Each of these takes the request over; the answer is to be returned as it is. */
  webSocket(open: OpenPeer, options?: WebSocketOptions): Answer;
  sse(open: OpenPeer, options?: StreamOptions): Answer;
  jsonLines(open: OpenPeer, options?: StreamOptions): Answer;
  /** Answered by the first write, or by `end`, with what `compose` makes of it. */
  longPoll(open: OpenPeer, compose: (messages: readonly PollMessage[]) => string): Promise<Answer>;
}

/** `undefined`: the request became a WebSocket. */
export type Answer = Response | undefined;

/** Who may come to one listener or protocol without a key, what they may do, and from which web pages. */
export interface Policy {
  /** Addresses and ranges (CIDR) that need no key. */
  readonly openTo: readonly string[];
  readonly anonymous: Grants;
  /** Addresses and ranges from which a device may connect without a key (Unix-socket protocol). */
  readonly devices: readonly string[];
  /** Web pages that may speak with it, besides the gateway's own: `https://host`, `https://*.host`, or `*`. */
  readonly origins: readonly string[];
}

// ── Protocols ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A way of speaking over HTTP and its upgrades. It owns the paths below its prefixes, or a listener of its own. */
export interface HttpProtocol {
  readonly name: string;
  /** Paths on the main listener; a request to the prefix itself or below it is handed to `visit`. */
  readonly prefixes: readonly string[];
  /** Paths below its prefixes are not its own. */
  readonly exact?: true;
  /** It answers pages of any origin in its own way, and checks the Origin itself where that matters. */
  readonly checksOrigins?: true;
  /** Errors thrown here (`Refused` or not) are answered by the caller, which has checked the Origin already. */
  visit(visit: Visit, policy: Policy): MaybePromise<Answer>;
}

/** A peer of a raw stream socket. Outgoing text goes through `Outlet`s of raw framing. */
export interface StreamProtocol {
  readonly name: string;
  connect(outlet: StreamOutlet): StreamInlet;
}

/** The writing side of a byte stream, which can also make its peer wait. */
export interface StreamOutlet extends Outlet {
  /** Reads nothing more until `resume`: the peer's writes fill the kernel's buffer and then block. */
  pause(): void;
  resume(): void;
}

/** Like `Inlet`, for byte streams that end their two directions separately. */
export interface StreamInlet {
  bytes(chunk: Uint8Array): void;
  /** The peer will send no more; it may still read. */
  halfClosed(): void;
  drained(): void;
  ended(): void;
}

// ── Bridges ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * `connected`: events come, and the picture is whole; `polling`: the picture is asked for again and again, since events
 * cannot be had; `lost`: neither, after it was there; `refused`: the upstream does not take our key; `resting`: nobody
 * listens, and nothing is asked.
 */
export type BridgeState = "connecting" | "connected" | "polling" | "lost" | "refused" | "resting" | "stopped";

/** How a bridge does. */
export interface BridgeReport {
  readonly state: BridgeState;
  /** Since when it is in this state. */
  readonly since: number;
  /** When the upstream told of something last. */
  readonly lastEventAt?: number;
  /** The last trouble, which may be over. */
  readonly lastError?: string;
}

/** Our connection to a home system upstream. It is read once, however many listen. */
export interface Bridge {
  /** The first level of its channels and calls. */
  readonly name: string;
  readonly state: BridgeState;
  readonly report: BridgeReport;
  /** Tries for as long as it takes. */
  start(): void;
  /** Lets go of the upstream; nothing is published after it. */
  stop(): void;
}

/** Opens connections for bridges. */
export interface Dialer {
  /** Follows redirects. Rejects when no answer came; a status that says no is an answer. */
  request(url: string, request: DialRequest): Promise<DialAnswer>;
  /** `ears` hear of it until `closed`, which comes once, also when it was never open. */
  webSocket(url: string, ears: DialedEars): DialedSocket;
}

export interface DialRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  /** In ms, for all of it. */
  readonly patience: number;
  /** Rejects when the answer has more bytes. Default: what no home system answers in one piece. */
  readonly largest?: number;
  /** The answer is no text: it comes as `bytes`. */
  readonly asBytes?: true;
  /** Rejects when it is aborted. */
  readonly signal?: AbortSignal;
}

export interface DialAnswer {
  readonly status: number;
  readonly text: string;
  /** Where the answer came from, after redirects. */
  readonly url: string;
  readonly headers: Headers;
  /** What was asked for as bytes; its text is empty. */
  readonly bytes?: Uint8Array<ArrayBuffer>;
}

export interface DialedEars {
  opened(): void;
  message(text: string): void;
  /** The answer to a ping, whatever is in it. */
  alive(): void;
  closed(reason: string): void;
}

export interface DialedSocket {
  send(text: string): void;
  ping(): void;
  /** At once; `closed` does not come any more. */
  end(): void;
}
