/** Resident memory per idle subscriber, which then has to get a publication, to prove that it was one. */
import type { Server, ServerName } from "../servers.ts";
import { connectedAll, type Outcome, type Row, type Workshop } from "../workshop.ts";
import { row } from "./rows.ts";

type Kind = "WebSocket" | "SSE" | "poll";

const cases: readonly { name: ServerName; kind: Kind; most?: number }[] = [
  { name: "gateway", kind: "WebSocket", most: 4000 },
  { name: "gateway", kind: "SSE", most: 9000 },
  { name: "gateway", kind: "poll" },
  { name: "ws naive", kind: "WebSocket" },
  { name: "Socket.IO", kind: "WebSocket" },
];
/** Connections of the warm-up, whose memory is not counted. */
const warmUp = 300;

export async function memory(workshop: Workshop): Promise<Outcome> {
  const rows: Row[] = [];
  const raw: Record<string, unknown> = {};
  const { crowd, reps } = workshop.effort;
  const scenario = `memory at ${crowd.toLocaleString("en")}`;
  for (const { name, kind, most } of cases) {
    const perConnection: number[] = [];
    let missing = 0;
    for (let rep = 0; rep < (name === "gateway" ? Math.min(reps, 2) : 1); rep++) {
      workshop.say(`${scenario}, ${name}, ${kind}`);
      // A process of its own each time: what an earlier crowd left free would hide what this one takes.
      const { bytes, received } = await workshop.withServers([name], ([server]) => idle(workshop, server, kind));
      perConnection.push(bytes);
      missing += crowd - received;
    }
    const target = most === undefined ? undefined : { most };
    rows.push(row(scenario, `${name}: ${kind}`, perConnection, "bytes", target));
    if (name === "gateway")
      rows.push(row(scenario, `${name}: ${kind}s that then missed it`, [missing], "count", { most: 0 }));
    raw[`${name} ${kind}`] = perConnection;
  }
  return { rows, raw };
}

async function idle(
  workshop: Workshop,
  server: Server | undefined,
  kind: Kind,
): Promise<{ bytes: number; received: number }> {
  if (server === undefined) throw new Error("Cannot measure memory: no server");
  const { crowd, rest } = workshop.effort;
  const subscribe = async (count: number): Promise<ReturnType<Workshop["load"]>> => {
    const load = workshop.load(
      ...(await subscription(server, kind)),
      "-n",
      count,
      "--settle",
      0,
      "-t",
      300,
      "--control",
    );
    await connectedAll(load, { subscribers: count });
    return load;
  };
  const publishOne = async (): Promise<void> => {
    await workshop.publish(server, "--count", 1).exited;
  };
  const settle = async (): Promise<number> => {
    // Node collects nothing while it idles, so it is asked to; Bun does by itself.
    if (server.name !== "gateway") server.child.signal("SIGUSR2");
    await Bun.sleep(rest * 1000);
    return server.child.rss();
  };
  const first = await subscribe(warmUp);
  await publishOne();
  await first.stop();
  const before = await settle();
  const load = await subscribe(crowd);
  const after = await settle();
  await publishOne();
  await Bun.sleep(1000);
  load.write("end\n");
  const { total } = await load.report("result");
  await load.stop();
  return { bytes: (after - before) / crowd, received: Number(total) };
}

async function subscription(server: Server, kind: Kind): Promise<readonly string[]> {
  if (kind === "WebSocket") return server.subscribe("bench");
  const path = "/channels/bench";
  if (kind === "SSE") return ["-p", String(server.port), "-u", path, "--mode", "sse"];
  const answer = await fetch(`http://127.0.0.1:${server.port}${path}`, { headers: { accept: "application/json" } });
  const { cursor } = (await answer.json()) as { cursor: string };
  return ["-p", String(server.port), "-u", `${path}?wait=60&since=%c`, "--mode", "poll", "--cursor", cursor];
}
