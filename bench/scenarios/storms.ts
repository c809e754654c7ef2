/** Many clients that come back at once, and what those notice of it who stayed. */
import type { Child, Report } from "../processes.ts";
import { byCentrifuge, centrifugeSubscription, type Server } from "../servers.ts";
import { connectedAll, type Outcome, type Row, type Workshop } from "../workshop.ts";
import { row } from "./rows.ts";

/** How many clients come back at once. */
const returning = 1000;
/** How much longer live traffic may take meanwhile. */
const slower = 10;

interface Stayed {
  readonly quiet: number;
  readonly during: number;
}

/** What each of a crowd is to get. */
interface Wanted {
  readonly scenario: string;
  readonly count: number;
  /** Publishes it, and answers the load client's options by which one asks for it. */
  prepare(workshop: Workshop, server: Server): Promise<readonly string[]>;
}

/** By the Centrifuge protocol: each of 1,000 clients recovers 1,000 publications, all within one second. */
export function recovery(workshop: Workshop): Promise<Outcome> {
  const count = 1000;
  return crowdComes(workshop, {
    scenario: `recovery storm, ${count.toLocaleString("en")} × ${returning.toLocaleString("en")}`,
    count,
    async prepare(_, server) {
      const channel = "few/missed";
      const epoch = await epochOf(server, channel);
      const all = ["--channel", channel, "--count", count, "--batch", 50, "--window", 64];
      await workshop.publish(server, ...all).exited;
      return centrifugeSubscription(server.port, [{ channel, recover: true, epoch, offset: 1 }]);
    },
  });
}

/** By the Centrifuge protocol: each of 1,000 clients gets a map of 10,000 keys, page after page. */
export function maps(workshop: Workshop): Promise<Outcome> {
  const [count, limit] = [10_000, 1000];
  return crowdComes(workshop, {
    scenario: `map storm, ${count.toLocaleString("en")} keys × ${returning.toLocaleString("en")}`,
    count,
    async prepare(_, { port }) {
      const channel = "maps/house";
      const items = Array.from({ length: count }, (_value, at) => {
        return { channel, key: `sensors/${at + 1}`, data: { seq: at + 1, ts: 0, on: true, value: 21.5 } };
      });
      const receipts = (await post(port, "/channels", items)) as readonly { readonly epoch: string }[];
      const place = { channel, type: 1, phase: 2, limit, epoch: receipts[0]?.epoch, offset: count };
      // Nothing changes, so that the cursor of each page is known: the offset of its last entry.
      const cursors = Array.from({ length: count / limit - 1 }, (_value, at) => String((at + 1) * limit));
      const pages = cursors.map((cursor) => ({ ...place, cursor }));
      return centrifugeSubscription(port, [{ channel, type: 1, phase: 2, limit }, ...pages]);
    },
  });
}

async function crowdComes(workshop: Workshop, { scenario, count, prepare }: Wanted): Promise<Outcome> {
  const stayed: Stayed[] = [];
  const seconds: number[] = [];
  let faults = 0;
  for (let rep = 0; rep < workshop.effort.reps; rep++) {
    workshop.say(`${scenario}, ${rep + 1} of ${workshop.effort.reps}`);
    await workshop.withServers(["gateway"], async ([server]) => {
      if (server === undefined) throw new Error("Cannot run a storm: no server");
      const options = await prepare(workshop, server);
      const storm = async (): Promise<void> => {
        const check = ["--check", "--expect", returning * count, "--settle", 0, "-t", 0.01, "--linger", 60];
        const begin = performance.now();
        const herd = workshop.herd(...options, "-n", returning, "--inflight", returning, ...check);
        await connectedAll(herd, { subscribers: returning });
        const { each_min: least, each_max: most, gaps, repeats } = await herd.report("result");
        seconds.push((performance.now() - begin) / 1000);
        faults += Math.abs(Number(least) - count) + Math.abs(Number(most) - count) + Number(gaps) + Number(repeats);
        await herd.exited;
      };
      // Once unnoticed: the first of anything is slower than the next.
      await storm();
      seconds.pop();
      stayed.push(await watch(workshop, byCentrifuge(server), 100, 50, storm));
    });
  }
  return {
    rows: [
      row(
        scenario,
        "all have what they missed after",
        seconds.map((one) => one * 1e6),
        "µs",
      ),
      row(scenario, "missed, doubled or out of order", [faults], "count", { most: 0 }),
      ...rowsOf(scenario, stayed, { most: slower }),
    ],
    raw: { stayed, seconds },
  };
}

