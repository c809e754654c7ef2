/** As fast as it goes: 1,000 subscribers of one channel; 1, 10 or 100 publications enter per turn. */
import { peerNames, type ServerName } from "../servers.ts";
import { type Bracketed, partOfFloor, ratios } from "../statistics.ts";
import type { Delivery, Outcome, Row, Workshop } from "../workshop.ts";
import { lossRow, row } from "./rows.ts";

const crowd = { subscribers: 1000, channel: "bench" };
const names: readonly ServerName[] = ["gateway", ...peerNames];
/** Turns that may be on their way to the subscribers, so that no queue grows without end. */
const turnsAhead = 8;

const targets = {
  1: { floor: 0.8, "ws naive": 1.6, "ws frame once": undefined, "Socket.IO": 1.7 },
  10: { floor: 0.65, "ws naive": 10, "ws frame once": undefined, "Socket.IO": undefined },
  100: { floor: 0.38, "ws naive": 10, "ws frame once": undefined, "Socket.IO": undefined },
} as const;

export async function flood(workshop: Workshop): Promise<Outcome> {
  const rows: Row[] = [];
  const raw: Record<string, unknown> = {};
  await workshop.withServers(names, async (servers) => {
    for (const batch of [1, 10, 100] as const) {
      const ahead = ["--ahead", turnsAhead * batch * crowd.subscribers];
      const pairs: (Bracketed<Delivery> | undefined)[][] = [];
      for (let rep = 0; rep < workshop.effort.reps; rep++) {
        workshop.say(`flood ×${batch}, ${rep + 1} of ${workshop.effort.reps}`);
        const candidates = servers.map(
          (server) => () => workshop.deliver(server, crowd, ["--batch", batch, "--window", 1, ...ahead]),
        );
        pairs.push(await workshop.between(candidates, () => workshop.floor("flood", crowd, ["-b", batch, ...ahead])));
      }
      rows.push(...rowsOf(batch, pairs));
      raw[`×${batch}`] = pairs.map((rep) => Object.fromEntries(rep.map((pair, at) => [names[at], pair])));
    }
  });
  return { rows, raw };
}

type Reps = readonly (readonly (Bracketed<Delivery> | undefined)[])[];

function rowsOf(batch: keyof typeof targets, reps: Reps): Row[] {
  const scenario = `flood ×${batch}`;
  const target = targets[batch];
  const steady = (at: number): Bracketed<Delivery>[] => reps.flatMap((rep) => rep[at] ?? []);
  const rates = (at: number): number[] => steady(at).map(({ measured }) => measured.perSecond);
  // In step with the repetitions, so that ratios of two of them are of the same one.
  const parts = names.map((_, at) => reps.map((rep) => (rep[at] === undefined ? Number.NaN : partOfFloor(rep[at]))));
  const [gateway = []] = parts;
  const floors = reps.flat().flatMap((pair) => pair?.floors.map(({ perSecond }) => perSecond) ?? []);
  const perCpu = steady(0).map((pair) => partOfFloor(pair, "CPU second"));
  return [
    row(scenario, "floor", floors, "per second"),
    ...names.map((name, at) => row(scenario, name, rates(at), "per second")),
    row(scenario, "gateway / floor", gateway, "ratio", { least: target.floor }),
    row(scenario, "gateway / floor, per CPU second", perCpu, "ratio"),
    ...peerNames.map((name, at) => {
      const least = target[name];
      return row(scenario, `gateway / ${name}`, ratios(gateway, parts[at + 1] ?? []), "ratio", least && { least });
    }),
    lossRow(
      scenario,
      steady(0).map(({ measured }) => measured),
    ),
  ];
}
