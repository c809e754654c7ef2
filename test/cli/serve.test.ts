import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "../transports/raw-client.ts";
import { Home } from "./command-line.ts";

let home: Home;
beforeEach(() => {
  home = new Home();
});
afterEach(() => home.clear());

describe("hearthwire serve", () => {
  test("says where it listens, where its socket and data are, and the first admin key", async () => {
    const command = home.spawn(["serve", "--data", home.data, "--listen", "127.0.0.1:0"]);
    await command.until(() => /hw_\w+_\w+\n/.test(command.stdout));
    expect(command.stdout).toMatch(/^Hearthwire \d+\.\d+\.\d+ is running\.\n\n {2}http:\/\/localhost:\d+ {2}\(on 127/);
    expect(command.stdout).toContain(join(home.folder, "hearthwire.sock"));
    expect(command.stdout).toContain(home.data);
  });

  test("shows the first admin key at the first start only, and not in the log", async () => {
    const first = await home.serve("--log-level", "debug");
    const key = first.first_key ?? "";
    expect(key).toMatch(/^hw_\w{10}_\w{24}$/);
    const { stderr } = await first.command.end();
    expect(stderr).not.toContain(key);
    const second = await home.serve();
    expect(second.first_key).toBeUndefined();
  });

  test("lets nobody but its user open the control socket", async () => {
    await home.serve();
    expect(statSync(join(home.data, "control.sock")).mode & 0o777).toBe(0o600);
  });

  test.each(["SIGTERM", "SIGINT"] as const)("ends in good order at %s", async (signal) => {
    const { command } = await home.serve();
    const { code, stderr } = await command.end(signal);
    expect(code).toBe(0);
    expect(stderr).toContain(`"signal":"${signal}"`);
    expect(existsSync(join(home.data, "control.sock"))).toBeFalse();
  });

  test("ends at once at a second signal, when something holds up the first", async () => {
    const { command, addresses } = await home.serve();
    const port = Number(addresses[0]?.listen.split(":").at(-1));
    const stalled = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data: () => undefined } });
    stalled.write("POST /tickets HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n");
    await fetch(`http://127.0.0.1:${port}/health/live`);
    command.signal("SIGTERM");
    await command.until(() => command.stderr.includes("Stopping"));
    const insisting = setInterval(() => command.signal("SIGTERM"), 50);
    const { code, stderr } = await command.outcome();
    clearInterval(insisting);
    stalled.end();
    expect(code).toBe(1);
    expect(stderr).toContain("Ended at once, at a second signal.");
  });

  test("a second gateway on the same data directory ends with a clear error, and the first goes on", async () => {
    await home.serve();
    const { code, stderr } = await home.run(["serve", "--listen", "127.0.0.1:0"]);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^Cannot open the data directory .*: another Hearthwire is running on it\. .*`hearthwire restart`\n$/,
    );
    expect((await home.run(["status"])).code).toBe(0);
  });

  test("a port that another program has ends it with a clear error", async () => {
    const other = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
    const { code, stderr } = await home.run(["serve", "--listen", `127.0.0.1:${other.port}`]);
    other.stop(true);
    expect(code).toBe(1);
    expect(stderr).toContain(`Cannot listen on 127.0.0.1:${other.port}: another program has the port`);
    // Nothing is left behind that would be in the way of the next start.
    expect((await home.serve()).url).toStartWith("http://localhost:");
  });

  test("two gateways on data directories of their own never share a port in silence", async () => {
    const { url, addresses } = await home.serve();
    const other = join(home.folder, "other");
    const { code, stderr } = await home.run(["serve", "--data", other, "--listen", addresses[0]?.listen ?? ""]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("another program has the port") });
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
  });

  test("a bad configuration ends it with file, line and what was probably meant", async () => {
    const file = join(home.folder, "bad.yaml");
    writeFileSync(file, "listen: 127.0.0.1:0\nchanels: {}\n");
    const { code, stderr } = await home.run(["serve", "--config", file]);
    expect(code).toBe(1);
    expect(stderr).toContain(`${file}:2:1: Cannot use option \`chanels\`: there is no such option; did you mean`);
  });

  test("takes options as flags, before the environment, before the file", async () => {
    const file = join(home.folder, "house.yaml");
    writeFileSync(file, "listen: 127.0.0.1:0\nunix_socket: false\nanonymous: { subscribe: [file/**] }\n");
    const command = home.spawn(
      ["serve", "--config", file, "--data", home.data, "--json", "--anonymous-subscribe", "flag/**"],
      {
        env: { HEARTHWIRE_ANONYMOUS_SUBSCRIBE: "environment/**" },
      },
    );
    await command.until(() => command.lines.length > 0);
    const { addresses, unix_socket } = JSON.parse(command.stdout);
    expect(unix_socket).toBeUndefined();
    const status = async (channel: string) => (await fetch(`${addresses[0].url}/channels/${channel}`)).status;
    expect(await status("flag/a")).toBe(200);
    expect(await status("environment/a")).toBe(401);
    expect(await status("file/a")).toBe(401);
  });

  test("writes its log as JSON where nobody watches, and as text where asked to", async () => {
    const { stderr } = await (await home.serve()).command.end();
    expect(JSON.parse(stderr.split("\n")[0] ?? "")).toMatchObject({ level: "info", msg: "Stopping" });
    const text = await (await home.serve("--log-format", "text")).command.end();
    expect(text.stderr).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: Stopping/);
  });

  test("bin/hearthwire runs it, and passes signals on", async () => {
    const bin = new URL("../../bin/hearthwire.mjs", import.meta.url).pathname;
    const child = Bun.spawn(["node", bin, "serve", "--data", home.data, "--json", "--listen", "127.0.0.1:0"], {
      env: home.environment(),
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
    });
    const { value } = await child.stdout.getReader().read();
    expect(new TextDecoder().decode(value)).toContain('"first_key":"hw_');
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
  });
});

