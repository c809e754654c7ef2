/** A WebSocket that is open or may be: the same on both sides, but for the mask. Members with `_` get short names when built. */
import { frame, type Listener, Reader } from "./frames.ts";
import { char, fromUtf8, toUtf8 } from "./utf8.ts";

export interface ConnectionOptions {
  /** Seconds between pings; after two without a byte the connection is given up. 0: no pings. Default 60. */
  readonly keepAlive?: number;
  /** The largest message, in bytes, and the most that may wait to be sent. What is larger is passed over and told. Default 2048. */
  readonly limit?: number;
}

/** What is written to: the socket of a client, the response of a server. */
type Writer = Pick<Socket, "write" | "end" | "on">;

export class Connection implements Listener {
  declare readonly on: Events["on"];
  declare readonly emit: Events["emit"];
  /** Whether messages can be sent. */
  ready = false;
  /** Is told the close code after every end that this side did not ask for. */
  _ended?: ((code: number) => void) | undefined;
  /** A connection held for a while: trouble, if there is some, is new. */
  _lasted = false;

  private readonly _keepAlive: number;
  private readonly _limit: number;
  private readonly _masked: boolean;
  private _writer: Writer | undefined;
  private _reader: Reader | undefined;
  private _timer = 0;
  /** Bytes that the board has still to send. */
  private _waiting = 0;
  /** Nothing came since the last ping. */
  private _quiet = false;

  constructor({ keepAlive, limit }: ConnectionOptions, masked: boolean) {
    this._keepAlive = keepAlive === undefined ? 60 : keepAlive;
    this._limit = limit || 2048;
    this._masked = masked;
  }

  /** Sends a text, or the JSON of anything else. False: it was not sent, for want of a connection or of room. */
  send(message: unknown): boolean {
    return this._frame(1, toUtf8(typeof message === "string" ? message : JSON.stringify(message)));
  }

  /** To a room of Hearthwire's room server; "all" is everybody. */
  broadcast(message: unknown, room?: string): boolean {
    return this.send({ room: room || "all", msg: message });
  }

  join(room: string): boolean {
    return this.send({ join: room });
  }

  /** Ends the connection, and does not come back. */
  close(code?: number, reason?: string): void {
    this._ended = undefined;
    this._later(0);
    this._fail(code || 1000, reason || "");
  }

  /** Writes there from now on. Unless it opens within 10 s that is over. */
  _attach(writer: Writer): void {
    this._writer = writer;
    this._waiting = 0;
    this._later(10, () => {
      this._end(1006);
    });
    writer.on("drain", () => {
      this._waiting = 0;
    });
  }

  /** Whether this is what it talks through: events of one that is over come late. */
  _uses(writer: Writer): boolean {
    return this._writer === writer;
  }

  _open(): void {
    this.ready = true;
    this._reader = new Reader(this._limit, this);
    this._await();
  }

  _receive(bytes: string): void {
    this._quiet = false;
    this.emit("rawData", bytes);
    if (this._reader) this._reader._push(bytes);
  }

  _heard(opcode: number, payload: string): void {
    if (!this.ready) return;
    if (opcode < 3) this.emit("message", opcode > 1 ? payload : fromUtf8(payload));
    else if (opcode > 8) {
      if (opcode < 10) this._frame(10, payload);
      this.emit(opcode < 10 ? "ping" : "pong", payload);
    } else {
      this._frame(8, payload);
      this._end(payload.charCodeAt(0) * 256 + payload.charCodeAt(1) || 1005, fromUtf8(payload.substr(2)));
    }
  }

  _failed(code: number): void {
    if (code > 1002) this.emit("error", "Cannot take so long a message");
    else this._fail(code, "");
  }

  /** Ends it without a word to the peer. */
  _end(code: number, reason?: string): void {
    const writer = this._writer;
    if (!writer) return;
    this._writer = this._reader = undefined;
    this.ready = false;
    this._later(0);
    try {
      writer.end();
    } catch {
      // It is closed already.
    }
    this._over(code, reason);
  }

  /** Says that there is no connection, or none any more. */
  _over(code: number, reason?: string): void {
    this.emit("close", code, reason);
    if (this._ended) this._ended(code);
  }

  /** The one thing that waits for its time; 0: nothing does. */
  _later(seconds: number, task?: () => void): void {
    if (this._timer) clearTimeout(this._timer);
    this._timer = seconds && task ? setTimeout(task, seconds * 1000) : 0;
  }

  private _fail(code: number, reason: string): void {
    this._frame(8, char(code >> 8) + char(code & 255) + toUtf8(reason));
    this._end(code, reason);
  }

  /** For the next ping. */
  private _await(): void {
    this._quiet = false;
    this._later(this._keepAlive, () => {
      if (this._quiet) this._end(1006);
      else {
        this._await();
        this._quiet = this._lasted = true;
        this._frame(9, "ping");
      }
    });
  }

  private _frame(opcode: number, payload: string): boolean {
    if (!this.ready || !this._writer || payload.length > 65535) return false;
    const bytes = frame(opcode, payload, this._masked);
    // The board must have sent what it has before there is room, but for a goodbye; what is first may be of any size.
    if (opcode !== 8 && this._waiting && this._waiting + bytes.length > this._limit) return false;
    this._waiting += bytes.length;
    try {
      this._writer.write(bytes);
      return true;
    } catch {
      return false;
    }
  }
}
