/** A gateway whose data directory is on a small disk of its own, which is filled to the last byte. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { Home, type ServingCommand } from "../cli/command-line.ts";

const configuration = `
anonymous: { subscribe: ["**"], publish: ["**"] }
limits: { publish_rate: { key: 0, address: 0 } }
channels: { kept: { durable: true, history: { size: 10000 } }, synced: { durable: sync }, free: { history: { size: 10 } } }
`;

let home: Home;
let mounted = false;
beforeEach(() => {
  home = new Home();
  mkdirSync(home.data);
  mounted = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=2m,mode=0700", "tmpfs", home.data]).exitCode === 0;
});
afterEach(async () => {
  if (mounted) Bun.spawnSync(["umount", "--lazy", home.data]);
  await home.clear();
});

const mayMount = Bun.spawnSync(["id", "-u"]).stdout.toString().trim() === "0";

function serve(): Promise<ServingCommand> {
  const file = join(home.folder, "disk.yaml");
  writeFileSync(file, configuration);
  return home.serve("--config", file);
}

function ballast(): string {
  return join(home.data, "ballast");
}

function fill(): void {
  for (const size of [65_536, 4096, 512]) {
    try {
      for (;;) writeFileSync(ballast(), new Uint8Array(size), { flag: "a" });
    } catch {
      // It is full, for pieces of this size.
    }
  }
}

interface Answer {
  readonly status: number;
  readonly body: { readonly offset?: number; readonly error?: { readonly code: number; readonly message: string } };
}

async function publish(url: string, channel: string, data: string): Promise<Answer> {
  const response = await fetch(`${url}/channels/${channel}`, { method: "POST", body: data });
  return { status: response.status, body: (await response.json()) as Answer["body"] };
}

/** Publishes until it is refused, and answers how many were not. */
async function publishUntilFull(url: string): Promise<number> {
  for (let kept = 0; ; kept++) {
    const { status, body } = await publish(url, "kept", "x".repeat(4000));
    if (status === 200) continue;
    expect({ status, ...body.error }).toMatchObject({
      status: 503,
      code: 108,
      message: "Cannot keep publications: the disk is full",
    });
    return kept;
  }
}

/** A WebSocket that listens to both channels, and what it has heard. */
class Listener {
  readonly heard: {
    readonly channel?: string;
    readonly data?: unknown;
    readonly id?: number;
    readonly error?: unknown;
  }[] = [];
  readonly #socket: WebSocket;
  #more: () => void = () => undefined;

  constructor(url: string) {
    this.#socket = new WebSocket(`${url.replace("http", "ws")}/channels/kept,free`);
    this.#socket.onmessage = ({ data }) => {
      this.heard.push(JSON.parse(String(data)));
      this.#more();
    };
  }

  send(text: string): void {
    this.#socket.send(text);
  }

  async until(which: (message: Listener["heard"][number]) => boolean): Promise<Listener["heard"][number]> {
    for (;;) {
      const found = this.heard.find(which);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        this.#more = resolve;
      });
    }
  }
}

function askUnixSocket(path: string, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    socket.on("error", reject);
    socket.on("data", (bytes) => {
      resolve(bytes.toString());
      socket.destroy();
    });
    socket.write(`${command}\n`);
  });
}

const full = "Cannot keep publications: the disk is full";

