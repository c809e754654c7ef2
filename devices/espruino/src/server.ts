/** The board as server: pages and WebSockets on one port. */
import { Connection, type ConnectionOptions } from "./connection.ts";
import { acceptOf, lowered, means } from "./handshake.ts";

export interface ServerOptions extends ConnectionOptions {
  /** Whose web pages may connect: one origin (`http://192.168.1.7`), or true for those that this board serves. Default: all. */
  readonly origin?: string | true;
}

type Page = (request: HttpRequest, response: HttpResponse) => void;

/** An HTTP server that also emits `websocket` for each that it accepted. */
export function createServer(page: Page, wish?: ServerOptions): HttpServer {
  const options = wish || {};
  const server = firmware("http").createServer((request, response) => {
    const low = lowered(request.headers);
    const key = low["sec-websocket-key"];
    if (!key || !means(low["upgrade"], "websocket")) {
      page(request, response);
      return;
    }
    const own = options.origin === true ? `http://${low["host"]}` : options.origin;
    if (own && low["origin"] && low["origin"] !== own) {
      response.writeHead(403);
      response.end();
      return;
    }
    const answer: Record<string, string> = {
      Upgrade: "websocket",
      Connection: "Upgrade",
      "Sec-WebSocket-Accept": acceptOf(key),
    };
    const protocols = low["sec-websocket-protocol"];
    if (protocols) answer["Sec-WebSocket-Protocol"] = String(protocols.split(",")[0]).trim();
    response.writeHead(101, answer);
    const ws = new Connection(options, false);
    ws._attach(response);
    ws._open();
    server.emit("websocket", ws);
    request.on("close", () => {
      ws._end(1006);
    });
    // What came with the request waits until those who hear of the WebSocket listen to it.
    setTimeout(() => {
      request.on("data", (bytes: string) => {
        ws._receive(bytes);
      });
    }, 0);
  });
  return server;
}
