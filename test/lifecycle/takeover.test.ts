import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { Home, type Serving } from "../cli/command-line.ts";
import { freePort } from "../free-port.ts";
import { makeCertificate } from "../tls.ts";
import { until } from "../transports/raw-client.ts";
import { migrateConnections } from "./migrating.ts";
import { Visitors } from "./stream-of-visitors.ts";

migrateConnections();

// Several processes start in each of these, one after another.
setDefaultTimeout(60_000);

let home: Home;
beforeEach(() => {
  home = new Home();
});
afterEach(() => home.clear());

function configured(port: number): string {
  const file = join(home.folder, "house.yaml");
  const anonymous = "{ subscribe: [house/**], publish: [house/**] }";
  writeFileSync(
    file,
    `listen: 127.0.0.1:${port}\ndata: ${home.data}\nanonymous: ${anonymous}\ndrain: 1s
channels: { house/**: { durable: true, history: { size: 100000, ttl: 1h } } }\n`,
  );
  return file;
}

async function start(file: string, ...words: string[]) {
  const command = home.spawn(["serve", "--json", "--config", file, ...words]);
  await command.until(() => command.lines.length > 0);
  return { command, ...(JSON.parse(command.lines[0] ?? "") as Serving) };
}

/** How often in a row. */
const successions = process.env["HEARTHWIRE_LONG"] === "1" ? 25 : 3;

