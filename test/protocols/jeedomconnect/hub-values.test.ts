/** Values from the hub over real sockets: what they cost the plugin, and what happens when the bridge to Jeedom goes away. */
import { afterEach, expect, test } from "bun:test";
import { phoneTransports } from "../../../simulators/jeedomconnect/line.ts";
import { until } from "../../transports/raw-client.ts";
import { Stage } from "./stage.ts";

let stage: Stage;
afterEach(async () => {
  expect(stage.gateway.errors).toEqual([]);
  await stage.stop();
});

const bridgeState = (): string | undefined => stage.gateway.gateway.status().bridges.get("jeedom")?.state;

test("What changes reaches phones of every transport while the plugin is asked for none of them but those that poll", async () => {
  stage = await Stage.open({ hears: true, bridge: "action_delay: 30s" });
  const all = await Promise.all(
    [...phoneTransports, ...phoneTransports].map((transport, at) => stage.connected(`${transport} ${at}`, transport)),
  );
  const phones = all.map(({ phone }) => phone);
  await until(
    () => all.every(({ equipment }) => stage.simulator.count("GET_EVENTS", equipment) > 0),
    "the first round",
  );
  const asked = () => all.map(({ equipment }) => stage.simulator.count("GET_EVENTS", equipment));
  const before = asked();
  const begun = performance.now();
  const ids = stage.jeedom.house.infos("TEMPERATURE");
  for (let at = 0; at < 20; at++) {
    stage.jeedom.house.set(ids[at % ids.length] ?? 0, 15 + at / 2);
    const limit = 1500;
    await until(() => phones.every(({ picture }) => picture.showsValues(stage.jeedom.house)), `change ${at}`, limit);
  }
  const mostPolls = Math.ceil((performance.now() - begun) / 2000) + 1;
  for (const [at, count] of asked().entries()) {
    const isPolling = phones[at]?.transport === "polling";
    expect(count - (before[at] ?? 0)).toBeLessThanOrEqual(isPolling ? mostPolls : 0);
  }
}, 30_000);

test("While the bridge to Jeedom is away values come by the plugin, and from the hub when it is back: none is missing", async () => {
  stage = await Stage.open({ hears: true });
  const all = await Promise.all(phoneTransports.map((transport) => stage.connected(transport, transport)));
  const phones = all.map(({ phone }) => phone);
  await stage.changeSeenBy(phones);
  await stage.jeedom.cut();
  // Heard by nobody: the bridge has not noticed yet.
  await stage.changeSeenBy(phones);
  await until(() => bridgeState() === "lost", "the bridge is lost");
  for (let at = 0; at < 3; at++) await stage.changeSeenBy(phones);
  stage.jeedom.start();
  await stage.changeSeenBy(phones);
  await until(() => bridgeState() === "connected", "the bridge is back", 15_000);
  for (let at = 0; at < 3; at++) await stage.changeSeenBy(phones);
}, 60_000);
