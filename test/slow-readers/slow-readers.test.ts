/**
 * Readers that stop in the middle of a stream, beside many that read on, on the real program: what waits for them stays
 * within its limits, each is treated as its channel's policy says, and nobody else misses anything.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Home, type ServingCommand } from "../cli/command-line.ts";
import { until } from "../transports/raw-client.ts";
import { Reader, type Way, ways } from "./reader.ts";

const long = process.env["HEARTHWIRE_LONG"] === "1";
/** Readers of each transport that read on; 1,000 of all in the long run. */
const fastOfEach = long ? 200 : 10;
/** Readers of each transport that stop, by their channel; 50 of all in the long run. */
const stoppedOfEach = long
  ? { "strict/a": 4, "short/a": 2, "latest/a": 2, "oldest/a": 2 }
  : { "strict/a": 1, "short/a": 1, "latest/a": 1, "oldest/a": 1 };
const perSecond = 100;
/** The kernel takes 4 MB for each that stopped before the gateway notices, so a short run has larger publications. */
const [seconds, size] = long ? [60, 2000] : [5, 20_000];
const total = seconds * perSecond;
/** What may wait for one session. */
const queueLimit = 2 ** 20;

const configuration = `
anonymous: { subscribe: ["**"], publish: ["**"] }
heartbeat: 10m
limits:
  publish_rate: { key: 0, address: 0 }
  publish_bytes: { key: 0, address: 0 }
  queue: { bytes: 1MiB, age: ${long ? 10 : 1}s }
channels:
  strict/*: { history: { size: 10000 } }
  short/*: { history: { size: 10 } }
  latest/*: { queue: latest, history: { size: 10 } }
  oldest/*: { queue: drop-oldest, history: { size: 10 } }
`;
const channels = Object.keys(stoppedOfEach) as (keyof typeof stoppedOfEach)[];

let home: Home;
let gateway: ServingCommand & { readonly pid: number };
let place: { readonly port: number; readonly controlSocket: string };

beforeAll(async () => {
  home = new Home();
  const file = join(home.folder, "slow.yaml");
  writeFileSync(file, configuration);
  gateway = (await home.serve("--config", file)) as typeof gateway;
  place = { port: Number(new URL(gateway.url).port), controlSocket: join(home.data, "control.sock") };
});
afterAll(() => home.clear());

const open = (way: Way, channel: string, since?: Parameters<typeof Reader.open>[4]): Promise<Reader> =>
  Reader.open(way, channel, place, 2 * size + 2000, since);
const openFast = (way: Way): Promise<Reader> => Reader.open(way, "strict/a", place, 0);

async function publish(number: number): Promise<void> {
  const data = { n: number, pad: "x".repeat(size) };
  const body = JSON.stringify(channels.map((channel) => ({ channel, data })));
  const answer = await fetch(`${gateway.url}/channels`, { method: "POST", body });
  if (!answer.ok || (await answer.text()).includes('"error"')) throw new Error("Cannot publish");
}

/** Resident memory of the gateway, in bytes. */
function memory(): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${gateway.pid}/status`, "utf8"))?.[1]) * 1024;
}

async function figure(name: string): Promise<number> {
  const text = await (await fetch(`${gateway.url}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
}

interface Peaks {
  readonly memory: number;
  readonly queued: number;
}

/** All publications, at their pace; a loop that cannot keep it goes as fast as it can. */
async function publishAll(): Promise<Peaks> {
  const begun = performance.now();
  let peaks: Peaks = { memory: 0, queued: 0 };
  for (let number = 1; number <= total; number++) {
    await publish(number);
    if (number % perSecond === 0) {
      const queued = await figure("hearthwire_queue_bytes");
      peaks = { memory: Math.max(peaks.memory, memory()), queued: Math.max(peaks.queued, queued) };
    }
    await Bun.sleep(Math.max(0, begun + (number * 1000) / perSecond - performance.now()));
  }
  return peaks;
}

