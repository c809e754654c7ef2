/** The one place that knows every part: it puts them together, and takes them apart again. */
import { rmSync } from "node:fs";
import { version } from "../package.json" with { type: "json" };
import { assembleDeconz } from "./assembly/deconz.ts";
import { assembleEspruino } from "./assembly/espruino.ts";
import { Listeners, type ListeningAt } from "./assembly/listeners.ts";
import type { Assembled, ListeningPlace, Parts, ProtocolOffered } from "./assembly/parts.ts";
import { EmbeddedBroker } from "./brokers/embedded/broker.ts";
import { controlSocket } from "./config/checks.ts";
import { policyOf, protocolPolicy } from "./config/policies.ts";
import type { Config, ListenerConfig, ProtocolName } from "./config/schema.ts";
import { settingsOf } from "./config/settings.ts";
import { tokensOf } from "./config/token-keys.ts";
import { verbs } from "./core/access.ts";
import { registerBuiltinCalls } from "./core/builtin-calls.ts";
import { backendCallable } from "./core/call-backends.ts";
import { Calls } from "./core/calls.ts";
import type { DescribedPaths } from "./core/described-paths.ts";
import { Gate } from "./core/gate.ts";
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
import type { Bridge, HttpProtocol, Log, Policy } from "./ports.ts";
import { Centrifuge } from "./protocols/centrifuge/protocol.ts";
import { describeServerApi } from "./protocols/centrifuge/server-api.ts";
import { describeChannels } from "./protocols/channel-url/description.ts";
import { ChannelUrl } from "./protocols/channel-url/protocol.ts";
import { describeDevices } from "./protocols/unix-socket/description.ts";
import { UnixSocket } from "./protocols/unix-socket/protocol.ts";
import { type DataDirectory, type DataDirectoryOptions, openDataDirectory } from "./storage/data-directory.ts";
import { systemDialer } from "./transports/dialer.ts";
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

/** The parts, in the order in which they are needed. */
class Assembly implements Gateway {
  readonly config: Config;
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
  /** Protocols that have a file of their own in assembly/. */
  readonly #assembled: readonly Assembled[];
  readonly #bridges: readonly Bridge[];
  readonly #listeners: Listeners;
  #unixListener: UnixStreamListener | undefined;
  readonly #started = systemClock.now();
  #stopped: Promise<void> | undefined;

  constructor(config: Config, log: Log, data: DataDirectory) {
    this.config = config;
    this.#log = log;
    this.#listeners = new Listeners(config, log, systemClock);
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
    this.#hub = new Hub({
      clock,
      log,
      broker: this.#broker,
      settingsOf: settings,
      limits: { ...limits, channelsPerKey: limits.channels_per_key },
      run,
    });
    const hub = this.#hub;
    const tickets = new Tickets(clock, chance);
    const gate = new Gate({ keys, clock, tickets, publicUrl: config.public_url, wrongKeys: limits.wrong_keys });
    this.#gate = gate;
    const idempotency = new Idempotency(clock);
    const rate = new PublishRate(clock, limits.publish_rate, limits.publish_bytes);
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
    const parts: Parts = { config, log, clock, chance, dialer: systemDialer, hub, gate, keyring, pairing, rate, calls };
    // To add a protocol is to add one folder, and one line here.
    this.#assembled = [assembleDeconz(parts), assembleEspruino(parts)];
    this.#protocols = [channelUrl, centrifuge, this.#unixSocket, ...this.#assembled.map(({ protocol }) => protocol)];
    this.#bridges = this.#assembled.flatMap(({ bridges }) => bridges);
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
    const listeners = this.#listeners;
    listeners.listen(config.listen, { front: this.#mainFront(), tls: config.tls });
    const lookedFor = config.listeners.flatMap((listener, at) => this.#listenAs(listener, `listeners[${at}]`));
    // Ports that were named come before those that are looked for.
    for (const listen of lookedFor) listen();
    for (const bridge of this.#bridges) bridge.start();
    if (config.unix_socket !== false) await this.#listenForBackends(config.unix_socket);
  }

  /** A listener besides the main one. The answers listen where a port has to be looked for. */
  #listenAs(listener: ListenerConfig, option: string): readonly (() => void)[] {
    const listeners = this.#listeners;
    const { listen, tls, protocol, ...access } = listener;
    const assembled = this.#assembled.find((one) => one.protocol.name === protocol);
    const frontOf = frontsBy(this.#gate, this.#log);
    if (assembled?.listen !== undefined) return assembled.listen(listener, option, { listeners, frontOf });
    const policy = policyOf(this.config, access);
    const front = protocol === undefined ? this.#mainFront(policy) : frontOf(this.#protocolNamed(protocol), policy);
    listeners.listen(listen, { front, tls, protocol });
    return [];
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

  get addresses(): readonly ListeningAt[] {
    return this.#listeners.addresses;
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
    const ends = this.#listeners.stopListening();
    this.#unixListener?.close();
    this.#hub.end(
      () => true,
      () => new Refused("shutdown"),
    );
    this.#unixSocket.close();
    this.#hub.close();
    await this.#broker.close();
    await this.#data.close();
    await Promise.race([ends, new Promise((resolve) => systemClock.after(lastWrites, () => resolve(undefined)))]);
    this.#listeners.cut();
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
    this.#listeners.listenForOwner(unix, this.#mainFront());
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

  #protocolNamed(name: ProtocolName): HttpProtocol {
    const protocol = this.#protocols.find((other) => other.name === name);
    if (protocol === undefined) throw new Error(`Cannot listen for ${name}: no such protocol`);
    return protocol;
  }
}

/** One protocol at any path. */
function frontsBy(gate: Gate, log: Log): ListeningPlace["frontOf"] {
  return (protocol, policy) => new Front({ gate, log, offers: [], rest: { protocol, policy } });
}
