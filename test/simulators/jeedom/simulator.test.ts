import { afterEach, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { type Dialect, dialects, EventBuffer } from "../../../simulators/jeedom/event-buffer.ts";
import { House } from "../../../simulators/jeedom/house.ts";
import { People } from "../../../simulators/jeedom/people.ts";
import { Simulator, type SimulatorOptions } from "../../../simulators/jeedom/server.ts";
import { until } from "../../transports/raw-client.ts";

const open: Simulator[] = [];
function start(options: SimulatorOptions = {}): Simulator {
  const simulator = new Simulator(options).start();
  open.push(simulator);
  return simulator;
}
afterEach(async () => {
  for (const simulator of open.splice(0)) await simulator.stop();
});

interface Answer {
  readonly id?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string };
}

async function ask(simulator: Simulator, method: string, params: object = {}): Promise<Answer> {
  const body = JSON.stringify({
    jsonrpc: "2.0",
    id: 7,
    method,
    params: { apikey: simulator.users.apiKey, ...params },
  });
  const response = await fetch(`${simulator.url}/core/api/jeeApi.php`, { method: "POST", body });
  return (await response.json()) as Answer;
}

interface Full {
  readonly id: unknown;
  readonly name: string;
  readonly eqLogics: readonly {
    readonly id: unknown;
    readonly cmds: readonly { readonly id: unknown; readonly type: string; readonly state?: unknown }[];
  }[];
}

async function full(simulator: Simulator, params: object = {}): Promise<readonly Full[]> {
  return (await ask(simulator, "jeeObject::full", params)).result as readonly Full[];
}

interface Heard {
  readonly datetime: number | string;
  readonly result: readonly { readonly datetime: number | string; readonly name: string; readonly option: unknown }[];
}

async function changes(simulator: Simulator, params: object): Promise<Heard> {
  return (await ask(simulator, "event::changes", params)).result as Heard;
}

/** What happens in the house while it lives for so long. */
function live(seed: number, ms: number): string[] {
  const events: string[] = [];
  const tell = (name: string, option: unknown): void => void events.push(JSON.stringify([name, option]));
  const house = new House(
    tell,
    () => "2026-01-01 00:00:00",
    (id) => id,
  );
  new People(house, seed, 0).liveUntil(ms);
  return events;
}

describe("The simulated house", () => {
  test("has rooms within rooms, more than fifty equipments and some two hundred commands", async () => {
    const simulator = start();
    const objects = await full(simulator);
    const equipments = objects.flatMap(({ eqLogics }) => eqLogics);
    const commands = equipments.flatMap(({ cmds }) => cmds);
    expect([objects.length, equipments.length > 50, commands.length > 190]).toEqual([10, true, true]);
    expect(commands.every(({ type, state }) => (state !== undefined) === (type === "info"))).toBe(true);
    expect(objects.find(({ name }) => name === "Cuisine")).toMatchObject({ father_id: 1 });
  });

  test("lives the same day for the same seed, and tells of every kind of change", () => {
    const day = live(1, 1_800_000);
    expect(live(1, 1_800_000)).toEqual(day);
    expect(live(2, 1_800_000)).not.toEqual(day);
    const names = new Set(day.map((event) => (JSON.parse(event) as [string])[0]));
    expect([...names].sort()).toEqual([
      "cmd::update",
      "jeeObject::summary::update",
      "message::refreshMessageNumber",
      "notify",
      "scenario::update",
    ]);
  });

  test("lives by itself", async () => {
    const simulator = start({ speed: 50 });
    await until(() => simulator.events.size > 20, "life");
  });
});

