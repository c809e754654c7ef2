/**
 * Peers of the protocol jeedom before a simulated Jeedom: memory per peer, and what one answer of Jeedom's with 200 events
 * costs for each of them. That is less than wording it takes alone, so it is not worded for each of them.
 */
import { Simulator } from "../../simulators/jeedom/server.ts";
import { keyOf } from "../../simulators/jeedom/users.ts";
import type { Child } from "../processes.ts";
import { nextPort, type Server, startServer } from "../servers.ts";
import { connectedAll, type Outcome, type Workshop } from "../workshop.ts";
import { row } from "./rows.ts";

/** Connections of the warm-up, whose memory is not counted. */
const warmUp = 300;
/** Events of an answer: Jeedom keeps 250. */
const batch = 200;
const batches = 5;

interface Figures {
  readonly bytes: number;
  readonly missing: number;
  /** CPU time of the gateway for one peer and answer, in µs. */
  readonly cpu: number;
  /** What it takes to word an answer, in µs. */
  readonly wording: number;
}

export async function jeedom(workshop: Workshop): Promise<Outcome> {
  const { crowd, reps } = workshop.effort;
  const scenario = `Jeedom's plugin, ${crowd.toLocaleString("en")} peers`;
  const runs: Figures[] = [];
  for (let rep = 0; rep < Math.min(reps, 2); rep++) {
    workshop.say(scenario);
    runs.push(await run(workshop));
  }
  const figures = (name: keyof Figures): number[] => runs.map((one) => one[name]);
  return {
    rows: [
      row(scenario, "gateway: memory per peer", figures("bytes"), "bytes", { most: 4000 }),
      row(scenario, "gateway: events that then missed it", figures("missing"), "count", { most: 0 }),
      row(scenario, `gateway: CPU per peer and answer of ${batch} events`, figures("cpu"), "µs"),
      row(
        scenario,
        "the same / one wording of that answer",
        runs.map(({ cpu, wording }) => cpu / wording),
        "ratio",
        { most: 1 },
      ),
    ],
    raw: runs,
  };
}

async function run(workshop: Workshop): Promise<Figures> {
  const simulator = new Simulator({ waitPollingTime: 100 }).start();
  const port = nextPort();
  const more = `bridges: { jeedom: { type: jeedom, url: "${simulator.url}", key: ${simulator.users.apiKey} } }
listeners: [{ listen: 127.0.0.1:${port}, protocol: jeedom, allowed_hosts: bench }]
`;
  const server = await startServer("gateway", workshop.ground, more);
  try {
    return await measure(workshop, server, port, simulator);
  } finally {
    await Promise.all([server.child.stop(), simulator.stop()]);
  }
}

async function measure(workshop: Workshop, { child }: Server, port: number, simulator: Simulator): Promise<Figures> {
  const { crowd, rest } = workshop.effort;
  const first = JSON.stringify({ apiKey: keyOf("admin") });
  const subscribe = async (count: number): Promise<ReturnType<Workshop["load"]>> => {
    const options = ["-p", port, "-u", "/", "--header", "Origin: http://bench\r\n", "-m", first];
    const load = workshop.load(...options, "-n", count, "--settle", 0, "-t", 300, "--control", "--joined");
    await connectedAll(load, { subscribers: count });
    // The key is being checked.
    await Bun.sleep(1000);
    return load;
  };
  const answer = async (): Promise<void> => {
    for (let count = 0; count < batch; count++) simulator.events.add(`bench::${count}`, { ts: 0 });
    await Bun.sleep(1000);
    // Jeedom keeps 250 events: the next ones must not come before these were asked for.
    while ((await busy(child)) > 0.1) await Bun.sleep(100);
  };
  const settle = async (): Promise<number> => {
    await Bun.sleep(rest * 1000);
    return child.rss();
  };
  const warm = await subscribe(warmUp);
  await answer();
  await warm.stop();
  const before = await settle();
  const load = await subscribe(crowd);
  const after = await settle();
  const cpuBefore = child.cpu();
  for (let count = 0; count < batches; count++) await answer();
  const cpu = child.cpu() - cpuBefore;
  load.write("end\n");
  const { total } = await load.report("result");
  await load.stop();
  return {
    bytes: (after - before) / crowd,
    missing: crowd * batch * batches - Number(total),
    cpu: (cpu * 1e6) / crowd / batches,
    wording: wording(),
  };
}

/** How much of a core it uses, over a little while. */
async function busy(child: Child): Promise<number> {
  const [before, begin] = [child.cpu(), performance.now()];
  await Bun.sleep(300);
  return ((child.cpu() - before) * 1000) / (performance.now() - begin);
}

/** The median time of `JSON.stringify` for such an answer, in µs. */
function wording(): number {
  const datetime = Date.now() / 1000;
  const result = Array.from({ length: batch }, (_, count) => ({
    datetime,
    name: `bench::${count}`,
    option: { ts: 0 },
  }));
  const times = Array.from({ length: 1001 }, () => {
    const begin = performance.now();
    JSON.stringify({ datetime, result });
    return performance.now() - begin;
  });
  return (times.sort((a, b) => a - b)[500] ?? Number.NaN) * 1000;
}
