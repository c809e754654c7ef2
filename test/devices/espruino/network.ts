/** The `net` and `http` of a board, over real sockets. */
import { createServer, connect as dial, type Socket as NodeSocket, type Server } from "node:net";
import { headerLines, latin1, parsedHead } from "./heads.ts";
import { type Interpreter, Sockets } from "./sockets.ts";

/** Where a program's `host:port` is in the test: a port of this machine. */
export type Routes = Readonly<Record<string, number>>;

export class Network {
  readonly net: object;
  readonly http: object;
  readonly sockets: Sockets;
  readonly #version: string;
  readonly #routes: Routes;
  readonly #on: Interpreter;
  readonly #servers: Server[] = [];

  constructor(chunk: number, version: string, routes: Routes, on: Interpreter) {
    this.sockets = new Sockets(chunk, on);
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
    this.sockets.cut();
    for (const server of this.#servers) server.close();
  }

  #connect({ host, port }: { host: string; port: number }, connected: (socket: object) => void): object {
    const socket = this.#dial(host, port);
    const object = this.#on.object();
    this.sockets.follow(socket, object);
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
      const connection = this.sockets.follow(socket, request, response);
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
      const connection = this.sockets.follow(socket, answer, sink);
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
