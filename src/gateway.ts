/** The one place that knows every part: it puts them together, and takes them apart again. */
import { version } from "../package.json" with { type: "json" };
import { assembleCore, type Core } from "./assembly/core.ts";
import { type AssembledDevices, assembleDevices } from "./assembly/devices.ts";
import { Fronts } from "./assembly/fronts.ts";
import { Listeners, type ListeningAt } from "./assembly/listeners.ts";
import type { ListeningPlace } from "./assembly/parts.ts";
import { type AssembledProtocols, assembleProtocols, describedPaths } from "./assembly/protocols.ts";
import { type ReloadParts, reload } from "./assembly/reload.ts";
import {
  reloadedAddresses,
  reloadedBridges,
  reloadedCalls,
  reloadedChannels,
  reloadedStrangers,
} from "./assembly/reloaded.ts";
import { type Held, makeWay, type Predecessor, succeed } from "./assembly/succession.ts";
import { EmbeddedBroker } from "./brokers/embedded/broker.ts";
import { controlSocket } from "./config/checks.ts";
import { InForce } from "./config/in-force.ts";
import { policyOf } from "./config/policies.ts";
import type { Config, ListenerConfig } from "./config/schema.ts";
import { durableRules, settingsOf } from "./config/settings.ts";
import { verbs } from "./core/access.ts";
import { registerBuiltinCalls } from "./core/builtin-calls.ts";
import { Calls } from "./core/calls.ts";
import { sendAway } from "./core/departure.ts";
import type { Hub } from "./core/hub.ts";
import { makeKey } from "./core/keys.ts";
import { PairingWindow } from "./core/pairing-window.ts";
import { PublishRate } from "./core/rate.ts";
import { Refused } from "./core/refusals.ts";
import { Api, type ApiParts } from "./http/api.ts";
import type { Reloaded } from "./http/api-lifecycle.ts";
import { Metrics } from "./http/metrics.ts";
import type { Status } from "./http/status.ts";
import type { Bridge, ChannelSettings, Log } from "./ports.ts";
import { type DataDirectory, type DataDirectoryOptions, openDataDirectory } from "./storage/data-directory.ts";
import { systemDialer } from "./transports/dialer.ts";
import { collectMemory, systemChance, systemClock } from "./transports/system.ts";
import { listenUnixStream, type UnixStreamListener } from "./transports/unix-stream.ts";

export { describedPaths } from "./assembly/protocols.ts";
export type { Predecessor } from "./assembly/succession.ts";
/** The machine's, for commands that do without a gateway. */
export { systemDialer } from "./transports/dialer.ts";
export { lanAddress, systemChance, systemClock } from "./transports/system.ts";
export { Systemd } from "./transports/systemd.ts";

/** How long connections may take to get their last bytes when the gateway stops, in ms. */
const lastWrites = 2000;

export interface Gateway {
  readonly config: Config;
  readonly addresses: readonly ListeningAt[];
  readonly unixSocket?: string;
  /** The admin key that was made because there was none; shown once. */
  readonly firstKey?: string;
  /** Takes up the configuration as it is read now. Throws `Refused`, and nothing has changed, when something is wrong. */
  reload(dryRun?: boolean): Reloaded;
  /** Resolves when a successor has taken over: what is left to do is to `stop`. */
  readonly succeeded: Promise<void>;
  status(): Status;
  /**
   * Stops listening, sends every session away, evenly over `drain` ms, and lets go of the data directory. Whoever is still
   * there is served meanwhile.
   */
  stop(drain?: number): Promise<void>;
}

export interface GatewayOptions extends DataDirectoryOptions {
  /** Reads the configuration anew, for a reload. Throws a `ConfigError`. Default: as it was at the start. */
  readonly readConfig?: () => Config;
  /** The gateway to take over from, which has the data directory. */
  readonly predecessor?: Predecessor | undefined;
  /** Starts a gateway that takes over from this one, for a restart. Resolves when that has ended. */
  readonly startSuccessor?: (() => Promise<void>) | undefined;
}

/** Starts everything. Rejects with a clear error, and nothing left behind, when a part cannot be had. */
export async function startGateway(config: Config, options: GatewayOptions): Promise<Gateway> {
  const { log, predecessor } = options;
  const inForce = new InForce(config);
  const listeners = new Listeners(inForce.config, log, systemClock, predecessor?.addresses);
  let held: Held | undefined;
  try {
    if (predecessor !== undefined) held = await succeed(predecessor, config, { listeners, log });
    const data = await openDataDirectory(config.data, options);
    const readConfig = options.readConfig ?? (() => config);
    const { startSuccessor } = options;
    const assembly = new Assembly(inForce, { log, data, listeners, held, readConfig, startSuccessor });
    try {
      await assembly.start();
    } catch (thrown) {
      await assembly.stop();
      throw thrown;
    }
    return assembly;
  } catch (thrown) {
    listeners.cut();
    held?.backends?.close(true);
    throw thrown;
  }
}

