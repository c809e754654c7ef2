/** What Prometheus reads, and who may. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { RawClient, until } from "../transports/raw-client.ts";
import { refusal, TestGateway } from "./gateway.ts";

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await TestGateway.start(`
anonymous: { subscribe: ['**'], publish: ['**'] }
channels:
  'latest/**': { queue: latest }
  'strict/**': { queue: disconnect }
  'kept/**': { durable: true }
bridges:
  house: { type: deconz, url: "http://127.0.0.1:1", key: ABCDEF0123 }
limits: { queue: { bytes: 1MiB, age: 1s } }
`);
});
afterAll(() => gateway.stop());

async function figures(): Promise<ReadonlyMap<string, number>> {
  const { status, headers, text } = await gateway.ask("/metrics");
  expect(status).toBe(200);
  expect(headers.get("content-type")).toStartWith("text/plain");
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => line.split(/ (?=\S+$)/)).map(([name = "", value]) => [name, Number(value)]));
}

const publish = (channel: string, body = "x") => gateway.ask(`/channels/${channel}`, { method: "POST", body });

async function listen(channel: string): Promise<RawClient> {
  const client = await RawClient.connect(Number(new URL(gateway.url).port));
  await client.send(`GET /channels/${channel} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n`);
  await client.receives((text) => text.includes('"live":true'), "that it is live");
  return client;
}

describe("GET /metrics", () => {
  test("counts sessions, publications in and out, recoveries and those that failed", async () => {
    const before = await figures();
    const clients = [await listen("a"), await listen("a")];
    for (let count = 0; count < 3; count++) await publish("a");
    for (const client of clients) await client.receives((text) => text.includes('"offset":3'), "them");
    const run = /"cursor":"(\w+)\.\d+"/.exec(clients[0]?.text ?? "")?.[1];
    const back = await listen(`a?since=${run}.0`);
    const late = await listen("a?since=elsewhere.5");
    const after = await figures();
    const grown = (name: string): number => (after.get(name) ?? 0) - (before.get(name) ?? 0);
    expect(after.get('hearthwire_sessions{protocol="channel-url",transport="sse"}')).toBe(4);
    // The bridge says how it is doing, too.
    expect(grown("hearthwire_publications_in_total")).toBeGreaterThanOrEqual(3);
    expect(grown("hearthwire_publications_out_total")).toBe(6);
    expect(after.get("hearthwire_channels")).toBeGreaterThan(0);
    expect(grown("hearthwire_recoveries_total")).toBe(1);
    expect(grown("hearthwire_failed_recoveries_total")).toBe(1);
    for (const client of [...clients, back, late]) client.reset();
  });

  test("tells of slow sessions: how many, what waits for them, what was dropped, and who was ended", async () => {
    const [latest, strict] = [await listen("latest/a"), await listen("strict/a")];
    for (const client of [latest, strict]) client.stopReading();
    const body = "x".repeat(500_000);
    await until(
      async () => {
        for (const channel of ["latest/a", "strict/a"]) await publish(channel, body);
        const now = await figures();
        return (now.get("hearthwire_slow_ended_total") ?? 0) === 1 && (now.get("hearthwire_dropped_total") ?? 0) > 2;
      },
      "the strict one is ended, and some are dropped for the other",
      20_000,
    );
    const now = await figures();
    expect(now.get("hearthwire_slow_sessions")).toBe(1);
    expect(now.get("hearthwire_queue_bytes")).toBeGreaterThan(400_000);
    latest.reset();
    strict.reset();
    await until(async () => (await figures()).get("hearthwire_slow_sessions") === 0, "nobody is slow any more");
    expect((await figures()).get("hearthwire_dropped_total")).toBeGreaterThan(2);
  });

  test("tells of the journal, of each upstream, of the event loop and of memory", async () => {
    await publish("kept/a");
    const now = await figures();
    expect(now.get("hearthwire_journal_waiting")).toBe(0);
    expect(now.get("hearthwire_journal_lag_seconds")).toBe(0);
    expect(now.get("hearthwire_journal_failing")).toBe(0);
    const states = ["connecting", "connected", "polling", "lost", "refused", "resting", "stopped"];
    const values = states.map((state) => now.get(`hearthwire_upstream_state{bridge="house",state="${state}"}`));
    expect(values.toSorted()).toEqual([0, 0, 0, 0, 0, 0, 1]);
    const since = now.get('hearthwire_upstream_since_seconds{bridge="house"}');
    expect(Math.abs(Number(since) - Date.now() / 1000)).toBeLessThan(60);
    expect(now.get("nodejs_eventloop_lag_seconds")).toBeGreaterThanOrEqual(0);
    expect(now.get("process_resident_memory_bytes")).toBeGreaterThan(10e6);
  });

  test("is open to this machine, but not to who comes through a proxy of it that is not trusted", async () => {
    const headers = { "x-forwarded-for": "198.51.100.7" };
    expect(await gateway.ask("/metrics", { headers })).toMatchObject(refusal(401, 101, expect.any(String)) as object);
    expect((await gateway.ask("/metrics", { headers, key: gateway.admin })).status).toBe(200);
    const { key } = await gateway.newKey({ subscribe: ["**"] });
    expect(await gateway.ask("/metrics", { headers, key })).toMatchObject(
      refusal(403, 103, expect.any(String)) as object,
    );
  });
});

test("with `metrics.open_to` empty this machine needs the grant `admin` as well", async () => {
  const closed = await TestGateway.start("metrics: { open_to: [] }\n");
  try {
    expect((await closed.ask("/metrics")).status).toBe(401);
    expect((await closed.ask("/metrics", { key: closed.admin })).status).toBe(200);
  } finally {
    await closed.stop();
  }
});
