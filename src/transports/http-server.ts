/** HTTP listeners on Bun's server: TCP with or without TLS, or a Unix socket. */
import { asRefused, errorText } from "../core/refusals.ts";
import type { Answer, Log, MaybePromise, Visit } from "../ports.ts";
import type { CertificateText } from "./certificates.ts";
import { FormerServers } from "./former-servers.ts";
import { type Doorway, type HttpServer, HttpVisit } from "./http-visit.ts";
import { listenError, type Port, requireFree } from "./listen-error.ts";
import { SharedPort } from "./shared-port.ts";
import { bindSocketFile } from "./socket-file.ts";
import { Turnstile } from "./turnstile.ts";
import { type WebSocketOutlet, webSocketHandlers } from "./websocket.ts";

export interface HttpListenerOptions {
  /** Where to listen: an address and port (0: any free one), or the path of a Unix socket and the mode of its file. */
  readonly at: { readonly hostname: string; readonly port: number } | { readonly unix: string; readonly mode: number };
  readonly tls?: CertificateText;
  /** The process that has the port is succeeded by this one, which shares it until then. Without it, that is refused. */
  readonly succeeds?: boolean;
  readonly owner?: boolean;
  readonly trusts?: (address: string) => boolean;
  /** Called before a WebSocket, stream or poll begins; refuses it by throwing. */
  readonly accept?: () => void;
  /** How long the body of a request may take to arrive, in ms. Default 30 s. */
  readonly bodyTime?: number;
  /** Largest WebSocket message, in bytes. */
  readonly maxMessage: number;
  readonly log: Log;
  readonly visit: (visit: Visit) => MaybePromise<Answer>;
}

export interface Renewal {
  readonly tls?: CertificateText;
  readonly maxMessage?: number;
  readonly bodyTime?: number;
}

export interface HttpListener {
  /** Empty for a Unix socket. */
  readonly hostname: string;
  readonly port: number;
  /**
   * For connections from now on. Those that are open stay: an idle one until its next answer, which says that it ends it, or its
   * time-out. Throws, and nothing has changed, when it cannot be.
   */
  renew(changes: Renewal): void;
  /** Stops listening; what is open goes on unless `abrupt`. Connections without a request are ended. */
  stop(abrupt: boolean): Promise<void>;
}

/** The wall behind the protocols' own limits, which answer with the error object; Bun's answer here has no body. */
const largestBody = 256 * 1024 * 1024;
/** In ms. */
const usualBodyTime = 30_000;
/** The runtime counts idle time in ticks, the first of which may be almost over when a request begins; in seconds, as its largest time is. */
const tick = 4;
const longestTime = 255;
/** So many requests of a listener are begun in one turn of the event loop. */
const requestsPerTurn = 64;

export function listenHttp(options: HttpListenerOptions): HttpListener {
  const { tls, log, visit } = options;
  const doorway: Doorway = {
    secure: tls !== undefined,
    owner: options.owner ?? false,
    trusts: options.trusts ?? (() => false),
    accept: options.accept ?? (() => undefined),
  };
  const failed = (thrown: unknown): Response => {
    log.error({ err: thrown }, "Cannot answer a request");
    return new Response(errorText(asRefused(undefined)), {
      status: 500,
      headers: { "content-type": "application/json; charset=utf-8" },
    });
  };
  const turnstile = new Turnstile(requestsPerTurn);
  const serveLater = async (turn: Promise<void>, request: Request, server: HttpServer): Promise<Answer> => {
    await turn;
    // Nobody would hear of the end of a session that is opened for who is gone already.
    return request.signal.aborted ? undefined : visit(new HttpVisit(request, server, doorway));
  };
  const common = {
    development: false,
    // An answer of `undefined` means that the request became a WebSocket.
    fetch: (request: Request, server: HttpServer): MaybePromise<Answer> => {
      const turn = turnstile.pass();
      return turn === undefined ? visit(new HttpVisit(request, server, doorway)) : serveLater(turn, request, server);
    },
    error: failed,
    maxRequestBodySize: largestBody,
  } as const;
  return "unix" in options.at
    ? listenAtFile(options.at, { ...common, websocket: webSocketHandlers(options.maxMessage) })
    : listenAtPort(options.at, options, common);
}

interface CommonOptions {
  readonly development: false;
  readonly error: (thrown: Error) => Response;
  readonly maxRequestBodySize: number;
  readonly fetch: (request: Request, server: HttpServer) => MaybePromise<Answer>;
}

interface WithWebSockets extends CommonOptions {
  readonly websocket: Bun.WebSocketHandler<WebSocketOutlet>;
}

function listenAtFile(at: { readonly unix: string; readonly mode: number }, options: WithWebSockets): HttpListener {
  const { server, remove } = bindSocketFile(at.unix, at.mode, (unix) =>
    // On a file no single request can do without the time-out, which would cut streams that are not read. It is taken,
    // though its types leave it out.
    Bun.serve<WebSocketOutlet>({ ...options, unix, idleTimeout: 0 as never }),
  );
  return {
    hostname: "",
    port: 0,
    renew: () => undefined,
    stop: (abrupt) => {
      remove();
      return server.stop(abrupt);
    },
  };
}

function listenAtPort(
  at: Port,
  { tls, maxMessage, bodyTime = usualBodyTime, succeeds = false }: HttpListenerOptions,
  common: CommonOptions,
): HttpListener {
  if (!succeeds) requireFree(at);
  let options = { maxMessage, bodyTime, ...(tls === undefined ? {} : { tls }) };
  const shared = new SharedPort();
  const former = new FormerServers(shared);
  const bind = (port: number): HttpServer => {
    const websocket = webSocketHandlers(options.maxMessage);
    const fetch = former.sendingAway(common.fetch);
    return shared.bind(() => bindPort({ ...at, port }, { ...common, fetch, websocket }, options));
  };
  let server = bind(at.port);
  const { hostname = "", port = 0 } = server;
  return {
    hostname,
    port,
    renew(changes) {
      const before = options;
      options = { ...options, ...changes };
      let next: HttpServer;
      try {
        next = bind(port);
      } catch (thrown) {
        options = before;
        throw thrown;
      }
      former.add(server, (idleTimeout(before.bodyTime) + tick) * 1000);
      server = next;
    },
    async stop(abrupt) {
      await Promise.all([former.stop(abrupt), server.stop(abrupt)]);
    },
  };
}

/** In s. */
function idleTimeout(bodyTime: number): number {
  return Math.min(Math.ceil(bodyTime / 1000) + tick, longestTime);
}

function bindPort(
  at: Port,
  options: WithWebSockets,
  { tls, bodyTime }: { readonly tls?: CertificateText; readonly bodyTime: number },
): HttpServer {
  try {
    return Bun.serve<WebSocketOutlet>({
      ...options,
      ...at,
      reusePort: true,
      // Counts from when the request began, whatever comes meanwhile. Streams and waiting polls switch it off for themselves.
      idleTimeout: idleTimeout(bodyTime),
      ...(tls === undefined ? {} : { tls: { cert: tls.cert, key: tls.key } }),
    });
  } catch (thrown) {
    throw listenError(at, thrown);
  }
}