if (mayMount) {
  describe("on a full disk", () => {
    test("publishers to durable channels are told so in each protocol, and everything else goes on", async () => {
      const { url, unix_socket: socket = "", command } = await serve();
      const listener = new Listener(url);
      await listener.until((message) => "live" in message);
      const kept = await publishUntilFull(url);
      fill();
      expect(kept).toBeGreaterThan(10);
      for (const channel of ["kept", "synced"])
        expect((await publish(url, channel, "y".repeat(8000))).status).toBe(503);
      listener.send(JSON.stringify({ id: 1, channel: "kept", data: "z".repeat(8000) }));
      expect(await listener.until(({ id }) => id === 1)).toMatchObject({ error: { code: 108, message: full } });
      const sent = { action: "sendToChannel", channel: "kept", data: "z".repeat(8000) };
      expect(await askUnixSocket(socket, JSON.stringify(sent))).toBe("ERR");
      expect(JSON.parse(await askUnixSocket(socket, JSON.stringify({ ...sent, id: 2 })))).toMatchObject({
        id: 2,
        ok: false,
        error: { code: 108, message: full },
      });
      const told = await home.run(["publish", "kept", "z".repeat(8000)]);
      expect(told).toMatchObject({ code: 1, stderr: expect.stringContaining(full) });

      expect((await publish(url, "free", "goes on")).status).toBe(200);
      await listener.until(({ channel, data }) => channel === "free" && data === "goes on");
      // What was refused was delivered to nobody.
      expect(
        listener.heard.filter(
          ({ channel, offset }: { channel?: string; offset?: number }) => channel === "kept" && (offset ?? 0) > kept,
        ),
      ).toEqual([]);
      expect(await home.json(["status"])).toMatchObject({ ready: true, journal: { failing: "the disk is full" } });
      expect((await home.run(["status"])).stdout).toContain("Journal      cannot be written: the disk is full");
      expect(command.stderr.match(/publications on durable channels are refused/g)).toHaveLength(1);

      rmSync(ballast());
      const { status, body } = await publish(url, "kept", "room");
      expect([status, body.offset]).toEqual([200, kept + 1]);
      await listener.until(({ data }) => data === "room");
      expect(command.stderr).toContain("The journal can be written again");
    }, 30_000);

    test("a gateway starts, tells what it kept, refuses what it cannot keep, and goes on when there is room", async () => {
      const first = await serve();
      const kept = 20;
      for (let n = 0; n < kept; n++) await publish(first.url, "kept", `${n}`);
      // In good order, so that there is no log left that has room for the next.
      await first.command.end();
      fill();
      const { url, command } = await serve();
      expect(command.stderr).toContain("publications on durable channels are refused");
      const listener = new Listener(url);
      await listener.until((message) => "live" in message);
      const history = await (await fetch(`${url}/channels/kept?history=10000`)).json();
      expect((history as { publications: unknown[] }).publications).toHaveLength(kept);
      expect((await publish(url, "kept", "y".repeat(8000))).status).toBe(503);
      expect((await publish(url, "free", "goes on")).status).toBe(200);
      await listener.until(({ data }) => data === "goes on");
      await command.end("SIGKILL");

      // Once more: what the second run could not write down leaves no trace.
      const third = await serve();
      rmSync(ballast());
      expect((await publish(third.url, "kept", "room")).body.offset).toBe(kept + 1);
      const { cursor } = (await (await fetch(`${third.url}/channels/kept`)).json()) as { cursor: string };
      expect((await publish(third.url, "kept", "more")).body.offset).toBe(kept + 2);
      await third.command.end("SIGKILL");
      const fourth = await serve();
      const missed = await (await fetch(`${fourth.url}/channels/kept?since=${cursor}`)).json();
      expect(missed).toMatchObject({ publications: [{ offset: kept + 2, data: "more" }] });
      expect(missed).not.toHaveProperty("gap");
    }, 30_000);

    test("a backup is refused in words, and the gateway goes on", async () => {
      const { url } = await serve();
      await publish(url, "kept", "x");
      fill();
      const { code, stderr } = await home.run(["backup", join(home.folder, "backup.tar")]);
      expect(code).toBe(1);
      expect(stderr).toMatch(/^Cannot back up/);
      expect((await publish(url, "free", "goes on")).status).toBe(200);
      rmSync(ballast());
      expect((await home.run(["backup", join(home.folder, "backup.tar")])).code).toBe(0);
    }, 30_000);
  });
} else {
  console.log("Only root can make a small disk: a full one is tested by test/storage/full-disk.test.ts only");
}
