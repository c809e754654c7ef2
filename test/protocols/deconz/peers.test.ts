/** Existing clients, and who may listen: over real sockets, each as its users run it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { httpAnswer, RawClient, serverFrames, until, upgradeHead } from "../../transports/raw-client.ts";
import { eventually, openStage, Peer, type Stage } from "./stage.ts";

const root = new URL("../../..", import.meta.url).pathname;
const press = '{"e":"changed","id":"1","r":"sensors","state":{"buttonevent":2002},"t":"event","uniqueid":"00:01"}';

/** A program run by Node, as its users do; what it says so far. */
class Program {
  readonly #child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  text = "";
  readonly done: Promise<number>;

  constructor(words: readonly string[], home: string) {
    this.#child = Bun.spawn(["node", ...words], {
      cwd: root,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      env: { PATH: process.env["PATH"] ?? "", HOME: home },
    });
    const read = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
      const decoder = new TextDecoder();
      for await (const chunk of stream) this.text += decoder.decode(chunk, { stream: true });
    };
    const ends = [read(this.#child.stdout), read(this.#child.stderr), this.#child.exited] as const;
    this.done = Promise.all(ends).then(([, , code]) => code);
  }

  async says(text: string): Promise<void> {
    await until(() => this.text.includes(text), `${text}; it said ${this.text.slice(-500)}`, 15_000);
  }

  end(): void {
    this.#child.kill();
  }
}

describe("hb-deconz-tools", () => {
  let stage: Stage;
  let home: string;
  let key: string;
  const deconz = (...words: string[]): Program =>
    new Program(["node_modules/hb-deconz-tools/cli/deconz.js", "-H", "127.0.0.1", ...words], home);

  beforeAll(async () => {
    // Its event log builds `host:websocketport`, which works only where REST is on port 80.
    stage = await openStage({ port: 80 });
    home = mkdtempSync(join(tmpdir(), "hearthwire-hb-"));
    key = await stage.key();
  });
  afterAll(async () => {
    await stage.stop();
    rmSync(home, { recursive: true });
  });

  test("pairs, while pairing is open", async () => {
    const admin = await stage.key({ subscribe: ["deconz/**"], call: ["deconz.*"], admin: ["**"] });
    const refused = deconz("getApiKey");
    await refused.done;
    expect(refused.text).toContain("api error 101: link button not pressed");
    await stage.rest(`/api/${admin}/config`, { method: "PUT", body: { unlock: 60 } });
    const paired = deconz("getApiKey");
    expect([await paired.done, paired.text]).toEqual([0, expect.stringMatching(/hw_\w{30,}/)]);
  }, 20_000);

  test("reads the config, with and without key, and resources", async () => {
    const config = deconz("config");
    expect([await config.done, config.text]).toEqual([0, expect.stringContaining("00212EFFFF8642AB")]);
    const light = deconz("-K", key, "get", "/lights/1/state");
    expect([await light.done, light.text]).toEqual([0, expect.stringContaining('"reachable": true')]);
    const whole = deconz("-K", key, "get");
    expect([await whole.done, whole.text.length > 10_000]).toEqual([0, true]);
  }, 20_000);

  test("puts, and the house does it", async () => {
    const put = deconz("-K", key, "put", "-v", "/lights/1/state", '{"on":true}');
    expect([await put.done, put.text]).toEqual([0, expect.stringContaining("on")]);
    await eventually(async () => JSON.stringify((await stage.map("lights"))["1"]).includes('"on":true'), "the light");
  }, 20_000);

  test("follows the event log", async () => {
    const log = deconz("-K", key, "eventlog", "-n");
    await until(() => stage.gateway.gateway.status().sessions > 0, "its WebSocket", 10_000);
    stage.simulator.say(press);
    await log.says("buttonevent");
    log.end();
    await log.done;
  }, 30_000);

  test("WsClient hears what is changed, added, deleted and called, and comes back when its connection ends", async () => {
    const script = `
      import { WsClient } from "hb-deconz-tools/WsClient";
      const client = new WsClient({ host: process.argv[1], retryTime: 1 });
      for (const event of ["listening", "changed", "added", "deleted", "sceneRecall", "notification", "closed"])
        client.on(event, (...args) => console.log(event, JSON.stringify(args)));
      client.on("error", (error) => console.log("error", error.message));
      client.listen();`;
    const client = new Program(["--input-type=module", "-e", script, stage.host], home);
    await client.says("listening");
    await Bun.sleep(50);
    stage.simulator.say(press);
    stage.simulator.say('{"e":"changed","id":"65520","r":"groups","state":{"all_on":false,"any_on":true},"t":"event"}');
    stage.simulator.say('{"e":"added","id":"9","light":{"name":"x"},"r":"lights","t":"event","uniqueid":"1"}');
    stage.simulator.say('{"e":"deleted","id":"9","r":"lights","t":"event","uniqueid":"1"}');
    stage.simulator.say('{"e":"scene-called","gid":"1","r":"scenes","scid":"2","t":"event"}');
    await client.says('sceneRecall ["/groups/1/scenes/2"]');
    expect(client.text).toContain('changed ["sensors","1",{"state":{"buttonevent":2002}}]');
    expect(client.text).toContain('changed ["groups","0",{"state":');
    expect(client.text).toContain('added ["lights","9",{"name":"x"}]');
    expect(client.text).toContain('deleted ["lights","9"]');
    expect(client.text).not.toContain("notification");
    await stage.gateway.stop();
    await client.says("closed");
    stage = await openStage({ port: 80 });
    await until(() => client.text.split("listening").length > 2, "its return", 10_000);
    await Bun.sleep(50);
    stage.simulator.say(press.replace("2002", "3002"));
    await client.says('{"state":{"buttonevent":3002}}');
    client.end();
    await client.done;
  }, 30_000);

  test("the documentation's example runs in Node", async () => {
    const script = `
      const WebSocket = require("ws");
      const ws = new WebSocket("ws://" + process.argv[1]);
      ws.onopen = () => console.log("open");
      ws.onmessage = (msg) => console.log(JSON.stringify(JSON.parse(msg.data).state));`;
    const example = new Program(["-e", script, stage.host], home);
    await example.says("open");
    await Bun.sleep(50);
    stage.simulator.say(press);
    await example.says('{"buttonevent":2002}');
    example.end();
    await example.done;
  }, 20_000);
});

