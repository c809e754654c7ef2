/** Readers over raw sockets, which count publications whose data begins with `{"n":<number>,`, and can stop reading. */
import type { Socket, SocketHandler } from "bun";
import { upgradeHead } from "../transports/raw-client.ts";

export type Place = { readonly hostname: string; readonly port: number } | { readonly unix: string };

/** How one transport is opened: what is sent, and what it is sent when it comes back with what it has seen. */
export interface Way {
  readonly name: string;
  place(at: { readonly port: number; readonly controlSocket: string }): Place;
  request(channel: string, since?: Seen): string | Uint8Array;
}

/** Where a reader was when it stopped. */
export interface Seen {
  readonly cursor: string;
  readonly epoch: string;
  readonly offset: number;
}

const overTcp: Way["place"] = ({ port }) => ({ hostname: "127.0.0.1", port });

function get(channel: string, since: Seen | undefined, accept: string): string {
  const query = since === undefined ? "" : `?since=${since.cursor}`;
  return `GET /channels/${channel}${query} HTTP/1.1\r\nHost: localhost\r\nAccept: ${accept}\r\n\r\n`;
}

function httpStream(channel: string, since: Seen | undefined): string {
  const place = since === undefined ? {} : { recover: true, epoch: since.epoch, offset: since.offset };
  const commands = [
    { id: 1, connect: {} },
    { id: 2, subscribe: { channel, ...place } },
  ];
  const body = commands.map((command) => JSON.stringify(command)).join("\n");
  return `POST /connection/http_stream HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

export const ways: readonly Way[] = [
  {
    name: "WebSocket",
    place: overTcp,
    request: (channel, since) =>
      upgradeHead(`/channels/${channel}${since === undefined ? "" : `?since=${since.cursor}`}`),
  },
  { name: "SSE", place: overTcp, request: (channel, since) => get(channel, since, "text/event-stream") },
  { name: "JSON lines", place: overTcp, request: (channel, since) => get(channel, since, "application/x-ndjson") },
  { name: "HTTP stream", place: overTcp, request: httpStream },
  {
    name: "Unix socket",
    place: ({ controlSocket }) => ({ unix: controlSocket }),
    request: (channel, since) => get(channel, since, "application/x-ndjson"),
  },
];

const mark = Buffer.from('{"n":');
/** The longest number, and what is around it. */
const longestMark = 20;
const longestNotice = 11;
const nothing: Buffer = Buffer.alloc(0);

export class Reader {
  readonly way: Way;
  readonly channel: string;
  /** The first and the last number that came. */
  first = 0;
  last = 0;
  /** Numbers that did not follow the one before. */
  holes = 0;
  /** It was told that something is missing. */
  toldOfGap = false;
  live = false;
  closed = false;
  #socket: Socket<undefined> | undefined;
  #carry: Buffer = nothing;
  /** The end of what came, for who wants to know where it was. */
  #recent: Buffer = nothing;
  #epoch = "";
  readonly #kept: number;

  private constructor(way: Way, channel: string, kept: number) {
    this.way = way;
    this.channel = channel;
    this.#kept = kept;
  }

  /** `kept`: how many of the last bytes are looked at for the place where it is; 0 for who is not asked. */
  static async open(
    way: Way,
    channel: string,
    at: { readonly port: number; readonly controlSocket: string },
    kept: number,
    since?: Seen,
  ): Promise<Reader> {
    const reader = new Reader(way, channel, kept);
    reader.#epoch = since?.epoch ?? "";
    const socket: SocketHandler<undefined> = {
      data: (_, chunk) => reader.#read(chunk),
      close: () => reader.#ended(),
      end: () => reader.#ended(),
      error: () => reader.#ended(),
    };
    const place = way.place(at);
    reader.#socket = await ("unix" in place
      ? Bun.connect<undefined>({ ...place, socket })
      : Bun.connect<undefined>({ ...place, socket }));
    reader.#socket.write(way.request(channel, since));
    return reader;
  }

  stop(): void {
    this.#socket?.pause();
  }

  goOn(): void {
    this.#socket?.resume();
  }

  end(): void {
    this.#socket?.terminate();
  }

  get seen(): Seen {
    const text = this.#recent.toString("latin1");
    const [cursor = ""] = [...text.matchAll(/"cursor":"([^"]+)"/g)].map(([, found]) => found).slice(-1);
    const [offset = "0"] = [...text.matchAll(/"offset":(\d+)/g)].map(([, found]) => found).slice(-1);
    return { cursor, epoch: this.#epoch, offset: Number(offset) };
  }

  #ended(): void {
    this.closed = true;
  }

  #read(chunk: Uint8Array): void {
    const fresh = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    if (this.#kept > 0 || !this.live) this.#look(fresh);
    this.#count(this.#carry.length > 0 ? Buffer.concat([this.#carry, fresh]) : fresh);
  }

  /** For the place where it is, and whether it is told of a gap. */
  #look(fresh: Buffer): void {
    const all = Buffer.concat([this.#recent, fresh]);
    this.#recent = all.subarray(-Math.max(this.#kept, longestNotice));
    if (!this.live) this.#begin(all.toString("latin1"));
    const news = all.subarray(-fresh.length - longestNotice);
    if (news.includes('"gap":true') || news.includes('"code":2500')) this.toldOfGap = true;
  }

  #begin(text: string): void {
    this.#epoch = /"epoch":"(\w+)"/.exec(text)?.[1] ?? this.#epoch;
    this.live = text.includes('"live":true') || text.includes('"subscribe":{');
    // A subscription that was to go on and does not say that it did.
    if (/"was_recovering":true/.test(text) && !/"recovered":true/.test(text)) this.toldOfGap = true;
  }

  #count(bytes: Buffer): void {
    let at = bytes.indexOf(mark);
    for (; at !== -1; at = bytes.indexOf(mark, at + mark.length)) {
      const comma = bytes.indexOf(",", at);
      if (comma === -1) break;
      const number = Number(bytes.toString("latin1", at + mark.length, comma));
      if (this.first === 0) this.first = number;
      else if (number !== this.last + 1) this.holes++;
      this.last = number;
    }
    // A number that is cut, or a mark that may be.
    const cut = at === -1 ? bytes.indexOf("{", Math.max(0, bytes.length - mark.length + 1)) : at;
    this.#carry = cut === -1 ? nothing : Buffer.from(bytes.subarray(cut));
    if (this.#carry.length > longestMark) throw new Error("Cannot read a number");
  }
}
