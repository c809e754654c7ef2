/** The promise of durable channels, tried on the real program: writers of all kinds, and `kill -9` at any moment. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Home, type ServingCommand } from "../cli/command-line.ts";
import { Watcher } from "./watcher.ts";
import { type Acknowledged, type Publishing, writeUntilGone } from "./writers.ts";

const kills = process.env["HEARTHWIRE_LONG"] === "1" ? 100 : 8;

let home: Home;
beforeEach(() => {
  home = new Home();
});
afterEach(() => home.clear());

const configuration = `
anonymous: { subscribe: ["**"], publish: ["**"] }
limits: { publish_rate: { key: 0, address: 0 }, queue: { bytes: 64MB, age: 60s } }
channels:
  kept/map: { kind: map, durable: true, history: { size: 500 } }
  kept/sync: { durable: sync, history: { size: 500 } }
  kept/long: { durable: true, history: { size: 100000 } }
  lost: { history: { size: 100 } }
`;

/** What the writers were told, over all runs. */
class Ledger {
  readonly acknowledged: Acknowledged[] = [];
  #number = 0;
  /** Called at each acknowledgement. */
  noted: () => void = () => undefined;

  next(): Publishing {
    const number = ++this.#number;
    const data = `${number} ${"x".repeat(Math.floor(Math.random() * 1500))}`;
    const channel = ["kept/long", "kept/sync", "kept/map"][number % 3] ?? "";
    return channel === "kept/map" ? { channel, key: `k${number % 50}`, data } : { channel, data };
  }

  note(publishing: Publishing, offset: number): void {
    this.acknowledged.push({ ...publishing, offset });
    this.noted();
  }
}

async function serve(): Promise<ServingCommand> {
  const file = join(home.folder, "crash.yaml");
  writeFileSync(file, configuration);
  return home.serve("--config", file);
}

/** Runs the gateway until it was killed, after `acknowledgements` more of them. */
async function runUntilKilled(ledger: Ledger, watcher: Watcher, acknowledgements: number): Promise<void> {
  const { url, unix_socket: socket = "", command } = await serve();
  const enough = Promise.withResolvers<void>();
  const until = ledger.acknowledged.length + acknowledgements;
  ledger.noted = () => {
    if (ledger.acknowledged.length >= until) enough.resolve();
  };
  const errand = {
    next: () => ledger.next(),
    acknowledged: (publishing: Publishing, offset: number) => ledger.note(publishing, offset),
  };
  const live = Promise.withResolvers<void>();
  const watching = watcher.listen(url, live.resolve);
  await Promise.race([live.promise, watching]);
  // All that any earlier run acknowledged has come back to the watcher by now.
  compare(ledger.acknowledged, watcher);
  const writing = writeUntilGone({ url, socket }, errand);
  await Promise.race([enough.promise, writing]);
  await command.end("SIGKILL");
  await Promise.all([writing, watching]);
}

function compare(acknowledged: readonly Acknowledged[], watcher: Watcher): void {
  for (const { channel, offset, data, key } of acknowledged) {
    const seen = watcher.seen.get(channel)?.[offset - 1];
    if (seen?.data !== data || seen.key !== key) {
      throw new Error(`Acknowledged as ${channel} ${offset}: ${data.slice(0, 10)}, and now ${seen?.data}`);
    }
  }
}

interface Page {
  readonly epoch?: string;
  readonly publications: readonly { readonly offset: number; readonly data: string; readonly key?: string }[];
}

/** Somebody new reads what the watcher knows. */
async function compareWithNewcomer(url: string, watcher: Watcher): Promise<void> {
  for (const channel of ["kept/long", "kept/sync"]) {
    const { publications } = (await (await fetch(`${url}/channels/${channel}?history=10000`)).json()) as Page;
    const kept = publications.map(({ offset, data }) => [offset, data]);
    const seen = watcher.seen.get(channel) ?? [];
    expect(kept.length).toBeGreaterThanOrEqual(Math.min(seen.length, 500));
    expect(kept).toEqual(seen.slice(-kept.length).map(({ offset, data }) => [offset, String(data)]));
  }
  const map = new Map((watcher.seen.get("kept/map") ?? []).map(({ key, data }) => [key, data]));
  const { publications } = (await (await fetch(`${url}/channels/kept/map`)).json()) as Page;
  expect(new Map(publications.map(({ key, data }) => [key, data]))).toEqual(map as Map<string, string>);
}

