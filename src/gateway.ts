/** The one place that knows every part: it puts them together, and takes them apart again. */
import { readFileSync, rmSync } from "node:fs";
import { version } from "../package.json" with { type: "json" };
import { EmbeddedBroker } from "./brokers/embedded/broker.ts";
import { controlSocket } from "./config/checks.ts";
import { everyHost, type ListenAddress, printListen } from "./config/listen.ts";
import { deconzBridge, deconzPolicy, policyOf, protocolPolicy } from "./config/policies.ts";
import type { Config, ListenerConfig, ProtocolName } from "./config/schema.ts";
import { settingsOf } from "./config/settings.ts";
import { tokensOf } from "./config/token-keys.ts";
import { verbs } from "./core/access.ts";
import { registerBuiltinCalls } from "./core/builtin-calls.ts";
import { backendCallable } from "./core/call-backends.ts";
import { Calls } from "./core/calls.ts";
import type { DescribedPaths } from "./core/described-paths.ts";
import { addressIn, Gate } from "./core/gate.ts";
import { Hub } from "./core/hub.ts";
import { Idempotency } from "./core/idempotency.ts";
import { Keyring } from "./core/keyring.ts";
import { makeKey } from "./core/keys.ts";
import { PairingWindow } from "./core/pairing-window.ts";
import { PublishRate } from "./core/rate.ts";
import { Refused } from "./core/refusals.ts";
import { Tickets } from "./core/tickets.ts";
import { Api } from "./http/api.ts";
import { Front } from "./http/front.ts";
import type { Status } from "./http/status.ts";
import type { HttpProtocol, Log, Policy } from "./ports.ts";
import { Centrifuge } from "./protocols/centrifuge/protocol.ts";
import { describeServerApi } from "./protocols/centrifuge/server-api.ts";
import { describeChannels } from "./protocols/channel-url/description.ts";
import { ChannelUrl } from "./protocols/channel-url/protocol.ts";
import { DeconzBridge } from "./protocols/deconz/bridge.ts";
import { registerCalls } from "./protocols/deconz/calls.ts";
import { Listening } from "./protocols/deconz/listening.ts";
import { Deconz, type DeconzParts, type DeconzPlace } from "./protocols/deconz/protocol.ts";
import { RestFace } from "./protocols/deconz/rest-face.ts";
import { describeDevices } from "./protocols/unix-socket/description.ts";
import { UnixSocket } from "./protocols/unix-socket/protocol.ts";
import { readBridgeKey } from "./storage/bridge-keys.ts";
import { type DataDirectory, type DataDirectoryOptions, openDataDirectory } from "./storage/data-directory.ts";
import { systemDialer } from "./transports/dialer.ts";
import { type HttpListener, type HttpListenerOptions, ListenError, listenHttp } from "./transports/http-server.ts";
import { systemChance, systemClock } from "./transports/system.ts";
import { listenUnixStream, type UnixStreamListener } from "./transports/unix-stream.ts";

/** The machine's, for commands that do without a gateway. */
export { systemDialer } from "./transports/dialer.ts";
export { systemChance, systemClock } from "./transports/system.ts";

/** What protocols tell of their paths, for the one document of the API. */
export function describedPaths(): readonly DescribedPaths[] {
  return [describeChannels(), describeDevices(), describeServerApi()];
}

/** How long connections may take to get their last bytes when the gateway stops, in ms. */
const lastWrites = 2000;

/** Where deCONZ looks for a port for its WebSocket; the last is any free one. */
const usualWebSocketPorts = [443, 8080, 8088, 20_877, 0];

/** Where the gateway listens, as it came to be. */
export interface ListeningAt {
  readonly listen: string;
  /** The one protocol that it speaks; absent for the main set. */
  readonly protocol?: ProtocolName;
  readonly url: string;
}

export interface Gateway {
  readonly config: Config;
  readonly addresses: readonly ListeningAt[];
  readonly unixSocket?: string;
  /** The admin key that was made because there was none; shown once. */
  readonly firstKey?: string;
  status(): Status;
  /** Stops listening, says goodbye to every session, and lets go of the data directory. */
  stop(): Promise<void>;
}

