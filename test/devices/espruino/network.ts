/** The `net` and `http` of a board, over real sockets. Each round of the interpreter moves one chunk in and one out. */
import { createServer, connect as dial, type Socket as NodeSocket, type Server } from "node:net";

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

interface Connection {
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

/** Where a program's `host:port` is in the test: a port of this machine. */
export type Routes = Readonly<Record<string, number>>;

export class Network {
  readonly net: object;
  readonly http: object;
  /** Sizes of what was handed to the program. */
  readonly chunks: number[] = [];
  readonly #chunk: number;
  readonly #version: string;
  readonly #routes: Routes;
  readonly #on: Interpreter;
  readonly #connections = new Set<Connection>();
  readonly #servers: Server[] = [];

  constructor(chunk: number, version: string, routes: Routes, on: Interpreter) {
    this.#chunk = chunk;
    this.#routes = routes;
    this.#version = version;
    this.#on = on;
    this.net = {
      connect: (to: { host: string; port: number }, connected: (socket: object) => void) =>
        this.#connect(to, connected),
    };
    this.http = {
      createServer: (asked: (request: object, response: object) => void) => this.#server(asked),
      request: (to: RequestOptions, answered: (answer: object) => void) => this.#request(to, answered),
    };
  }

  /** The port of this machine for each that the program listens on. */
  readonly ports = new Map<number, number>();

  stop(): void {
    for (const { socket } of this.#connections) socket.destroy();
    for (const server of this.#servers) server.close();
  }

  /** Cuts all connections as a lost network does. */
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
    if (connection.sending !== "" && !socket.connecting && !socket.destroyed) {
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
    const more = taken || connection.sending !== "";
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

  #follow(socket: NodeSocket, source: object, sink = source): Connection {
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

  #connect({ host, port }: { host: string; port: number }, connected: (socket: object) => void): object {
    const socket = this.#dial(host, port);
    const object = this.#on.object();
    this.#follow(socket, object);
    onceOn(object, "connect", connected);
    socket.on("connect", () => this.#on.emit(object, "connect", object));
    return object;
  }

  /** The firmware looks a name up at once, and throws. */
  #dial(host: string, port: number): NodeSocket {
    const itself = host === "127.0.0.1" ? (this.ports.get(port) ?? port) : undefined;
    const there = this.#routes[`${host}:${port}`] ?? itself;
    if (there === undefined) throw new Error("Unable to locate host");
    return dial({ host: "127.0.0.1", port: there });
  }

  #server(asked: (request: object, response: object) => void): object {
    const object = this.#on.object();
    onceOn(object, "connect", asked);
    const server = createServer((socket) => {
      const request = this.#on.object();
      const response = this.#on.object();
      const connection = this.#follow(socket, request, response);
      let said = false;
      const { write, end } = response as { write(bytes: unknown): boolean; end(bytes?: unknown): void };
      const writeHead = (status: number, headers: Record<string, unknown> = {}): void => {
        if (said) throw new Error("Headers have already been sent");
        said = true;
        write(`HTTP/${this.#version} ${status} OK\r\nServer: Espruino 2v25\r\n${headerLines(headers)}\r\n`);
      };
      const head = (): void => (said ? undefined : writeHead(200));
      Object.assign(response, {
        writeHead,
        write: (bytes: unknown) => {
          head();
          return write(bytes);
        },
        end: (bytes?: unknown) => {
          head();
          end(bytes);
        },
      });
      connection.head = (received) => {
        const parsed = parsedHead(received);
        if (parsed === undefined) return undefined;
        const [method = "", url = ""] = parsed.first.split(" ");
        Object.assign(request, { method, url, headers: Object.assign(this.#on.object(), parsed.headers) });
        this.#on.emit(object, "connect", request, response);
        return parsed.rest;
      };
    });
    this.#servers.push(server);
    return Object.assign(object, {
      listen: (port: number) => {
        server.listen(0, "127.0.0.1", () => {
          const address = server.address();
          if (address !== null && typeof address === "object") this.ports.set(port, address.port);
          this.#on.wake();
        });
      },
    });
  }

  #request(to: RequestOptions, answered: (answer: object) => void): object {
    const request = this.#on.object();
    const answer = this.#on.object();
    onceOn(request, "connect", answered);
    const end = (body = ""): void => {
      const socket = this.#dial(to.host, to.port);
      const sink = this.#on.object();
      const connection = this.#follow(socket, answer, sink);
      socket.on("error", (error) => this.#on.emit(request, "error", { code: -6, message: error.message }));
      const host = to.port === 80 ? to.host : `${to.host}:${to.port}`;
      const headers = `User-Agent: Espruino 2v25\r\nConnection: close\r\n${headerLines(to.headers)}Host: ${host}\r\n`;
      connection.sending = latin1(`${to.method} ${to.path} HTTP/1.0\r\n${headers}\r\n${body}`);
      connection.head = (received) => {
        const parsed = parsedHead(received);
        if (parsed === undefined) return undefined;
        const [, statusCode = "", ...words] = parsed.first.split(" ");
        Object.assign(answer, { statusCode, statusMessage: words.join(" "), headers: parsed.headers });
        this.#on.emit(request, "connect", answer);
        return parsed.rest;
      };
      this.#on.wake();
    };
    return Object.assign(request, { end });
  }
}

interface RequestOptions {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly method: string;
  readonly headers: Record<string, unknown>;
}

/** The callback of `connect`, `createServer` and `request` is a handler of `connect`. */
function onceOn(object: object, event: string, task: (...values: never[]) => void): void {
  (object as { on(event: string, task: (...values: never[]) => void): void }).on(event, task);
}

/** Characters are bytes: what is more would be cut by the firmware, and is a fault of the program. */
function latin1(text: string): string {
  if (/[^\0-\xff]/.test(text)) throw new Error("Cannot send what is no byte");
  return text;
}

function headerLines(headers: Record<string, unknown>): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");
}

/** Names keep their case; a value begins after one space. */
function parsedHead(bytes: string): { first: string; headers: Record<string, string>; rest: string } | undefined {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [first = "", ...lines] = bytes.slice(0, end).split("\r\n");
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]),
  );
  return { first, headers, rest: bytes.slice(end + 4) };
}
