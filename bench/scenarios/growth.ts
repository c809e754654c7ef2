/** What a publish costs the gateway, in CPU time, as the channels grow and as patterns that do not match grow. */
import type { Server } from "../servers.ts";
import { ratios, spreadOf } from "../statistics.ts";
import type { Outcome, Row, Workshop } from "../workshop.ts";
import { row } from "./rows.ts";

const within = { most: 1.5 };
const fewChannels = 10;
const manyChannels = 100_000;
const manyPatterns = 10_000;
/** Patterns of one session. */
const patternsEach = 100;

export async function growth(workshop: Workshop): Promise<Outcome> {
  workshop.say(`growth: publishing on ${manyChannels.toLocaleString("en")} channels`);
  const known = await onTwo(workshop, async (few, many) => {
    const [ten, lot] = [spread("few", fewChannels), spread("many", manyChannels)];
    await fill(workshop, few, ten);
    await fill(workshop, many, lot);
    const all = await compare(workshop, [few, ten], [many, lot]);
    // The same ten channels of each, beside which the others only exist.
    const hot = await compare(workshop, [few, spread("hot", 10)], [many, spread("hot", 10)]);
    const posted = await compare(workshop, [few, ten, "post"], [many, lot, "post"]);
    return { all, hot, posted };
  });
  // On servers of their own, which have no channels but these.
  const long = await onTwo(workshop, async (few, many) => {
    const [ten, lot] = [spread("few", fewChannels, longName), spread("many", manyChannels, longName)];
    await fill(workshop, few, ten);
    await fill(workshop, many, lot);
    return compare(workshop, [few, ten], [many, lot]);
  });
  // With the history that a channel has by default, the many keep more and more.
  const filling = await onTwo(workshop, (few, many) =>
    compare(workshop, [few, spread("full", fewChannels)], [many, spread("full", manyChannels)]),
  );
  const channels = { ...known, long, filling };
  const patterns = await onTwo(workshop, async (few, many) => {
    workshop.say(`growth: subscribing to ${manyPatterns.toLocaleString("en")} patterns`);
    const sockets = [await listen(few, 0, 1), ...(await listenMuch(many))];
    const known = await compare(workshop, [few, spread("hot", 10)], [many, spread("hot", 10)]);
    const fresh = await compare(workshop, [few, spread("new", 1_000_000)], [many, spread("new", 1_000_000)]);
    for (const socket of sockets) socket.close();
    return { known, fresh };
  });
  return {
    rows: [
      ...rowsOf("10 → 100,000 channels, on random ones", channels.all, within),
      ...rowsOf("10 → 100,000 channels, on ten of them", channels.hot, within),
      ...rowsOf("10 → 100,000 channels, on random ones with longer names", channels.long, within),
      ...rowsOf("10 → 100,000 channels, on random ones by POST", channels.posted, within),
      ...rowsOf("10 → 100,000 channels, histories filling", channels.filling, within),
      ...rowsOf("1 → 10,000 patterns, on known channels", patterns.known, within),
      ...rowsOf("1 → 10,000 patterns, on new channels", patterns.fresh, within),
    ],
    raw: { channels, patterns },
  };
}

/** Two gateways, one for few and one for many of something. */
function onTwo<T>(workshop: Workshop, run: (few: Server, many: Server) => Promise<T>): Promise<T> {
  return workshop.withServers(["gateway", "gateway"], ([few, many]) => {
    if (few === undefined || many === undefined) throw new Error("Cannot start the gateway");
    return run(few, many);
  });
}

interface Comparison {
  /** µs of CPU per publication. */
  readonly few: readonly number[];
  readonly many: readonly number[];
}

function rowsOf(what: string, { few, many }: Comparison, target?: Row["target"]): Row[] {
  const scenario = "cost of a publish";
  const [a, b] = [few, many].map((costs) => (spreadOf(costs)?.median ?? Number.NaN).toFixed(2));
  return [row(scenario, `${what} (${a} → ${b} µs)`, ratios(many, few), "ratio", target)];
}

/** Where, on which channels, and by which entry: the Unix socket, in batches, or a POST for each. */
type Side = readonly [server: Server, channels: Spread, entry?: "publish" | "post"];

async function compare(workshop: Workshop, ...sides: readonly [Side, Side]): Promise<Comparison> {
  const [few, many] = sides;
  const costs = { few: [] as number[], many: [] as number[] };
  // Once for the compiler, without counting it.
  for (const side of sides) await cost(workshop, ...side);
  for (let rep = 0; rep < workshop.effort.reps; rep++) {
    workshop.say(`cost of a publish, ${rep + 1} of ${workshop.effort.reps}`);
    costs.few.push(await cost(workshop, ...few));
    costs.many.push(await cost(workshop, ...many));
  }
  return costs;
}

/** CPU per publication, in µs, while random ones of so many channels are published on. */
async function cost(workshop: Workshop, ...[server, channels, entry = "publish"]: Side): Promise<number> {
  const before = server.child.cpu();
  const publisher = workshop[entry](
    server,
    ...channels,
    "-t",
    1,
    ...(entry === "post" ? ["--connections", 64] : hurry),
  );
  const { sent } = await publisher.report("published");
  return ((server.child.cpu() - before) * 1e6) / Number(sent);
}

const hurry = ["--batch", 50, "--window", 64];

/** The publisher's options for random ones of so many channels. */
type Spread = readonly (string | number)[];

/** Texts of up to ten characters the runtime's JSON parser looks up in a table of its own; these are longer. */
const longName = "thermometer-%d";

function spread(level: string, channels: number, name = "%d"): Spread {
  return ["--channel", `${level}/${name}`, "--channels", channels];
}

/**
 * Publishes on the channels one after the other, until all history is full that can be: as many publications are kept by the few
 * as by the many, so that only the number of channels differs.
 */
async function fill(workshop: Workshop, server: Server, channels: Spread): Promise<void> {
  const publisher = workshop.publish(server, ...channels, "--in-turn", 1, "--count", manyChannels, "-t", 60, ...hurry);
  await publisher.report("published", 90_000);
}

/** One session with `count` patterns that no channel of this scenario matches. */
function listen(server: Server, first: number, count: number): Promise<WebSocket> {
  const patterns = Array.from({ length: count }, (_, at) => `none/${first + at}/*`);
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/channels/${patterns.join(",")}`);
  return new Promise((resolve, reject) => {
    socket.onopen = () => resolve(socket);
    socket.onclose = ({ code, reason }) => reject(new Error(`Cannot subscribe to patterns: ${code} ${reason}`));
  });
}

async function listenMuch(server: Server): Promise<WebSocket[]> {
  const sockets: WebSocket[] = [];
  for (let first = 0; first < manyPatterns; first += patternsEach)
    sockets.push(await listen(server, first, patternsEach));
  return sockets;
}
