/** Many channels with one subscriber each; publications for random ones of them enter by the hundred. */
import type { ServerName } from "../servers.ts";
import { type Bracketed, partOfFloor, ratios } from "../statistics.ts";
import type { Delivery, Outcome, Workshop } from "../workshop.ts";
import { lossRow, row } from "./rows.ts";

const names = ["gateway", "ws naive", "Socket.IO"] as const satisfies readonly ServerName[];

export async function channels(workshop: Workshop): Promise<Outcome> {
  const crowd = { subscribers: workshop.effort.crowd, channel: "bench/%d" };
  const scenario = `${crowd.subscribers.toLocaleString("en")} channels`;
  const ahead = ["--ahead", 20_000];
  const reps: (Bracketed<Delivery> | undefined)[][] = [];
  await workshop.withServers(names, async (servers) => {
    for (let rep = 0; rep < workshop.effort.reps; rep++) {
      workshop.say(`${scenario}, ${rep + 1} of ${workshop.effort.reps}`);
      const candidates = servers.map(
        (server) => () => workshop.deliver(server, crowd, ["--batch", 100, "--window", 4, ...ahead]),
      );
      reps.push(await workshop.between(candidates, () => workshop.floor("many", crowd, ahead)));
    }
  });
  const steady = (at: number): Bracketed<Delivery>[] => reps.flatMap((rep) => rep[at] ?? []);
  const parts = names.map((_, at) => reps.map((rep) => (rep[at] === undefined ? Number.NaN : partOfFloor(rep[at]))));
  const floors = reps.flat().flatMap((pair) => pair?.floors.map(({ perSecond }) => perSecond) ?? []);
  const deliveries = names.map((_, at) => steady(at).map(({ measured }) => measured));
  const [gateway = [], ws = [], socketIo = []] = parts;
  const rows = [
    row(scenario, "floor", floors, "per second"),
    ...names.map((name, at) => {
      const rates = deliveries[at]?.map(({ perSecond }) => perSecond) ?? [];
      return row(scenario, name, rates, "per second");
    }),
    row(scenario, "gateway / floor", gateway, "ratio"),
    row(scenario, "gateway / ws naive", ratios(gateway, ws), "ratio"),
    row(scenario, "gateway / Socket.IO", ratios(gateway, socketIo), "ratio"),
    lossRow(scenario, deliveries[0] ?? []),
  ];
  return { rows, raw: reps.map((rep) => Object.fromEntries(rep.map((pair, at) => [names[at], pair]))) };
}
