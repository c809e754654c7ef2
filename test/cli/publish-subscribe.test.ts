import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "../transports/raw-client.ts";
import { Home, type RunningCommand } from "./command-line.ts";

let home: Home;
beforeEach(() => {
  home = new Home();
});
afterEach(() => home.clear());

/** Starts `subscribe` and waits until nothing that is published from now on can be missed. */
async function listen(...words: string[]): Promise<RunningCommand> {
  const before = await sessions();
  const command = home.spawn(["--data", home.data, "subscribe", ...words]);
  await until(async () => (await sessions()) !== before, "the subscription");
  return command;
}

async function sessions(): Promise<number> {
  const response = await fetch("http://localhost/admin/status", { unix: join(home.data, "control.sock") });
  return ((await response.json()) as { sessions: number }).sessions;
}

const dataOf = (command: RunningCommand): unknown[] => command.lines.map((line) => JSON.parse(line).data);

describe("hearthwire publish", () => {
  test("publishes what reads as JSON as JSON, everything else as text", async () => {
    const { url } = await home.serve();
    for (const data of ['{"on": true}', "42", "Dinner!", "{nearly json"]) await home.run(["publish", "demo/a", data]);
    await home.run(["publish", "demo/a", "42", "--text"]);
    const response = await fetch(`${url}/channels/demo/a?history=9`);
    const { publications } = (await response.json()) as { publications: { data: unknown }[] };
    expect(publications.map(({ data }) => data)).toEqual([{ on: true }, 42, "Dinner!", "{nearly json", "42"]);
  });

  test("takes the data from the standard input, and answers with the place that it got", async () => {
    await home.serve();
    expect(await home.json(["publish", "demo/a", "-"], { stdin: "[1,\n2]\n" })).toMatchObject({ offset: 1 });
    expect(await home.json(["publish", "demo/a"], { stdin: "two" })).toMatchObject({ channel: "demo/a", offset: 2 });
    const { stdout, stderr } = await home.run(["publish", "demo/a", "three"]);
    expect({ stdout, stderr }).toEqual({ stdout: "", stderr: "Published on demo/a, offset 3.\n" });
  });

  test("sets and removes a key of a map, whatever characters it has", async () => {
    const { url } = await home.serve("--channels", '{"demo/map": {"kind": "map"}}');
    await home.run(["publish", "demo/map", "1", "--map-key", "Küche & Bad?"]);
    await home.run(["publish", "demo/map", "2", "--map-key", "b"]);
    await home.run(["publish", "demo/map", "--map-key", "b", "--remove"]);
    const { publications } = (await (await fetch(`${url}/channels/demo/map`)).json()) as { publications: unknown[] };
    expect(publications).toEqual([expect.objectContaining({ key: "Küche & Bad?", data: 1 })]);
  });

  test("says why it was refused", async () => {
    const { url } = await home.serve();
    const refused = await home.run(["publish", "demo/a", "1", "--map-key", "k"]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toStartWith("Cannot ");
    const forbidden = await home.run(["--url", url, "publish", "home/a", "1"]);
    expect(forbidden).toMatchObject({ code: 1, stderr: "Cannot publish on home/a without a key: send one\n" });
    expect((await home.run(["publish", "bad name", "1"])).code).toBe(1);
    expect((await home.run(["publish", "demo/a", "--remove"])).code).toBe(2);
  });

  test("ends with 3 when no gateway is running", async () => {
    expect((await home.run(["publish", "demo/a", "1"])).code).toBe(3);
  });
});

describe("hearthwire subscribe", () => {
  test("writes each publication as one line of JSON where nobody watches", async () => {
    await home.serve();
    const command = await listen("demo/**", "room/kitchen");
    await home.run(["publish", "demo/a/b", '"line\\nbreak"']);
    await home.run(["publish", "room/kitchen", "2"]);
    await command.until(() => command.lines.length === 2);
    expect(dataOf(command)).toEqual(["line\nbreak", 2]);
    expect(JSON.parse(command.lines[1] ?? "")).toMatchObject({ channel: "room/kitchen", offset: 1 });
    expect(await command.end("SIGINT")).toMatchObject({ code: 0, stderr: "" });
  });

  test("begins with the history that is asked for, or after a cursor", async () => {
    await home.serve();
    for (const data of ["1", "2", "3"]) await home.run(["publish", "demo/a", data]);
    const late = await listen("demo/a", "--history", "2");
    await late.until(() => late.lines.length === 2);
    expect(dataOf(late)).toEqual([2, 3]);
    const { cursor } = JSON.parse(late.lines[0] ?? "");
    const later = await listen("demo/a", "--since", cursor);
    await later.until(() => later.lines.length === 1);
    expect(dataOf(later)).toEqual([3]);
  });

  test("goes on through a restart of the gateway, and misses nothing of a durable channel", async () => {
    const file = join(home.folder, "house.yaml");
    writeFileSync(file, "channels: { 'demo/kept': { durable: true } }\n");
    const { command: first } = await home.serve("--config", file);
    const command = await listen("demo/kept");
    await home.run(["publish", "demo/kept", "1"]);
    await command.until(() => command.lines.length === 1);
    await first.end("SIGKILL");
    await command.until(() => command.stderr.includes("Cannot listen now"));
    await home.serve("--config", file);
    for (const data of ["2", "3"]) await home.run(["publish", "demo/kept", data]);
    await command.until(() => command.lines.length === 3);
    expect(dataOf(command)).toEqual([1, 2, 3]);
  });

  test("says when something was missed that nobody kept", async () => {
    const { command: first } = await home.serve();
    const command = await listen("demo/a");
    await home.run(["publish", "demo/a", "1"]);
    await command.until(() => command.lines.length === 1);
    await first.end();
    await home.serve();
    await command.until(() => command.lines.length === 2);
    expect(JSON.parse(command.lines[1] ?? "")).toEqual({ gap: true, channels: ["demo/a"] });
  });

  test("gives a gateway up that has fallen silent, and comes back with the cursor of the last line", async () => {
    const asked: string[] = [];
    const silent = Bun.serve({
      port: 0,
      fetch({ url }) {
        asked.push(new URL(url).search);
        const lines = [
          '{"hello":true,"heartbeat":0.05}',
          '{"live":true,"cursor":"run.1"}',
          `{"channel":"a","cursor":"run.2"}`,
        ];
        const body = new ReadableStream({ start: (stream) => stream.enqueue(`${lines.join("\n")}\n`) });
        return new Response(body, { headers: { "content-type": "application/x-ndjson" } });
      },
    });
    const command = home.spawn(["--url", `${silent.url}`, "subscribe", "a"]);
    await command.until(() => command.lines.length === 2);
    const { stderr } = await command.end("SIGINT");
    await silent.stop(true);
    expect(asked.slice(0, 2)).toEqual(["", "?since=run.2"]);
    expect(stderr).toContain("Cannot listen now: the gateway fell silent; again in 0.");
  });

  test("ends when its key is revoked, and says so", async () => {
    const { url } = await home.serve();
    const { key, id } = (await home.json(["key", "create", "x", "--subscribe", "home/**"])) as {
      key: string;
      id: string;
    };
    const elsewhere = ["--url", url, "--key", key];
    const command = await listen("home/**", ...elsewhere);
    await home.run(["key", "revoke", id]);
    const { code, stderr } = await command.outcome();
    expect({ code, stderr }).toEqual({ code: 1, stderr: "Cannot go on listening: The key was revoked\n" });
  });

  test("is refused at once without a right, with a bad name, and without a gateway", async () => {
    expect((await home.run(["subscribe", "demo/a"])).code).toBe(3);
    const { url } = await home.serve();
    const forbidden = await home.run(["--url", url, "subscribe", "home/**"]);
    expect(forbidden).toMatchObject({ code: 1, stderr: "Cannot listen without a key: send one\n" });
    expect((await home.run(["subscribe", "a//b"])).code).toBe(1);
    expect((await home.run(["subscribe", "demo/a", "--history", "many"])).code).toBe(2);
  });

  test("ends in silence when whoever reads its output has had enough", async () => {
    await home.serve();
    const main = new URL("../../src/main.ts", import.meta.url).pathname;
    const words = [process.execPath, main, "--data", home.data, "subscribe", "demo/a", "--history", "5"];
    const child = Bun.spawn(["sh", "-c", `"$@" | head -1`, "sh", ...words], {
      env: home.environment(),
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const publishing = setInterval(() => void fetchPublish(), 50);
    const text = await new Response(child.stdout).text();
    await child.exited;
    clearInterval(publishing);
    expect(text.split("\n").filter(Boolean)).toHaveLength(1);
    expect(await new Response(child.stderr).text()).toBe("");
  });

  test("shows a person on a terminal what comes and how the connection is", async () => {
    await home.serve();
    let screen = "";
    const main = new URL("../../src/main.ts", import.meta.url).pathname;
    const child = Bun.spawn([process.execPath, main, "--data", home.data, "subscribe", "demo/**"], {
      env: { ...home.environment(), TERM: "xterm" },
      terminal: {
        cols: 100,
        rows: 24,
        data: (_, bytes) => {
          screen += new TextDecoder().decode(bytes);
        },
      },
    });
    const shown = (text: string): Promise<void> => until(() => screen.includes(text), text);
    await shown("● live: 0 received");
    await home.run(["publish", "demo/door", '{"open":true}']);
    await shown('demo/door {"open":true}');
    await shown("live: 1 received");
    child.kill("SIGINT");
    expect(await child.exited).toBe(0);
    expect(screen).toContain("To go on from here: --since ");
  });
});

async function fetchPublish(): Promise<void> {
  const unix = join(home.data, "control.sock");
  await fetch("http://localhost/channels/demo/a", { unix, method: "POST", body: "x" }).catch(() => undefined);
}
