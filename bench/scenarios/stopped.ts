/** Readers that stop in the middle of a stream, and what those notice of it who read on. */
import { ratios } from "../statistics.ts";
import { connectedAll, type Delivery, type Outcome, type Workshop } from "../workshop.ts";
import { lossRow, row } from "./rows.ts";

const readers = 1000;
const stopped = 50;
const perSecond = 100;
const size = 2000;
/** What makes the kernel's buffers full, so that from then on something waits for each of them in the gateway. */
const filling = 4000;
/** A channel whose slow sessions stay. */
const channel = "slow/bench";
const scenario = `${stopped} of ${(readers + stopped).toLocaleString("en")} stopped, ${perSecond}/s of 2 KB`;

export async function stoppedReaders(workshop: Workshop): Promise<Outcome> {
  const without: Delivery[] = [];
  const beside: Delivery[] = [];
  for (let rep = 0; rep < workshop.effort.reps; rep++) {
    workshop.say(`${scenario}, ${rep + 1} of ${workshop.effort.reps}`);
    await workshop.withServers(["gateway"], async ([server]) => {
      if (server === undefined) throw new Error("Cannot measure: no server");
      const measure = () =>
        workshop.deliver(server, { subscribers: readers, channel }, ["--pace", perSecond, "--data", size]);
      // Once for the compilers, without counting it.
      await measure();
      without.push(await measure());
      const load = workshop.load(...server.subscribe(channel), "-n", stopped, "--settle", 0, "-t", 600, "--control");
      await connectedAll(load, { subscribers: stopped });
      load.signal("SIGSTOP");
      const fill = ["--channel", channel, "--count", filling, "--batch", 1, "--window", 64, "--data", size];
      await workshop.publish(server, ...fill).exited;
      beside.push(await measure());
      const slow = await slowSessions(server.port);
      if (slow !== stopped) throw new Error(`Cannot measure beside ${stopped} stopped readers: ${slow} are slow`);
      load.signal("SIGKILL");
      await load.exited;
    });
  }
  const p99 = (deliveries: readonly Delivery[]): number[] => deliveries.map((delivery) => delivery.p99);
  return {
    rows: [
      row(scenario, "p99 of the others, without them", p99(without), "µs"),
      row(scenario, "p99 of the others, beside them", p99(beside), "µs"),
      row(scenario, "p99 beside them / without them", ratios(p99(beside), p99(without)), "ratio", { most: 2 }),
      lossRow(scenario, [...without, ...beside]),
    ],
    raw: { without, beside },
  };
}

async function slowSessions(port: number): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return Number(/^hearthwire_slow_sessions (\d+)$/m.exec(text)?.[1]);
}
