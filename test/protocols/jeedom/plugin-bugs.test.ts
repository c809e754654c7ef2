/** What was wrong with the plugin's daemon, bug by bug: none of it is so here. */
import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keyOf } from "../../../simulators/jeedom/users.ts";
import { parseListen } from "../../../src/config/listen.ts";
import { parseConfig } from "../../../src/config/load.ts";
import { startGateway } from "../../../src/gateway.ts";
import { JsonRpc } from "../../../src/protocols/jeedom/json-rpc.ts";
import { KeyChecks } from "../../../src/protocols/jeedom/key-checks.ts";
import { systemDialer } from "../../../src/transports/dialer.ts";
import { Setting } from "../../core/setting.ts";
import { FakeClock } from "../../fakes/clock.ts";
import { FakeLog } from "../../fakes/log.ts";
import {
  clientFrame,
  httpAnswer,
  opcodes,
  RawClient,
  serverFrames,
  until,
  upgradeHead,
} from "../../transports/raw-client.ts";
import { eventually } from "../deconz/stage.ts";
import { Place } from "./place.ts";
import { origin, PluginClient, PluginStage, type PluginStageOptions } from "./plugin-stage.ts";

let stage: PluginStage;
const open = async (options?: PluginStageOptions): Promise<PluginStage> => {
  stage = await PluginStage.open(options);
  return stage;
};
afterEach(async () => {
  expect(stage.gateway.errors).toEqual([]);
  await stage.stop();
});

/** Sends one first message, and tells how it ends. */
async function first(data: string | Uint8Array): Promise<{ readonly code: number; readonly reason: string }> {
  const client = await stage.connect();
  client.socket.send(data);
  return await client.closes();
}

test("1: a disabled user is not let in", async () => {
  await open();
  const user = stage.simulator.users.all.get("anna");
  if (user !== undefined) user.enabled = false;
  expect(await first(JSON.stringify({ apiKey: keyOf("anna") }))).toEqual({
    code: 1000,
    reason: "Cannot listen: no enabled user of Jeedom has this key",
  });
});

test("2: a key is checked by Jeedom's own API, under its own rules; neither its core key nor an empty one is a user's", async () => {
  await open();
  const asked: string[] = [];
  stage.simulator.asked = (method, { user }) => {
    if (user !== undefined) asked.push(`${user.login}: ${method}`);
  };
  await stage.enter("anna");
  expect(asked).toContain("anna: jeeObject::full");
  for (const apiKey of [stage.simulator.users.apiKey, "", keyOf("nobody")]) {
    expect((await first(JSON.stringify({ apiKey }))).code).toBe(1000);
  }
}, 20_000);

test("3: no first message ends the daemon, or disturbs anybody else", async () => {
  await open();
  const anna = await stage.enter("anna");
  const odd = [
    "1",
    "[]",
    '"x"',
    "null",
    "true",
    "",
    '{"apiKey":{}}',
    '{"apiKey":""}',
    '{"apiKey":["a"]}',
    "x".repeat(1_000_000),
    "[".repeat(100_000),
  ];
  for (const said of [...odd, new Uint8Array([0xff, 0xfe, 0]), new Uint8Array(70_000), new Uint8Array()]) {
    expect(await first(said)).toEqual({
      code: 1000,
      reason: expect.stringMatching(/^Cannot make sense of the first message: /),
    });
  }
  stage.say("all is well");
  await anna.hears("all is well");
  expect(anna.closed).toBeUndefined();
}, 20_000);

test("4: a fault in what Jeedom answers neither ends the daemon nor what its clients hear", async () => {
  await open();
  const anna = await stage.enter("anna");
  for (const trouble of ["500", "html"] as const) {
    stage.simulator.trouble = trouble;
    await Bun.sleep(300);
    stage.simulator.trouble = undefined;
    await eventually(async () => {
      stage.say(`after ${trouble}`);
      await Bun.sleep(50);
      return anna.said(`after ${trouble}`).length > 0;
    }, "an event");
  }
  expect(anna.closed).toBeUndefined();
}, 30_000);

