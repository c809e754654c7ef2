/** Where the protocol is spoken, with which keys, and by whose pages. */
import { afterEach, describe, expect, test } from "bun:test";
import { keyOf } from "../../../simulators/jeedom/users.ts";
import { TestGateway } from "../../http/gateway.ts";
import { httpAnswer, RawClient, until, upgradeHead } from "../../transports/raw-client.ts";
import { eventually } from "../deconz/stage.ts";
import { PluginClient, PluginStage, type PluginStageOptions } from "./plugin-stage.ts";

let stage: PluginStage;
const open = async (options?: PluginStageOptions): Promise<void> => {
  stage = await PluginStage.open(options);
};
afterEach(async () => {
  expect(stage.gateway.errors).toEqual([]);
  await stage.stop();
});

/** The status that a request for a WebSocket gets. */
async function status(port: number, path: string, ...headers: string[]): Promise<number> {
  const client = await RawClient.connect(port);
  await client.send(upgradeHead(path, headers));
  await until(() => httpAnswer(client.bytes) !== undefined, "an answer");
  client.reset();
  return httpAnswer(client.bytes)?.status ?? 0;
}

describe("The protocol is spoken", () => {
  test("at any path of a listener of its own, and at /jeedom of the main one, with options of each", async () => {
    await open({ yaml: "protocols: { jeedom: { allowed_hosts: [wall.example] } }\n" });
    const main = Number(new URL(stage.gateway.url).port);
    expect(await status(main, "/jeedom", "Origin: https://wall.example")).toBe(101);
    expect(await status(main, "/jeedom", "Origin: http://192.168.1.20")).toBe(403);
    const client = await new PluginClient(`ws://127.0.0.1:${main}/jeedom`, { origin: "https://wall.example" }).opens();
    client.socket.send(JSON.stringify({ apiKey: keyOf("anna") }));
    await eventually(async () => {
      stage.say("at the main listener");
      await Bun.sleep(30);
      return client.texts.length > 0;
    }, "an event");
    expect((await fetch(`${stage.gateway.url}/jeedom`)).status).toBe(400);
  }, 20_000);

  test("for the bridge that is named, where there are several", async () => {
    await open();
    const { url, users } = stage.simulator;
    const bridge = (at: string): string => `{ type: jeedom, url: "${at}", key: ${users.apiKey} }`;
    const two = await TestGateway.start(
      `bridges: { box: ${bridge(url)}, other: ${bridge("http://127.0.0.1:1")} }\n` +
        "protocols: { jeedom: { bridge: box, require_origin: false } }\n",
    );
    const main = Number(new URL(two.url).port);
    expect(await status(main, "/jeedom")).toBe(101);
    const none = await TestGateway.start("");
    expect(await status(Number(new URL(none.url).port), "/jeedom", "Origin: http://x")).toBe(503);
    await Promise.all([two.stop(), none.stop()]);
  }, 20_000);

  test("by default with pages of the bridge's host, of public_url's, and of Jeedom's own addresses", async () => {
    await open({ yaml: "public_url: https://push.example.org\n" });
    for (const host of ["127.0.0.1", "push.example.org", "192.168.1.20", "maison.example.org"]) {
      expect(await status(stage.port, "/", `Origin: http://${host}:81`)).toBe(101);
    }
    expect(await status(stage.port, "/", "Origin: http://evil.example")).toBe(403);
    expect(await status(stage.port, "/")).toBe(403);
    expect(stage.gateway.warnings.join()).toContain("`listeners[0].require_origin: false`");
  }, 20_000);
});

describe("A key of Hearthwire's", () => {
  test("that may hear the bridge's events hears all of them, until it is revoked; another is refused", async () => {
    await open();
    const { key, id } = await stage.gateway.newKey({ subscribe: ["jeedom/**"] });
    const client = await stage.connect();
    client.socket.send(JSON.stringify({ apiKey: key }));
    const commands = [...stage.simulator.house.building.commands.keys()];
    await eventually(async () => {
      stage.simulator.events.add("cmd::update", { cmd_id: commands.at(-1), value: Math.random() });
      await Bun.sleep(30);
      return client.texts.length > 0;
    }, "an event");
    await stage.gateway.ask(`/admin/keys/${id}`, { method: "DELETE", key: stage.gateway.admin });
    expect(await client.closes()).toEqual({ code: 1000, reason: "The key was revoked" });
    const { key: other } = await stage.gateway.newKey({ subscribe: ["home/**"] });
    const refused = await stage.connect();
    refused.socket.send(JSON.stringify({ apiKey: other }));
    expect(await refused.closes()).toEqual({
      code: 1000,
      reason: "Cannot subscribe to jeedom/events: no such grant",
    });
  }, 20_000);
});

test("With rights: all every user hears everything", async () => {
  await open({ listener: "rights: all" });
  const rose = await stage.enter("rose");
  for (const id of stage.simulator.house.building.commands.keys()) {
    stage.simulator.events.add("cmd::update", { cmd_id: id, value: "to everybody" });
  }
  const { size } = stage.simulator.house.building.commands;
  await until(() => rose.said("to everybody").length >= Math.min(size, 240), "all of them");
}, 20_000);

test("A thousand clients of one user are asked about once, and each hears each event once", async () => {
  // A hundred that open at once on a busy machine may take longer than the usual second.
  await open({ listener: "auth_delay: 30s" });
  let asked = 0;
  stage.simulator.asked = (method, { user }) => {
    if (method === "jeeObject::full" && user?.login === "anna") asked++;
  };
  const clients: PluginClient[] = [];
  for (let group = 0; group < 10; group++) {
    const some = await Promise.all(Array.from({ length: 100 }, () => stage.connect()));
    for (const { socket } of some) socket.send(JSON.stringify({ apiKey: keyOf("anna") }));
    clients.push(...some);
  }
  await stage.enter("anna");
  stage.say("to a thousand");
  const missing = (): number => clients.filter(({ texts }) => !texts.some((text) => text.includes("thousand"))).length;
  await until(() => missing() === 0, "all of them", 20_000).catch(() => {
    const closed = clients.find((client) => client.closed !== undefined)?.closed;
    throw new Error(`${missing()} heard nothing; one was closed with ${JSON.stringify(closed)}`);
  });
  expect(clients.every((client) => client.said("to a thousand").length === 1)).toBe(true);
  expect(asked).toBe(1);
  expect(stage.simulator.mostWaiting).toBe(1);
  for (const { socket } of clients) socket.close();
}, 30_000);
