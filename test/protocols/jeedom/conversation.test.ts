/** What a conversation with Jeedom does over hours: with a simulated Jeedom, and a clock whose hands the test turns. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { Simulator } from "../../../simulators/jeedom/server.ts";
import { BridgeVoice } from "../../../src/core/bridge-state.ts";
import { MapPicture } from "../../../src/core/map-picture.ts";
import { Conversation } from "../../../src/protocols/jeedom/conversation.ts";
import { EventCursor } from "../../../src/protocols/jeedom/event-cursor.ts";
import { HouseReader } from "../../../src/protocols/jeedom/house-reader.ts";
import { JsonRpc } from "../../../src/protocols/jeedom/json-rpc.ts";
import { Picture } from "../../../src/protocols/jeedom/picture.ts";
import { systemDialer } from "../../../src/transports/dialer.ts";
import { Setting } from "../../core/setting.ts";
import { FakeLog } from "../../fakes/log.ts";
import { until } from "../../transports/raw-client.ts";

let simulator: Simulator;
beforeEach(() => {
  simulator = new Simulator().start();
});
afterEach(() => simulator.stop());

test("values that change without an event are noticed and shown, and events are heard again", async () => {
  const { hub, clock } = new Setting();
  const log = new FakeLog();
  const voice = new BridgeVoice({ hub, clock, log, name: "house" });
  const map = (kind: string): MapPicture => new MapPicture(voice, `map/${kind}`);
  const maps = {
    commands: map("commands"),
    equipments: map("equipments"),
    objects: map("objects"),
    scenarios: map("scenarios"),
  };
  const picture = new Picture(maps, clock);
  const rpc = new JsonRpc(systemDialer, simulator.url, () => simulator.users.apiKey);
  const house = new HouseReader(rpc, picture, log);
  const told: string[] = [];
  let readings = 0;
  const ears = {
    began: () => void told.push("began"),
    answered: () => undefined,
    heard: () => {
      told.push("heard");
      return false;
    },
    missed: () => void told.push("missed"),
    read: () => void readings++,
    noticed: (trouble: string) => void told.push(trouble),
    mayRest: () => false,
  };
  const parts = { rpc, cursor: new EventCursor(), house, clock, readDelay: 60_000 };
  const conversation = new Conversation(parts, ears, clock.now());
  const running = conversation.run();
  const pass = async (condition: () => boolean, what: string): Promise<void> => {
    const isSo = (): boolean => {
      // Each time somebody waits for it.
      if (!condition() && clock.timers > 0) clock.advance(60_000);
      return condition();
    };
    await until(isSo, what);
  };
  await pass(() => readings === 1, "the first reading");
  const [light = 0] = simulator.house.infos("LIGHT_STATE");
  simulator.house.command(light).state = 1;
  await pass(() => told.length > 1, "the notice");
  expect(told).toEqual(["began", "Jeedom changed 1 values and told no event of it"]);
  expect(JSON.parse(maps.commands.get(String(light)) ?? "{}")).toMatchObject({ value: 1 });
  simulator.house.message("Bonjour");
  await pass(() => told.includes("heard"), "an event");
  conversation.end();
  await running;
  expect(simulator.mostWaiting).toBe(1);
});