/** Starts everything. Rejects with a clear error, and nothing left behind, when a part cannot be had. */
export async function startGateway(config: Config, options: DataDirectoryOptions): Promise<Gateway> {
  const { log } = options;
  const data = await openDataDirectory(config.data, options);
  const assembly = new Assembly(config, log, data);
  try {
    await assembly.start();
  } catch (thrown) {
    await assembly.stop();
    throw thrown;
  }
  return assembly;
}

type ProtocolOffered = HttpProtocol & { readonly name: ProtocolName };

/** The parts, in the order in which they are needed. */
class Assembly implements Gateway {
  readonly config: Config;
  readonly addresses: ListeningAt[] = [];
  unixSocket?: string;
  firstKey?: string;
  readonly #log: Log;
  readonly #data: DataDirectory;
  readonly #broker: EmbeddedBroker;
  readonly #hub: Hub;
  readonly #gate: Gate;
  readonly #api: Api;
  readonly #unixSocket: UnixSocket;
  readonly #protocols: readonly ProtocolOffered[];
  readonly #bridges: readonly DeconzBridge[];
  readonly #deconz: DeconzParts;
  readonly #listeners: HttpListener[] = [];
  #unixListener: UnixStreamListener | undefined;
  readonly #started = systemClock.now();
  #stopped: Promise<void> | undefined;

