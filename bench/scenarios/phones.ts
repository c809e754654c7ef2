/** What phones with the app JeedomConnect cost Jeedom: requests per second, behind the gateway and without it. */
import { Simulator as Jeedom } from "../../simulators/jeedom/server.ts";
import { Daemon } from "../../simulators/jeedomconnect/daemon.ts";
import { type PhoneTransport, phoneTransports } from "../../simulators/jeedomconnect/line.ts";
import { Phone } from "../../simulators/jeedomconnect/phone.ts";
import { Simulator } from "../../simulators/jeedomconnect/server.ts";
import { nextPort, startServer } from "../servers.ts";
import type { Outcome, Row, Workshop } from "../workshop.ts";
import { row } from "./rows.ts";

const crowds = [1, 10, 100] as const;
/** Changes per second in a house where much happens. */
const busy = 10;
/** Between two questions of a polling phone, in ms: as often as it must ask to count as connected, and no oftener. */
const pollPeriod = 1500;
/** How long requests are counted at least, in seconds: several rounds of asking. */
const least = 10;

/** Where phones go, and what ends it. */
interface Place {
  readonly http: string;
  readonly websocket: string;
  stop(): Promise<unknown>;
}

/** Each per second. */
interface Counted {
  /** Requests to the plugin. */
  readonly plugin: number;
  /** Requests to Jeedom's own API, by the bridge to it. */
  readonly jeedom: number;
  /** Looks into Jeedom's events by the plugin's streams, each of which keeps a PHP process. */
  readonly looks: number;
}

export async function phones(workshop: Workshop): Promise<Outcome> {
  const rows: Row[] = [];
  const raw: Record<string, unknown> = {};
  for (const count of crowds) {
    for (const transport of phoneTransports) {
      const scenario = `${count} ${count === 1 ? "phone" : "phones"} by ${transport}`;
      workshop.say(scenario);
      const [gateway, plugin] = await Promise.all([
        measure(workshop, { count, transport, place: behindGateway }),
        measure(workshop, { count, transport, place: alone }),
      ]);
      for (const state of ["idle", "busy"] as const) {
        const [ours, its] = [gateway[state], plugin[state]];
        // Values cost the plugin nothing: a busy house is no dearer than an idle one, whoever is there.
        const usual = Math.min(its.plugin + its.looks, gateway.idle.plugin);
        const [what, own] = transport === "sse" ? ["looks of its streams", its.looks] : ["requests", its.plugin];
        rows.push(
          // A round of asking begins before the window or ends after it.
          row(scenario, `${state} house, gateway: requests to the plugin`, [ours.plugin], "per second", {
            most: (state === "busy" ? usual : own) * 1.25 + 0.5,
          }),
          row(scenario, `${state} house, gateway: requests to Jeedom itself`, [ours.jeedom], "per second", {
            most: 2.5,
          }),
          row(scenario, `${state} house, the plugin alone: ${what}`, [own], "per second"),
        );
      }
      raw[scenario] = { gateway, plugin };
    }
  }
  return { rows, raw };
}

interface Measuring {
  readonly count: number;
  readonly transport: PhoneTransport;
  readonly place: (workshop: Workshop, simulator: Simulator) => Promise<Place>;
}

async function measure(
  workshop: Workshop,
  { count, transport, place: open }: Measuring,
): Promise<{ readonly idle: Counted; readonly busy: Counted }> {
  const jeedom = new Jeedom({ waitPollingTime: 1000 }).start();
  const simulator = new Simulator({ jeedom, socketPort: nextPort() }).start();
  const place = await open(workshop, simulator);
  const settings = {
    useWs: transport === "websocket" ? "1" : "0",
    polling: transport === "polling" ? "1" : "0",
  } as const;
  const all = Array.from({ length: count }, (_, at) => {
    const { apiKey } = simulator.plugin.add(`phone ${at}`, settings);
    return new Phone({ http: place.http, websocket: place.websocket, apiKey, transport, pollPeriod });
  });
  try {
    for (const phone of all) {
      if ((await phone.connect())?.type !== "WELCOME") throw new Error("A phone was not welcomed");
    }
    await Bun.sleep(2000);
    const seconds = Math.max(least, workshop.effort.window);
    const idle = await countFor(seconds, simulator);
    const changing = setInterval(() => changeSomething(jeedom), 1000 / busy);
    const counted = await countFor(seconds, simulator).finally(() => clearInterval(changing));
    const gone = all.filter(({ ended }) => ended !== undefined).length;
    if (gone > 0) throw new Error(`${gone} of ${count} phones lost their connection`);
    await agree(all, jeedom);
    return { idle, busy: counted };
  } finally {
    for (const phone of all) phone.loseNetwork();
    await place.stop();
    await Promise.all([simulator.stop(), jeedom.stop()]);
  }
}

async function behindGateway({ ground }: Workshop, simulator: Simulator): Promise<Place> {
  const { plugin, url, pluginKey, socketPort } = simulator;
  const { url: jeedom, users } = plugin.jeedom;
  const { port, child } = await startServer(
    "gateway",
    ground,
    `bridges:
  jeedom: { type: jeedom, url: "${jeedom}", key: ${users.apiKey} }
  jc: { type: jeedomconnect, url: "${url}", key: ${pluginKey}, socket_port: ${socketPort} }
`,
  );
  const at = `127.0.0.1:${port}`;
  return { http: `http://${at}`, websocket: `ws://${at}/jeedomconnect`, stop: () => child.stop() };
}

/** With the plugin's own daemon, as often as that asks. */
async function alone(_: Workshop, simulator: Simulator): Promise<Place> {
  const daemon = new Daemon(simulator.callback, 1000);
  simulator.socketPort = daemon.socketPort;
  return { http: simulator.url, websocket: daemon.url, stop: () => daemon.stop() };
}

async function countFor(seconds: number, simulator: Simulator): Promise<Counted> {
  const { jeedom } = simulator.plugin;
  const counted = (): readonly number[] => [simulator.requests, jeedom.requests, simulator.looks];
  const before = counted();
  const begin = performance.now();
  await Bun.sleep(seconds * 1000);
  const took = (performance.now() - begin) / 1000;
  const rates = counted().map((count, at) => (count - (before[at] ?? 0)) / took);
  const [plugin = 0, own = 0, looks = 0] = rates;
  return { plugin, jeedom: own, looks };
}

function changeSomething({ house }: Jeedom): void {
  const ids = house.infos();
  house.set(ids[Math.floor(Math.random() * ids.length)] ?? 0, Math.round(Math.random() * 100));
}

/** Requests that are saved by telling phones less would be no saving. */
async function agree(all: readonly Phone[], { house }: Jeedom): Promise<void> {
  for (const end = Date.now() + 15_000; !all.every(({ picture }) => picture.shows(house)); await Bun.sleep(50)) {
    if (Date.now() > end) throw new Error("Not all phones show the house as it is");
  }
}
