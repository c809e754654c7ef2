import { afterEach, describe, expect, test } from "bun:test";
import { House } from "../../../simulators/deconz/house.ts";
import { People } from "../../../simulators/deconz/people.ts";
import { Simulator, type SimulatorOptions } from "../../../simulators/deconz/server.ts";
import { until } from "../../transports/raw-client.ts";

const open: Simulator[] = [];
const key = "0A1B2C3D4E";

function start(options: SimulatorOptions = {}): Simulator {
  const simulator = new Simulator({ keys: [key], ...options }).start();
  open.push(simulator);
  return simulator;
}

afterEach(async () => {
  for (const simulator of open.splice(0)) await simulator.stop();
});

async function ask(simulator: Simulator, path: string, method = "GET", body?: unknown) {
  const response = await fetch(`${simulator.url}/api${path}`, {
    method,
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    body: text === "" ? undefined : (JSON.parse(text) as unknown),
    headers: response.headers,
    text,
  };
}

async function listen(simulator: Simulator): Promise<string[]> {
  const heard: string[] = [];
  const before = simulator.listeners;
  const socket = new WebSocket(`ws://127.0.0.1:${simulator.webSocketPort}/`);
  socket.onmessage = ({ data }) => heard.push(String(data));
  await until(() => simulator.listeners > before, "the WebSocket");
  return heard;
}

/** A day in the life of the house, in its own words. */
function live(seed: number, ms: number): string[] {
  const frames: string[] = [];
  let now = 1_700_000_000_000;
  const house = new House(
    (frame) => frames.push(frame),
    () => now,
  );
  const people = new People(house, seed, now);
  for (const end = now + ms; now < end; now += 100) people.liveUntil(now);
  return frames;
}

describe("The simulated house", () => {
  test("has forty lights, sensors of every type, groups with scenes and an alarm system", async () => {
    const simulator = start();
    const { body } = await ask(simulator, `/${key}`);
    const { lights, sensors, groups, alarmsystems, scenes } = body as Record<
      string,
      Record<string, { type: string; scenes: object[] }>
    >;
    expect(Object.keys(lights ?? {})).toHaveLength(40);
    expect(new Set(Object.values(sensors ?? {}).map(({ type }) => type)).size).toBe(19);
    expect(Object.values(groups ?? {}).every(({ scenes: all }) => all.length === 3)).toBe(true);
    expect([Object.keys(alarmsystems ?? {}), scenes]).toEqual([["1"], {}]);
  });

  test("lives the same day for the same seed", () => {
    const day = live(1, 600_000);
    expect(day.length).toBeGreaterThan(1000);
    expect(live(1, 600_000)).toEqual(day);
    expect(live(2, 600_000)).not.toEqual(day);
  });

  test("tells a short press as 1000 and 1002, a hold as 1001 and then 1003, for each button", () => {
    const frames: string[] = [];
    const house = new House(
      (frame) => frames.push(frame),
      () => 0,
    );
    const people = new People(house, 1, 0);
    people.press("1", 1, "short");
    people.press("1", 3, "long");
    people.liveUntil(250);
    const codes = (): unknown[] =>
      frames.flatMap((frame) => (JSON.parse(frame) as { state?: { buttonevent?: number } }).state?.buttonevent ?? []);
    expect(codes()).toEqual([1000, 1002]);
    people.liveUntil(2100);
    expect(codes().filter((code) => Number(code) >= 3000 && Number(code) < 4000)).toEqual([3001, 3003]);
  });

  test("says nothing twice in one message: one of state, config, attr and capabilities, and keys in order", () => {
    for (const frame of live(3, 300_000)) {
      const event = JSON.parse(frame) as Record<string, unknown>;
      expect(Object.keys(event)).toEqual(Object.keys(event).sort());
      const sections = ["state", "config", "attr", "capabilities"].filter((section) => section in event);
      if (event["e"] === "changed") expect(sections).toHaveLength(1);
    }
  });
});

describe("The simulated gateway", () => {
  test("emits an event for what is put into a CLIP sensor, on the shared port and on a port of its own", async () => {
    for (const webSocketPort of ["shared", 0] as const) {
      const simulator = start({ webSocketPort });
      expect(simulator.webSocketPort === simulator.port).toBe(webSocketPort === "shared");
      const heard = await listen(simulator);
      const sensors = Object.entries(Object.fromEntries(simulator.house.resources.sensors));
      const [id, sensor] = sensors.find(([, { type }]) => type === "CLIPPresence") ?? ["", {}];
      const { body } = await ask(simulator, `/${key}/sensors/${id}/state`, "PUT", { presence: true });
      expect(body).toEqual([{ success: { [`/sensors/${id}/state/presence`]: true } }]);
      await until(() => heard.length > 0, "the event");
      const { state, ...rest } = JSON.parse(heard[0] ?? "") as { state: object };
      expect(rest as unknown).toEqual({ e: "changed", id, r: "sensors", t: "event", uniqueid: sensor["uniqueid"] });
      expect(state).toMatchObject({ presence: true });
    }
  });

  test("pairs when the link button was pressed, gives the same key within 30 s, and refuses otherwise", async () => {
    const simulator = start();
    const refused = await ask(simulator, "", "POST", { devicetype: "app" });
    expect([refused.status, refused.text]).toEqual([
      403,
      '[{"error":{"address":"/","description":"link button not pressed","type":101}}]',
    ]);
    await ask(simulator, `/${key}/config`, "PUT", { unlock: 60 });
    const first = await ask(simulator, "", "POST", { devicetype: "app" });
    expect(first.text).toMatch(/^\[\{"success":\{"username":"[0-9A-F]{10}"\}\}\]$/);
    expect((await ask(simulator, "", "POST", { devicetype: "app" })).text).toBe(first.text);
    expect((await ask(simulator, "", "POST", "{")).body).toMatchObject([{ error: { type: 2 } }]);
  });

  test("answers errors as lists with the documented types and statuses", async () => {
    const simulator = start();
    const errors: [string, string, unknown, number, number][] = [
      ["GET", "/unknown/lights", undefined, 403, 1],
      ["GET", `/${key}/lights/999`, undefined, 404, 3],
      ["GET", `/${key}/nothing`, undefined, 404, 4],
      ["PUT", `/${key}/lights/1/state`, "{", 400, 2],
      ["PUT", `/${key}/lights/1/state`, { bri: 5 }, 200, 201],
      ["PUT", `/${key}/config`, { unlock: 601 }, 400, 7],
      ["PUT", `/${key}/config`, { nonsense: 1 }, 400, 6],
      ["POST", `/${key}/sensors`, { type: "CLIPSwitch" }, 400, 5],
    ];
    for (const [method, path, wish, status, type] of errors) {
      const { body, ...answer } = await ask(simulator, path, method, wish);
      expect([path, answer.status, body]).toMatchObject([path, status, [{ error: { type } }]]);
    }
  });

  test("breaks on demand: sockets drop, REST is slow or 503, and a restart moves the WebSocket", async () => {
    const simulator = start({ webSocketPort: 0 });
    await listen(simulator);
    simulator.dropSockets();
    await until(() => simulator.listeners === 0, "the drop");
    simulator.unavailable = true;
    expect((await ask(simulator, `/${key}/lights`)).status).toBe(503);
    simulator.unavailable = false;
    const before = simulator.webSocketPort;
    await simulator.restart("shared");
    expect(simulator.webSocketPort).not.toBe(before);
    expect((await ask(simulator, `/${key}/config`)).body).toMatchObject({ websocketport: simulator.port });
  });

  test("answers 304 to who has it already", async () => {
    const simulator = start();
    const { headers } = await ask(simulator, `/${key}/lights`);
    const again = await fetch(`${simulator.url}/api/${key}/lights`, {
      headers: { "if-none-match": headers.get("etag") ?? "" },
    });
    expect(again.status).toBe(304);
  });
});
