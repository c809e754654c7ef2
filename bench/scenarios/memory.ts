/** Resident memory per idle subscriber, which then has to get a publication, to prove that it was one. */
import { byCentrifuge, type Server, type ServerName } from "../servers.ts";
import { connectedAll, type Outcome, type Row, type Workshop } from "../workshop.ts";
import { row } from "./rows.ts";

export interface Case {
  readonly name: ServerName;
  readonly kind: string;
  /** Bytes. */
  readonly most?: number;
  /** `%d` stands for the subscriber's number; then each has a channel of its own. */
  readonly channel: string;
  options(server: Server, channel: string): readonly string[] | Promise<readonly string[]>;
}

const byWebSocket: Case["options"] = (server, channel) => server.subscribe(channel);
const bySse: Case["options"] = ({ port }, channel) => ["-p", `${port}`, "-u", `/channels/${channel}`, "--mode", "sse"];
const bySdk: Case["options"] = (server, channel) => byCentrifuge(server).subscribe(channel);

const cases: readonly Case[] = [
  { name: "gateway", kind: "WebSocket", most: 4000, channel: "bench", options: byWebSocket },
  { name: "gateway", kind: "SSE", most: 9000, channel: "bench", options: bySse },
  { name: "gateway", kind: "poll", channel: "bench", options: byPoll },
  { name: "ws naive", kind: "WebSocket", channel: "bench", options: byWebSocket },
  { name: "Socket.IO", kind: "WebSocket", channel: "bench", options: byWebSocket },
];

const centrifugeCases: readonly Case[] = [
  { name: "gateway", kind: "subscriber of one channel", most: 4500, channel: "bench", options: bySdk },
  { name: "gateway", kind: "subscriber with a channel of its own", most: 4500, channel: "bench/%d", options: bySdk },
];

/** Connections of the warm-up, whose memory is not counted. */
const warmUp = 300;

export function memory(workshop: Workshop): Promise<Outcome> {
  return measureAll(workshop, "memory", cases);
}

/** The same by the Centrifuge protocol. */
export function centrifugeMemory(workshop: Workshop): Promise<Outcome> {
  return measureAll(workshop, "Centrifuge memory", centrifugeCases);
}

async function measureAll(workshop: Workshop, title: string, all: readonly Case[]): Promise<Outcome> {
  const rows: Row[] = [];
  const raw: Record<string, unknown> = {};
  const { crowd, reps } = workshop.effort;
  const scenario = `${title} at ${crowd.toLocaleString("en")}`;
  for (const one of all) {
    const { name, kind, most } = one;
    const perConnection: number[] = [];
    let missing = 0;
    for (let rep = 0; rep < (name === "gateway" ? Math.min(reps, 2) : 1); rep++) {
      workshop.say(`${scenario}, ${name}, ${kind}`);
      // A process of its own each time: what an earlier crowd left free would hide what this one takes.
      const { bytes, received } = await workshop.withServers([name], ([server]) => idle(workshop, server, one, crowd));
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

/** What each of a crowd of idle subscribers takes, and how many of them then got a publication. */
export async function idle(
  workshop: Workshop,
  server: Server | undefined,
  { channel, options }: Pick<Case, "channel" | "options">,
  crowd: number,
): Promise<{ bytes: number; received: number }> {
  if (server === undefined) throw new Error("Cannot measure memory: no server");
  const { rest } = workshop.effort;
  const subscribe = async (count: number): Promise<ReturnType<Workshop["load"]>> => {
    const times = ["--settle", 0, "-t", 300, "--control"];
    const load = workshop.load(...(await options(server, channel)), "-n", count, ...times);
    await connectedAll(load, { subscribers: count });
    return load;
  };
  // One for each subscriber, by their channel or by their channels.
  const publish = async (subscribers: number): Promise<void> => {
    const count = channel.includes("%d") ? subscribers : 1;
    const spread = ["--channel", channel, "--channels", count, "--in-turn", 1];
    await workshop.publish(server, ...spread, "--count", count, "--batch", Math.min(count, 100), "-t", 60).exited;
  };
  const settle = async (): Promise<number> => {
    // Node collects nothing while it idles, so it is asked to; Bun does by itself.
    if (server.name !== "gateway") server.child.signal("SIGUSR2");
    await Bun.sleep(rest * 1000);
    return server.child.rss();
  };
  const first = await subscribe(warmUp);
  await publish(warmUp);
  await first.stop();
  const before = await settle();
  const load = await subscribe(crowd);
  const after = await settle();
  await publish(crowd);
  await Bun.sleep(1000);
  load.write("end\n");
  const { total } = await load.report("result");
  await load.stop();
  return { bytes: (after - before) / crowd, received: Number(total) };
}

async function byPoll({ port }: Server, channel: string): Promise<readonly string[]> {
  const path = `/channels/${channel}`;
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { accept: "application/json" } });
  const { cursor } = (await answer.json()) as { cursor: string };
  return ["-p", String(port), "-u", `${path}?wait=60&since=%c`, "--mode", "poll", "--cursor", cursor];
}
