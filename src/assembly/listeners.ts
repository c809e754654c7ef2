/** Where the gateway listens over HTTP. */
import { readFileSync } from "node:fs";
import { everyHost, type ListenAddress, printListen } from "../config/listen.ts";
import type { Config, ProtocolName } from "../config/schema.ts";
import { addressIn } from "../core/gate.ts";
import { AcceptRate } from "../core/rate.ts";
import type { Front } from "../http/front.ts";
import type { Clock, Log } from "../ports.ts";
import { type HttpListener, type HttpListenerOptions, listenHttp } from "../transports/http-server.ts";
import { ListenError } from "../transports/listen-error.ts";

/** Where the gateway listens, as it came to be. */
export interface ListeningAt {
  readonly listen: string;
  /** The one protocol that it speaks; absent for the main set. */
  readonly protocol?: ProtocolName;
  readonly url: string;
}

/** One that listens already. */
export type OpenListener = Pick<HttpListener, "port" | "stop">;

/** What is served at an address. */
export interface Served {
  readonly front: Front;
  readonly tls?: Config["tls"] | undefined;
  /** The one protocol that is spoken there; absent for the main set. */
  readonly protocol?: ProtocolName | undefined;
}

export class Listeners {
  readonly addresses: ListeningAt[] = [];
  readonly #config: Config;
  readonly #log: Log;
  readonly #accepted: AcceptRate;
  readonly #listeners: OpenListener[] = [];

  constructor(config: Config, log: Log, clock: Clock) {
    this.#config = config;
    this.#log = log;
    this.#accepted = new AcceptRate(clock, config.limits.accept_rate);
  }

  /** The answer is the port, for those who left its choice to the system. Throws a `ListenError`. */
  listen(listen: ListenAddress, { front, tls, protocol }: Served): number {
    const listener = this.#serve({
      at: bound(listen),
      ...(tls === undefined
        ? {}
        : { tls: { cert: readFileSync(tls.cert, "utf8"), key: readFileSync(tls.key, "utf8") } }),
      visit: (visit) => front.visit(visit),
    });
    this.#note(listen, listener, tls === undefined ? "http" : "https", protocol);
    return listener.port;
  }

  /** Counts who comes, and refuses who comes in a storm. */
  readonly accept = (): void => this.#accepted.take();

  /** For what listens in another way than by HTTP. */
  add(listen: ListenAddress, listener: OpenListener, protocol: ProtocolName): void {
    this.#listeners.push(listener);
    this.#note(listen, listener, "ws", protocol);
  }

  /** At the first of the ports that can be had. */
  listenAtFirst(ports: readonly number[], host: string, served: Served): number {
    for (const [at, port] of ports.entries()) {
      try {
        return this.listen({ host, port }, served);
      } catch (thrown) {
        if (!(thrown instanceof ListenError) || at === ports.length - 1) throw thrown;
        this.#log.debug({ port }, thrown.message);
      }
    }
    throw new Error("Cannot listen on no port");
  }

  /** At a file that only the owner of this machine may open, who may do everything. */
  listenForOwner(unix: string, front: Front): void {
    this.#serve({ at: { unix, mode: 0o600 }, owner: true, visit: (visit) => front.visit(visit) });
  }

  /**
   * Ends when the last connection has. What is open is left to its session, which says goodbye in its protocol's own
   * words.
   */
  async stopListening(): Promise<void> {
    await Promise.all(this.#listeners.map((listener) => listener.stop(false)));
  }

  /** Cuts what is still open. */
  cut(): void {
    for (const listener of this.#listeners) void listener.stop(true);
  }

  #note({ host }: ListenAddress, { port }: OpenListener, scheme: string, protocol: ProtocolName | undefined): void {
    const at = { host, port };
    const where = { listen: printListen(at), url: urlOf(at, scheme) };
    this.addresses.push(protocol === undefined ? where : { ...where, protocol });
  }

  #serve(options: Pick<HttpListenerOptions, "at" | "tls" | "owner" | "visit">): HttpListener {
    const { limits, trusted_proxies: proxies } = this.#config;
    const trusts = (address: string): boolean => addressIn(address, proxies);
    const listener = listenHttp({
      ...options,
      ...(proxies.length > 0 ? { trusts } : {}),
      // The owner comes in whatever storm there is.
      ...(options.owner === true ? {} : { accept: this.accept }),
      maxMessage: limits.body,
      bodyTime: limits.body_time,
      log: this.#log,
    });
    this.#listeners.push(listener);
    return listener;
  }
}

/** An address as the system takes it. */
export function bound({ host, port }: ListenAddress): { readonly hostname: string; readonly port: number } {
  return { hostname: host === everyHost ? "::" : host, port };
}

/** Where a client of this machine finds it. */
function urlOf({ host, port }: ListenAddress, scheme: string): string {
  const name = host === everyHost || host === "127.0.0.1" || host === "::" ? "localhost" : host;
  return `${scheme}://${name.includes(":") ? `[${name}]` : name}:${port}`;
}
