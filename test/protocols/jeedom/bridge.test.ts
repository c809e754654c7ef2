/** The bridge between a simulated Jeedom and the channels of a real gateway. */
import { describe, expect, test } from "bun:test";
import { dialects } from "../../../simulators/jeedom/event-buffer.ts";
import { Simulator } from "../../../simulators/jeedom/server.ts";
import { endedAfterEach } from "../../ended-after-each.ts";
import { TestGateway } from "../../http/gateway.ts";
import { until } from "../../transports/raw-client.ts";
import { openStage, type Told } from "./stage.ts";

const open = endedAfterEach(openStage, (stage) => stage.stop());

function named(events: readonly Told[], name: string): readonly Record<string, unknown>[] {
  return events.map(({ data }) => data as Record<string, unknown>).filter((event) => event["name"] === name);
}

describe.each(dialects)("A Jeedom of dialect %s", (dialect) => {
  test("is shown whole by the maps, with since when each entry is known", async () => {
    const before = Date.now();
    const stage = await open({ simulator: { dialect } });
    const { building } = stage.simulator.house;
    const commands = await stage.map("commands");
    expect(Object.keys(commands)).toHaveLength(building.commands.size);
    const [light = 0] = stage.simulator.house.infos("LIGHT_STATE");
    const { equipmentId } = stage.simulator.house.command(light);
    expect(commands[light]).toEqual({
      value: 0,
      display_value: null,
      unit: "",
      collect_date: stage.simulator.house.command(light).collectDate,
      value_date: null,
      name: "Etat",
      type: "info",
      sub_type: "binary",
      generic_type: "LIGHT_STATE",
      logical_id: "state",
      equipment: String(equipmentId),
      object: "2",
      since: expect.any(Number),
    });
    expect(Number(commands[light]?.["since"])).toBeGreaterThanOrEqual(before);
    expect((await stage.map("equipments"))[equipmentId]).toMatchObject({
      name: "Plafonnier",
      type: "lampe",
      object: "2",
      visible: true,
      enabled: true,
    });
    expect((await stage.map("scenarios"))["1"]).toMatchObject({ name: "Bonne nuit", active: true, state: "stop" });
    const summarised = async (): Promise<boolean> => {
      const { global, ...rooms } = await stage.map("objects");
      return (
        Object.keys(rooms).length === building.objects.size &&
        (global?.["summary"] as { temperature?: number } | undefined)?.temperature === 20.5 &&
        (rooms["2"]?.["summary"] as { door?: number } | undefined)?.door === 0
      );
    };
    await stage.sees(summarised, "the summaries");
  });

  test("is heard: each event once, as it is, and the maps follow", async () => {
    const stage = await open({ simulator: { dialect } });
    const { house } = stage.simulator;
    const rows: string[] = [];
    stage.simulator.answered = (row) => rows.push(row);
    const [light = 0] = house.infos("LIGHT_STATE");
    for (let each = 1; each <= 5; each++) house.set(light, each % 2);
    house.run(1, "run");
    stage.simulator.events.add("plugin::own", "un texte");
    stage.simulator.events.add("plugin::list", []);
    await stage.sees(async () => named(await stage.events(), "plugin::list").length > 0, "the events", 5000);
    await stage.sees(async () => (await stage.map("scenarios"))["1"]?.["state"] === "start", "the scenario");
    const events = await stage.events();
    // Of the state and of the two actions that change it, the last of each.
    expect(named(events, "cmd::update")).toHaveLength(3);
    expect(named(events, "plugin::own")).toMatchObject([{ option: "un texte" }]);
    expect(events.map(({ data }) => data)).toEqual([...new Set(rows)].map((row) => JSON.parse(row)));
    expect((await stage.map("commands"))[light]).toMatchObject({ value: 1, display_value: 1 });
    expect((await stage.map("commands"))[light]?.["collect_date"]).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
    expect((await stage.map("objects"))["global"]).toMatchObject({ summary: { light: 1 } });
    // Looked back at for some seconds, and nothing comes again.
    await Bun.sleep(1500);
    expect(await stage.events()).toHaveLength(events.length);
  }, 20_000);

  test("loses nothing that is written late, or at the very time of another", async () => {
    const stage = await open({ simulator: { dialect } });
    const { events } = stage.simulator;
    const now = stage.simulator.now();
    events.add("first", {}, now);
    await stage.sees(async () => named(await stage.events(), "first").length === 1, "the first");
    events.add("late", {}, now - 0.5);
    events.add("same", {}, now);
    await stage.sees(async () => named(await stage.events(), "late").length === 1, "what was late", 6000);
    expect(named(await stage.events(), "same")).toHaveLength(1);
  }, 20_000);

  test("goes on when its clock is put back, and when it is put forward", async () => {
    const stage = await open({ simulator: { dialect } });
    const { events } = stage.simulator;
    for (const [at, seconds] of [-3600, 7200, -60].entries()) {
      stage.simulator.jump(seconds);
      events.add("jumped", { at });
      const seen = async (): Promise<boolean> => named(await stage.events(), "jumped").length === at + 1;
      await stage.sees(seen, `an event after ${seconds} s`, 25_000);
    }
    expect(named(await stage.events(), "jumped")).toHaveLength(3);
  }, 90_000);
});