async function connectAll(): Promise<{ fast: Reader[]; stopped: Reader[] }> {
  const fast: Reader[] = [];
  const stopped: Reader[] = [];
  for (const way of ways) {
    fast.push(...(await Promise.all(Array.from({ length: fastOfEach }, () => openFast(way)))));
    for (const channel of channels) {
      const these = Array.from({ length: stoppedOfEach[channel] }, () => open(way, channel));
      stopped.push(...(await Promise.all(these)));
    }
  }
  await until(() => [...fast, ...stopped].every(({ live }) => live), "all are live", 20_000);
  return { fast, stopped };
}

/** What a reader of a `disconnect` channel finds when it reads on, and when it comes back with what it has seen. */
async function expectComeback(reader: Reader): Promise<void> {
  const where = `${reader.way.name}, ${reader.channel}`;
  reader.goOn();
  await until(() => reader.closed, `the end of ${where}`, 20_000);
  expect([where, reader.holes, reader.toldOfGap]).toEqual([where, 0, false]);
  expect(reader.last).toBeLessThan(total);
  const back = await open(reader.way, reader.channel, reader.seen);
  // A client of Centrifuge that cannot go on where it was is told so, and what it is told of the past is up to it.
  const told = (): boolean => back.last === total || (back.toldOfGap && back.way.name === "HTTP stream");
  await until(told, `the last publication for ${where} when it is back`, 20_000);
  if (reader.channel === "strict/a") {
    // Its last publication may have been cut in the middle.
    expect([where, [reader.last, reader.last + 1].includes(back.first)]).toEqual([where, true]);
    expect([where, back.holes, back.toldOfGap]).toEqual([where, 0, false]);
  } else expect([where, back.toldOfGap]).toEqual([where, true]);
  back.end();
}

test(
  "readers that stop are treated by their channel's policy, within the limits, and those that read on miss nothing",
  async () => {
    const { fast, stopped } = await connectAll();
    for (const reader of stopped) reader.stop();
    const before = memory();
    const peaks = await publishAll();

    await until(() => fast.every(({ last }) => last === total), "the last publication at all that read on", 30_000);
    expect(fast.filter(({ first, holes, closed }) => first !== 1 || holes > 0 || closed)).toEqual([]);

    // What is on its way in one piece comes on top of the limit, once for each.
    expect(peaks.queued).toBeLessThan(stopped.length * (queueLimit + 2 * size + 2 ** 16));
    const kept = channels.length * total * size;
    const grown = peaks.memory - before;
    console.log(`memory: ${before >> 20} MiB, and ${grown >> 20} MiB more; queued ${peaks.queued >> 10} KiB at most`);
    expect(grown).toBeLessThan(stopped.length * queueLimit + kept + 128 * 2 ** 20);

    const strict = stopped.filter(({ channel }) => channel === "strict/a" || channel === "short/a");
    const others = stopped.filter((reader) => !strict.includes(reader));
    await until(async () => (await figure("hearthwire_slow_ended_total")) === strict.length, "the strict ones' end");
    expect(await figure("hearthwire_slow_sessions")).toBe(others.length);

    for (const reader of strict) await expectComeback(reader);
    for (const reader of others) reader.goOn();
    for (const reader of others) {
      const where = `${reader.way.name}, ${reader.channel}`;
      if (reader.way.name === "HTTP stream" && reader.channel === "oldest/a") {
        // Its clients subscribe again when they are told, and are sent nothing before they do.
        await until(() => reader.toldOfGap, `the end of the subscription of ${where}`, 20_000);
        continue;
      }
      await until(() => reader.last === total, `the last publication of ${where}`, 20_000);
      expect([where, reader.holes, reader.closed]).toEqual([where, 1, false]);
      expect([where, reader.toldOfGap]).toEqual([where, reader.channel === "oldest/a"]);
    }
    for (const reader of [...fast, ...stopped]) reader.end();
  },
  long ? 600_000 : 60_000,
);