describe("Who may listen", () => {
  const upgrade = async (host: string, path: string, ...headers: string[]): Promise<number> => {
    const client = await RawClient.connect(Number(host.split(":")[1]));
    await client.send(Buffer.from(upgradeHead(path, headers)));
    await until(() => httpAnswer(client.bytes) !== undefined, "an answer");
    const { status } = httpAnswer(client.bytes) ?? { status: 0 };
    client.reset();
    return status;
  };

  test("is by default whoever is on this machine or in a private network, at the root, at any path, and at /deconz of the main listener", async () => {
    const stage = await openStage();
    const main = stage.gateway.url.slice("http://".length);
    expect(await upgrade(stage.host, "/")).toBe(101);
    expect(await upgrade(stage.host, "/any/path")).toBe(101);
    expect(await upgrade(main, "/deconz")).toBe(101);
    const peer = await new Peer(`ws://${main}/deconz`).opens();
    stage.simulator.say(press);
    expect(await peer.hears(1)).toEqual([press]);
    await stage.stop();
  }, 20_000);

  test("is no page of another origin that is not listed; the log says which option to add it to", async () => {
    const stage = await openStage({ listener: "origins: [https://wall.example]" });
    expect(await upgrade(stage.host, "/", "Origin: https://evil.example")).toBe(403);
    expect(await upgrade(stage.host, "/", "Origin: https://wall.example")).toBe(101);
    expect(stage.gateway.warnings.join()).toContain("https://evil.example listen: add it to `listeners[0].origins`");
    await stage.stop();
  }, 20_000);

  test("where it is not open: who shows a key, a ticket, or with path_key a key in the path", async () => {
    const stage = await openStage({ listener: "open_to: [192.0.2.1], path_key: true" });
    const key = await stage.key();
    const other = await stage.key({ subscribe: ["home/**"] });
    expect(await upgrade(stage.host, "/")).toBe(401);
    expect(stage.gateway.warnings.join()).toContain("add 127.0.0.1 to `listeners[0].open_to`");
    expect(await upgrade(stage.host, "/", `X-API-Key: ${key}`)).toBe(101);
    expect(await upgrade(stage.host, "/", `X-API-Key: ${other}`)).toBe(403);
    expect(await upgrade(stage.host, `/${key}`)).toBe(101);
    expect(await upgrade(stage.host, `/${key.slice(0, -1)}x`)).toBe(401);
    const { body } = await stage.gateway.ask("/tickets", { method: "POST", key, body: {} });
    expect(await upgrade(stage.host, `/?ticket=${(body as { ticket: string }).ticket}`)).toBe(101);
    const main = stage.gateway.url.slice("http://".length);
    expect(await upgrade(main, `/deconz/${key}`)).toBe(101);
    await stage.stop();
  }, 20_000);

  test("has its WebSocket where the config says: a port of its own, or the first free one", async () => {
    const taken = takenPort(8080);
    const stage = await openStage({ listener: "ws_port: auto" });
    const key = await stage.key();
    const { websocketport } = (await stage.rest(`/api/${key}/config`)).body as { websocketport: number };
    expect(websocketport).not.toBe(8080);
    const peer = await new Peer(`ws://127.0.0.1:${websocketport}/`).opens();
    stage.simulator.say(press);
    await peer.hears(1);
    expect((await fetch(`http://127.0.0.1:${websocketport}/api/${key}/lights`)).status).toBe(404);
    await stage.stop();
    await taken?.stop(true);
    const behind = await openStage({ listener: "public_ws_port: 443" });
    expect((await behind.rest(`/api/${await behind.key()}/config`)).body).toMatchObject({ websocketport: 443 });
    await behind.stop();
  }, 20_000);

  test("is ended when its key is revoked", async () => {
    const stage = await openStage({ listener: "path_key: true" });
    const { key, id } = await stage.gateway.newKey({ subscribe: ["deconz/**"] });
    const peer = await new Peer(`ws://${stage.host}/${key}`).opens();
    await stage.gateway.ask(`/admin/keys/${id}`, { method: "DELETE", key: stage.gateway.admin });
    await until(() => peer.closed !== undefined, "the end");
    await stage.stop();
  }, 20_000);
});

