import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { Simulator as Jeedom } from "../../../simulators/jeedom/server.ts";
import { listenForAnswers } from "../../../simulators/jeedomconnect/answers-port.ts";
import { apiKeyOf, type PhoneEquipment } from "../../../simulators/jeedomconnect/equipment.ts";
import { Simulator } from "../../../simulators/jeedomconnect/server.ts";
import { until } from "../../transports/raw-client.ts";

let jeedom: Jeedom;
let simulator: Simulator;
let anna: PhoneEquipment;
/** What the daemon was told, each from one connection. */
let told: Record<string, unknown>[];
let daemon: ReturnType<typeof listenForAnswers>;

beforeEach(() => {
  told = [];
  daemon = listenForAnswers((text) => void told.push(JSON.parse(text) as Record<string, unknown>));
  jeedom = new Jeedom().start();
  simulator = new Simulator({ jeedom, socketPort: daemon.port, round: 20 }).start();
  anna = simulator.plugin.add("anna");
});
afterEach(async () => {
  await Promise.all([simulator.stop(), jeedom.stop()]);
  daemon.stop(true);
});

interface Reply {
  readonly type: string;
  readonly payload?: unknown;
}

async function call(method: string, params: object = {}, apiKey = anna.apiKey): Promise<Reply | "ok"> {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 7, method, params: { apiKey, ...params } });
  const response = await fetch(simulator.callback, { method: "POST", body });
  expect(response.status).toBe(200);
  const answer = (await response.json()) as { id: unknown; result: Reply | "ok" };
  expect(answer.id).toBe(7);
  return answer.result;
}
const connect = (params: object = {}): Promise<Reply | "ok"> => call("CONNECT", { deviceId: "phone-1", ...params });

interface Items {
  readonly type: string;
  readonly payload: readonly { readonly type: string; readonly payload: unknown }[];
}
async function look(lastReadTimestamp: number, more: object = {}): Promise<Record<string, unknown>> {
  const { type, payload } = (await call("GET_EVENTS", { lastReadTimestamp, ...more })) as Items;
  expect(type).toBe("SET_EVENTS");
  return Object.fromEntries(payload.map((item) => [item.type, item.payload]));
}

describe("CONNECT", () => {
  test("is welcomed with the whole house, and makes the phone active", async () => {
    const { type, payload } = (await connect()) as { type: string; payload: Record<string, unknown[]> };
    expect(type).toBe("WELCOME");
    expect(payload).toMatchObject({ useWs: "0", polling: "0", eqName: "anna", configVersion: 1 });
    expect(payload["cmdInfo"]?.[0]).toMatchObject({ id: expect.any(String), value: expect.any(String) });
    expect([payload["cmdInfo"]?.length, payload["scInfo"]?.length]).toEqual([anna.commands.size, 4]);
    expect([anna.connected, anna.appState, anna.deviceId]).toEqual([1, "active", "phone-1"]);
  });

  test("is refused in each of the plugin's ways, in their order", async () => {
    const refusal = async (params?: object): Promise<unknown> => (await connect(params)) as Reply;
    await connect();
    expect(await refusal({ deviceId: "another" })).toEqual({ type: "BAD_DEVICE" });
    expect(await refusal({ appTypeVersion: "beta" })).toEqual({ type: "BAD_TYPE_VERSION" });
    expect(await refusal({ appVersion: "1.2.0" })).toMatchObject({ type: "APP_VERSION_ERROR", payload: {} });
    expect(await refusal({ pluginRequire: "9.0.0" })).toEqual({ type: "PLUGIN_VERSION_ERROR" });
    const { config } = anna;
    delete config?.formatVersion;
    expect(await refusal()).toEqual({ type: "FORMAT_VERSION_ERROR" });
    anna.config = undefined;
    expect(await refusal()).toEqual({ type: "EMPTY_CONFIG_FILE" });
    anna.enabled = false;
    expect(await refusal()).toEqual({ type: "EQUIPMENT_DISABLE" });
    expect(await call("GET_INFO")).toEqual({ type: "EQUIPMENT_DISABLE" });
  });

  test("with a key that was replaced gets the new one once, then an exception as with any unknown one", async () => {
    const old = anna.apiKey;
    const fresh = simulator.plugin.regenerate(anna);
    expect(await call("CONNECT", {}, old)).toEqual({ type: "SET_NEW_APIKEY", payload: { apiKey: fresh } });
    const message = "Error with 'CONNECT' method Can't find eqLogic";
    expect(await call("CONNECT", {}, old)).toEqual({ type: "EXCEPTION", payload: { message } });
  });
});

