/** 10,000 peers of the deconz protocol, who share one connection to their gateway: what an event takes to all of them. */
import { join } from "node:path";
import { Child } from "../processes.ts";
import { nextPort, startServer } from "../servers.ts";
import { connectedAll, type Outcome, type Workshop } from "../workshop.ts";
import { lossRow, row } from "./rows.ts";

interface Heard {
  readonly expected: number;
  readonly received: number;
  readonly p50: number;
  readonly p99: number;
  readonly cpu: number;
  readonly connections: number;
}

export async function deconz(workshop: Workshop): Promise<Outcome> {
  const { crowd, reps, window, settle } = workshop.effort;
  const pace = Math.round(50_000 / crowd);
  const scenario = `deconz ${crowd.toLocaleString("en")} at ${pace}/s`;
  const upstream = await startUpstream(workshop.ground.root);
  const config = `bridges:\n  deconz: { type: deconz, url: "http://127.0.0.1:${upstream.port}", key: bench }\n`;
  const server = await startServer("gateway", workshop.ground, config);
  const heard: Heard[] = [];
  try {
    await upstream.child.report("heard", 10_000);
    for (let rep = 0; rep < Math.min(reps, 3); rep++) {
      workshop.say(`${scenario}, ${rep + 1} of ${reps}`);
      const times = ["-t", window, "--settle", settle, "--linger", 10];
      const load = workshop.load("-p", server.port, "-u", "/deconz", "-n", crowd, ...times, "--check");
      await connectedAll(load, { subscribers: crowd });
      upstream.child.write(`${pace} ${settle + window + 0.2}\n`);
      await load.report("window");
      const before = server.child.cpu();
      await load.report("measured");
      const cpu = (server.child.cpu() - before) / window;
      const { sent, connections } = await upstream.child.report("published");
      const { total, p50, p99, gaps, repeats } = await load.report("result");
      if (Number(gaps) + Number(repeats) > 0) throw new Error("Events came twice or not in their order");
      const numbers = { received: Number(total), p50: Number(p50), p99: Number(p99), connections: Number(connections) };
      heard.push({ expected: Number(sent) * crowd, cpu, ...numbers });
      await load.exited;
    }
  } finally {
    await Promise.all([server.child.stop(), upstream.child.stop()]);
  }
  const of = (field: keyof Heard): number[] => heard.map((one) => one[field]);
  return {
    rows: [
      row(scenario, "gateway: p50", of("p50"), "µs"),
      row(scenario, "gateway: p99", of("p99"), "µs"),
      row(
        scenario,
        "gateway: CPU",
        of("cpu").map((cpu) => cpu * 100),
        "% CPU",
      ),
      row(scenario, "connections upstream", of("connections"), "count", { most: 1 }),
      lossRow(scenario, heard),
    ],
    raw: heard,
  };
}

async function startUpstream(root: string): Promise<{ readonly child: Child; readonly port: number }> {
  const node = Bun.which("node");
  if (node === null) throw new Error("Cannot run the simulated gateway: there is no node on the PATH.");
  const port = nextPort();
  const child = new Child([node, join(root, "bench", "peers", "deconz.mjs"), String(port)], { core: 1, cwd: root });
  await child.line((line) => line === "ready", 10_000);
  return { child, port };
}
