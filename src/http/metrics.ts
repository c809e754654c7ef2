/** `GET /metrics`: the gateway's figures for Prometheus. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import { addressIn } from "../core/gate.ts";
import type { Hub } from "../core/hub.ts";
import { Refused } from "../core/refusals.ts";
import type { Principal } from "../core/session.ts";
import type { Bridge, BridgeReport, BridgeState, JournalFigures, Visit } from "../ports.ts";

export interface MetricsParts {
  readonly hub: Hub;
  readonly journal: () => JournalFigures;
  readonly bridges: () => readonly Bridge[];
  /** Addresses and ranges that need no key. */
  readonly openTo: readonly string[];
}

const bridgeStates: readonly BridgeState[] = [
  "connecting",
  "connected",
  "polling",
  "lost",
  "refused",
  "resting",
  "stopped",
];

export class Metrics {
  readonly #parts: MetricsParts;
  #registry: Registry | undefined;

  constructor(parts: MetricsParts) {
    this.#parts = parts;
  }

  /** Refused: not from an address that it is open to, and no grant `admin`. */
  async answer(visit: Visit, principal: () => Principal): Promise<Response> {
    if (!this.#isOpenTo(visit)) requireAdmin(principal());
    // Whom nobody asks for figures does not measure its own delay.
    this.#registry ??= this.#register();
    const text = await this.#registry.metrics();
    return new Response(text, { headers: { "content-type": this.#registry.contentType, "cache-control": "no-store" } });
  }

  #isOpenTo({ address, request, owner }: Visit): boolean {
    if (owner) return true;
    // A proxy of this machine that is not trusted is not who asks: what it tells of who does is not believed.
    const told = request.headers.get("x-forwarded-for");
    if (told !== null && !told.includes(address)) return false;
    return addressIn(address, this.#parts.openTo);
  }

  #register(): Registry {
    const registry = new Registry();
    // Event-loop lag, memory, processor time, open files.
    collectDefaultMetrics({ register: registry });
    this.#addSessions(registry);
    this.#addPublications(registry);
    this.#addJournal(registry);
    this.#addBridges(registry);
    return registry;
  }

  #addSessions(registry: Registry): void {
    const { hub } = this.#parts;
    const registers = [registry];
    new Gauge({
      name: "hearthwire_sessions",
      help: "Connections by protocol and transport.",
      labelNames: ["protocol", "transport"],
      registers,
      collect() {
        this.reset();
        for (const { conversation, outlet } of hub.sessions) {
          this.inc({ protocol: conversation.protocol, transport: outlet.framing.name });
        }
      },
    });
    gauge(registers, "hearthwire_slow_sessions", "Sessions that do not read as fast as they are written to.", () => {
      return hub.lagging.size;
    });
    gauge(registers, "hearthwire_queue_bytes", "What waits for slow sessions, here and in the transports.", () => {
      let bytes = 0;
      for (const { queue, outlet } of hub.lagging) bytes += (queue?.bytes ?? 0) + outlet.queued();
      return bytes;
    });
  }

  #addPublications(registry: Registry): void {
    const { hub } = this.#parts;
    const { figures, lagging } = hub;
    const registers = [registry];
    if (hub.channelsHeld !== undefined) {
      gauge(registers, "hearthwire_channels", "Channels that are held, with those that only have a place.", () => {
        return hub.channelsHeld ?? 0;
      });
    }
    counter(registers, "hearthwire_publications_in_total", "Publications that came in.", () => figures.published);
    counter(registers, "hearthwire_publications_out_total", "Publications that went out, one for each session.", () => {
      return figures.handedOut;
    });
    counter(registers, "hearthwire_dropped_total", "Publications that a `queue` policy took out for a session.", () => {
      let dropped = figures.dropped;
      for (const { queue } of lagging) dropped += queue?.dropped ?? 0;
      return dropped;
    });
    counter(registers, "hearthwire_slow_ended_total", "Sessions that were ended because they were too slow.", () => {
      return figures.slow;
    });
    new Counter({
      name: "hearthwire_refusals_total",
      help: "What was refused to sessions, or could not be sent to them, by the names of /docs/codes.",
      labelNames: ["refusal"],
      registers,
      collect() {
        this.reset();
        for (const [refusal, count] of figures.refused) this.inc({ refusal }, count);
      },
    });
    counter(registers, "hearthwire_recoveries_total", "Subscriptions that went on where they had been.", () => {
      return figures.recovered;
    });
    counter(registers, "hearthwire_failed_recoveries_total", "Those that were told of a gap instead.", () => {
      return figures.unrecovered;
    });
  }

  #addJournal(registry: Registry): void {
    const { journal } = this.#parts;
    const registers = [registry];
    gauge(registers, "hearthwire_journal_waiting", "Publications that wait for the disk.", () => journal().waiting);
    gauge(registers, "hearthwire_journal_lag_seconds", "How long the oldest of them has waited.", () => {
      return journal().lag / 1000;
    });
    gauge(registers, "hearthwire_journal_failing", "1 while nothing can be kept.", () => {
      return journal().failing === undefined ? 0 : 1;
    });
  }

  #addBridges(registry: Registry): void {
    const { bridges } = this.#parts;
    new Gauge({
      name: "hearthwire_upstream_state",
      help: "1 for the state in which the connection to a home system is.",
      labelNames: ["bridge", "state"],
      registers: [registry],
      collect() {
        this.reset();
        for (const bridge of bridges()) {
          for (const state of bridgeStates) this.set({ bridge: bridge.name, state }, bridge.state === state ? 1 : 0);
        }
      },
    });
    const time = (name: string, help: string, of: (report: BridgeReport) => number | undefined): void => {
      new Gauge({
        name,
        help,
        labelNames: ["bridge"],
        registers: [registry],
        collect() {
          this.reset();
          for (const bridge of bridges()) {
            const at = of(bridge.report);
            if (at !== undefined) this.set({ bridge: bridge.name }, at / 1000);
          }
        },
      });
    };
    time("hearthwire_upstream_since_seconds", "Since when it is in this state, as Unix time.", ({ since }) => since);
    time("hearthwire_upstream_last_event_seconds", "When it told of something last, as Unix time.", (report) => {
      return report.lastEventAt;
    });
  }
}

function gauge(registers: Registry[], name: string, help: string, value: () => number): void {
  new Gauge({
    name,
    help,
    registers,
    collect() {
      this.set(value());
    },
  });
}

/** Counted elsewhere: what the library counts is set to it. */
function counter(registers: Registry[], name: string, help: string, value: () => number): void {
  new Counter({
    name,
    help,
    registers,
    collect() {
      this.reset();
      this.inc(value());
    },
  });
}

function requireAdmin({ id, rights }: Principal): void {
  if (rights.mayAny("admin")) return;
  if (id === "anonymous") {
    throw new Refused("unauthorized", "Cannot show the figures here without a key: see `metrics.open_to`");
  }
  throw new Refused("permissionDenied", "Cannot show the figures: the key has no grant `admin`");
}