describe("GET_EVENTS", () => {
  test("tells what changed since the cursor, and nothing but cursors when nothing did", async () => {
    await connect();
    const before = jeedom.now();
    const [lamp = 0] = jeedom.house.infos("LIGHT_STATE");
    jeedom.house.set(lamp, 1);
    const first = await look(before);
    expect(first["CMD_INFO"]).toMatchObject([{ id: String(lamp), value: "1" }]);
    expect(first["OBJ_INFO"]).toMatchObject([{ keys: { light: { value: 1 } } }, { object_id: "global" }]);
    expect(Object.keys(await look(Number(first["DATETIME"])))).toEqual(["DATETIME", "HIST_DATETIME"]);
  });

  test("tells everything when as many events came as Jeedom keeps", async () => {
    await connect();
    const before = jeedom.now();
    for (let at = 0; at < 260; at++) jeedom.events.add("test::said", { at });
    expect(await look(before)).toMatchObject({ CMD_INFO: { length: anna.commands.size }, SC_INFO: { length: 4 } });
  });

  test("tells a new configuration first, then actions, each once, and nothing to an app in the background", async () => {
    await connect();
    expect(simulator.plugin.act(anna, { action: "toaster", message: "Bonjour" })).toBe(true);
    simulator.plugin.edit(anna);
    expect(await call("GET_EVENTS", { configVersion: 1 })).toMatchObject({
      type: "CONFIG_AND_INFOS",
      payload: { config: { type: "JEEDOM_CONFIG", payload: { configVersion: 2 } }, infos: { scInfo: { length: 4 } } },
    });
    const actions = { type: "ACTIONS", payload: [{ action: "toaster", message: "Bonjour" }] };
    expect(await call("GET_EVENTS", { configVersion: 2 })).toEqual(actions);
    await look(jeedom.now(), { configVersion: 2 });
    expect(await call("SET_APPSTATE", { state: "background" })).toBe("ok");
    expect(await call("GET_EVENTS", {})).toBe("ok");
    expect(simulator.plugin.act(anna, { action: "screenOn" })).toBe(false);
  });

  test("is counted by phone, and so is one that comes before the last was answered", async () => {
    const bob = simulator.plugin.add("bob");
    await connect();
    simulator.slowness.set("GET_EVENTS", 30);
    await Promise.all([call("GET_EVENTS"), call("GET_EVENTS"), call("GET_EVENTS", {}, bob.apiKey)]);
    const counts = [simulator.count("GET_EVENTS", anna), simulator.count("GET_EVENTS", bob), simulator.overlaps];
    expect(counts).toEqual([2, 1, 1]);
    expect([simulator.count("GET_EVENTS"), simulator.requests]).toEqual([3, 4]);
  });
});

describe("Methods", () => {
  test("act on the house", async () => {
    const actions = [...jeedom.house.building.commands.values()].filter(({ plan }) => plan.logicalId === "on");
    const [first, second] = actions;
    expect(await call("CMD_EXEC", { id: String(first?.id) })).toBe("ok");
    expect(jeedom.house.command(first?.linked ?? 0).state).toBe(1);
    const failed = await call("CMDLIST_EXEC", { cmdList: [{ id: "9999" }, { id: String(second?.id) }] });
    expect(failed).toMatchObject({ type: "EXCEPTION", payload: { details: ["9999"] } });
    expect(jeedom.house.command(second?.linked ?? 0).state).toBe(1);
    expect(await call("SC_EXEC", { id: "2" })).toBe("ok");
    expect(jeedom.house.building.scenarios.get(2)?.lastLaunch).not.toBe("");
  });

  test("answer under the names that the app knows, or with an exception that is a result", async () => {
    expect(await call("SET_POLLING", { value: 1 })).toEqual({ type: "GET_POLLING", payload: { polling: "1" } });
    expect(await call("GET_CONFIG")).toMatchObject({
      type: "SET_CONFIG",
      payload: { type: "JEEDOM_CONFIG", formatVersion: "1.0", payload: { configVersion: 1 } },
    });
    expect(await call("GET_PLUGIN_CONFIG", {}, "nobody")).toMatchObject({ type: "PLUGIN_CONFIG" });
    expect(await call("SET_ROOMS", { rooms: [] })).toBe("ok");
    expect(anna.config?.payload.configVersion).toBe(2);
    const message = "Error with 'NONSENSE' method [API] - method not defined";
    expect(await call("NONSENSE")).toEqual({ type: "EXCEPTION", payload: { message } });
    const wrong = await fetch(simulator.callback, { method: "POST", body: "{}" });
    expect(wrong.status).toBe(500);
  });
});

