import { afterEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StreamInlet, StreamOutlet, StreamProtocol } from "../../src/ports.ts";
import { listenUnixStream, type UnixStreamListener, type UnixStreamOptions } from "../../src/transports/unix-stream.ts";
import { overheard } from "../secrets/ledger.ts";

const directories: string[] = [];
const listeners: UnixStreamListener[] = [];
const errors: string[] = [];
const quiet = (): void => undefined;
const log = overheard({ debug: quiet, info: quiet, warn: quiet, error: (_, text) => errors.push(text) });

afterEach(() => {
  for (const listener of listeners.splice(0)) listener.close(true);
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
  errors.length = 0;
});

function freshPath(): string {
  const directory = mkdtempSync(join(tmpdir(), "hearthwire-unix-"));
  directories.push(directory);
  return join(directory, "push.sock");
}

/** A protocol whose peers are played by the test. */
class Peers implements StreamProtocol {
  readonly name = "test";
  readonly outlets: StreamOutlet[] = [];
  readonly told: string[] = [];
  read = 0;
  readonly #bytes: (outlet: StreamOutlet, text: string) => void;

  constructor(bytes: (outlet: StreamOutlet, text: string) => void = quiet) {
    this.#bytes = bytes;
  }

  connect(outlet: StreamOutlet): StreamInlet {
    this.outlets.push(outlet);
    return {
      bytes: (chunk) => {
        this.read += chunk.length;
        this.#bytes(outlet, Buffer.from(chunk).toString());
      },
      halfClosed: () => this.told.push("half-closed"),
      drained: () => this.told.push("drained"),
      ended: () => this.told.push("ended"),
    };
  }
}

function write(outlet: StreamOutlet | undefined, text: string): boolean {
  return outlet?.write(outlet.framing.join([outlet.framing.frame(text)])) ?? false;
}

async function listen(
  path: string,
  protocol: StreamProtocol,
  more: Partial<UnixStreamOptions> = {},
): Promise<UnixStreamListener> {
  const listener = await listenUnixStream({ path, protocol, log, ...more });
  listeners.push(listener);
  return listener;
}

function dial(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path, allowHalfOpen: true });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.on("error", quiet);
      resolve(socket);
    });
  });
}

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1500 && !isSo(); tries++) await new Promise((resolve) => setTimeout(resolve, 2));
  expect(isSo()).toBe(true);
}

test("the file has its mode from the first moment, and no other file of the process has", async () => {
  const path = freshPath();
  const before = process.umask();
  await listen(path, new Peers());
  expect(statSync(path).mode & 0o777).toBe(0o660);
  expect(process.umask()).toBe(before);
  const other = freshPath();
  await listen(other, new Peers(), { mode: 0o600 });
  expect(statSync(other).mode & 0o777).toBe(0o600);
});

test("the file is given to a group, by name or number; one that is not there is refused and leaves nothing", async () => {
  const gid = process.getgid?.() ?? 0;
  const path = freshPath();
  await listen(path, new Peers(), { group: String(gid) });
  expect(statSync(path).gid).toBe(gid);
  const other = freshPath();
  await expect(listen(other, new Peers(), { group: "no-such-group" })).rejects.toThrow("no-such-group");
  expect(existsSync(other)).toBe(false);
});

test("the file is gone after close; one that a newer process put there stays", async () => {
  const path = freshPath();
  (await listen(path, new Peers())).close();
  expect(existsSync(path)).toBe(false);
  const old = await listen(path, new Peers());
  rmSync(path);
  await listen(path, new Peers());
  old.close();
  expect(existsSync(path)).toBe(true);
});

test("a stale socket file is replaced", async () => {
  const path = freshPath();
  const script = `Bun.listen({ unix: ${JSON.stringify(path)}, socket: { data() {} } }); process.kill(process.pid, "SIGKILL");`;
  Bun.spawnSync([process.execPath, "-e", script]);
  expect(existsSync(path)).toBe(true);
  const peers = new Peers((outlet, text) => write(outlet, text));
  await listen(path, peers);
  (await dial(path)).write("x");
  await until(() => peers.read === 1);
});

test("a live one is refused with a clear error, and goes on", async () => {
  const path = freshPath();
  const peers = new Peers();
  await listen(path, peers);
  await expect(listen(path, new Peers())).rejects.toThrow(`Cannot listen on ${path}: another process listens there`);
  (await dial(path)).write("x");
  await until(() => peers.read === 1);
});

test("a file that is no socket is somebody's and stays", async () => {
  const path = freshPath();
  writeFileSync(path, "mine");
  await expect(listen(path, new Peers())).rejects.toThrow("no socket");
  expect(statSync(path).size).toBe(4);
});

