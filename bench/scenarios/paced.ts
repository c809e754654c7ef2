/** At a pace that any server can follow: how long a publication takes to its subscribers, and what it costs. */
import { peerNames, type ServerName } from "../servers.ts";
import type { Crowd, Delivery, Outcome, Row, Workshop } from "../workshop.ts";
import { lossRow, row } from "./rows.ts";

const servers: readonly ServerName[] = ["gateway", ...peerNames];

export async function paced(workshop: Workshop): Promise<Outcome> {
  const rows: Row[] = [];
  const raw: Record<string, unknown> = {};
  const { crowd } = workshop.effort;
  for (const [subscribers, pace] of [
    [1000, 50],
    [crowd, Math.round(50_000 / crowd)],
  ] as const) {
    const scenario = `paced ${subscribers.toLocaleString("en")} at ${pace}/s`;
    const runs = await run(workshop, scenario, { subscribers, channel: "bench" }, pace);
    for (const [name, deliveries] of runs) {
      rows.push(
        row(
          scenario,
          `${name}: p50`,
          deliveries.map(({ p50 }) => p50),
          "µs",
        ),
      );
      rows.push(
        row(
          scenario,
          `${name}: p99`,
          deliveries.map(({ p99 }) => p99),
          "µs",
        ),
      );
      rows.push(
        row(
          scenario,
          `${name}: CPU`,
          deliveries.map(({ cpu }) => cpu * 100),
          "% CPU",
        ),
      );
    }
    rows.push(lossRow(scenario, runs.get("gateway") ?? []));
    raw[scenario] = Object.fromEntries(runs);
  }
  return { rows, raw };
}

async function run(workshop: Workshop, scenario: string, crowd: Crowd, pace: number): Promise<Map<string, Delivery[]>> {
  const runs = new Map<string, Delivery[]>();
  const note = (name: string, delivery: Delivery): void => {
    runs.set(name, [...(runs.get(name) ?? []), delivery]);
  };
  const reps = Math.min(workshop.effort.reps, 3);
  await workshop.withServers(servers, async (running) => {
    for (let rep = 0; rep < reps; rep++) {
      workshop.say(`${scenario}, ${rep + 1} of ${reps}`);
      note("floor", await workshop.floor("paced", crowd, ["-R", pace]));
      for (const server of running) {
        note(server.name, await workshop.deliver(server, crowd, ["--pace", pace, "--window", 1000]));
      }
    }
  });
  return runs;
}