/** What is there before the gateway is put together. */
interface Ground {
  readonly log: Log;
  readonly data: DataDirectory;
  readonly listeners: Listeners;
  readonly held: Held | undefined;
  readonly readConfig: () => Config;
  readonly startSuccessor: GatewayOptions["startSuccessor"];
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
  readonly #fronts: Fronts;
  readonly #protocols: AssembledProtocols;
  readonly #inForce: InForce;
  readonly #reload: ReloadParts;
  readonly #devices: AssembledDevices;
  readonly #listeners: Listeners;
  readonly #held: Held | undefined;
  readonly #startSuccessor: GatewayOptions["startSuccessor"];
  #unixListener: UnixStreamListener | undefined;
  /** That of the main listener. */
  #port = 0;
  readonly #started = systemClock.now();
  readonly #handedOver = Promise.withResolvers<void>();
  #leaving = false;
  #restarting: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(inForce: InForce, { log, data, listeners, held, readConfig, startSuccessor }: Ground) {
    const { config } = inForce;
    this.config = config;
    this.#inForce = inForce;
    this.#log = log;
    this.#listeners = listeners;
    this.#held = held;
    this.#startSuccessor = startSuccessor;
    this.#data = data;
    const { limits } = config;
    const { keys, devices, journal } = data;
    const settingsInForce = inForce.derive(() => settingsOf(config));
    const settings = (channel: string): ChannelSettings => settingsInForce()(channel);
    const ground = { clock: systemClock, chance: systemChance, log, dialer: systemDialer };
    this.#broker = new EmbeddedBroker({
      ...ground,
      settingsOf: settings,
      journal,
      durableRules: () => durableRules(config),
      maxChannels: () => limits.channels,
    });
    const parts = { ...ground, settingsOf: settings, broker: this.#broker, keys, rest: () => void collectMemory() };
    const core = assembleCore(inForce, parts);
    const { hub, gate, keyring, tokens } = core;
    this.#hub = hub;
    const calls = new Calls();
    registerBuiltinCalls(calls, { hub, devices });
    const callees = reloadedCalls(config, calls, ground);
    const rate = new PublishRate(systemClock, limits.publish_rate, limits.publish_bytes);
    const pairing = new PairingWindow(systemClock);
    const shared = { ...ground, config, derive: inForce.derive, hub, gate, keyring, pairing, rate, calls };
    this.#protocols = assembleProtocols({ ...shared, devices, settingsOf: settings, tokens: tokens.inForce, version });
    this.#devices = assembleDevices({ ...ground, config: () => config, port: () => this.#port, hub, devices, keyring });
    const rest = [
      tokens,
      listeners,
      callees,
      reloadedBridges(this.#protocols.bridges),
      reloadedStrangers(hub),
      reloadedAddresses(this.#devices.registry),
    ];
    const channels = reloadedChannels({ hub, broker: this.#broker });
    this.#reload = { inForce, read: readConfig, parts: [channels, ...rest] };
    const api = this.#assembleApi(core, { pairing, calls });
    this.#fronts = new Fronts(inForce, { gate, log, protocols: this.#protocols.offered, api });
  }

  #assembleApi({ hub, gate, tickets, keyring, endKey }: Core, parts: Pick<ApiParts, "pairing" | "calls">): Api {
    const { keys, devices, putAll, backUp } = this.#data;
    const { registry, states } = this.#devices;
    return new Api({
      ...parts,
      hub,
      gate,
      tickets,
      keys,
      keyring,
      devices,
      registry,
      deviceStates: states,
      keyChanged: endKey,
      putAll,
      backUp,
      clock: systemClock,
      status: () => this.status(),
      lifecycle: this,
      described: describedPaths(),
      obstacles: () => (this.#leaving ? ["The gateway is stopping"] : []),
      metrics: new Metrics({
        hub,
        journal: () => this.#data.figures(),
        bridges: () => this.#everyBridge(),
        openTo: this.config.metrics.open_to,
      }),
    });
  }

  async start(): Promise<void> {
    await this.#broker.start();
    this.#makeFirstKey();
    this.#listenForOwner();
    const { config } = this;
    const listeners = this.#listeners;
    this.#port = listeners.listen(config.listen, { front: this.#fronts.all(), tls: config.tls });
    const lookedFor = config.listeners.flatMap((listener, at) => this.#listenAs(listener, `listeners[${at}]`));
    // Ports that were named come before those that are looked for.
    for (const listen of lookedFor) listen();
    for (const bridges of this.#protocols.bridges) bridges.start();
    listeners.renewCertificates();
    if (config.unix_socket !== false) await this.#listenForBackends(config.unix_socket);
    this.#devices.registry.announce();
  }

  /** A listener besides the main one. The answers listen where a port has to be looked for. */
  #listenAs(listener: ListenerConfig, option: string): readonly (() => void)[] {
    const listeners = this.#listeners;
    const { listen, tls, protocol } = listener;
    const assembled = this.#protocols.assembled.find((one) => one.protocol.name === protocol);
    const fronts = this.#fronts;
    const place: ListeningPlace = { listeners, frontOf: fronts.frontOf.bind(fronts) };
    if (assembled?.listen !== undefined) return assembled.listen(listener, option, place);
    const policy = this.#inForce.derive(() => policyOf(this.config, listener));
    const front = protocol === undefined ? fronts.all(policy) : fronts.named(protocol, policy);
    listeners.listen(listen, { front, tls, protocol });
    return [];
  }

  async #listenForBackends(socket: Exclude<Config["unix_socket"], false>): Promise<void> {
    const protocol = this.#protocols.unixSocket;
    this.#unixListener = this.#held?.backends ?? (await listenUnixStream({ ...socket, protocol, log: this.#log }));
    this.#held?.admitBackends(protocol);
    this.unixSocket = socket.path;
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
      bridges: new Map(this.#everyBridge().map(({ name, report }) => [name, report])),
    };
  }

  #everyBridge(): readonly Bridge[] {
    return this.#protocols.bridges.flatMap((bridges) => [...bridges]);
  }

  get succeeded(): Promise<void> {
    return this.#handedOver.promise;
  }

  /**
   * For a successor that listens already: stops listening, refuses publications, and lets go of the data directory. The
   * sessions stay until `stop`; keys and devices are answered from memory until then.
   */
  async handOver(): Promise<void> {
    if (this.#leaving) throw new Refused("shutdown", "Cannot hand over: the gateway is stopping already");
    this.#log.info({}, "Handing over to a successor");
    this.#stopListening();
    await this.#letGo();
    this.#handedOver.resolve();
  }

  async restart(): Promise<void> {
    // What cannot be read is not worth a successor, and one on other data would run beside this one.
    if (this.reload(true).needs_restart.includes("data")) {
      throw new Refused(
        "badRequest",
        "Cannot restart on another data directory: stop this gateway, and start one there",
      );
    }
    const successors = { start: this.#startSuccessor, succeeded: this.succeeded };
    this.#restarting ??= makeWay(successors).finally(() => {
      this.#restarting = undefined;
    });
    await this.#restarting;
  }

  reload(dryRun = false): Reloaded {
    if (this.#leaving) throw new Refused("shutdown", "Cannot reload: the gateway is stopping");
    const reloaded = reload(this.#reload, dryRun);
    if (!dryRun) this.#log.info(reloaded, "The configuration was taken up");
    return reloaded;
  }

  stop(drain = 0): Promise<void> {
    this.#stopped ??= this.#stop(drain);
    return this.#stopped;
  }

  async #stop(drain: number): Promise<void> {
    this.#stopListening();
    const { sessions } = this.#hub;
    if (drain > 0 && sessions.size > 0) this.#log.info({ sessions: sessions.size, drain }, "Sending sessions away");
    await sendAway({ clock: systemClock, sessions }, drain);
    await this.#letGo();
    this.#hub.close();
    await this.#listeners.stop(new Promise((resolve) => systemClock.after(lastWrites, resolve)));
  }

  #stopListening(): void {
    this.#leaving = true;
    this.#unixListener?.close();
    void this.#listeners.stopListening();
  }

  /** Nothing is published any more, and all that was is kept. */
  async #letGo(): Promise<void> {
    for (const bridges of this.#protocols.bridges) bridges.stop();
    this.#protocols.unixSocket.close();
    await this.#broker.close();
    await this.#data.close();
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
    // The data directory is ours alone, so what lies there is of a process that is no more.
    this.#listeners.listenForOwner(controlSocket(this.config), this.#fronts.all());
  }
}