describe("a takeover", () => {
  test("loses no connection attempt and nothing that was acknowledged, and the old gateway ends with 0", async () => {
    const port = freePort();
    const file = configured(port);
    let gateway = await start(file);
    const visitors = new Visitors(port, "house/attic");
    await visitors.more(50);
    for (let succession = 0; succession < successions; succession++) {
      const successor = await start(file, "--takeover");
      const { code, stderr } = await gateway.command.outcome();
      expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining("Handing over to a successor") });
      expect(successor.first_key).toBeUndefined();
      await visitors.more(50);
      gateway = successor;
    }
    await visitors.leave();
    expect(visitors.lost).toEqual([]);
    // Every offset once, and all that was acknowledged is there, in the order of the offsets.
    const published = visitors.published.toSorted((a, b) => a.offset - b.offset);
    expect(published.map(({ offset }) => offset)).toEqual(published.map((_, at) => at + 1));
    const response = await fetch(`http://127.0.0.1:${port}/channels/house/attic?history=10000`);
    const { publications } = (await response.json()) as { publications: { offset: number; data: string }[] };
    const kept = publications.map(({ data, offset }) => ({ text: data, offset }));
    expect(kept).toEqual(published.slice(-kept.length));
    expect(kept).toHaveLength(Math.min(10_000, published.length));
  }, 120_000);

  test.each(["ws", "wss"])("takes over listeners for boards too, by %s", async (scheme) => {
    const [port, boards] = [freePort(), freePort()];
    const file = configured(port);
    const { cert, key } = makeCertificate(home.folder, "boards");
    const tls = scheme === "wss" ? `, tls: { cert: ${cert}, key: ${key} }` : "";
    const more = `listeners: [{ listen: 127.0.0.1:${boards}, protocol: espruino, anonymous: { subscribe: ["**"] }${tls} }]\n`;
    writeFileSync(file, readFileSync(file, "utf8") + more);
    const old = await start(file);
    const visit = (): Promise<boolean> =>
      new Promise((resolve) => {
        const options = { tls: { rejectUnauthorized: false } };
        const socket = new WebSocket(`${scheme}://127.0.0.1:${boards}/`, options as never);
        socket.onopen = () => resolve(true);
        socket.onerror = () => resolve(false);
      });
    expect(await visit()).toBeTrue();
    let lost = 0;
    let on = true;
    const visitors = (async () => {
      while (on) if (!(await visit())) lost++;
    })();
    const successor = await start(file, "--takeover");
    expect((await old.command.outcome()).code).toBe(0);
    expect(await visit()).toBeTrue();
    on = false;
    await visitors;
    expect(lost).toBe(0);
    expect(successor.addresses.map(({ listen }) => listen)).toEqual([`127.0.0.1:${port}`, `127.0.0.1:${boards}`]);
  });

  test("starts as usual where no gateway runs", async () => {
    const gateway = await start(configured(freePort()), "--takeover");
    expect(gateway.first_key).toStartWith("hw_");
    expect((await gateway.command.end()).code).toBe(0);
  });

  test("that cannot have its ports leaves the gateway that runs as it was", async () => {
    const port = freePort();
    const old = await start(configured(port));
    const other = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
    const changed = join(home.folder, "changed.yaml");
    writeFileSync(
      changed,
      `${readFileSync(configured(port), "utf8")}listeners: [{ listen: 127.0.0.1:${other.port} }]\n`,
    );
    const failed = await home.run(["serve", "--config", changed, "--takeover"]);
    other.stop(true);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toBe(`Cannot listen on 127.0.0.1:${other.port}: another program has the port\n`);
    expect((await fetch(`http://127.0.0.1:${port}/health/ready`)).status).toBe(200);
    expect(await home.json(["status"])).toMatchObject({ ready: true, addresses: [{ listen: `127.0.0.1:${port}` }] });
    expect((await old.command.end()).code).toBe(0);
  });

  test("sends the sessions of the old gateway away, evenly and to come back, and keeps keys and devices", async () => {
    const port = freePort();
    const file = configured(port);
    const old = await start(file);
    const { key } = (await home.json(["key", "create", "phone", "--subscribe", "house/**"])) as { key: string };
    const listening = await Promise.all(
      Array.from({ length: 20 }, () => {
        const socket = new WebSocket(`ws://127.0.0.1:${port}/channels/house/hall`);
        return new Promise<WebSocket>((resolve) => {
          socket.onmessage = () => resolve(socket);
        });
      }),
    );
    const ends = listening.map(
      (socket) =>
        new Promise<{ code: number; at: number }>((resolve) => {
          socket.onclose = ({ code }) => resolve({ code, at: performance.now() });
        }),
    );
    await start(file, "--takeover");
    const began = performance.now();
    const ended = await Promise.all(ends);
    expect(new Set(ended.map(({ code }) => code))).toEqual(new Set([3001]));
    const times = ended.map(({ at }) => at - began).toSorted((a, b) => a - b);
    expect(times.at(-1)).toBeGreaterThan(600);
    expect(times.at(10)).toBeWithin(200, 900);
    const asked = await fetch(`http://127.0.0.1:${port}/channels/house/hall`, { headers: { "x-api-key": key } });
    expect(asked.status).toBe(200);
    expect((await old.command.outcome()).code).toBe(0);
  });

  test("lets a backend at the Unix socket go on with the next command", async () => {
    const port = freePort();
    const file = configured(port);
    const old = await start(file);
    const path = join(home.folder, "hearthwire.sock");
    const said: string[] = [];
    let on = true;
    const backend = (async () => {
      while (on) said.push(await tell(path, '{"action":"multicast","data":{"n":1}}'));
    })();
    await until(() => said.length >= 20, "answers to the backend");
    await start(file, "--takeover");
    await old.command.outcome();
    const answered = said.length;
    await until(() => said.length >= answered + 20, "answers of the successor");
    on = false;
    await backend;
    expect(said.filter((answer) => answer !== "OK" && answer !== "ERR")).toEqual([]);
    expect(existsSync(path)).toBeTrue();
  });
});

/** One command by a connection of its own, and the answer. */
function tell(path: string, command: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(path, () => socket.write(command));
    socket.on("data", (answer) => {
      resolve(answer.toString());
      socket.destroy();
    });
    socket.on("error", ({ message }) => resolve(message));
    socket.on("close", () => resolve("closed"));
  });
}
