/** What `durable: sync` costs and promises, seen from outside the process: which system calls come before an answer. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Home, type RunningCommand, type Serving, type ServingCommand } from "../cli/command-line.ts";

/** As many peers as are connected at once while the loop accepts them. */
const unanswered = 200;
const publishers = 1000;
const hasStrace = Bun.which("strace") !== null;

let home: Home;
let traced: number | undefined;
beforeEach(() => {
  home = new Home();
});
afterEach(async () => {
  // A traced program outlives a strace that is killed.
  if (traced !== undefined) {
    try {
      process.kill(traced, "SIGKILL");
    } catch {
      // It has ended, as it should.
    }
  }
  traced = undefined;
  await home.clear();
});

const configuration = `
anonymous: { subscribe: ["**"], publish: ["**"] }
limits: { publish_rate: { key: 0, address: 0 } }
channels: { synced: { durable: sync }, kept: { durable: true } }
`;

function configured(): string[] {
  const file = join(home.folder, "fsync.yaml");
  writeFileSync(file, configuration);
  return ["--config", file];
}

interface Figures {
  readonly commits: number;
  readonly syncs: number;
  readonly kept: number;
}

async function figures({ url, first_key: key = "" }: ServingCommand): Promise<Figures> {
  const answer = await fetch(`${url}/admin/status`, { headers: { "x-api-key": key } });
  return ((await answer.json()) as { journal: Figures }).journal;
}

async function publishersOf(url: string): Promise<WebSocket[]> {
  const sockets: WebSocket[] = [];
  while (sockets.length < publishers) {
    const some = Array.from({ length: unanswered }, () => {
      const socket = new WebSocket(`${url.replace("http", "ws")}/channels/nobody`);
      return new Promise<WebSocket>((resolve, reject) => {
        socket.onmessage = ({ data }) => {
          if (String(data).includes('"live"')) resolve(socket);
        };
        socket.onclose = () => reject(new Error("It was closed"));
      });
    });
    sockets.push(...(await Promise.all(some)));
  }
  return sockets;
}

function publishOn(socket: WebSocket): Promise<unknown> {
  return new Promise((resolve) => {
    socket.onmessage = ({ data }) => resolve(JSON.parse(String(data)));
    socket.send('{"channel":"synced","data":1,"id":1}');
  });
}

describe("durable: sync", () => {
  test("is shared: a thousand publishers at once wait for a few fsyncs", async () => {
    const serving = await home.serve(...configured());
    const { url } = serving;
    const sockets = await publishersOf(url);
    const before = await figures(serving);
    const answers = await Promise.all(sockets.map(publishOn));
    const after = await figures(serving);
    for (const answer of answers) expect(answer).toMatchObject({ id: 1, channel: "synced" });
    expect(new Set(answers.map((answer) => (answer as { offset: number }).offset)).size).toBe(publishers);
    expect(after.kept - before.kept).toBe(publishers);
    expect(after.syncs - before.syncs).toBeLessThanOrEqual(publishers / 10);
    console.log(`${publishers} concurrent publishers shared ${after.syncs - before.syncs} fsyncs`);
    for (const socket of sockets) socket.close();
  }, 60_000);

  test("asks for an fsync at each commit, and `durable: true` for none", async () => {
    const serving = await home.serve(...configured());
    const { url } = serving;
    const publish = (channel: string) => fetch(`${url}/channels/${channel}`, { method: "POST", body: "x" });
    const start = await figures(serving);
    for (let n = 0; n < 5; n++) expect((await publish("synced")).status).toBe(200);
    const synced = await figures(serving);
    for (let n = 0; n < 5; n++) expect((await publish("kept")).status).toBe(200);
    const kept = await figures(serving);
    expect([synced.syncs - start.syncs, kept.syncs - synced.syncs]).toEqual([5, 0]);
    expect(kept.commits - start.commits).toBe(10);
  }, 30_000);
});

if (hasStrace) {
  test("the kernel has synced the journal's log before the answer of a sync channel leaves, and not for others", async () => {
    const trace = join(home.folder, "trace");
    const main = join(import.meta.dir, "../../src/main.ts");
    const calls = "trace=fsync,fdatasync,sendto,sendmsg,write,writev";
    const strace = [
      "strace",
      "-f",
      "--seccomp-bpf",
      "-y",
      "-s",
      "1000",
      "-e",
      calls,
      "-o",
      trace,
      process.execPath,
      main,
    ];
    const { url, pid, command } = await serveTraced(strace);
    const publish = async (channel: string, body: string): Promise<void> => {
      expect((await fetch(`${url}/channels/${channel}`, { method: "POST", body })).status).toBe(200);
    };
    for (let n = 0; n < 4; n++) await publish("synced", `s${n}`);
    for (let n = 0; n < 4; n++) await publish("kept", `k${n}`);
    // Ends the traced program; strace ends with it.
    process.kill(pid, "SIGTERM");
    await command.outcome();
    const lines = readFileSync(trace, "utf8").split("\n");
    const answers = (channel: string) =>
      lines.flatMap((line, at) => (line.includes(`{\\"channel\\":\\"${channel}\\"`) ? [at] : []));
    const syncs = lines.flatMap((line, at) => (/(fsync|fdatasync)\(.*journal\.db-wal/.test(line) ? [at] : []));
    const between = (from: number, to: number) => syncs.filter((at) => at > from && at < to).length;
    const synced = answers("synced");
    const kept = answers("kept");
    expect([synced.length, kept.length]).toEqual([4, 4]);
    for (const [n, at] of synced.entries()) if (n > 0) expect(between(synced[n - 1] ?? 0, at)).toBe(1);
    expect(between(synced.at(-1) ?? 0, kept.at(-1) ?? 0)).toBe(0);
  }, 60_000);
} else {
  console.log("strace is not there: that the kernel is asked for an fsync is shown by the journal's own count only");
}

async function serveTraced(strace: readonly string[]): Promise<{ url: string; pid: number; command: RunningCommand }> {
  const command = home.spawnProgram([
    ...strace,
    "--data",
    home.data,
    "--json",
    "serve",
    "--listen",
    "127.0.0.1:0",
    ...configured(),
  ]);
  await command.until(() => command.lines.length > 0);
  const serving = JSON.parse(command.lines[0] ?? "") as Serving & { readonly pid: number };
  traced = serving.pid;
  return { url: serving.addresses[0]?.url ?? "", pid: serving.pid, command };
}
