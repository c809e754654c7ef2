/** As fast as it goes: 1,000 subscribers of one channel; 1, 10 or 100 publications enter per turn. */
import { byCentrifuge, centrifugoBinary, peerNames, type Server, type ServerName } from "../servers.ts";
import { type Bracketed, partOfFloor, ratios } from "../statistics.ts";
import type { Delivery, Outcome, Row, Workshop } from "../workshop.ts";
import { lossRow, row } from "./rows.ts";

const crowd = { subscribers: 1000, channel: "bench" };
/** Turns that may be on their way to the subscribers, so that no queue grows without end. */
const turnsAhead = 8;
/**
 * Seconds that subscribers hear nothing before the flood. The kernel of a client that has just answered something holds its ACKs
 * back for a second frame, and goes on so while frames come fast; after 40 ms of silence it sends one for each that was read, as
 * that of a client does that has only listened. The sender's core pays for taking the former and the reader's for the latter.
 */
const silence = 0.2;
const atOnce = "gateway, flooded at once";
const batches = [1, 10, 100] as const;
type Batch = (typeof batches)[number];

/** Who competes, in which protocol, and how much is promised. */
interface Contest {
  readonly title: string;
  /** The gateway first. */
  readonly names: readonly ServerName[];
  speak(server: Server): Server;
  /** The publications of a turn stand in one frame: the floor's do then too. */
  readonly joined: boolean;
  /** Its clients speak, which the floor's do not: what the gateway reaches without the silence is shown, too. */
  readonly spoken: boolean;
  /** The least part of the floor. */
  readonly floor: Readonly<Record<Batch, number>>;
  /** How many times as much as the others. */
  readonly others: Readonly<Record<Batch, Readonly<Record<string, number>>>>;
}

export function flood(workshop: Workshop): Promise<Outcome> {
  return compete(workshop, {
    title: "flood",
    names: ["gateway", ...peerNames],
    speak: (server) => server,
    joined: false,
    spoken: false,
    floor: { 1: 0.8, 10: 0.65, 100: 0.38 },
    others: { 1: { "ws naive": 1.6, "Socket.IO": 1.7 }, 10: { "ws naive": 10 }, 100: { "ws naive": 10 } },
  });
}

/** The same by the Centrifuge protocol, beside Centrifugo where it is installed. */
export function centrifugeFlood(workshop: Workshop): Promise<Outcome> {
  const rival = centrifugoBinary() !== null;
  if (!rival) workshop.say("There is no centrifugo on the PATH: the gateway is not raced against it.");
  return compete(workshop, {
    title: "Centrifuge flood",
    names: rival ? ["gateway", "centrifugo"] : ["gateway"],
    speak: byCentrifuge,
    joined: true,
    spoken: true,
    floor: { 1: 0.8, 10: 0.75, 100: 0.65 },
    others: { 1: {}, 10: {}, 100: {} },
  });
}

async function compete(workshop: Workshop, contest: Contest): Promise<Outcome> {
  const { title, names, joined, spoken } = contest;
  const rows: Row[] = [];
  const raw: Record<string, unknown> = {};
  await workshop.withServers(names, async (started) => {
    const servers = started.map((server) => contest.speak(server));
    const length = await workshop.frameLengthOf(servers[0]);
    for (const batch of batches) {
      const ahead = ["--ahead", turnsAhead * batch * crowd.subscribers];
      const pairs: (Bracketed<Delivery> | undefined)[][] = [];
      for (let rep = 0; rep < workshop.effort.reps; rep++) {
        workshop.say(`${title} ×${batch}, ${rep + 1} of ${workshop.effort.reps}`);
        const pacing = ["--batch", batch, "--window", 1, ...ahead];
        const candidates = servers.map((server) => () => workshop.deliver(server, crowd, pacing, silence));
        const [gateway] = servers;
        if (spoken && gateway !== undefined) candidates.push(() => workshop.deliver(gateway, crowd, pacing));
        const floor = (): Promise<Delivery> =>
          workshop.floor("flood", crowd, ["-b", batch, ...ahead], { length, joined });
        pairs.push(await workshop.between(candidates, floor));
      }
      const contenders = spoken ? [...names, atOnce] : names;
      rows.push(...rowsOf(contest, contenders, batch, pairs));
      raw[`×${batch}`] = pairs.map((rep) => Object.fromEntries(rep.map((pair, at) => [contenders[at], pair])));
    }
  });
  return { rows, raw };
}

type Reps = readonly (readonly (Bracketed<Delivery> | undefined)[])[];

function rowsOf({ title, floor, others }: Contest, names: readonly string[], batch: Batch, reps: Reps): Row[] {
  const scenario = `${title} ×${batch}`;
  const steady = (at: number): Bracketed<Delivery>[] => reps.flatMap((rep) => rep[at] ?? []);
  const deliveries = (at: number): Delivery[] => steady(at).map(({ measured }) => measured);
  const rates = (of: readonly Delivery[]): number[] => of.map(({ perSecond }) => perSecond);
  // In step with the repetitions, so that ratios of two of them are of the same one.
  const parts = names.map((_, at) => reps.map((rep) => (rep[at] === undefined ? Number.NaN : partOfFloor(rep[at]))));
  const [gateway = []] = parts;
  const floors = reps.flat().flatMap((pair) => pair?.floors ?? []);
  /** Of each subscriber. */
  const perTurn = (of: readonly Delivery[]): number[] => of.map(({ acknowledgements }) => acknowledgements * batch);
  const perCpu = steady(0).map((pair) => partOfFloor(pair, "CPU second"));
  return [
    row(scenario, "floor", rates(floors), "per second"),
    ...names.map((name, at) => row(scenario, name, rates(deliveries(at)), "per second")),
    row(scenario, "gateway / floor", gateway, "ratio", { least: floor[batch] }),
    row(scenario, "gateway / floor, per CPU second", perCpu, "ratio"),
    ...names.slice(1).map((name, at) => {
      const part = parts[at + 1] ?? [];
      if (name === atOnce) return row(scenario, `${name} / floor`, part, "ratio");
      const least = others[batch][name];
      const target = least === undefined ? undefined : { least };
      return row(scenario, `gateway / ${name}`, ratios(gateway, part), "ratio", target);
    }),
    row(scenario, "floor: acknowledgements per turn", perTurn(floors), "ratio"),
    ...names.map((name, at) => row(scenario, `${name}: acknowledgements per turn`, perTurn(deliveries(at)), "ratio")),
    lossRow(scenario, deliveries(0)),
  ];
}