function once(watcher: Watcher): void {
  const all = [...watcher.seen.values()].flat().map(({ data }) => data);
  expect(new Set(all).size).toBe(all.length);
}

test(`after each of ${kills} kill -9 every acknowledged publication is there, once, in order, and clients go on`, async () => {
  const ledger = new Ledger();
  const watcher = new Watcher("kept/map,kept/sync,kept/long");
  const epochs = new Set<string>();
  for (let kill = 0; kill < kills; kill++) {
    await runUntilKilled(ledger, watcher, 1 + Math.floor(Math.random() ** 2 * 3000));
  }
  const { url, command } = await serve();
  const live = Promise.withResolvers<void>();
  const watching = watcher.listen(url, live.resolve);
  await Promise.race([live.promise, watching]);
  compare(ledger.acknowledged, watcher);
  await compareWithNewcomer(url, watcher);
  once(watcher);
  for (const channel of watcher.seen.keys()) {
    const query = channel === "kept/map" ? "?key=k1" : "";
    const next = await fetch(`${url}/channels/${channel}${query}`, { method: "POST", body: "the last" });
    const receipt = (await next.json()) as { offset: number; epoch: string };
    epochs.add(receipt.epoch);
    expect(receipt.offset).toBeGreaterThan(ledger.acknowledged.findLast((one) => one.channel === channel)?.offset ?? 0);
  }
  expect(epochs.size).toBe(1);
  await command.end();
  await watching;
  const bytes = statSync(join(home.data, "journal.db")).size;
  const published = [...watcher.seen.values()].flat().length;
  console.log(
    `${kills} kills, ${ledger.acknowledged.length} acknowledged, ${published} kept, ${bytes} bytes of journal`,
  );
}, 900_000);

test("a kill while the gateway starts, at any moment of it, costs nothing", async () => {
  const ledger = new Ledger();
  const watcher = new Watcher("kept/map,kept/sync,kept/long");
  await runUntilKilled(ledger, watcher, 500);
  for (let kill = 0; kill < (kills > 10 ? 40 : 3); kill++) {
    const command = home.spawn([
      "--data",
      home.data,
      "serve",
      "--listen",
      "127.0.0.1:0",
      "--config",
      join(home.folder, "crash.yaml"),
    ]);
    // Chance, not synchronisation: a start takes some 300 ms.
    await Bun.sleep(Math.random() * 400);
    await command.end("SIGKILL");
  }
  await runUntilKilled(ledger, watcher, 100);
  await runUntilKilled(ledger, watcher, 1);
}, 300_000);

test("what is not durable is not written, and after a kill its clients are told of a gap", async () => {
  const { url, command, first_key: key } = await serve();
  await fetch(`${url}/channels/lost`, { method: "POST", body: "1" });
  const before = statSync(join(home.data, "journal.db-wal")).size;
  const { commits } = await journalOf(url, key);
  for (let n = 0; n < 50; n++) await fetch(`${url}/channels/lost`, { method: "POST", body: String(n) });
  expect((await journalOf(url, key)).commits).toBe(commits);
  expect(statSync(join(home.data, "journal.db-wal")).size).toBe(before);
  const { cursor } = (await (await fetch(`${url}/channels/lost`)).json()) as { cursor: string };
  await command.end("SIGKILL");
  const again = await serve();
  const answer = await (await fetch(`${again.url}/channels/lost?since=${cursor}`)).json();
  expect(answer).toMatchObject({ gap: true, publications: [] });
}, 30_000);

async function journalOf(url: string, key = ""): Promise<{ readonly commits: number }> {
  const answer = await fetch(`${url}/admin/status`, { headers: { "x-api-key": key } });
  return ((await answer.json()) as { journal: { commits: number } }).journal;
}
