/** How long a change takes from Jeedom's own list of events to a client, by long polls of one bridge. */
import type { Dialect } from "../../simulators/jeedom/event-buffer.ts";
import { Simulator } from "../../simulators/jeedom/server.ts";
import { type Server, startServer } from "../servers.ts";
import type { Outcome, Row, Workshop } from "../workshop.ts";
import { row } from "./rows.ts";

interface Setting {
  readonly dialect: Dialect;
  /** `event::waitPollingTime`, in ms. */
  readonly wait: number;
  /** Between two changes, in ms: from one look of Jeedom's to several of them, so that they fall anywhere between two. */
  readonly pauses: readonly [least: number, most: number];
  /** What is promised of the median, in µs. */
  readonly promise: number;
}

const settings: readonly Setting[] = [
  { dialect: "4.5", wait: 100, pauses: [150, 650], promise: 150_000 },
  { dialect: "4.4.9", wait: 1000, pauses: [1000, 4000], promise: 1_200_000 },
];
/** Changes in each repetition. */
const changes = 12;

export async function jeedomBridge(workshop: Workshop): Promise<Outcome> {
  const rows: Row[] = [];
  const raw: Record<string, unknown> = {};
  for (const setting of settings) {
    const scenario = `Jeedom ${setting.dialect}, looking every ${setting.wait} ms`;
    const { took, mostWaiting } = await measure(workshop, setting, scenario);
    const sorted = took.toSorted((a, b) => a - b);
    const at = (share: number): number =>
      sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
    rows.push(
      row(scenario, "gateway: p50", [at(0.5)], "µs", { most: setting.promise }),
      row(scenario, "gateway: p95", [at(0.95)], "µs"),
      row(scenario, "polls of Jeedom at once", [mostWaiting], "count", { most: 1 }),
    );
    raw[scenario] = sorted;
  }
  return { rows, raw };
}

async function measure(
  workshop: Workshop,
  { dialect, wait, pauses }: Setting,
  scenario: string,
): Promise<{ readonly took: readonly number[]; readonly mostWaiting: number }> {
  const simulator = new Simulator({ dialect, waitPollingTime: wait }).start();
  const config = `bridges: { jeedom: { type: jeedom, url: "${simulator.url}", key: ${simulator.users.apiKey} } }\n`;
  const server = await startServer("gateway", workshop.ground, config);
  const took: number[] = [];
  const heard = new Map<number, () => void>();
  const socket = await listen(server, (number) => heard.get(number)?.());
  try {
    for (let rep = 0; rep < workshop.effort.reps; rep++) {
      workshop.say(`${scenario}, ${rep + 1} of ${workshop.effort.reps}`);
      for (let each = 0; each < changes; each++) {
        const [least, most] = pauses;
        await Bun.sleep(least + Math.random() * (most - least));
        const number = rep * changes + each;
        const coming = new Promise<void>((resolve, reject) => {
          const timer = setTimeout(() => reject(new Error(`${scenario}: an event did not come`)), 20_000);
          heard.set(number, () => {
            clearTimeout(timer);
            resolve();
          });
        });
        const begin = performance.now();
        simulator.events.add("bench", { number });
        await coming;
        took.push((performance.now() - begin) * 1000);
      }
    }
  } finally {
    socket.close();
    await Promise.all([server.child.stop(), simulator.stop()]);
  }
  return { took, mostWaiting: simulator.mostWaiting };
}

/** Resolves when the subscription is live and the bridge is connected. */
async function listen({ port }: Server, heard: (number: number) => void): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/channels/jeedom/events`);
  await new Promise<void>((resolve, reject) => {
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(String(data)) as { live?: true; data?: { option?: { number?: number } } };
      if (message.live === true) resolve();
      const number = message.data?.option?.number;
      if (number !== undefined) heard(number);
    };
    socket.onerror = () => reject(new Error("Cannot listen to the bridge's events"));
  });
  for (const end = Date.now() + 10_000; Date.now() < end; await Bun.sleep(50)) {
    const { publications } = (await (await fetch(`http://127.0.0.1:${port}/channels/jeedom/scenarios`)).json()) as {
      publications: readonly unknown[];
    };
    if (publications.length > 0) return socket;
  }
  throw new Error("The bridge did not connect");
}