/** 10,000 connections are killed at once and come back, at most 256 of them unanswered at a time. */
export async function killed(workshop: Workshop): Promise<Outcome> {
  const { crowd, reps } = workshop.effort;
  const scenario = `${crowd.toLocaleString("en")} connections killed`;
  const stayed: Stayed[] = [];
  const seconds: number[] = [];
  for (let rep = 0; rep < reps; rep++) {
    workshop.say(`${scenario}, ${rep + 1} of ${reps}`);
    await workshop.withServers(["gateway"], async ([server]) => {
      if (server === undefined) throw new Error("Cannot run a storm: no server");
      const connect = async (): Promise<Child> => {
        const load = workshop.herd(...server.subscribe("bench/many"), "-n", crowd, "--settle", 0, "--control");
        await connectedAll(load, { subscribers: crowd });
        return load;
      };
      let crowded = await connect();
      const storm = async (): Promise<void> => {
        const begin = performance.now();
        crowded.signal("SIGKILL");
        await crowded.exited;
        crowded = await connect();
        seconds.push((performance.now() - begin) / 1000);
      };
      await storm();
      seconds.pop();
      stayed.push(await watch(workshop, server, 1000, 20, storm));
      await crowded.stop();
    });
  }
  return {
    rows: [
      row(
        scenario,
        "all are subscribed again after",
        seconds.map((one) => one * 1e6),
        "µs",
      ),
      ...rowsOf(scenario, stayed),
    ],
    raw: { stayed, seconds },
  };
}

/** The p99 of subscribers who stay: for a while when all is quiet, and as long as the storm lasts. */
async function watch(
  workshop: Workshop,
  server: Server,
  subscribers: number,
  pace: number,
  storm: () => Promise<void>,
): Promise<Stayed> {
  const listen = async (during: () => Promise<void>): Promise<Report> => {
    const page = workshop.progressPage();
    const times = ["--settle", workshop.effort.settle, "-t", 120, "--linger", 5, "--control"];
    const load = workshop.load(...server.subscribe("bench"), "-n", subscribers, ...times, "--progress", page);
    await connectedAll(load, { subscribers });
    const publisher = workshop.publish(server, "--pace", pace, "--window", 1000, "-t", 120);
    await load.report("window");
    await during();
    load.write("end\n");
    await load.report("measured");
    publisher.signal("SIGTERM");
    const { sent } = await publisher.report("published");
    const result = await load.report("result");
    await load.stop();
    if (Number(result["total"]) !== Number(sent) * subscribers) throw new Error("Who stayed has missed something");
    return result;
  };
  const quiet = await listen(() => Bun.sleep(workshop.effort.window * 1000));
  const during = await listen(storm);
  return { quiet: Number(quiet["p99"]), during: Number(during["p99"]) };
}

function rowsOf(scenario: string, stayed: readonly Stayed[], target?: Row["target"]): Row[] {
  const times = stayed.map(({ quiet, during }) => during / quiet);
  return [
    row(
      scenario,
      "who stayed: p99 in quiet",
      stayed.map(({ quiet }) => quiet),
      "µs",
    ),
    row(
      scenario,
      "who stayed: p99 meanwhile",
      stayed.map(({ during }) => during),
      "µs",
    ),
    row(scenario, "who stayed: meanwhile / in quiet", times, "ratio", target),
  ];
}

/** The epoch of a channel, which whoever comes back names. */
async function epochOf({ port }: Server, channel: string): Promise<string> {
  return ((await post(port, `/channels/${channel}`, { seq: 0 })) as { epoch: string }).epoch;
}

async function post(port: number, path: string, body: object): Promise<unknown> {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: "POST",
    body: JSON.stringify(body),
    headers,
  });
  return answer.json();
}