describe("A request of the daemon", () => {
  const ask = async (method: string, apiKey = anna.apiKey): Promise<void> => {
    const params = { apiKey, deviceId: "phone-1", connexionFrom: "WS" };
    const body = JSON.stringify({ jsonrpc: "2.0", id: "u-1", method, params });
    const response = await fetch(`${simulator.callback}?apikey=${simulator.pluginKey}`, { method: "POST", body });
    expect([response.status, await response.text()]).toEqual([200, ""]);
  };

  test("is answered by a connection to its port, or by none where there is no reply", async () => {
    await ask("CONNECT");
    await ask("PING");
    await ask("GET_SC_INFO");
    await until(() => told.length === 2, "two answers");
    const envelope = { id: "u-1", eqApiKey: anna.apiKey, jeedomApiKey: simulator.pluginKey };
    expect(told).toMatchObject([
      { type: "WELCOME", ...envelope },
      { type: "SET_SC_INFO", ...envelope },
    ]);
  });

  test("that went wrong is answered without saying whose it was", async () => {
    await ask("CONNECT", apiKeyOf("nobody"));
    await ask("NONSENSE");
    await until(() => told.length === 2, "two answers");
    expect(told.map(Object.keys)).toEqual([
      ["type", "payload", "jeedomApiKey"],
      ["type", "payload", "jeedomApiKey"],
    ]);
    simulator.socketPort = 1;
    await ask("GET_INFO");
    expect(simulator.undelivered).toBe(1);
  });
});

describe("The stream", () => {
  const path = "/plugins/JeedomConnect/core/php/eventServer.php";
  async function visit(
    apiKey: string,
  ): Promise<{ messages: Record<string, unknown>[]; text: () => string; end: () => void; over: () => boolean }> {
    const aborter = new AbortController();
    const response = await fetch(`${simulator.url}${path}?apiKey=${apiKey}`, { signal: aborter.signal });
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    const messages: Record<string, unknown>[] = [];
    let [text, over] = ["", false];
    void (async () => {
      for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
        text += new TextDecoder().decode(chunk);
        const events = text.split("\r\n\r\n").slice(0, -1);
        messages.splice(0, messages.length, ...events.map((event) => JSON.parse(JSON.parse(event.slice(5)) as string)));
      }
    })()
      .catch(() => undefined)
      .finally(() => {
        over = true;
      });
    return { messages, text: () => text, end: () => aborter.abort(), over: () => over };
  }

  test("begins with the house, tells changes, actions and heartbeats, and marks the end of the visit", async () => {
    const stream = await visit(anna.apiKey);
    await until(() => stream.messages.length === 1, "the house");
    expect(stream.messages[0]).toMatchObject({ type: "SET_INFO", payload: { scInfo: { length: 4 } } });
    expect(stream.text()).toStartWith('data:"{\\"type\\":\\"SET_INFO\\"');
    expect([anna.connected, anna.appState]).toEqual([1, "active"]);
    await until(() => stream.messages.some(({ event }) => event === "heartbeat"), "a heartbeat");
    jeedom.house.set(jeedom.house.infos("LIGHT_STATE")[0] ?? 0, 1);
    await until(() => stream.text().includes("CMD_INFO"), "a change");
    simulator.plugin.act(anna, { action: "screenOn" });
    await until(() => stream.text().includes("screenOn"), "an action");
    stream.end();
    await until(() => anna.connected === 0, "the end of the visit");
    expect([anna.appState, simulator.requests]).toEqual(["background", 1]);
  });

  test("ends when another one comes, when the transport is another, and at once for an unknown key", async () => {
    const older = await visit(anna.apiKey);
    const newer = await visit(anna.apiKey);
    await until(older.over, "the end of the older");
    expect(newer.over()).toBe(false);
    anna.useWs = "1";
    await until(newer.over, "the end of the newer");
    const unknown = await visit("nobody");
    await until(unknown.over, "the end");
    const message = "Error with 'SSE' method Can't find eqLogic";
    expect(unknown.messages).toEqual([{ type: "EXCEPTION", payload: { message } }]);
  });
});

describe("Files", () => {
  const core = "/plugins/JeedomConnect/core";

  test("are taken, and listed", async () => {
    const form = new FormData();
    form.set("apiKey", anna.apiKey);
    form.set("file", new File(["abc"], "photo.jpg"));
    const response = await fetch(`${simulator.url}${core}/api/upload.api.php`, { method: "POST", body: form });
    const listed = { type: "SET_FILES", payload: { files: [{ path: "/data/files/photo.jpg" }] } };
    expect(await response.json()).toMatchObject({ result: listed });
    expect(await call("GET_FILES")).toMatchObject(listed);
  });

  test("of cameras are pictures, for phones that are known", async () => {
    const picture = await fetch(`${simulator.url}${core}/php/snapshot.php?apiKey=${anna.apiKey}&id=1`);
    expect(picture.headers.get("content-type")).toBe("image/jpeg");
    expect((await picture.bytes()).slice(0, 3)).toEqual(new Uint8Array([0xff, 0xd8, 0xff]));
    expect((await fetch(`${simulator.url}${core}/php/snapshot.php?apiKey=nobody`)).status).toBe(500);
  });
});