test("a path that is too long, or in no directory, is refused by name", async () => {
  const long = join(freshPath(), "x".repeat(120));
  await expect(listen(long, new Peers())).rejects.toThrow("at most 107 bytes");
  await expect(listen("/nonexistent/push.sock", new Peers())).rejects.toThrow(
    "Cannot listen on /nonexistent/push.sock",
  );
});

test("a peer that half-closes is still answered", async () => {
  const path = freshPath();
  const peers = new Peers();
  await listen(path, peers);
  const socket = await dial(path);
  let got = "";
  socket.on("data", (chunk: Buffer) => {
    got += chunk.toString();
  });
  socket.end("question");
  await until(() => peers.told.includes("half-closed"));
  write(peers.outlets[0], "answer");
  peers.outlets[0]?.end(1000, "", false);
  await until(() => got === "answer" && peers.told.includes("ended"));
});

test("what the kernel does not take waits, is told as drained, and arrives before the end", async () => {
  const path = freshPath();
  const peers = new Peers();
  await listen(path, peers);
  const socket = await dial(path);
  await until(() => peers.outlets.length === 1);
  const [outlet] = peers.outlets;
  let got = 0;
  const text = "é".repeat(1_000_000);
  expect(write(outlet, text)).toBe(false);
  expect(outlet?.queued()).toBeGreaterThan(1_000_000);
  socket.on("data", (chunk: Buffer) => {
    got += chunk.length;
  });
  await until(() => peers.told.includes("drained"));
  expect(outlet?.queued()).toBe(0);
  write(outlet, text);
  outlet?.end(1000, "", false);
  await until(() => got === 4_000_000);
});

test("a paused peer's bytes stay with it until it is resumed", async () => {
  const path = freshPath();
  const peers = new Peers();
  await listen(path, peers);
  const socket = await dial(path);
  await until(() => peers.outlets.length === 1);
  peers.outlets[0]?.pause();
  socket.write(Buffer.alloc(3_000_000));
  socket.end();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(peers.read).toBe(0);
  peers.outlets[0]?.resume();
  await until(() => peers.read === 3_000_000 && peers.told.includes("half-closed"));
});

test("an abrupt end throws away what waits", async () => {
  const path = freshPath();
  const peers = new Peers();
  await listen(path, peers);
  await dial(path);
  await until(() => peers.outlets.length === 1);
  write(peers.outlets[0], "x".repeat(5_000_000));
  peers.outlets[0]?.end(3008, "slow", true);
  await until(() => peers.told.includes("ended"));
});

test("what a protocol throws costs that peer its connection, and nobody else", async () => {
  const path = freshPath();
  const peers = new Peers((outlet, text) => {
    if (text === "bad") throw new Error("bad");
    write(outlet, text);
  });
  await listen(path, peers);
  const good = await dial(path);
  const bad = await dial(path);
  bad.write("bad");
  await until(() => peers.told.includes("ended"));
  expect(errors).toEqual(["Cannot serve a peer of a byte stream"]);
  let got = "";
  good.on("data", (chunk: Buffer) => {
    got += chunk.toString();
  });
  good.write("still here");
  await until(() => got === "still here");
});

test("closing takes no more peers but leaves those that are there", async () => {
  const path = freshPath();
  const peers = new Peers((outlet, text) => write(outlet, text));
  const listener = await listen(path, peers);
  const socket = await dial(path);
  let got = "";
  socket.on("data", (chunk: Buffer) => {
    got += chunk.toString();
  });
  await until(() => peers.outlets.length === 1);
  listener.close();
  socket.write("still here");
  await until(() => got === "still here");
  await expect(dial(path)).rejects.toThrow();
});

test("a successor takes the place of one that listens: nobody who connects meanwhile is lost, and its file stays", async () => {
  const path = freshPath();
  const first = new Peers();
  const old = await listen(path, first);
  await dial(path);
  const { promise, resolve } = Promise.withResolvers<StreamProtocol>();
  const heard: string[] = [];
  const second = new Peers((outlet, text) => {
    heard.push(text);
    write(outlet, "OK");
  });
  await listenUnixStream({ path, protocol: promise, log, succeeds: true }).then((one) => listeners.push(one));
  const waiting = await dial(path);
  const hasty = await dial(path);
  waiting.write("one");
  hasty.end("two");
  const answers = [waiting, hasty].map((socket) => new Promise((told) => socket.once("data", told)));
  old.close();
  expect(existsSync(path)).toBe(true);
  expect(first.outlets).toHaveLength(1);
  expect(heard).toEqual([]);
  resolve(second);
  expect((await Promise.all(answers)).map(String)).toEqual(["OK", "OK"]);
  expect(heard.toSorted()).toEqual(["one", "two"]);
  await until(() => second.told.includes("half-closed"));
  expect(first.told).toEqual([]);
});
