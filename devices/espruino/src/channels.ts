/**
 * `require("hearthwire-channels")`: publish, subscribe and call. All channels share one WebSocket at `/channels/<names>`, where a message is a publication with
 * its cursor: nothing is missed when the connection breaks, and the board keeps no more than that one text.
 */
import type { ClientOptions } from "./client.ts";
import type { Connection } from "./connection.ts";

const WebSocket = firmware("hearthwire");

export interface GatewayOptions extends ClientOptions {
  /** Default 8642. */
  readonly port?: number;
  /** Where to go on: what was missed since comes first. Keep `cursor` while asleep, and give it here. */
  readonly cursor?: string;
}

export interface Publication {
  readonly channel: string;
  readonly data: unknown;
  readonly offset: number;
  readonly key?: string;
  readonly removed?: true;
  readonly tags?: Record<string, string>;
  readonly time: number;
  readonly cursor: string;
}

interface Settings extends GatewayOptions {
  readonly port: number;
  readonly limit: number;
  readonly headers: Record<string, string>;
  path?: string;
}

/** What the gateway says: a publication, a notice, or its answer to a request. */
interface Message extends Partial<Publication> {
  readonly live?: true;
  readonly gap?: true;
  readonly channels?: readonly string[];
  readonly error?: unknown;
}

type Heard = (data: unknown, publication: Publication) => void;
/** `error` is nothing, or has a `message`; the gateway's also `code` and `name`. */
type Answered = (error: unknown, result?: unknown) => void;

class Gateway {
  declare readonly on: Events["on"];
  declare readonly emit: Events["emit"];
  /** The place of what was heard last. */
  cursor: string | undefined;
  private readonly _host: string;
  private readonly _options: Settings;
  private readonly _listeners: Record<string, Heard> = {};
  private _ws: Connection | undefined;
  private _soon = 0;

  constructor(host: string, options: GatewayOptions) {
    this._host = host;
    this.cursor = options.cursor;
    this._options = copy({ port: 8642, origin: "", reconnect: true, headers: {}, limit: 2048 }, options);
  }

  /** Calls `heard` with all that comes on a channel, or on those of a pattern (`home/*`, `home/**`). */
  subscribe(channel: string, heard: Heard): void {
    this._listeners[channel] = heard;
    this._listen();
  }

  unsubscribe(channel: string): void {
    delete this._listeners[channel];
    this._listen();
  }

  /**
   * `more`: `{key, tags, removed}`, as map channels want. With `answered` it is a request of its own, whose answer tells
   * whether it was done; without, it goes through the WebSocket if that is open.
   */
  publish(channel: string, data: unknown, more?: object | Answered, answered?: Answered): void {
    const told = typeof more === "function" ? (more as Answered) : answered;
    const item = copy({ channel, data }, more);
    if (told || !this._ws || !this._ws.send(item)) this._ask("", [item], told);
  }

  /** Calls a method of the gateway, of a bridge or of a backend. */
  call(method: string, params?: unknown, answered?: Answered): void {
    this._ask(method, params === undefined ? null : params, answered);
  }

  /** Stops listening, until something is subscribed to again. */
  close(): void {
    if (this._soon) clearTimeout(this._soon);
    this._soon = 0;
    if (this._ws) this._ws.close();
    this._ws = undefined;
  }

  /** Opens the WebSocket for all channels, once all that are subscribed to in one go are known. */
  private _listen(): void {
    if (this._soon) return;
    this._soon = setTimeout(() => {
      // Those that are new want their beginning, for which the place in the others is no use.
      if (this._ws) this.cursor = undefined;
      this.close();
      const names = [];
      for (const name in this._listeners) names.push(encodeURIComponent(WebSocket.toUtf8(name)));
      this._options.path = `/channels/${names.join(",")}`;
      if (names.length) this._open();
    }, 1);
  }

  private _open(): void {
    const { headers } = this._options;
    headers["Last-Event-ID"] = this.cursor || "";
    const ws = new WebSocket(this._host, this._options);
    this._ws = ws;
    ws.on("message", (text: string) => {
      if (this._ws !== ws) return;
      const message: Message = JSON.parse(text);
      if (message.cursor) headers["Last-Event-ID"] = this.cursor = message.cursor;
      if (message.offset !== undefined) this._deliver(message as Publication);
      if (message.live) this.emit("live");
      if (message.gap) this.emit("gap", message.channels);
      if (message.error) this.emit("error", message.error);
    });
    ws.on("error", (error: unknown) => {
      this.emit("error", error);
    });
    ws.on("close", (code: number, reason: string) => {
      this.emit("close", code, reason);
    });
  }

  private _deliver(publication: Publication): void {
    for (const name in this._listeners) {
      const heard = this._listeners[name];
      if (heard && covers(name, publication.channel)) heard(publication.data, publication);
    }
  }

  /** One request by the HTTP of the firmware, which costs nothing once it is answered: a call, or without a method a publication. */
  private _ask(method: string, body: unknown, answered?: Answered): void {
    const { port, key, limit } = this._options;
    const text = WebSocket.toUtf8(JSON.stringify(body));
    let timer = setTimeout(() => {
      done({ message: "No answer" });
    }, 30000);
    const done = (error: unknown, result?: unknown): void => {
      if (!timer) return;
      clearTimeout(timer);
      timer = 0;
      if (answered) answered(error, result);
      else if (error) this.emit("error", error);
    };
    const headers: Record<string, string | number> = {
      "Content-Type": "application/json",
      "Content-Length": text.length,
    };
    if (key) headers["Authorization"] = `Bearer ${key}`;
    const path = method ? `/calls/${encodeURIComponent(method)}` : "/channels";
    try {
      const question = firmware("http").request({ host: this._host, port, path, method: "POST", headers }, (answer) => {
        let bytes = "";
        answer.on("data", (more: string) => {
          if (bytes.length < limit) bytes += more;
        });
        answer.on("close", () => {
          let whole: Message & readonly Message[];
          try {
            whole = JSON.parse(WebSocket.fromUtf8(bytes));
          } catch {
            done({ message: `Cannot read the answer, ${answer.statusCode}` });
            return;
          }
          const refused = Number(answer.statusCode) > 299;
          const result = method || refused ? whole : whole[0] || whole;
          done((refused || !method) && result.error, result);
        });
      });
      question.on("error", done);
      question.end(text);
    } catch (error) {
      // There is no address for the host, or no socket for the board.
      done({ message: String(error) });
    }
  }
}

/** Whether a name or pattern means the channel: `*` is one level, a last `**` one or more. */
function covers(pattern: string, channel: string): boolean {
  const levels = channel.split("/");
  const wanted = pattern.split("/");
  for (let i = 0; i < wanted.length; i++) {
    if (wanted[i] === "**") return levels.length > i;
    if (wanted[i] !== "*" && wanted[i] !== levels[i]) return false;
  }
  return levels.length === wanted.length;
}

/** Puts the members of `from`, if it is there, into `to`. */
function copy<T extends object>(to: T, from: object | undefined): T {
  for (const name in from) (to as Record<string, unknown>)[name] = (from as Record<string, unknown>)[name];
  return to;
}

export interface Channels {
  connect(host: string, options?: GatewayOptions): Gateway;
}

const channels: Channels = { connect: (host, options) => new Gateway(host, options || {}) };

export { channels };