test("5: of busy seconds each event comes once", async () => {
  await open();
  const anna = await stage.enter("anna");
  const count = 600;
  for (let at = 0; at < count; at++) {
    stage.simulator.events.add(`busy::${at}`, { at });
    if (at % 3 === 0) await Bun.sleep(1);
  }
  await until(() => anna.events.some(({ name }) => name === `busy::${count - 1}`), "the last", 10_000);
  const names = anna.events.map(({ name }) => name).filter((name) => name.startsWith("busy::"));
  expect(names).toEqual(Array.from({ length: count }, (_, at) => `busy::${at}`));
}, 30_000);

test("6: a user gets the events of what Jeedom lets it see, and no others", async () => {
  await open();
  const [anna, rose] = [await stage.enter("anna"), await stage.enter("rose")];
  const { commands, equipments } = stage.simulator.house.building;
  const [firstEquipment] = equipments.keys();
  const events = [...commands.values()].map(({ id, equipmentId }) => ({ id, seen: equipmentId === firstEquipment }));
  for (const { id } of events) stage.simulator.events.add("cmd::update", { cmd_id: id, value: 1 });
  stage.say("the end");
  await Promise.all([anna.hears("the end"), rose.hears("the end")]);
  const updates = ({ events: heard }: PluginClient): number[] =>
    heard.filter(({ name }) => name === "cmd::update").map(({ option }) => (option as { cmd_id: number }).cmd_id);
  const roses = updates(rose);
  expect(roses.length).toBeGreaterThan(0);
  expect(updates(anna).length).toBeGreaterThan(roses.length);
  expect(events.filter(({ id }) => roses.includes(id)).every(({ seen }) => seen)).toBe(true);
}, 20_000);

test("7: nobody gets what is older than it is, and who says since when it was away gets what it missed", async () => {
  await open();
  const anna = await stage.enter("anna");
  stage.say("before");
  await anna.hears("before");
  const { datetime } = JSON.parse(anna.texts.at(-1) ?? "") as { datetime: number };
  anna.socket.close();
  stage.say("meanwhile");
  const second = await stage.enter("anna");
  expect(second.said("before")).toEqual([]);
  const back = await stage.connect();
  back.socket.send(JSON.stringify({ apiKey: keyOf("anna"), since: datetime }));
  await back.hears("meanwhile");
  expect([back.said("before").length, back.said("meanwhile").length]).toEqual([0, 1]);
}, 20_000);

test("8: who is gone without a word is found, and who does not read is dropped, while the others hear", async () => {
  await open({ yaml: "heartbeat: 1s\nlimits: { queue: { bytes: 64KiB, age: 500ms }, publication: 8KiB, body: 1MiB }" });
  const anna = await stage.enter("anna");
  const raw = async (): Promise<RawClient> => {
    const client = await RawClient.connect(stage.port);
    await client.send(upgradeHead("/", [`Origin: ${origin}`]));
    await client.receives((text) => text.includes("101"), "the handshake");
    await client.send(clientFrame(opcodes.text, JSON.stringify({ apiKey: keyOf("anna") })));
    return client;
  };
  const silent = await raw();
  const stopped = await raw();
  await eventually(async () => {
    stage.say("begin");
    await Bun.sleep(30);
    return silent.text.includes("begin") && stopped.text.includes("begin");
  }, "their first event");
  stopped.stopReading();
  const large = "x".repeat(7000);
  await eventually(
    async () => {
      for (let at = 0; at < 100; at++) stage.simulator.events.add(`large::${at}`, { large });
      await Bun.sleep(20);
      return stage.gateway.gateway.status().sessions === 1;
    },
    "the end of both",
    25_000,
  );
  expect(anna.closed).toBeUndefined();
  await until(() => silent.closed, "the end of the connection", 10_000);
}, 40_000);

