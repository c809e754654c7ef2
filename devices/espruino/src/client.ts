/** The board as client. */
import { Connection, type ConnectionOptions } from "./connection.ts";
import { randomBytes } from "./frames.ts";
import { acceptOf, lowered, means } from "./handshake.ts";

export interface ClientOptions extends ConnectionOptions {
  /** Default 80. */
  readonly port?: number | undefined;
  /** Default "/". */
  readonly path?: string;
  /** Default 13. */
  readonly protocolVersion?: number;
  /** A subprotocol to ask for. */
  readonly protocol?: string;
  /** Default "Espruino"; "" sends none. */
  readonly origin?: string;
  /** Default true, as servers want it. */
  readonly masking?: boolean;
  /** Headers of the request; they may change before each. */
  readonly headers?: Record<string, string>;
  /** The key of this device: goes with the request as `Authorization: Bearer …`. */
  readonly key?: string | undefined;
  /** Comes back when the connection ends: after some 1 s, 2 s, 4 s … 60 s. Default false. */
  readonly reconnect?: boolean;
}

/** The largest head of an answer, in bytes. */
const largestHead = 1024;

/** A WebSocket to a server; `new` may stand before it. */
export function connectSocket(host: string, wish?: ClientOptions): Connection {
  const options = wish || {};
  const ws = new Connection(options, options.masking !== false);
  let wait = 1;

  function dial(): void {
    const key = btoa(randomBytes(16));
    let head: string | undefined = "";
    let socket: Socket;
    try {
      socket = firmware("net").connect({ host, port: options.port || 80 }, () => {
        if (ws._uses(socket)) socket.write(requestText(host, options, key));
      });
    } catch (error) {
      // The host has no address, or the board no socket.
      ws.emit("error", String(error));
      ws._over(1006);
      return;
    }
    ws._attach(socket);
    socket.on("data", (bytes: string) => {
      if (!ws._uses(socket)) return;
      if (head === undefined) {
        ws._receive(bytes);
        return;
      }
      head += bytes;
      const end = head.indexOf("\r\n\r\n");
      if (end < 0 && head.length < largestHead) return;
      const rest = head.substr(end + 4);
      if (!agrees(head.substr(0, end), key, options.protocol)) {
        ws.emit("error", `Cannot open the WebSocket: ${head.substr(0, head.indexOf("\r"))}`);
        ws._end(1006);
        return;
      }
      head = undefined;
      ws._open();
      ws.emit("handshake");
      ws.emit("open");
      ws._receive(rest);
    });
    socket.on("error", (error: { message: string }) => {
      ws.emit("error", error.message);
    });
    socket.on("close", () => {
      if (ws._uses(socket)) ws._end(1006);
    });
  }

  /** Codes from 3500 to 3999 say that coming back as it is would be no use. */
  function comeBack(code: number): void {
    if (code >= 3500 && code < 4000) return;
    if (ws._lasted) wait = 1;
    ws._lasted = false;
    ws._later(wait * (0.5 + Math.random()), dial);
    wait = Math.min(wait * 2, 60);
  }

  if (options.reconnect) ws._ended = comeBack;
  // Those who made it listen to it first.
  ws._later(0.001, dial);
  return ws;
}

function requestText(host: string, options: ClientOptions, key: string): string {
  const { origin, port } = options;
  const headers: Record<string, string | number | undefined> = {
    Host: host + (port && port !== 80 ? `:${port}` : ""),
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Key": key,
    "Sec-WebSocket-Version": options.protocolVersion || 13,
    Origin: origin === undefined ? "Espruino" : origin,
    "Sec-WebSocket-Protocol": options.protocol,
    Authorization: options.key && `Bearer ${options.key}`,
  };
  for (const name in options.headers) headers[name] = options.headers[name];
  let text = `GET ${options.path || "/"} HTTP/1.1\r\n`;
  for (const name in headers) if (headers[name]) text += `${name}: ${headers[name]}\r\n`;
  return `${text}\r\n`;
}

/** Whether the answer is the one that RFC 6455 wants: 101, the proof, and nothing that was not asked for. */
function agrees(head: string, key: string, protocol?: string): boolean {
  const lines = head.split("\r\n");
  const headers: Record<string, string> = {};
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i] as string;
    const colon = line.indexOf(":");
    headers[line.substr(0, colon)] = line.substr(colon + 1);
  }
  const low = lowered(headers);
  const chosen = low["sec-websocket-protocol"];
  return (
    head.substr(8, 5) === " 101 " &&
    means(low["upgrade"], "websocket") &&
    means(low["connection"], "upgrade") &&
    low["sec-websocket-accept"] === acceptOf(key) &&
    !low["sec-websocket-extensions"] &&
    (!chosen || chosen === protocol)
  );
}
