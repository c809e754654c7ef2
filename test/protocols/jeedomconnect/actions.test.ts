/** No action is lost, and what happens in the house is the trigger. */
import { afterEach, expect, test } from "bun:test";
import { apiKeyOf } from "../../../simulators/jeedomconnect/equipment.ts";
import type { Message } from "../../../simulators/jeedomconnect/message.ts";
import { nameOf } from "../../../src/protocols/jeedomconnect/kept-inbox.ts";
import { until } from "../../transports/raw-client.ts";
import type { RawPhone } from "./raw-phone.ts";
import { events, Stage } from "./stage.ts";

const action: Message = { type: "ACTIONS", payload: [{ action: "toaster", message: "hello" }] };

let stage: Stage;
afterEach(async () => {
  expect(stage.gateway.errors).toEqual([]);
  await stage.stop();
});

/** An event of a command, as the bridge to Jeedom publishes it, but without its dates: only the plugin can tell them. */
async function commandEvent(): Promise<() => Promise<unknown>> {
  const { key } = await stage.gateway.newKey({ publish: ["jeedom/events"] });
  const headers = { "content-type": "application/json" };
  const [id] = stage.jeedom.house.infos();
  const event = () => ({ datetime: Date.now() / 1000, name: "cmd::update", option: { cmd_id: id, value: 1 } });
  return () => stage.gateway.ask("/channels/jeedom/events", { method: "POST", key, headers, body: event() });
}

/** The plugin hands an action out, once. */
const handOut = (): void => stage.simulator.once("GET_EVENTS", action);

/** The plugin hands an action out to a phone that answers no ping. */
async function actionFor(name: string): Promise<RawPhone> {
  handOut();
  const mute = await stage.raw(name);
  await mute.hears("toaster");
  return mute;
}

/** The phone goes without a word, so many have gone with it. */
async function vanishes({ client }: RawPhone, gone: number): Promise<void> {
  client.reset();
  await until(() => stage.asked("DISCONNECT").length === gone, "that it has gone");
}

test("An action whose phone vanished before it said anything comes again with the phone", async () => {
  stage = await Stage.open();
  const mute = await actionFor("anna");
  await vanishes(mute, 1);
  const anna = await stage.enter("anna");
  expect(await anna.hears("ACTIONS")).toEqual(action);
});

test("An action that was followed by a pong, or by any message, comes once", async () => {
  stage = await Stage.open();
  handOut();
  const anna = await stage.enter("anna");
  await anna.hears("ACTIONS");
  // The client's own pong is on its way.
  await Bun.sleep(50);
  anna.socket.close();
  await until(() => stage.asked("DISCONNECT").length === 1, "that it has gone");
  const mute = await actionFor("anna");
  await mute.ask("PING");
  await until(() => stage.asked("PING").length === 1, "its message");
  await vanishes(mute, 2);
  const again = await stage.enter("anna");
  await until(() => stage.asked("GET_EVENTS").length > 3, "it is asked for");
  expect(again.of("ACTIONS")).toEqual([]);
});

test("An action comes by whatever transport the phone comes next", async () => {
  stage = await Stage.open();
  const mute = await actionFor("anna");
  await vanishes(mute, 1);
  stage.simulator.answers.set("GET_INFO", () => ({ type: "SET_INFO", payload: {} }));
  const raw = await stage.stream("anna");
  await until(() => raw.text.includes("toaster"), "the action");
  raw.reset();
});

test("What waits for a phone is in the inbox of its name until it has arrived", async () => {
  stage = await Stage.open();
  const mute = await actionFor("anna");
  const channel = `$device/${nameOf("jc", apiKeyOf("anna"))}`;
  const { key } = await stage.gateway.newKey({ subscribe: [channel], history: [channel] });
  const inbox = async () => (await stage.gateway.ask(`/channels/${channel}?history=10`, { key })).text;
  expect(await inbox()).toContain("toaster");
  mute.client.reset();
  const anna = await stage.enter("anna");
  await anna.hears("ACTIONS");
  await until(async () => !(await inbox()).includes("toaster"), "an empty inbox");
});

test("A value that only the plugin can tell has each active phone asked for at once, and none oftener than every second", async () => {
  stage = await Stage.open({ hears: true, bridge: "action_delay: 30s" });
  const anna = await stage.enter("anna");
  await until(() => stage.asked("GET_EVENTS").length === 1, "the first question");
  await Bun.sleep(1200);
  expect(stage.asked("GET_EVENTS")).toHaveLength(1);
  stage.simulator.answers.set("GET_EVENTS", () => events("5"));
  const tell = await commandEvent();
  const before = performance.now();
  await tell();
  await anna.hears("CMD_INFO");
  expect(performance.now() - before).toBeLessThan(500);
  for (let count = 0; count < 20; count++) await tell();
  expect(stage.asked("GET_EVENTS")).toHaveLength(2);
  await until(() => stage.asked("GET_EVENTS").length === 3, "what came meanwhile is asked for once");
});

test("An action that nobody was sure of comes after a restart of the gateway", async () => {
  stage = await Stage.open();
  await actionFor("anna");
  await stage.restart();
  const anna = await stage.enter("anna");
  expect(await anna.hears("ACTIONS")).toEqual(action);
});

test("A polling phone is answered without the plugin while nothing happens, for less than 3 s, and with it when something does", async () => {
  stage = await Stage.open({ hears: true });
  let cursors: object = { configVersion: 1, lastReadTimestamp: null, lastHistoricReadTimestamp: null };
  const ask = (method: string, params: object = {}): Promise<unknown> =>
    stage.ask(method, { apiKey: apiKeyOf("anna"), ...params });
  const poll = async (): Promise<number> => {
    const { type, payload } = (await ask("GET_EVENTS", cursors)) as { type: string; payload: { payload: unknown }[] };
    expect(type).toBe("SET_EVENTS");
    const [lastReadTimestamp, lastHistoricReadTimestamp] = payload.map((item) => item.payload);
    cursors = { ...cursors, lastReadTimestamp, lastHistoricReadTimestamp };
    return payload.length;
  };
  const asked = () => stage.asked("GET_EVENTS").length;
  await ask("CONNECT");
  const begun = performance.now();
  while (performance.now() - begun < 3000) {
    await poll();
    await Bun.sleep(100);
  }
  expect(asked()).toBeGreaterThanOrEqual(2);
  expect(asked()).toBeLessThanOrEqual(3);
  const before = asked();
  await (await commandEvent())();
  stage.simulator.once("GET_EVENTS", events("5"));
  expect(await poll()).toBe(4);
  expect(asked()).toBe(before + 1);
}, 10_000);
