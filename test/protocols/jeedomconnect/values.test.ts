/** Values that phones are told from the hub, beside those that the plugin tells. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { House } from "../../../simulators/jeedom/house.ts";
import { cmdInfo, phpJson } from "../../../simulators/jeedomconnect/shapes.ts";
import { readChange } from "../../../src/protocols/jeedomconnect/change.ts";
import { readEntry, reworded } from "../../../src/protocols/jeedomconnect/entry.ts";
import { ClockedHouse, entry, HeardLine } from "./clocked-house.ts";

const begin = 1_700_000_000;
const [lamp, sensor] = [entry("1", "0", begin - 60), entry("2", "20.5", begin - 60)];
const cmdInfoText = (...entries: readonly string[]): string => `{"type":"CMD_INFO","payload":[${entries.join(",")}]}`;

describe("From the hub", () => {
  test("a WebSocket and a stream are told a value in the plugin's words, and the plugin is asked nothing", async () => {
    const house = new ClockedHouse();
    const [socket, stream] = [new HeardLine(true), new HeardLine(false)];
    await house.welcome("anna", socket, lamp, sensor);
    await house.welcome("ben", stream, sensor);
    await house.pass(500);
    const before = house.asked.length;
    const cursor = house.seconds - 0.5;
    house.change("2", 21.5);
    house.change("1", "1");
    house.change("3", 5);
    const told = entry("2", "21.5", begin);
    expect(socket.texts).toEqual([cmdInfoText(told), cmdInfoText(entry("1", "1", begin))]);
    const times = `{"type":"DATETIME","payload":${cursor}},{"type":"HIST_DATETIME","payload":${cursor}}`;
    const others = '{"type":"SC_INFO","payload":[]},{"type":"OBJ_INFO","payload":[]}';
    expect(stream.texts).toEqual([`{"type":"SET_EVENTS","payload":[${times},${cmdInfoText(told)},${others}]}`]);
    expect(house.asked).toHaveLength(before);
  });

  test("what the plugin repeats is not told again; what it says otherwise or besides is", async () => {
    const house = new ClockedHouse();
    const line = new HeardLine(true);
    await house.welcome("anna", line, lamp, sensor);
    await house.pass(1000);
    house.change("1", 1);
    const on = entry("1", "1", begin + 1);
    expect(line.texts.splice(0)).toEqual([cmdInfoText(on)]);
    const rising = on.replace("null", '"up"');
    const scenario = { type: "SC_INFO", payload: [{ id: "7", status: "start" }] };
    const told = [house.events(on), house.events(on, entry("2", "22", begin + 1)), house.events(rising)];
    house.answers.set("GET_EVENTS", () => {
      const { payload = [], ...rest } = told.shift() ?? house.events();
      return { ...rest, payload: [...(payload as object[]).filter((item) => !("SC_INFO" in item)), scenario] };
    });
    await house.pass(2000);
    expect(line.texts.splice(0)).toEqual([JSON.stringify(scenario)]);
    await house.pass(2000);
    expect(line.texts.splice(0)).toEqual([cmdInfoText(entry("2", "22", begin + 1)), JSON.stringify(scenario)]);
    await house.pass(2000);
    expect(line.texts.splice(0)).toEqual([cmdInfoText(rising), JSON.stringify(scenario)]);
  });

  test("what the hub cannot word is asked for at once: values cut or spelt otherwise, without dates, of phones whose widgets nobody knows", async () => {
    for (const [value, more] of [
      ["x".repeat(3096), {}],
      [0.30000000000000004, {}],
      [1e21, {}],
      [null, {}],
      [1, { valueDate: null }],
      [1, { collectDate: "2023-02-30 00:00:00" }],
    ] as const) {
      const house = new ClockedHouse();
      const line = new HeardLine(true);
      await house.welcome("anna", line, lamp);
      await house.pass(1200);
      const before = house.count("GET_EVENTS");
      house.change("1", value, more);
      await house.pass(0);
      expect([line.texts, house.count("GET_EVENTS") - before]).toEqual([[], 1]);
    }
    const house = new ClockedHouse();
    const phone = await house.welcome("anna", new HeardLine(true));
    phone.told.lose();
    await house.pass(1200);
    const before = house.count("GET_EVENTS");
    house.change("1", 1);
    await house.pass(0);
    expect(house.count("GET_EVENTS") - before).toBe(1);
  });

  test("nothing is told between what a phone is welcomed with and the plugin's first answer; then what is newer", async () => {
    const house = new ClockedHouse();
    const line = new HeardLine(true);
    house.answers.set("GET_EVENTS", () => undefined);
    await house.welcome("anna", line, lamp, sensor);
    house.change("1", 1);
    await house.pass(100);
    house.change("2", 21);
    expect(line.texts).toEqual([]);
    const read = house.seconds - 0.05;
    house.answers.set("GET_EVENTS", () => {
      // It had the value before that which was heard.
      const { type, payload } = house.events(entry("1", "2", begin));
      return { type, payload: [{ type: "DATETIME", payload: read }, ...(payload as object[]).slice(1)] };
    });
    await house.pass(1000);
    expect(line.texts).toEqual([cmdInfoText(entry("1", "2", begin), entry("2", "21", begin))]);
  });

  test("a phone that the plugin disables is told no values from then on, and after it is enabled what it missed", async () => {
    const house = new ClockedHouse();
    const line = new HeardLine(false);
    await house.welcome("anna", line, lamp, sensor);
    house.answers.set("GET_EVENTS", () => ({ type: "EQUIPMENT_DISABLE" }));
    await house.pass(3000);
    house.change("1", 1);
    await house.pass(20_000);
    expect(line.texts.splice(0)).toEqual(['{"type":"EQUIPMENT_DISABLE"}']);
    house.answers.set("GET_EVENTS", () => house.events());
    await house.pass(5500);
    expect(line.texts).toHaveLength(1);
    expect(line.texts[0]).toContain(cmdInfoText(entry("1", "1", begin + 3)));
  });

  test("values come by the plugin while the bridge to Jeedom is away, and from the hub again when it is back", async () => {
    const house = new ClockedHouse();
    const line = new HeardLine(true);
    await house.welcome("anna", line, lamp);
    await house.pass(1000);
    house.become("lost");
    house.change("1", 1);
    expect(line.texts).toEqual([]);
    const before = house.count("GET_EVENTS");
    house.answers.set("GET_EVENTS", () => house.events(entry("1", "1", begin + 1)));
    await house.pass(5000);
    expect(house.count("GET_EVENTS") - before).toBeWithin(4, 7);
    expect(line.texts.splice(0)).toEqual([cmdInfoText(entry("1", "1", begin + 1))]);
    house.become("connected");
    house.change("1", 0);
    expect(line.texts).toEqual([]);
    const now = Math.floor(house.seconds);
    house.answers.set("GET_EVENTS", () => house.events(entry("1", "0", now)));
    await house.pass(1000);
    expect(line.texts.splice(0)).toEqual([cmdInfoText(entry("1", "0", now))]);
    house.change("1", 5);
    expect(line.texts).toEqual([cmdInfoText(entry("1", "5", now + 1))]);
  });
});

describe("Where events may be missing", () => {
  for (const [what, happen] of [
    ["the bridge to Jeedom missed some", (house: ClockedHouse) => house.miss()],
    ["whoever hears the bridge is sent away, and comes again", (house: ClockedHouse) => house.sendListenersAway()],
  ] as const)
    test(`as when ${what}, the plugin is asked, and what is told from the hub comes after its answer`, async () => {
      const house = new ClockedHouse({ actionDelay: 30_000 });
      const line = new HeardLine(true);
      await house.welcome("anna", line, lamp, sensor);
      await house.pass(2000);
      const before = house.count("GET_EVENTS");
      const missed = entry("1", "7", begin + 2);
      house.answers.set("GET_EVENTS", () => house.events(missed));
      happen(house);
      await house.pass(2500);
      expect(house.count("GET_EVENTS") - before).toBeWithin(1, 4);
      expect(line.texts.splice(0)).toEqual([cmdInfoText(missed)]);
      house.change("2", 25);
      expect(line.texts).toEqual([cmdInfoText(entry("2", "25", begin + 4))]);
    });

  test("as when a bridge to Jeedom is configured while phones are there, or taken away, values come by whoever is there", async () => {
    const house = new ClockedHouse({ actionDelay: 30_000, hears: false });
    const line = new HeardLine(true);
    await house.welcome("anna", line, lamp, sensor);
    house.jeedom = "house";
    house.become("connected");
    await house.pass(1500);
    house.change("2", 25);
    expect(line.texts.splice(0)).toEqual([cmdInfoText(entry("2", "25", begin + 1))]);
    const before = house.count("GET_EVENTS");
    await house.pass(5000);
    expect(house.count("GET_EVENTS")).toBe(before);
    house.jeedom = undefined;
    await house.pass(5000);
    expect(house.count("GET_EVENTS") - before).toBeWithin(4, 7);
    house.change("2", 26);
    expect(line.texts).toEqual([]);
  });
});

describe("A phone that polls", () => {
  const ask = async (house: ClockedHouse, params: Readonly<Record<string, unknown>>) => {
    const { result } = await house.phones.polls.poll(house.phones.of("anna"), {
      method: "GET_EVENTS",
      params,
      id: "1",
    });
    const { payload } = JSON.parse(result) as { payload: { type: string; payload: unknown }[] };
    const [last, historic, values] = payload.map((item) => item.payload);
    const cursors = { lastReadTimestamp: last, lastHistoricReadTimestamp: historic };
    return { next: { ...params, ...cursors }, values: (values ?? []) as { value: string }[] };
  };
  const first = { apiKey: "anna", configVersion: 1, lastReadTimestamp: begin, lastHistoricReadTimestamp: begin };

  test("has values with its next question, and the plugin is asked within 3 s all the same", async () => {
    const house = new ClockedHouse({ actionDelay: 30_000 });
    await house.welcome("anna", undefined, lamp);
    let { next } = await ask(house, first);
    const values: string[] = [];
    for (let second = 1; second <= 20; second++) {
      await house.pass(1000);
      house.change("1", second);
      const answer = await ask(house, next);
      next = answer.next;
      values.push(...answer.values.map(({ value }) => value));
    }
    expect(values).toEqual(Array.from({ length: 20 }, (_, at) => String(at + 1)));
    const times = house.asked.filter(({ method }) => method === "GET_EVENTS").map(({ at }) => at);
    for (const [at, time] of times.slice(1).entries()) expect(time - (times[at] ?? 0)).toBeLessThan(3000);
    expect(times.length).toBeLessThanOrEqual(11);
  });

  test("and was there before the gateway, has the plugin's answer as soon as something happens", async () => {
    const house = new ClockedHouse();
    let { next } = await ask(house, first);
    for (let at = 1; at < 4; at++) {
      await house.pass(600);
      const before = house.count("GET_EVENTS");
      house.change("1", at);
      const value = entry("1", String(at), Math.floor(house.seconds));
      house.answers.set("GET_EVENTS", () => house.events(value));
      const answer = await ask(house, next);
      next = answer.next;
      expect([house.count("GET_EVENTS") - before, answer.values.map((one) => one.value)]).toEqual([1, [String(at)]]);
    }
  });

  test("has what was told on a connection of before, lost or not yet known to be, since nobody knows whether it got that", async () => {
    for (const isLost of [true, false]) {
      const house = new ClockedHouse();
      const phone = await house.welcome("anna", new HeardLine(false), lamp);
      await house.pass(1000);
      house.change("1", 1);
      if (isLost) phone.lose();
      house.answers.set("GET_EVENTS", () => house.events(entry("1", "1", begin + 1)));
      const { next, values } = await ask(house, first);
      expect(values.map(({ value }) => value)).toEqual(["1"]);
      await house.pass(500);
      expect((await ask(house, next)).values).toEqual([]);
    }
  });

  test("is told again what it did not get, as it is by then", async () => {
    const house = new ClockedHouse();
    await house.welcome("anna", undefined, lamp, sensor);
    const { next } = await ask(house, first);
    house.change("1", 1);
    house.change("2", 22);
    expect((await ask(house, next)).values).toHaveLength(2);
    await house.pass(10);
    house.change("1", 2);
    // The same question again: the answer was lost, and so the plugin is asked what there is.
    const again = await ask(house, next);
    expect(again.values.map(({ value }) => value).sort()).toEqual(["2", "22"]);
    await house.pass(1000);
    expect((await ask(house, again.next)).values).toEqual([]);
  });
});

test("What is made of a change is, byte for byte, what the plugin says of it", () => {
  const events: string[] = [];
  let now = Date.UTC(2026, 5, 1, 12) / 1000;
  const local = (): string => {
    const date = new Date(now * 1000);
    return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19).replace("T", " ");
  };
  const house = new House(
    (name, option) => void events.push(phpJson({ datetime: now + 0.25, name, option })),
    local,
    (id) => id,
  );
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const said = (id: number): string => phpJson(cmdInfo(house, [id])[0]);
  for (const id of house.infos()) {
    for (const value of [1, 0, 21.5, -3, "éteint / 20 °C", 'a "b" \\', "", "21.50"]) {
      now += 100;
      const before = readEntry(said(id));
      events.length = 0;
      house.set(id, value);
      const change = readChange(events[0] ?? "");
      if (before === undefined || change === undefined) throw new Error("It cannot be read");
      expect(reworded(before, change, zone)?.text).toBe(said(id));
    }
  }
});

test("An event whose time is an object is passed over", () => {
  expect(readChange('{"datetime":{"toString":0},"name":"cmd::update","option":{"cmd_id":1}}')).toBeUndefined();
});

test("Events and entries of whatever kind are read or passed over, and what is made of them is read again", () => {
  const member = fc.oneof(fc.jsonValue(), fc.constantFrom(0, 1, "1", "2026-01-01 12:00:00", "2026-02-31 00:00:00"));
  const names = (...all: string[]) =>
    fc.record(Object.fromEntries(all.map((name) => [name, member])), { requiredKeys: [] });
  const event = fc.record({
    datetime: fc.oneof(member, fc.double()),
    name: fc.oneof(member, fc.constant("cmd::update")),
    option: fc.oneof(member, names("cmd_id", "value", "valueDate", "collectDate")),
  });
  const entries = names("id", "value", "modified", "collectDate", "history", "__proto__", "0");
  const usual = readEntry(lamp);
  fc.assert(
    fc.property(event, entries, fc.string(), (happened, said, text) => {
      readChange(text);
      readEntry(text);
      const change = readChange(JSON.stringify(happened));
      for (const before of [usual, readEntry(JSON.stringify(said))]) {
        if (change === undefined || before === undefined) continue;
        const after = reworded(before, change, "UTC");
        if (after !== undefined) expect(readEntry(after.text)).toEqual(after);
      }
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ["Europe/Paris", "2023-11-14 23:13:21", 1_700_000_001],
  ["Europe/Paris", "2023-07-14 23:13:21", 1_689_369_201],
  // As PHP has it: an hour that there is twice, and one that there is not.
  ["Europe/Paris", "2023-10-29 02:30:00", 1_698_543_000],
  ["Europe/Paris", "2023-03-26 02:30:00", 1_679_794_200],
  ["No/Where", "2023-11-14 23:13:21", undefined],
  ["UTC", "2023-11-31 23:13:21", undefined],
  ["UTC", "", undefined],
])("Dates are Jeedom's: in %s it is %s at %p", (zone, date, seconds) => {
  const before = readEntry(lamp);
  const event = {
    datetime: begin,
    name: "cmd::update",
    option: { cmd_id: 1, value: 1, valueDate: date, collectDate: date },
  };
  const change = readChange(JSON.stringify(event));
  if (before === undefined || change === undefined) throw new Error("It cannot be read");
  expect(reworded(before, change, zone)?.text).toBe(seconds === undefined ? undefined : entry("1", "1", seconds));
});