describe("The bridge", () => {
  test("tells of a hole after an outage, and publishes only what is different", async () => {
    const stage = await open();
    const { house } = stage.simulator;
    const [light = 0] = house.infos("LIGHT_STATE");
    const before = (await stage.map("commands"))["102"]?.["since"];
    await stage.simulator.cut();
    await stage.becomes("lost");
    expect(await stage.state()).toMatchObject({ last_error: expect.stringContaining("Cannot hear Jeedom jeedom") });
    house.set(light, 1);
    house.removeEquipment(2);
    stage.simulator.events.clear();
    stage.simulator.start();
    await stage.becomes("connected");
    const commands = await stage.map("commands");
    expect([commands[light]?.["value"], commands["102"]?.["since"]]).toEqual([1, before]);
    expect((await stage.map("equipments"))["2"]).toBeUndefined();
    const gap = (await stage.events()).find(({ tags }) => tags?.["gap"] === "upstream");
    expect(gap?.data).toEqual({ gap: { from: expect.any(Number), to: expect.any(Number) } });
  }, 20_000);

  test("survives HTML, 500, slow answers and silence", async () => {
    const stage = await open();
    for (const trouble of ["html", "500"] as const) {
      stage.simulator.trouble = trouble;
      await stage.simulator.restart();
      await stage.becomes("lost");
      stage.simulator.trouble = undefined;
      await stage.becomes("connected");
    }
    stage.simulator.slowness = 400;
    stage.simulator.events.add("slow", {});
    await stage.sees(async () => named(await stage.events(), "slow").length === 1, "the event");
    expect((await stage.state())["state"]).toBe("connected");
  }, 30_000);

  test("says that its key is refused, and hears again when it is not", async () => {
    const stage = await open();
    const { users } = stage.simulator;
    const key = users.apiKey;
    users.apiKey = "another0key0of0this0jeedom";
    await stage.simulator.restart();
    await stage.becomes("refused");
    expect(JSON.stringify(await stage.state())).not.toContain(key);
    users.apiKey = key;
    await stage.becomes("connected", 20_000);
  }, 40_000);

  test("reads the house again when more events came than Jeedom keeps, and says that some may lack", async () => {
    const stage = await open();
    const { simulator } = stage;
    const [light = 0] = simulator.house.infos("LIGHT_STATE");
    await Bun.sleep(1200);
    simulator.house.set(light, 1);
    for (let each = 0; each < 300; each++) simulator.events.add("flood", { each });
    const isTold = async (): Promise<boolean> =>
      (await stage.events()).some(({ tags }) => tags?.["gap"] === "upstream");
    await stage.sees(isTold, "the hole");
    await stage.sees(async () => (await stage.map("commands"))[light]?.["value"] === 1, "the light", 15_000);
    expect(named(await stage.events(), "flood")).toHaveLength(250);
  }, 30_000);

  test("shows equipment that comes, is hidden, or goes", async () => {
    const stage = await open();
    const { house } = stage.simulator;
    const { id } = house.addEquipment({ objectId: 2, name: "Guirlande", type: "lampe" });
    const shown = async (): Promise<unknown> => (await stage.map("equipments"))[id]?.["name"];
    await stage.sees(async () => (await shown()) === "Guirlande", "the new one");
    house.changeEquipment(id, { isVisible: false });
    await stage.sees(async () => (await shown()) === undefined, "its end");
    expect(Object.values(await stage.map("commands")).some(({ equipment }) => equipment === String(id))).toBe(false);
  }, 20_000);

  test("passes on text that was cut in the middle of a letter", async () => {
    const stage = await open();
    const [sky = 0] = stage.simulator.house.infos("WEATHER_CONDITION");
    stage.simulator.house.set(sky, `x${"é".repeat(2000)}`);
    await stage.sees(async () => String((await stage.map("commands"))[sky]?.["value"]).endsWith("é\uFFFD"), "the text");
  });

  test("polls where it is told to, without long polls", async () => {
    const stage = await open({ bridge: "read_delay: 100ms" });
    const { simulator } = stage;
    await Bun.sleep(500);
    expect(simulator.mostWaiting).toBe(1);
    simulator.events.add("polled", {});
    await stage.sees(async () => named(await stage.events(), "polled").length === 1, "the event");
    await Bun.sleep(300);
    expect(named(await stage.events(), "polled")).toHaveLength(1);
  });

  test("rests while nobody listens, keeps no map then, and wakes for a listener", async () => {
    const stage = await open({ bridge: "rest: true", waits: false });
    const { simulator } = stage;
    await stage.becomes("resting");
    const { requests } = simulator;
    await Bun.sleep(300);
    expect([simulator.requests, await stage.map("commands")]).toEqual([requests, {}]);
    const key = await stage.key();
    const response = await fetch(`${stage.gateway.url}/channels/jeedom/**?wait=30`, {
      headers: { accept: "text/event-stream", authorization: `Bearer ${key}` },
    });
    await stage.becomes("connected");
    expect(Object.keys(await stage.map("scenarios"))).toHaveLength(4);
    await response.body?.cancel();
    await stage.becomes("resting", 30_000);
    expect(await stage.map("scenarios")).toEqual({});
  }, 60_000);

  test("may be one of several, each with channels and calls of its own name", async () => {
    const other = new Simulator({ apiKey: "key0of0the0other0jeedom", waitPollingTime: 50 }).start();
    const simulator = new Simulator({ waitPollingTime: 50 }).start();
    const of = ({ url, users }: Simulator): string => `{ type: jeedom, url: "${url}", key: ${users.apiKey} }`;
    const gateway = await TestGateway.start(`bridges: { first: ${of(simulator)}, second: ${of(other)} }\n`);
    const { key } = await gateway.newKey({ subscribe: ["first/**", "second/**"], call: ["second.*"] });
    const [light = 0] = other.house.infos("LIGHT_STATE");
    const shows = async (bridge: string, value: number): Promise<boolean> => {
      const { body } = await gateway.ask(`/channels/${bridge}/commands`, { key });
      const { publications } = body as { publications: { key: string; data: { value: unknown } }[] };
      return publications.find((one) => one.key === String(light))?.data.value === value;
    };
    await until(() => shows("first", 0), "the first");
    await until(() => shows("second", 0), "the second");
    other.house.set(light, 1);
    await until(() => shows("second", 1), "the change");
    expect(await shows("first", 0)).toBe(true);
    const call = { method: "POST", key, body: { id: light } };
    expect((await gateway.ask("/calls/second.exec", call)).body).toMatchObject({ value: 1 });
    expect((await gateway.ask("/calls/first.exec", call)).status).toBe(403);
    await gateway.stop();
    await Promise.all([simulator.stop(), other.stop()]);
  });

  test("keeps none of the cookies that every answer brings", async () => {
    const stage = await open();
    await stage.simulator.restart();
    await stage.becomes("connected");
    const { url, requests } = stage.simulator;
    expect(requests).toBeGreaterThan(10);
    expect(stage.simulator.cookies).toBe(0);
    await fetch(url, { headers: { cookie: "PHPSESSID=1" } });
    expect(stage.simulator.cookies).toBe(1);
  });

  test("asks for events once at a time, however often it has to begin anew", async () => {
    const stage = await open();
    for (let round = 0; round < 3; round++) {
      await stage.simulator.restart(50);
      await stage.becomes("connected");
    }
    await until(() => stage.simulator.waiting === 1, "the poll");
    expect(stage.simulator.mostWaiting).toBe(1);
    expect(stage.gateway.errors).toEqual([]);
  }, 20_000);
});
