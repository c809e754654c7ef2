/** 5,000 boards of today at the lenient listener: a room message to all of them beside the floor, and what they take idle. */
import { nextPort, type Server, startServer } from "../servers.ts";
import { type Bracketed, partOfFloor } from "../statistics.ts";
import type { Delivery, Outcome, Row, Workshop } from "../workshop.ts";
import { idle } from "./memory.ts";
import { lossRow, row } from "./rows.ts";

/** `all` is the room that every board hears from the start. */
const crowd = { subscribers: 5000, channel: "room/all" };
const scenario = "5,000 boards";
/** Boards get bare data, which makes their frames as long as this and two bytes. */
const dataLength = 100;
const frames = { length: dataLength + 2, joined: false };
const turnsAhead = 8;

export async function boards(workshop: Workshop): Promise<Outcome> {
  const rows: Row[] = [];
  const raw: Record<string, unknown> = {};
  for (const batch of [1, 10]) {
    const pairs = await withBoards(workshop, (server) => broadcast(workshop, server, batch));
    const steady = pairs.flatMap((pair) => pair ?? []);
    const parts = pairs.map((pair) => (pair === undefined ? Number.NaN : partOfFloor(pair)));
    const rates = steady.map(({ measured }) => measured.perSecond);
    rows.push(
      row(`${scenario} ×${batch}`, "gateway", rates, "per second"),
      row(`${scenario} ×${batch}`, "gateway / floor", parts, "ratio", { least: 0.5 }),
      lossRow(
        `${scenario} ×${batch}`,
        steady.map(({ measured }) => measured),
      ),
    );
    raw[`×${batch}`] = pairs;
  }
  workshop.say(`${scenario}, memory`);
  const { channel, subscribers } = crowd;
  const options = (server: Server): readonly string[] => server.subscribe(channel);
  const { bytes, received } = await withBoards(workshop, (server) =>
    idle(workshop, server, { channel, options }, subscribers),
  );
  rows.push(
    row(scenario, "gateway: memory of one", [bytes], "bytes", { most: 6000 }),
    row(scenario, "gateway: boards that then missed it", [subscribers - received], "count", { most: 0 }),
  );
  return { rows, raw: { ...raw, bytes } };
}

/** A gateway with a listener for boards, where the load client is one of them. */
async function withBoards<T>(workshop: Workshop, run: (server: Server) => Promise<T>): Promise<T> {
  const port = nextPort();
  const listener = `listeners: [{ listen: "127.0.0.1:${port}", protocol: espruino }]\n`;
  const server = await startServer("gateway", workshop.ground, listener);
  try {
    return await run({ ...server, subscribe: () => ["-p", `${port}`, "-u", "/"] });
  } finally {
    await server.child.stop();
  }
}

async function broadcast(
  workshop: Workshop,
  server: Server,
  batch: number,
): Promise<(Bracketed<Delivery> | undefined)[]> {
  const ahead = ["--ahead", turnsAhead * batch * crowd.subscribers];
  const pairs: (Bracketed<Delivery> | undefined)[] = [];
  for (let rep = 0; rep < workshop.effort.reps; rep++) {
    workshop.say(`${scenario} ×${batch}, ${rep + 1} of ${workshop.effort.reps}`);
    const pacing = ["--data", dataLength, "--batch", batch, "--window", 1, ...ahead];
    const candidate = (): Promise<Delivery> => workshop.deliver(server, crowd, pacing);
    const floor = (): Promise<Delivery> => workshop.floor("flood", crowd, ["-b", batch, ...ahead], frames);
    pairs.push(...(await workshop.between([candidate], floor)));
  }
  return pairs;
}
