/** Connections that become subscribed per second, at most 256 of them unanswered at a time. */
import { Child } from "../processes.ts";
import { nextPort, type ServerName } from "../servers.ts";
import { ratios } from "../statistics.ts";
import { connectedAll, type Outcome, type Workshop } from "../workshop.ts";
import { row } from "./rows.ts";

const names = ["gateway", "ws naive", "Socket.IO"] as const satisfies readonly ServerName[];
const scenario = "connect + subscribe";

export async function connects(workshop: Workshop): Promise<Outcome> {
  const { crowd, reps } = workshop.effort;
  const rates = new Map<string, number[]>();
  const connect = async (name: string, ...subscription: readonly (string | number)[]): Promise<void> => {
    const load = workshop.load(...subscription, "-n", crowd, "-t", 0, "--settle", 0, "--linger", 0);
    const report = await connectedAll(load, { subscribers: crowd });
    await load.exited;
    // The server's side of ending ten thousand connections belongs to nobody's next measurement.
    await Bun.sleep(500);
    rates.set(name, [...(rates.get(name) ?? []), Number(report["per_s"])]);
  };
  const port = nextPort();
  const floor = new Child([workshop.tools.floor, "-s", "idle", "-p", String(port), "-t", "600"], { core: 0 });
  await floor.report("listening");
  await workshop.withServers(names, async (servers) => {
    for (const server of servers) await connect("warm-up", ...server.subscribe("bench"));
    for (let rep = 0; rep < reps; rep++) {
      workshop.say(`${scenario}, ${rep + 1} of ${reps}`);
      await connect("floor", "-p", port);
      for (const server of servers) await connect(server.name, ...server.subscribe("bench"));
    }
  });
  await floor.stop();
  rates.delete("warm-up");
  const of = (name: string): number[] => rates.get(name) ?? [];
  return {
    rows: [
      row(scenario, "floor", of("floor"), "per second"),
      row(scenario, "gateway", of("gateway"), "per second", { least: 12_000 }),
      row(scenario, "ws naive", of("ws naive"), "per second"),
      row(scenario, "Socket.IO", of("Socket.IO"), "per second"),
      row(scenario, "gateway / Socket.IO", ratios(of("gateway"), of("Socket.IO")), "ratio", { least: 3 }),
      row(scenario, "gateway / ws naive", ratios(of("gateway"), of("ws naive")), "ratio"),
    ],
    raw: Object.fromEntries(rates),
  };
}
