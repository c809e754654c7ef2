/** Where the gateway listens, but for the Unix socket of backends. */
import { everyHost, type ListenAddress, printListen } from "../config/listen.ts";
import type { Config, ProtocolName } from "../config/schema.ts";
import { addressIn } from "../core/gate.ts";
import { AcceptRate } from "../core/rate.ts";
import type { Front } from "../http/front.ts";
import type { Clock, Log } from "../ports.ts";
import { CertificateInUse, type CertificateText } from "../transports/certificates.ts";
import { type HttpListener, type HttpListenerOptions, listenHttp } from "../transports/http-server.ts";
import { ListenError } from "../transports/listen-error.ts";
import { Door } from "./door.ts";
import { Renewal } from "./renewal.ts";

/** Where the gateway listens, as it came to be. */
export interface ListeningAt {
  readonly listen: string;
  /** The one protocol that it speaks; absent for the main set. */
  readonly protocol?: ProtocolName;
  readonly url: string;
}

/** One that listens already. */
export type OpenListener = Pick<HttpListener, "port" | "renew" | "stop">;

/** Listens in another way than by HTTP, and hands what it is asked to `visit`. Throws a `ListenError`. */
export type OtherWay = (place: {
  readonly at: { readonly hostname: string; readonly port: number };
  readonly tls?: CertificateText;
  readonly succeeds: boolean;
  readonly accept: () => void;
  readonly visit: Door["visit"];
}) => OpenListener;

/** What is served at an address. */
export interface Served {
  readonly front: Front;
  readonly tls?: Config["tls"] | undefined;
  /** The one protocol that is spoken there; absent for the main set. */
  readonly protocol?: ProtocolName | undefined;
}

/** One place where it listens. */
interface Place {
  readonly listener: OpenListener;
  readonly door: Door;
  readonly owner: boolean;
}

export class Listeners {
  readonly addresses: ListeningAt[] = [];
  readonly #config: Config;
  readonly #log: Log;
  readonly #accepted: AcceptRate;
  readonly #succeeded: ReadonlySet<string>;
  /** The world comes by TLS. */
  readonly #strict: boolean;
  readonly #places: Place[] = [];
  /** Those where requests wait, by their address or file. */
  readonly #held = new Map<string, Place>();
  readonly #renewal: Renewal;

  /** `succeeded`: addresses of a gateway that this one succeeds, which are shared with it until it lets go of them. */
  constructor(config: Config, log: Log, clock: Clock, succeeded: Iterable<string> = []) {
    this.#config = config;
    this.#log = log;
    this.#accepted = new AcceptRate(clock, () => config.limits.accept_rate);
    this.#succeeded = new Set(succeeded);
    this.#renewal = new Renewal(config, log, clock);
    this.#strict = config.public_url?.startsWith("https:") ?? false;
  }

  /** Whether a gateway that this one succeeds has that address. */
  succeeds(listen: ListenAddress): boolean {
    return this.#succeeded.has(printListen(listen));
  }

  /** Listens already; what is asked there waits until `listen` says what is served. */
  hold(listen: ListenAddress, tls: Config["tls"], way?: OtherWay): void {
    this.#held.set(printListen(listen), this.#bind(listen, tls, way));
  }

  /** The same for `listenForOwner`. */
  holdForOwner(unix: string): void {
    this.#held.set(unix, this.#bindFile(unix));
  }

  /** The answer is the port, for those who left its choice to the system. Throws a `ListenError`. */
  listen(listen: ListenAddress, { front, tls, protocol }: Served, way?: OtherWay): number {
    const { listener, door } = this.#held.get(printListen(listen)) ?? this.#bind(listen, tls, way);
    door.open(front);
    const scheme = way === undefined ? "http" : "ws";
    this.#note(listen, listener, tls === undefined ? scheme : `${scheme}s`, protocol);
    return listener.port;
  }

  /** At the first of the ports that can be had. */
  listenAtFirst(ports: readonly number[], host: string, served: Served): number {
    const held = ports.find((port) => this.#held.has(printListen({ host, port })));
    if (held !== undefined) return this.listen({ host, port: held }, served);
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
    const { door } = this.#held.get(unix) ?? this.#bindFile(unix);
    door.open(front);
  }

  /**
   * Ends when the last connection has. What is open is left to its session, which says goodbye in its protocol's own
   * words. The owner of this machine is listened to until `stop`.
   */
  stopListening(): Promise<void> {
    return this.#stop(this.#places.filter(({ owner }) => !owner));
  }

  /** Takes up certificates that were renewed, now and from time to time; says so, or why it cannot. */
  renewCertificates(): void {
    this.#renewal.look();
  }

  /** For a reload: certificates, and limits of what comes in by new connections. */
  prepare(config: Config): () => void {
    return this.#renewal.prepare(config);
  }

  /** The same for all; then, or when patience is over, what is still open is cut. */
  async stop(patience: Promise<void>): Promise<void> {
    await Promise.race([this.#stop(this.#places), patience]);
    this.cut();
  }

  cut(): void {
    for (const { listener } of this.#places) void listener.stop(true);
  }

  async #stop(places: readonly Place[]): Promise<void> {
    // Who takes up a certificate listens anew for it.
    this.#renewal.stop();
    await Promise.all(places.map(({ listener }) => listener.stop(false)));
  }

  #note({ host }: ListenAddress, { port }: OpenListener, scheme: string, protocol: ProtocolName | undefined): void {
    const at = { host, port };
    const where = { listen: printListen(at), url: urlOf(at, scheme) };
    this.addresses.push(protocol === undefined ? where : { ...where, protocol });
  }

  #bind(listen: ListenAddress, tls: Config["tls"], way?: OtherWay): Place {
    const door = new Door(this.#strict);
    const certificate = tls && new CertificateInUse(tls);
    const at = { at: bound(listen), succeeds: this.succeeds(listen), ...(certificate && { tls: certificate.text }) };
    const accept = (): void => this.#accepted.take();
    const listener = way?.({ ...at, accept, visit: door.visit }) ?? this.#serve(at, door);
    this.#renewal.add({ listen, listener, certificate });
    return this.#add({ door, listener, owner: false });
  }

  #bindFile(unix: string): Place {
    const door = new Door(this.#strict);
    const listener = this.#serve({ at: { unix, mode: 0o600 }, owner: true }, door);
    return this.#add({ door, listener, owner: true });
  }

  #add(place: Place): Place {
    this.#places.push(place);
    return place;
  }

  #serve(options: Pick<HttpListenerOptions, "at" | "tls" | "owner" | "succeeds">, { visit }: Door): HttpListener {
    const { limits, trusted_proxies: proxies } = this.#config;
    const trusts = (address: string): boolean => addressIn(address, proxies);
    return listenHttp({
      ...options,
      ...(proxies.length > 0 ? { trusts } : {}),
      // The owner comes in whatever storm there is.
      ...(options.owner === true ? {} : { accept: () => this.#accepted.take() }),
      maxMessage: limits.body,
      bodyTime: limits.body_time,
      log: this.#log,
      visit,
    });
  }
}

/** An address as the system takes it. */
function bound({ host, port }: ListenAddress): { readonly hostname: string; readonly port: number } {
  return { hostname: host === everyHost ? "::" : host, port };
}

/** Where a client of this machine finds it. */
function urlOf({ host, port }: ListenAddress, scheme: string): string {
  const name = host === everyHost || host === "127.0.0.1" || host === "::" ? "localhost" : host;
  return `${scheme}://${name.includes(":") ? `[${name}]` : name}:${port}`;
}
