/** The part of Espruino that the module needs. Strings are bytes there: a character holds 0 to 255, on most boards no more. */

/** Every object has these. `emit` queues: handlers run when the current function is done, and only those that were there. */
interface Events {
  on(event: string, listener: (...values: never[]) => void): void;
  emit(event: string, ...values: unknown[]): void;
}

interface Socket extends Events {
  write(bytes: string): boolean;
  end(bytes?: string): void;
}

interface HttpRequest extends Events {
  readonly headers: Record<string, string>;
}

interface HttpResponse extends Socket {
  writeHead(status: number, headers?: Record<string, string>): void;
}

interface HttpServer extends Events {
  listen(port: number): void;
}

interface HttpAnswer extends Events {
  /** A text, on boards. */
  readonly statusCode: string;
}

interface HttpQuestion extends Events {
  end(body: string): void;
}

interface HttpOptions {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly method: string;
  readonly headers: Record<string, string | number>;
}

/** `require`: the build writes it so, out of sight of the bundler. */
declare function firmware(name: "net"): {
  connect(to: { host: string; port: number }, connected: (socket: Socket) => void): Socket;
};
declare function firmware(name: "http"): {
  createServer(asked: (request: HttpRequest, response: HttpResponse) => void): HttpServer;
  request(options: HttpOptions, answered: (answer: HttpAnswer) => void): HttpQuestion;
};
declare function firmware(name: "hearthwire"): import("./hearthwire.ts").Hearthwire & {
  new (host: string, options: import("./client.ts").ClientOptions): import("./connection.ts").Connection;
};
declare function firmware(name: "crypto"): { SHA1(text: string): ArrayBuffer };

declare function btoa(bytes: string | ArrayBuffer): string;
/** Never 0. */
declare function setTimeout(task: () => void, ms: number): number;
/** Throws where the timer is undefined. */
declare function clearTimeout(timer: number): void;