describe("The list of events", () => {
  function buffer(dialect: Dialect) {
    let now = 1000;
    const events = new EventBuffer(dialect, () => now);
    const at = (time: number): void => {
      now = time;
    };
    return { events, at };
  }

  test.each(dialects)("%s keeps the newest 250, and of each subject the last", (dialect) => {
    const { events, at } = buffer(dialect);
    for (let each = 0; each < 400; each++) {
      at(1000 + each);
      events.add("cmd::update", { cmd_id: each % 3, value: each });
      events.add("notify", { message: String(each) });
    }
    const { result } = events.since(0);
    expect(result).toHaveLength(250);
    const values = result.filter(({ name }) => name === "cmd::update").map(({ option }) => option);
    expect(values).toEqual([397, 398, 399].map((value) => ({ cmd_id: value % 3, value })));
  });

  test("4.4.9 gives what is newer than the cursor, and the newest event's time", () => {
    const { events, at } = buffer("4.4.9");
    events.add("notify", [], 990);
    events.add("notify", [], 995);
    at(2000);
    expect(events.since(990)).toEqual({ datetime: 995, result: [{ datetime: 995, name: "notify", option: [] }] });
    expect(events.since(995)).toEqual({ datetime: 995, result: [] });
    expect(events.since(undefined).result).toHaveLength(2);
  });

  test("4.5 gives the event at the cursor again, and the time of the answer", () => {
    const { events, at } = buffer("4.5");
    events.add("notify", [], 990);
    events.add("notify", [], 995);
    at(2000);
    expect(events.since(995)).toEqual({ datetime: 2000, result: [{ datetime: 995, name: "notify", option: [] }] });
    expect(events.since(undefined).result).toEqual([]);
  });

  test.each(dialects)("%s takes a cursor in the future for now", (dialect) => {
    const { events, at } = buffer(dialect);
    at(1001);
    events.add("notify", [], 1001);
    const { result } = events.since(5000);
    expect(result).toHaveLength(dialect === "4.4.9" ? 0 : 1);
  });

  test("an option that is too long for its column is no JSON any more", () => {
    const { events } = buffer("4.5");
    const { option } = events.add("ui::update", { text: "x".repeat(9000) });
    expect(option).toBe(JSON.stringify({ text: "x".repeat(9000) }).slice(0, 8192));
  });
});