describe("hearthwire status", () => {
  test("says where the gateway listens and who is there", async () => {
    const { url } = await home.serve();
    const { stdout } = await home.run(["status"]);
    expect(stdout).toContain(`Listens      ${url}  (127.0.0.1:`);
    expect(stdout).toMatch(/Sessions {5}0\nKeys {9}1\nDevices {6}0\n/);
    expect(stdout).toContain("State        OK\n");
    expect(await home.json(["status"])).toMatchObject({ ready: true, data: home.data, keys: 1 });
  });

  test("says what is wrong, and which devices are here", async () => {
    const config = join(home.folder, "lost.yaml");
    writeFileSync(config, 'bridges: { house: { type: jeedom, url: "http://127.0.0.1:9", key: k } }\n');
    const { url } = await home.serve("--config", config);
    const { id, key } = (await home.json(["device", "add", "tablet"])) as { id: string; key: string };
    const socket = new WebSocket(`${url.replace("http", "ws")}/channels/$device/${id}`, {
      headers: { authorization: `Bearer ${key}` },
    });
    await until(() => socket.readyState === WebSocket.OPEN, "the device");
    const { stdout } = await home.run(["status"]);
    expect(stdout).toContain("State        not OK: the bridge house is connecting\n");
    expect(stdout).toMatch(/Bridge {7}house is connecting since .*: Cannot/);
    expect(stdout).toMatch(/Devices {6}1, 1 of them connected\n/);
    socket.close();
  }, 15_000);

  test("ends with 3 and says how to start one when no gateway is running", async () => {
    const { code, stdout, stderr } = await home.run(["status"]);
    expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
    expect(stderr).toStartWith(`Cannot show the status: no gateway is running on ${home.data}. Start one with`);
  });

  test("ends with 3 when a gateway was killed and its socket is still there", async () => {
    const { command } = await home.serve();
    await command.end("SIGKILL");
    expect(existsSync(join(home.data, "control.sock"))).toBeTrue();
    expect((await home.run(["status"])).code).toBe(3);
  });
});

describe("hearthwire sessions", () => {
  test("lists who is connected, shows one whole, and says when nobody is slow", async () => {
    const { url } = await home.serve();
    expect((await home.run(["sessions"])).stderr).toContain("Nobody is connected.");
    const stream = await fetch(`${url}/channels/demo/a`, { headers: { accept: "text/event-stream" } });
    const { stdout: list } = await home.run(["sessions"]);
    const [heads = "", row = ""] = list.split("\n");
    expect(heads).toMatch(/^ID +ADDRESS +TRANSPORT +PROTOCOL +KEY +LISTENS TO +QUEUED +DROPPED +IN +OUT +REFUSED$/);
    expect(row).toMatch(/^\S+ +127\.0\.0\.1 +sse +channel-url +anonymous +demo\/a +\d s +\d s$/);
    const [id = ""] = row.split(" ");
    const { stdout: one } = await home.run(["sessions", id]);
    expect(one).toContain(`Session      ${id}, since `);
    expect(one).toContain("Listens to   demo/a\nReads        fast enough\n");
    expect(one).toContain("May          subscribe demo/**, publish demo/**\n");
    expect(await home.json(["sessions"])).toMatchObject([{ id, transport: "sse", subscriptions: ["demo/a"] }]);
    expect((await home.run(["sessions", "--slow"])).stderr).toContain("Nobody is slow.");
    expect(await home.run(["sessions", "nobody"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("Cannot find session nobody: it is not there"),
    });
    await stream.body?.cancel();
  });
});
