/** How many publications enter, each counted at one subscriber: by Unix socket, and by POST on 64 connections. */
import type { Server, ServerName } from "../servers.ts";
import type { Outcome, Row, Workshop } from "../workshop.ts";
import { connectedAll } from "../workshop.ts";
import { row } from "./rows.ts";

const names = ["gateway", "ws frame once"] as const satisfies readonly ServerName[];
const ways = { "Unix socket": 300_000, HTTP: 40_000 } as const;
type Way = keyof typeof ways;

interface Ingest {
  readonly perSecond: number;
  readonly sent: number;
  readonly ok: number;
  readonly received: number;
  readonly cpu: number;
  readonly disorder: number;
}

export async function ingest(workshop: Workshop): Promise<Outcome> {
  const rows: Row[] = [];
  const raw: Record<string, unknown> = {};
  await workshop.withServers(names, async (servers) => {
    for (const way of ["Unix socket", "HTTP"] as const) {
      const scenario = `ingest by ${way}`;
      const runs = new Map<ServerName, Ingest[]>(servers.map(({ name }) => [name, []]));
      // Once for the compilers, without counting it.
      for (const server of servers) await run(workshop, server, way);
      for (let rep = 0; rep < workshop.effort.reps; rep++) {
        workshop.say(`${scenario}, ${rep + 1} of ${workshop.effort.reps}`);
        for (const server of servers) runs.get(server.name)?.push(await run(workshop, server, way));
      }
      for (const [name, ingests] of runs) {
        const target = name === "gateway" ? { least: ways[way] } : undefined;
        rows.push(
          row(
            scenario,
            name,
            ingests.map(({ perSecond }) => perSecond),
            "per second",
            target,
          ),
        );
      }
      const faults = (runs.get("gateway") ?? []).map(
        ({ sent, ok, received, disorder }) => Math.abs(sent - ok) + Math.abs(sent - received) + disorder,
      );
      rows.push(
        row(scenario, "gateway: sent − received, or out of order", [Math.max(0, ...faults)], "count", { most: 0 }),
      );
      raw[scenario] = Object.fromEntries(runs);
    }
  });
  return { rows, raw };
}

async function run(workshop: Workshop, server: Server, way: Way): Promise<Ingest> {
  const { window, settle } = workshop.effort;
  const page = workshop.progressPage();
  const seconds = settle + window + 0.2;
  // POSTs on several connections have no order among them.
  const check = way === "HTTP" ? [] : ["--check"];
  const times = ["-t", window, "--settle", settle, "--linger", 10, "--every", 16];
  const load = workshop.load(...server.subscribe("bench"), "-n", 1, ...times, "--progress", page, ...check);
  await connectedAll(load, { subscribers: 1 });
  const pace = ["-t", seconds, "--progress", page, "--ahead", 10_000];
  const publisher =
    way === "HTTP"
      ? workshop.post(server, ...pace, "--connections", 64)
      : workshop.publish(server, ...pace, "--batch", 50, "--window", 64);
  await load.report("window");
  const before = server.child.cpu();
  await load.report("measured");
  const cpu = (server.child.cpu() - before) / window;
  const { sent, ok } = await publisher.report("published");
  const { total, per_s: perSecond, gaps, repeats } = await load.report("result");
  return {
    perSecond: Number(perSecond),
    sent: Number(sent),
    ok: Number(ok),
    received: Number(total),
    cpu,
    disorder: Number(gaps) + Number(repeats),
  };
}