describe("The simulated Jeedom", () => {
  test("answers with ids as texts or numbers, and `ok` for what is empty, as its dialect does", async () => {
    for (const dialect of dialects) {
      const simulator = start({ dialect });
      const [object] = await full(simulator);
      expect(object?.id).toBe(dialect === "4.5" ? 1 : ("1" as never));
      expect((await ask(simulator, "message::all")).result).toEqual(dialect === "4.5" ? "ok" : []);
      simulator.house.set(simulator.house.infos()[0] ?? 0, 1);
      const { result, datetime } = await changes(simulator, { datetime: simulator.now() - 10 });
      expect([typeof datetime, typeof result[0]?.datetime]).toEqual([
        "number",
        dialect === "4.4.10" ? "string" : "number",
      ]);
    }
  });

  test("answers errors with small positive codes", async () => {
    const simulator = start();
    simulator.house.command(102).needsConfirmation = true;
    simulator.house.command(103).code = "1234";
    const errors: [string, object, number][] = [
      ["version", { apikey: "none" }, 2],
      ["nothing", {}, 500],
      ["jeeObject::byId", { id: 999 }, 601],
      ["cmd::execCmd", { id: 999 }, 702],
      ["cmd::execCmd", { id: 102 }, 6],
      ["cmd::execCmd", { id: 103 }, 5],
      ["scenario::byId", { id: 99 }, 703],
      ["scenario::changeState", { id: 99, state: "run" }, 702],
      ["user::getHash", { login: "admin", password: "wrong" }, 1],
    ];
    for (const [method, params, code] of errors) {
      expect([method, params, (await ask(simulator, method, params)).error?.code]).toEqual([method, params, code]);
    }
    expect((await ask(simulator, "ping", { apikey: undefined })).result).toBe("pong");
  });

  test("shows each user what the user's rights are, but events to all", async () => {
    const simulator = start();
    const { key } = simulator.users.add("invité", "restrict", { eqLogic1: "r", eqLogic2: "rx", scenario1: "rx" });
    const seen = (await full(simulator, { apikey: key })).flatMap(({ eqLogics }) => eqLogics.map(({ id }) => id));
    expect(seen as unknown).toEqual([1, 2]);
    expect((await ask(simulator, "scenario::all", { apikey: key })).result).toMatchObject([{ id: 1 }]);
    const { error } = await ask(simulator, "scenario::changeState", { id: 2, state: "run", apikey: key });
    expect(error?.code).toBe(701);
    const hashed = createHash("sha512").update(key).digest("hex");
    expect((await full(simulator, { apikey: hashed })).length).toBe(10);
    const other = simulator.house.infos("LIGHT_STATE")[3] ?? 0;
    simulator.house.set(other, 1);
    const { result } = await changes(simulator, { datetime: 1, apikey: key });
    expect(result[0]).toMatchObject({ name: "cmd::update", option: { cmd_id: other } });
    const user = simulator.users.all.get("invité");
    if (user !== undefined) user.enabled = false;
    expect((await ask(simulator, "version", { apikey: key })).error?.code).toBe(2);
  });

  test("an action changes what it is linked to, which changes the summaries", async () => {
    const simulator = start();
    const [light = 0] = simulator.house.infos("LIGHT_STATE");
    const on = [...simulator.house.building.commands.values()].find(
      ({ linked, plan }) => linked === light && plan.logicalId === "on",
    );
    expect((await ask(simulator, "cmd::execCmd", { id: on?.id })).result).toBe("ok");
    expect((await ask(simulator, "cmd::execCmd", { id: light })).result).toMatchObject({ value: 1 });
    const { result } = await changes(simulator, { datetime: 1 });
    expect(result.map(({ option }) => option)).toContainEqual({ object_id: "global", keys: { light: { value: 1 } } });
    expect((await ask(simulator, "summary::global", { key: "light" })).result).toBe(1);
  });

  test("a long poll waits for an event, in rounds", async () => {
    const simulator = start({ waitPollingTime: 20 });
    const waiting = changes(simulator, { datetime: simulator.now(), longPolling: 5 });
    await until(() => simulator.waiting === 1, "the poll");
    simulator.house.message("Bonjour");
    expect((await waiting).result).toMatchObject([{ name: "notify" }, { option: [] }]);
    const { result } = await changes(simulator, { datetime: simulator.now(), longPolling: 0.04 });
    expect([result, simulator.mostWaiting]).toEqual([[], 1]);
  });

  test("a text is cut at 3096 bytes, in the middle of a letter", async () => {
    const simulator = start();
    const [id = 0] = simulator.house.infos("WEATHER_CONDITION");
    simulator.house.set(id, `x${"é".repeat(2000)}`);
    const body = JSON.stringify({
      jsonrpc: "2.0",
      method: "event::changes",
      params: { api: simulator.users.apiKey, datetime: 1 },
    });
    const response = await fetch(`${simulator.url}/core/api/jeeApi.php`, {
      method: "POST",
      body: new URLSearchParams({ request: body }),
    });
    const bytes = Buffer.from(await response.arrayBuffer());
    expect(bytes.includes(Buffer.from([0xc3, 0x22]))).toBe(true);
    expect(bytes.toString()).toContain(`"id":99999`);
  });

  test("breaks on demand: slow, 500, a page of HTML, silence, a restart, and a clock that jumps", async () => {
    const simulator = start();
    const status = async (): Promise<string> => {
      const response = await fetch(`${simulator.url}/core/api/jeeApi.php`, { method: "POST", body: "{}" });
      await response.text();
      return `${response.status} ${response.headers.get("content-type")}`;
    };
    simulator.house.message("Avant");
    simulator.trouble = "500";
    expect(await status()).toBe("500 text/html");
    simulator.trouble = "html";
    expect(await status()).toBe("200 text/html");
    simulator.trouble = undefined;
    simulator.slowness = 100;
    const before = performance.now();
    expect(await status()).toBe("200 application/json");
    expect(performance.now() - before).toBeGreaterThan(95);
    simulator.slowness = 0;
    const waiting = changes(simulator, { datetime: simulator.now(), longPolling: 60 });
    await until(() => simulator.waiting === 1, "the poll");
    const fate = (promise: Promise<unknown>): Promise<string> =>
      promise.then(
        () => "answered",
        () => "broken",
      );
    const waited = fate(waiting);
    await simulator.restart();
    expect(await waited).toBe("broken");
    expect((await changes(simulator, { datetime: 1 })).result as unknown).toEqual([]);
    simulator.jump(-3600);
    const { result } = await ask(simulator, "datetime");
    expect(Number(result)).toBeLessThan(Date.now() / 1000 - 3500);
    simulator.trouble = "hang";
    const { requests } = simulator;
    const hung = fate(ask(simulator, "ping"));
    await until(() => simulator.requests > requests, "the question");
    await simulator.cut();
    expect(await hung).toBe("broken");
  });
});
