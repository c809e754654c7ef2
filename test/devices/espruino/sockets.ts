/** Connections of a board: each round of the interpreter moves one chunk in and one out. */
import type { Socket as NodeSocket } from "node:net";
import { latin1 } from "./heads.ts";

/** What the network needs of the interpreter. */
export interface Interpreter {
  /** An object of the board's. */
  object(): object;
  /** Queues an event. */
  emit(target: object, event: string, ...values: unknown[]): void;
  /** Calls the handlers at once; false where there are none. */
  now(target: object, event: string, ...values: unknown[]): boolean;
  wake(): void;
}

export interface Connection {
  readonly socket: NodeSocket;
  /** Gets `data` and `close`. */
  source: object;
  /** Gets `drain`, and `close` if it is another. */
  readonly sink: object;
  received: string;
  /** Bytes of a head that is not whole yet are not for `source`. */
  head: ((received: string) => string | undefined) | undefined;
  sending: string;
  wantsEnd: boolean;
  /** The peer's side is over. */
  over: boolean;
  error: Error | undefined;
  dead: boolean;
}

export class Sockets {
  /** Sizes of what was handed to the program. */
  readonly chunks: number[] = [];
  readonly #chunk: number;
  readonly #on: Interpreter;
  readonly #connections = new Set<Connection>();

  constructor(chunk: number, on: Interpreter) {
    this.#chunk = chunk;
    this.#on = on;
  }

  /** Nothing goes out any more, as with a peer that does not read. */
  stall = false;

  /** Bytes that the board has still to send. */
  get sending(): number {
    return [...this.#connections].reduce((sum, { sending }) => sum + sending.length, 0);
  }

  /** Cuts all as a lost network does. */
  cut(): void {
    for (const { socket } of this.#connections) socket.destroy();
  }

  listened(target: object): void {
    for (const connection of this.#connections) if (connection.source === target) this.#on.wake();
  }

  /** Whether there is more to do at once. */
  idle(): boolean {
    let busy = false;
    for (const connection of this.#connections) busy = this.#round(connection) || busy;
    return busy;
  }

  #round(connection: Connection): boolean {
    const { socket, source, sink } = connection;
    if (connection.sending !== "" && !this.stall && !socket.connecting && !socket.destroyed) {
      socket.write(Buffer.from(connection.sending.slice(0, this.#chunk), "latin1"));
      connection.sending = connection.sending.slice(this.#chunk);
      if (connection.sending === "" && !connection.wantsEnd) this.#on.emit(sink, "drain", sink);
    }
    let taken = false;
    if (connection.head !== undefined && connection.received !== "") {
      const rest = connection.head(connection.received);
      if (rest !== undefined) {
        connection.head = undefined;
        connection.received = rest;
        taken = true;
      }
    } else if (connection.received !== "") {
      const bytes = connection.received.slice(0, this.#chunk);
      taken = this.#on.now(source, "data", bytes);
      if (taken) {
        this.chunks.push(bytes.length);
        connection.received = connection.received.slice(bytes.length);
      }
    }
    const more = taken || (connection.sending !== "" && !this.stall);
    if (connection.wantsEnd && connection.sending === "" && !connection.over) socket.end();
    const done = connection.over || (connection.wantsEnd && connection.sending === "");
    if (done && !taken) this.#close(connection);
    return more;
  }

  #close(connection: Connection): void {
    const { source, sink, error, socket } = connection;
    if (connection.dead) return;
    connection.dead = true;
    this.#connections.delete(connection);
    if (!socket.destroyed) socket.end();
    if (error !== undefined) this.#on.emit(source, "error", { code: -6, message: error.message });
    for (const target of new Set([source, sink])) {
      this.#on.emit(target, "end");
      this.#on.emit(target, "close", error !== undefined);
    }
  }

  follow(socket: NodeSocket, source: object, sink = source): Connection {
    const connection: Connection = {
      socket,
      source,
      sink,
      received: "",
      head: undefined,
      sending: "",
      wantsEnd: false,
      over: false,
      error: undefined,
      dead: false,
    };
    this.#connections.add(connection);
    socket.setNoDelay(true);
    socket.on("data", (bytes: Buffer) => {
      connection.received += bytes.toString("latin1");
      this.#on.wake();
    });
    socket.on("error", (error) => {
      connection.error = error;
    });
    for (const event of ["end", "close"]) {
      socket.on(event, () => {
        connection.over = true;
        this.#on.wake();
      });
    }
    const write = (bytes: unknown): boolean => {
      if (connection.dead) throw new Error("This socket is closed.");
      connection.sending += latin1(String(bytes));
      this.#on.wake();
      return false;
    };
    const end = (bytes?: unknown): void => {
      if (bytes !== undefined) write(bytes);
      connection.wantsEnd = true;
      this.#on.wake();
    };
    Object.assign(sink, { write, end });
    return connection;
  }
}