test("9: what is for everybody is worded once (see listening.test.ts), and every client gets the same bytes", async () => {
  await open();
  const clients = await Promise.all(Array.from({ length: 20 }, () => stage.enter("anna")));
  for (const client of clients) client.texts.length = 0;
  stage.say("to all of them");
  await Promise.all(clients.map((client) => client.hears("to all of them")));
  expect(new Set(clients.map(({ texts }) => texts.find((text) => text.includes("to all of them")))).size).toBe(1);
}, 20_000);

test("10: an open connection ends within two minutes when its user is disabled, or has another key", async () => {
  await open();
  const { url, users } = stage.simulator;
  const clock = new FakeClock();
  const checks = new KeyChecks(new JsonRpc(systemDialer, url, () => users.apiKey), clock);
  const upstream = { name: "jeedom", check: (key: string) => checks.check(key) };
  const place = new Place({ upstream }, new Setting({ clock }));
  const [anna, rose, admin] = ["anna", "rose", "admin"].map((login) => {
    const { session, outlet } = place.open();
    session.message(JSON.stringify({ apiKey: keyOf(login) }));
    return { session, outlet };
  });
  const isIn = (one: typeof anna): boolean => typeof one?.session.state === "object";
  await until(() => isIn(anna) && isIn(rose) && isIn(admin), "all three");
  for (const { login } of users.all.values()) {
    const user = users.all.get(login);
    if (login === "anna" && user !== undefined) user.enabled = false;
    else if (login === "rose" && user !== undefined) user.key = keyOf("a new one");
  }
  for (let seconds = 0; seconds < 100; seconds += 20) {
    clock.advance(20_000);
    await Bun.sleep(100);
  }
  const end = { code: 1000, reason: "Cannot listen any more: the user was disabled or has another key", abrupt: false };
  expect([anna?.outlet.ends, rose?.outlet.ends, admin?.outlet.ends]).toEqual([[end], [end], []]);
}, 20_000);

/** A gateway before the same Jeedom whose log the test reads. */
async function withLog(work: (port: number, log: FakeLog) => Promise<void>): Promise<void> {
  const data = mkdtempSync(join(tmpdir(), "hearthwire-log-"));
  const log = new FakeLog();
  const { url, users } = stage.simulator;
  const config = parseConfig({
    text: `{ listen: "127.0.0.1:0", data: ${data}, unix_socket: false, bridges: { jeedom: { type: jeedom, url: "${url}", key: ${users.apiKey} } },
      listeners: [{ listen: "127.0.0.1:0", protocol: jeedom }] }`,
  });
  const gateway = await startGateway(config, { log });
  const port = Number(new URL(gateway.addresses[1]?.url ?? "").port);
  await until(() => log.lines.some(({ text }) => text === "Bridge is connected"), "the bridge");
  await work(port, log);
  await gateway.stop();
  rmSync(data, { recursive: true });
}

test("11: no key and no cookie is logged, and nobody's word is taken for an address but a trusted proxy's", async () => {
  await open();
  await withLog(async (port, log) => {
    const headers = { origin, cookie: "PHPSESSID=a-secret-session", "x-forwarded-for": "6.6.6.6" };
    for (const login of ["anna", "nobody"]) {
      const client = await new PluginClient(`ws://127.0.0.1:${port}/`, headers).opens();
      client.socket.send(JSON.stringify({ apiKey: keyOf(login) }));
    }
    const told = (part: string) => log.lines.some(({ text }) => text.includes(part));
    await until(() => told("A client listens") && told("no enabled user"), "what is logged of both");
    const text = JSON.stringify(log.lines);
    for (const secret of [keyOf("anna"), keyOf("nobody"), "a-secret-session", "6.6.6.6"])
      expect(text).not.toContain(secret);
    expect(text.split('"address":"127.0.0.1"').length).toBeGreaterThan(2);
  });
}, 20_000);