/** Another program may have it already. */
function takenPort(port: number): Bun.Server<undefined> | undefined {
  try {
    return Bun.serve({ port, hostname: "127.0.0.1", fetch: () => new Response("") });
  } catch {
    return undefined;
  }
}

test("nothing but events goes out: no welcome, and what peers say is ignored", async () => {
  const stage = await openStage();
  const client = await RawClient.connect(Number(stage.host.split(":")[1]));
  await client.send(Buffer.from(upgradeHead("/")));
  const peer = await new Peer(`ws://${stage.host}/`).opens();
  for (const said of ["{}", '{"apiKey":"x"}', "x".repeat(100_000)]) peer.socket.send(said);
  peer.socket.send(new Uint8Array([1, 2, 3]));
  await Bun.sleep(30);
  stage.simulator.say(press);
  expect(await peer.hears(1)).toEqual([press]);
  const frames = serverFrames(httpAnswer(client.bytes)?.rest ?? Buffer.alloc(0));
  expect(frames.map(({ payload }) => payload.toString())).toEqual([press]);
  client.reset();
  await stage.stop();
}, 20_000);

test("a thousand peers hear each event, over one connection upstream", async () => {
  const stage = await openStage();
  const peers: Peer[] = [];
  for (let group = 0; group < 10; group++) {
    const some = Array.from({ length: 100 }, () => new Peer(`ws://${stage.host}/`));
    await Promise.all(some.map((peer) => peer.opens()));
    peers.push(...some);
  }
  expect(stage.simulator.listeners).toBe(1);
  stage.simulator.say(press);
  await Promise.all(peers.map((peer) => peer.hears(1)));
  expect(peers.every(({ frames }) => frames.length === 1 && frames[0] === press)).toBe(true);
  for (const { socket } of peers) socket.close();
  await stage.stop();
}, 30_000);
