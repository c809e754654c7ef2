/** HTTP listeners on Bun's server: TCP with or without TLS, or a Unix socket. */
import { asRefused, errorText } from "../core/refusals.ts";
import type { Answer, Log, MaybePromise, Visit } from "../ports.ts";
import { type Doorway, type HttpServer, HttpVisit } from "./http-visit.ts";
import { listenError } from "./listen-error.ts";
import { Turnstile } from "./turnstile.ts";
import { type WebSocketOutlet, webSocketHandlers } from "./websocket.ts";

export interface HttpListenerOptions {
  /** Where to listen: an address and port (0: any free one), or the path of a Unix socket and the mode of its file. */
  readonly at: { readonly hostname: string; readonly port: number } | { readonly unix: string; readonly mode: number };
  readonly tls?: { readonly cert: string; readonly key: string };
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

export interface HttpListener {
  /** Empty for a Unix socket. */
  readonly hostname: string;
  readonly port: number;
  /** Stops listening; what is open goes on unless `abrupt`. */
  stop(abrupt: boolean): Promise<void>;
}

/** The wall behind the protocols' own limits, which answer with the error object; Bun's answer here has no body. */
const largestBody = 256 * 1024 * 1024;
/** In ms. */
const usualBodyTime = 30_000;
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
  const common: CommonOptions = {
    development: false,
    websocket: webSocketHandlers(options.maxMessage),
    // An answer of `undefined` means that the request became a WebSocket.
    fetch: (request: Request, server: HttpServer): MaybePromise<Answer> => {
      const turn = turnstile.pass();
      return turn === undefined ? visit(new HttpVisit(request, server, doorway)) : serveLater(turn, request, server);
    },
    error: failed,
    maxRequestBodySize: largestBody,
  };
  const server = serve(options, common);
  return {
    hostname: server.hostname ?? "",
    port: server.port ?? 0,
    stop: (abrupt) => server.stop(abrupt),
  };
}

interface CommonOptions {
  readonly development: false;
  readonly websocket: Bun.WebSocketHandler<WebSocketOutlet>;
  readonly error: (thrown: Error) => Response;
  readonly maxRequestBodySize: number;
  readonly fetch: (request: Request, server: HttpServer) => MaybePromise<Answer>;
}

function serve({ at, tls, bodyTime = usualBodyTime }: HttpListenerOptions, common: CommonOptions): HttpServer {
  if ("unix" in at) {
    // The file's mode comes from the umask at the moment of listening, which is synchronous.
    const umask = process.umask(0o777 & ~at.mode);
    try {
      return Bun.serve<WebSocketOutlet>({ ...common, unix: at.unix });
    } finally {
      process.umask(umask);
    }
  }
  try {
    // Left unsaid, a second gateway would share the port in silence.
    const reusePort = false;
    return Bun.serve<WebSocketOutlet>({
      ...common,
      ...at,
      reusePort,
      // Counts from when the request began, whatever comes meanwhile. Streams and waiting polls switch it off for themselves.
      idleTimeout: Math.round(bodyTime / 1000),
      ...(tls === undefined ? {} : { tls }),
    });
  } catch (thrown) {
    throw listenError(at, thrown);
  }
}