test("12: hosts are compared without blanks around them and whatever their letters, and are hosts of pages", async () => {
  await open({ listener: 'allowed_hosts: " MyJeedom.ltd , 10.0.0.42 "' });
  const status = async (...headers: string[]): Promise<number> => {
    const client = await RawClient.connect(stage.port);
    await client.send(upgradeHead("/", headers));
    await until(() => httpAnswer(client.bytes) !== undefined, "an answer");
    client.reset();
    return httpAnswer(client.bytes)?.status ?? 0;
  };
  expect(await status("Origin: https://myjeedom.LTD:8443")).toBe(101);
  expect(await status("Origin: http://10.0.0.42")).toBe(101);
  for (const page of ["http://myjeedom.ltd.evil.example", "http://192.168.1.20", "null", "http://10.0.0.4"]) {
    expect(await status(`Origin: ${page}`)).toBe(403);
  }
  expect(await status()).toBe(403);
  expect(stage.gateway.warnings.join("\n")).toContain("add it to `listeners[0].allowed_hosts`");
}, 20_000);

test("13: it can have a certificate, and listens on one interface alone where only a port is said", async () => {
  expect(parseListen("8090")).toEqual({ host: "127.0.0.1", port: 8090 });
  const folder = mkdtempSync(join(tmpdir(), "hearthwire-tls-"));
  const made = Bun.spawnSync([
    ..."openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost".split(" "),
    ...["-keyout", join(folder, "key.pem"), "-out", join(folder, "cert.pem")],
  ]);
  expect(made.exitCode).toBe(0);
  await open({ listener: `tls: { cert: ${folder}/cert.pem, key: ${folder}/key.pem }` });
  const anna = await stage.enter("anna", {}, stage.url.replace("ws:", "wss:"));
  stage.say("in secret");
  await anna.hears("in secret");
  rmSync(folder, { recursive: true });
}, 20_000);

test("14: nothing is logged where nothing happens", async () => {
  await open();
  await withLog(async (port, log) => {
    const client = await new PluginClient(`ws://127.0.0.1:${port}/`).opens();
    client.socket.send(JSON.stringify({ apiKey: keyOf("anna") }));
    await until(() => log.lines.some(({ text }) => text.includes("A client listens")), "the client");
    const before = log.lines.length;
    await Bun.sleep(2500);
    expect(log.lines.slice(before)).toEqual([]);
  });
}, 20_000);

test("15: whoever is sent away is told why, in the close's reason", async () => {
  await open({ listener: "auth_delay: 100ms" });
  const silent = await stage.connect();
  expect(await silent.closes()).toEqual({ code: 1000, reason: "No key came in time" });
  expect((await first("{}")).reason).toBe("Cannot make sense of the first message: it has no apiKey");
  expect((await first(JSON.stringify({ apiKey: keyOf("nobody") }))).reason).toContain("no enabled user of Jeedom");
});

test("16: a key in the same segment as the request head is heard; a head that never ends is given up", async () => {
  await open();
  const client = await RawClient.connect(stage.port);
  const key = clientFrame(opcodes.text, JSON.stringify({ apiKey: keyOf("anna") }));
  await client.send(Buffer.concat([Buffer.from(upgradeHead("/", [`Origin: ${origin}`])), key]));
  const slow = await RawClient.connect(stage.port);
  await slow.send("GET / HTTP/1.1\r\nHost: x\r\n");
  await eventually(async () => {
    stage.say("heard at once");
    await Bun.sleep(30);
    return client.text.includes("heard at once");
  }, "an event");
  const frames = serverFrames(httpAnswer(client.bytes)?.rest ?? Buffer.alloc(0));
  expect(frames[0]?.opcode).toBe(opcodes.text);
  client.reset();
  await until(() => slow.closed, "the end of the slow one", 20_000);
}, 40_000);

test("17: a value that Jeedom cut within a letter goes out as valid text, and no message is ever empty", async () => {
  await open();
  const anna = await stage.enter("anna");
  const [command] = stage.simulator.house.building.commands.keys();
  stage.simulator.house.set(command ?? 0, `x${"é".repeat(1548)}`);
  stage.simulator.events.add("cmd::update", { cmd_id: command, value: "été" });
  await anna.hears("été");
  expect(anna.texts.every((text) => JSON.parse(text).result.length > 0)).toBe(true);
}, 20_000);