  constructor(config: Config, log: Log, data: DataDirectory) {
    this.config = config;
    this.#log = log;
    this.#data = data;
    const { limits } = config;
    const clock = systemClock;
    const chance = systemChance;
    const settings = settingsOf(config);
    const { keys, devices, journal } = data;
    this.#broker = new EmbeddedBroker({
      clock,
      chance,
      log,
      settingsOf: settings,
      journal,
      maxChannels: limits.channels,
    });
    const { run } = this.#broker;
    this.#hub = new Hub({ clock, log, broker: this.#broker, settingsOf: settings, limits, run });
    const hub = this.#hub;
    const tickets = new Tickets(clock, chance);
    const gate = new Gate({ keys, clock, tickets, publicUrl: config.public_url });
    this.#gate = gate;
    const idempotency = new Idempotency(clock);
    const rate = new PublishRate(clock, limits.publish_rate);
    const heartbeat = config.heartbeat / 1000;
    const channelUrl = new ChannelUrl({ hub, gate, idempotency, rate, limits, heartbeat, maxAge: config.max_age });
    this.#unixSocket = new UnixSocket({ hub, gate, clock, chance, devices, rate, limits });
    const maxAge = config.max_age;
    const about = { clock, chance, settingsOf: settings, limits, heartbeat, maxAge, version: `Hearthwire ${version}` };
    const calls = new Calls();
    registerBuiltinCalls(calls, { hub, devices });
    for (const [methods, backend] of config.calls) {
      calls.registerAll(methods, backendCallable(backend, { dialer: systemDialer, log }));
    }
    const tokens =
      config.tokens === undefined ? undefined : tokensOf(config.tokens, { clock, log, dialer: systemDialer });
    const centrifuge = new Centrifuge({ hub, gate, rate, tokens, calls, idempotency, log, ...about });
    const pairing = new PairingWindow(clock);
    const keyring = new Keyring({ keys, clock, chance, revoked: (id) => this.#endKey(id) });
    const rest = new RestFace({ gate, keyring, window: pairing, clock, log });
    this.#deconz = { gate, log, listening: new Listening(hub, heartbeat), rest };
    this.#bridges = Array.from(config.bridges, ([name, { url, key: given }]) => {
      const key = (): string | undefined => given ?? readBridgeKey(config.data, name);
      const bridge = new DeconzBridge({ name, url, key, hub, clock, log, dialer: systemDialer });
      registerCalls(calls, bridge);
      return bridge;
    });
    const { deconz: atDeconz } = config.protocols;
    const deconz = this.#deconzAt(atDeconz, "/deconz", "protocols.deconz");
    // To add a protocol is to add one folder, and one line here.
    this.#protocols = [channelUrl, centrifuge, this.#unixSocket, deconz];
    const status = (): Status => this.status();
    const { putAll, backUp } = data;
    this.#api = new Api({
      hub,
      gate,
      tickets,
      keys,
      devices,
      putAll,
      backUp,
      pairing,
      clock,
      chance,
      status,
      calls,
      described: describedPaths(),
    });
  }

  async start(): Promise<void> {
    await this.#broker.start();
    this.#makeFirstKey();
    this.#listenForOwner();
    const { config } = this;
    this.#listen(config.listen, config.tls, this.#mainFront());
    const webSocketPorts: (() => void)[] = [];
    for (const [at, listener] of config.listeners.entries()) {
      const { listen, tls, protocol, ...access } = listener;
      if (protocol === "deconz") webSocketPorts.push(...this.#listenAsDeconz(listener, `listeners[${at}]`));
      else {
        const policy = policyOf(config, access);
        this.#listen(
          listen,
          tls,
          protocol === undefined ? this.#mainFront(policy) : this.#frontOf(protocol, policy),
          protocol,
        );
      }
    }
    // Ports that were named come before those that are looked for.
    for (const listen of webSocketPorts) listen();
    for (const bridge of this.#bridges) bridge.start();
    if (config.unix_socket !== false) await this.#listenForBackends(config.unix_socket);
  }

  /** REST at `listen`. The answer listens for WebSockets where they have a port of their own; to be called last. */
  #listenAsDeconz(listener: ListenerConfig, option: string): (() => void)[] {
    const { listen, tls, ws_port: webSocketPort = "shared", public_ws_port: told } = listener;
    const policy = deconzPolicy(this.config, listener);
    let own: number | undefined;
    const port = (): number | undefined => told ?? own;
    const frontOf = (more: Partial<DeconzPlace>): Front =>
      this.#frontAlone(this.#deconzAt(listener, "", option, { webSocketPort: port, ...more }), policy);
    this.#listen(listen, tls, frontOf({}), "deconz");
    if (webSocketPort === "shared") return [];
    const ports = webSocketPort === "auto" ? usualWebSocketPorts : [webSocketPort];
    return [
      () => {
        own = this.#listenAtFirst(ports, listen.host, tls, frontOf({ onlyWebSocket: true }));
      },
    ];
  }

  /** The first of the ports that can be had. */
  #listenAtFirst(ports: readonly number[], host: string, tls: Config["tls"], front: Front): number {
    for (const [at, port] of ports.entries()) {
      try {
        return this.#listen({ host, port }, tls, front, "deconz");
      } catch (thrown) {
        if (!(thrown instanceof ListenError) || at === ports.length - 1) throw thrown;
        this.#log.debug({ port }, thrown.message);
      }
    }
    throw new Error("Cannot listen on no port");
  }

  #deconzAt(
    { bridge, path_key: pathKey = false, public_ws_port: told }: Config["protocols"]["deconz"],
    below: string,
    option: string,
    more: Partial<DeconzPlace> = {},
  ): Deconz {
    const name = deconzBridge(this.config, bridge);
    const served = this.#bridges.find((one) => one.name === name);
    return new Deconz(this.#deconz, { bridge: served, below, pathKey, webSocketPort: () => told, option, ...more });
  }

  /** What lives by a key that is no more ends. */
  #endKey(id: string): void {
    this.#gate.forget(id);
    this.#hub.end(
      ({ principal }) => principal.id === id,
      () => new Refused("invalidToken", "The key was revoked"),
    );
  }

  async #listenForBackends({ path, mode, group }: Exclude<Config["unix_socket"], false>): Promise<void> {
    this.#unixListener = await listenUnixStream({ path, mode, group, protocol: this.#unixSocket, log: this.#log });
    this.unixSocket = path;
  }

  status(): Status {
    return {
      version,
      run: this.#hub.run,
      started: this.#started,
      addresses: this.addresses,
      unixSocket: this.unixSocket,
      data: this.config.data,
      journal: this.#data.figures(),
      sessions: this.#hub.sessions.size,
    };
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    for (const bridge of this.#bridges) bridge.stop();
    // `stop(false)` leaves what is open to its session, which says goodbye in its protocol's own words.
    const ends = this.#listeners.map((listener) => listener.stop(false));
    this.#unixListener?.close();
    this.#hub.end(
      () => true,
      () => new Refused("shutdown"),
    );
    this.#unixSocket.close();
    this.#hub.close();
    await this.#broker.close();
    await this.#data.close();
    await Promise.race([
      Promise.all(ends),
      new Promise((resolve) => systemClock.after(lastWrites, () => resolve(undefined))),
    ]);
    for (const listener of this.#listeners) void listener.stop(true);
    rmSync(controlSocket(this.config), { force: true });
  }

  #makeFirstKey(): void {
    const { keys } = this.#data;
    if (keys.list().length > 0) return;
    const grants = Object.fromEntries(verbs.map((verb) => [verb, ["**"]]));
    const { key, record } = makeKey(systemChance, { name: "first admin key", grants, created: systemClock.now() });
    keys.put(record);
    this.firstKey = key;
  }

  /** Who may open the control socket is the owner of this machine, and may do everything. */
  #listenForOwner(): void {
    const unix = controlSocket(this.config);
    // The data directory is ours alone, so what lies there is of a process that is no more.
    rmSync(unix, { force: true });
    const front = this.#mainFront();
    const at = { unix, mode: 0o600 };
    this.#listeners.push(this.#serve({ at, owner: true, visit: (visit) => front.visit(visit) }));
  }

  #listen(listen: Config["listen"], tls: Config["tls"], front: Front, protocol?: ProtocolName): number {
    const hostname = listen.host === everyHost ? "::" : listen.host;
    const listener = this.#serve({
      at: { hostname, port: listen.port },
      ...(tls === undefined
        ? {}
        : { tls: { cert: readFileSync(tls.cert, "utf8"), key: readFileSync(tls.key, "utf8") } }),
      visit: (visit) => front.visit(visit),
    });
    this.#listeners.push(listener);
    const at = { host: listen.host, port: listener.port };
    this.addresses.push({
      listen: printListen(at),
      url: urlOf(at, tls !== undefined),
      ...(protocol === undefined ? {} : { protocol }),
    });
    return listener.port;
  }

  #serve(options: Pick<HttpListenerOptions, "at" | "tls" | "owner" | "visit">): HttpListener {
    const { limits, trusted_proxies: proxies } = this.config;
    const trusts = (address: string): boolean => addressIn(address, proxies);
    return listenHttp({
      ...options,
      ...(proxies.length > 0 ? { trusts } : {}),
      maxMessage: limits.body,
      log: this.#log,
    });
  }

  /** All protocols by their paths, and the API and the page for everything else. */
  #mainFront(policy?: Policy): Front {
    const { config } = this;
    const offers = this.#protocols.map((protocol) => ({
      protocol,
      policy: policy ?? protocolPolicy(config, protocol.name),
    }));
    const rest = { protocol: this.#api, policy: policy ?? policyOf(config) };
    return new Front({ gate: this.#gate, log: this.#log, offers, rest });
  }

  /** One protocol at any path. */
  #frontOf(name: ProtocolName, policy: Policy): Front {
    const protocol = this.#protocols.find((other) => other.name === name);
    if (protocol === undefined) throw new Error(`Cannot listen for ${name}: no such protocol`);
    return this.#frontAlone(protocol, policy);
  }

  #frontAlone(protocol: HttpProtocol, policy: Policy): Front {
    return new Front({ gate: this.#gate, log: this.#log, offers: [], rest: { protocol, policy } });
  }
}

/** Where a browser of this machine finds it. */
function urlOf({ host, port }: ListenAddress, secure: boolean): string {
  const name = host === everyHost || host === "127.0.0.1" || host === "::" ? "localhost" : host;
  return `${secure ? "https" : "http"}://${name.includes(":") ? `[${name}]` : name}:${port}`;
}
