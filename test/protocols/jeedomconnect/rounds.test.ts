/** When phones are asked for in the plugin, and when not. */
import { describe, expect, test } from "bun:test";
import { ClockedHouse, entry, HeardLine } from "./clocked-house.ts";

const begin = 1_700_000_000;
const lamp = entry("1", "0", begin - 60);

describe("A phone whose app is looked at", () => {
  test.each([
    [2000, true, 5],
    [2000, false, 10],
    [250, true, 40],
    [250, false, 40],
    [700, true, 14],
  ])(
    "is asked for every %d ms where Jeedom's events are heard or not (%p), but every second at least where not: %d times in 10 s",
    async (actionDelay, hears, times) => {
      const house = new ClockedHouse({ actionDelay, hears });
      await house.welcome("anna", new HeardLine(true), lamp);
      const before = house.count("GET_EVENTS");
      await house.pass(10_000);
      const asked = house.count("GET_EVENTS") - before;
      // It is looked four times in that time whose turn it is.
      expect(asked).toBeLessThanOrEqual(times);
      expect(asked).toBeGreaterThanOrEqual(times * 0.8);
    },
  );

  test("is asked for as often when things happen that only the plugin can tell, or every second if that is oftener", async () => {
    for (const [actionDelay, times] of [
      [250, 40],
      [2000, 10],
    ] as const) {
      const house = new ClockedHouse({ actionDelay });
      await house.welcome("anna", new HeardLine(true), lamp);
      const before = house.count("GET_EVENTS");
      for (let at = 0; at < 50; at++) {
        house.change("1", `a value of which the plugin says more ${at}`, { collectDate: null });
        await house.pass(200);
      }
      expect(house.count("GET_EVENTS") - before).toBeLessThanOrEqual(times);
      expect(house.count("GET_EVENTS") - before).toBeGreaterThanOrEqual(times * 0.8);
    }
  });
});

describe("A phone whose app is in the background", () => {
  test("is not asked for and not told anything; looked at again, it is told what the plugin has, and then what happens", async () => {
    const house = new ClockedHouse();
    const line = new HeardLine(true);
    const phone = await house.welcome("anna", line, lamp);
    await house.pass(2000);
    phone.active = false;
    const before = house.count("GET_EVENTS");
    for (let at = 1; at <= 60; at++) {
      house.change("1", at);
      await house.pass(1000);
    }
    expect(house.count("GET_EVENTS")).toBe(before);
    expect(line.texts).toEqual([]);
    const now = Math.floor(house.seconds);
    house.answers.set("GET_EVENTS", () => house.events(entry("1", "60", now)));
    house.phones.rounds.wake(phone);
    await house.pass(0);
    expect(house.count("GET_EVENTS")).toBe(before + 1);
    expect(line.texts).toEqual([`{"type":"CMD_INFO","payload":[${entry("1", "60", now)}]}`]);
    await house.pass(10);
    house.change("1", 61);
    expect(line.texts).toHaveLength(2);
    expect(line.texts[1]).toContain('"value":"61"');
  });

  test("leaves the bridge to Jeedom without a listener, when it is the last one", async () => {
    const house = new ClockedHouse();
    const phone = await house.welcome("anna", new HeardLine(true), lamp);
    expect(house.setting.hub.listeners("house/events")).toBe(1);
    phone.active = false;
    await house.pass(1000);
    expect(house.setting.hub.listeners("house/events")).toBe(0);
    house.phones.rounds.wake(phone);
    expect(house.setting.hub.listeners("house/events")).toBe(1);
  });
});

describe("Of a phone's transport", () => {
  const page = (useWs: string, polling: string) => ({
    type: "AVAILABLE_EQUIPEMENT",
    payload: [
      { logicalId: "other", useWs: "1" },
      { logicalId: "anna", useWs, polling },
    ],
  });

  test.each([
    ["1", "0"],
    ["0", "1"],
  ])(
    "the plugin's page is looked at every 30 s, and its stream ends when WebSocket is %s and polling %s there",
    async (useWs, polling) => {
      const house = new ClockedHouse();
      const line = new HeardLine(false);
      house.answers.set("GET_AVAILABLE_EQUIPEMENT", () => page("0", "0"));
      const phone = await house.welcome("anna", line, lamp);
      await house.pass(95_000);
      const looks = house.asked.filter(({ method }) => method === "GET_AVAILABLE_EQUIPEMENT");
      expect(looks).toHaveLength(4);
      expect(looks.every(({ params }) => params["userHash"] === "h")).toBe(true);
      for (const [at, look] of looks.slice(1).entries()) {
        expect(look.at - (looks[at]?.at ?? 0)).toBeWithin(30_000, 30_500);
      }
      expect(line.ended).toBeUndefined();
      house.answers.set("GET_AVAILABLE_EQUIPEMENT", () => page(useWs, polling));
      await house.pass(30_500);
      expect(line.ended).toBe("The phone comes by another transport");
      expect([phone.line, phone.active]).toEqual([undefined, false]);
      const before = house.asked.length;
      await house.pass(60_000);
      expect(house.asked).toHaveLength(before);
    },
  );

  test("nothing is looked at while it is on a WebSocket", async () => {
    const house = new ClockedHouse();
    house.answers.set("GET_AVAILABLE_EQUIPEMENT", () => page("0", "1"));
    const line = new HeardLine(true);
    await house.welcome("anna", line, lamp);
    await house.pass(65_000);
    expect(house.count("GET_AVAILABLE_EQUIPEMENT")).toBe(0);
    expect(line.ended).toBeUndefined();
  });
});
