/** What phones get by HTTP: questions, their event stream, files and pictures; and faults of the plugin's PHP that end here. */
import { afterEach, describe, expect, test } from "bun:test";
import { apiKeyOf } from "../../../simulators/jeedomconnect/equipment.ts";
import type { Message } from "../../../simulators/jeedomconnect/message.ts";
import { type RawClient, until } from "../../transports/raw-client.ts";
import { core, events, Stage } from "./stage.ts";

let stage: Stage;
afterEach(async () => {
  expect(stage.gateway.errors).toEqual([]);
  await stage.stop();
});

/** What was sent on a stream, decoded twice. */
function messages({ text }: RawClient): readonly Message[] {
  return [...text.matchAll(/data:(".*")\r\n\r\n/g)].map(([, data = ""]) => JSON.parse(JSON.parse(data) as string));
}

const picture: Message = { type: "SET_INFO", payload: { cmdInfo: [], scInfo: [], objInfo: [] } };

describe("JSON-RPC", () => {
  test("is passed on with its id and its result, on the main listener too, without a say in where the answer goes", async () => {
    stage = await Stage.open();
    stage.simulator.answers.set("GET_CMD_INFO", () => ({ type: "SET_CMD_INFO", payload: [] }));
    const question = {
      jsonrpc: "2.0",
      id: "x",
      method: "GET_CMD_INFO",
      params: { apiKey: apiKeyOf("anna"), connexionFrom: "WS" },
    };
    const answer = { jsonrpc: "2.0", id: "x", result: { type: "SET_CMD_INFO", payload: [] } };
    expect(await stage.post(question)).toEqual(answer);
    expect(await stage.post(question, stage.gateway.url)).toEqual(answer);
    expect(stage.asked("GET_CMD_INFO").map((asked) => [asked.pluginKey, asked.params["connexionFrom"]])).toEqual([
      [null, undefined],
      [null, undefined],
    ]);
    expect(await stage.ask("SET_BATTERY", { apiKey: apiKeyOf("anna"), level: 5 })).toBe("ok");
  });

  test("has an answer also when the plugin has none", async () => {
    stage = await Stage.open();
    await stage.simulator.stop();
    expect(await stage.ask("GET_INFO", { apiKey: apiKeyOf("anna") })).toEqual({
      type: "EXCEPTION",
      payload: { message: "Cannot reach Jeedom's plugin now" },
    });
  });

  test("passes on the cookie that registers a device, and nothing else that Jeedom says beside its answer", async () => {
    stage = await Stage.open();
    const { callback, pluginKey } = stage.simulator;
    const register = (at: string, method: string, rdk: string): Promise<Response> => {
      const params = { apiKey: apiKeyOf("anna"), userHash: "h4sh", rdk };
      return fetch(at, { method: "POST", body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }) });
    };
    const here = `${stage.url}${core}/api/JeedomConnect.api.php`;
    const [its, ours] = await Promise.all([callback, here].map((at) => register(at, "REGISTER_DEVICE", "k3y")));
    expect(its?.headers.getSetCookie()).toHaveLength(2);
    const [registered] = ours?.headers.getSetCookie() ?? [];
    expect(its?.headers.getSetCookie()[1]).toBe(registered ?? "");
    expect(registered).toStartWith("registerDevice=h4sh-k3y; ");
    expect([...(ours?.headers.keys() ?? [])].sort()).toEqual(["content-length", "content-type", "date", "set-cookie"]);
    expect(await ours?.json()).toEqual({
      jsonrpc: "2.0",
      id: 1,
      result: { type: "REGISTERED", payload: { rdk: "k3y" } },
    });
    const leaking = await register(here, "REGISTER_DEVICE", pluginKey);
    expect(leaking.headers.getSetCookie()[0]).toStartWith("registerDevice=h4sh-; ");
    expect((await register(here, "GET_CMD_INFO", "k3y")).headers.getSetCookie()).toEqual([]);
  });

  test("whose answer is huge, or takes longer than a request may, is answered all the same", async () => {
    stage = await Stage.open({ yaml: "limits: { body_time: 4s }" });
    stage.simulator.slowness.set("GET_HISTORY", 9000);
    const history = stage.ask("GET_HISTORY", { apiKey: apiKeyOf("anna"), id: "1" });
    const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(1024 * 1024)) });
    const { pages } = stage.simulator;
    await until(() => stage.asked("GET_HISTORY").length === 1, "the question");
    pages.set("JeedomConnect.api.php", () => new Response(endless));
    expect(await stage.ask("GET_CONFIG", { apiKey: apiKeyOf("anna") })).toMatchObject({ type: "EXCEPTION" });
    pages.clear();
    expect(await stage.ask("GET_CONFIG", { apiKey: apiKeyOf("anna") })).toMatchObject({ type: "SET_CONFIG" });
    expect(await history).toMatchObject({ type: "SET_HISTORY" });
  }, 15_000);

  test("PHP 17: another version of JSON-RPC, and what is none, is an error and not a status of 500", async () => {
    stage = await Stage.open();
    expect(await stage.post({ jsonrpc: "1.0", id: 7, method: "PING", params: {} })).toEqual({
      jsonrpc: "2.0",
      id: 7,
      error: { code: -32600, message: "Cannot make sense of it: `jsonrpc` must be 2.0" },
    });
    expect(await stage.post("nonsense")).toMatchObject({ id: null, error: { code: -32600 } });
  });

  test("PHP 14: who guesses at passwords is told to wait", async () => {
    stage = await Stage.open({ yaml: "limits: { wrong_keys: 2 }" });
    stage.simulator.answers.set("CHECK_AUTHENT", () => ({ type: "EXCEPTION", payload: { message: "Wrong" } }));
    for (let tries = 0; tries < 10; tries++)
      await stage.ask("CHECK_AUTHENT", { login: "admin", password: String(tries) });
    expect(stage.asked("CHECK_AUTHENT").length).toBeLessThan(6);
  });

  test("PHP 14: nor can passwords be guessed by a phone that is welcomed, on its WebSocket", async () => {
    stage = await Stage.open({ yaml: "limits: { wrong_keys: 2 }" });
    const anna = await stage.enter("anna");
    for (let tries = 0; tries < 10; tries++) anna.ask("CHECK_AUTHENT", { login: "admin", password: String(tries) });
    await anna.hears("EXCEPTION", 10);
    expect(stage.asked("CHECK_AUTHENT").length).toBeLessThan(10);
    expect(anna.closed).toBeUndefined();
  });

  test("PHP 16: an action that a polling phone had no answer with comes again; one that it had does not", async () => {
    stage = await Stage.open();
    await stage.ask("CONNECT", { apiKey: apiKeyOf("anna") });
    const action: Message = { type: "ACTIONS", payload: [{ action: "toaster", message: "hello" }] };
    const { promise: held, resolve } = Promise.withResolvers<void>();
    stage.simulator.answers.set("GET_EVENTS", async () => {
      await held;
      stage.simulator.answers.delete("GET_EVENTS");
      return action;
    });
    const gone = new AbortController();
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "GET_EVENTS", params: { apiKey: apiKeyOf("anna") } });
    const lost = fetch(`${stage.url}${core}/api/JeedomConnect.api.php`, {
      method: "POST",
      body,
      signal: gone.signal,
    });
    lost.catch(() => undefined);
    await until(() => stage.asked("GET_EVENTS").length === 1, "the question");
    gone.abort();
    await Bun.sleep(50);
    resolve();
    await Bun.sleep(50);
    expect(await stage.ask("GET_EVENTS", { apiKey: apiKeyOf("anna") })).toEqual(action);
    expect(await stage.ask("GET_EVENTS", { apiKey: apiKeyOf("anna") })).toMatchObject({ type: "SET_EVENTS" });
  });

  test("GET_EVENTS of a polling phone that asks twice at once reach the plugin one after the other", async () => {
    stage = await Stage.open();
    await stage.ask("CONNECT", { apiKey: apiKeyOf("anna") });
    stage.simulator.answers.set("GET_EVENTS", async () => {
      await Bun.sleep(50);
      return events("1");
    });
    await Promise.all(Array.from({ length: 4 }, () => stage.ask("GET_EVENTS", { apiKey: apiKeyOf("anna") })));
    expect(stage.simulator.overlaps).toBe(0);
  });
});

describe("The event stream", () => {
  test("begins with the picture, tells what happens in JSON that is a text, and that it lives", async () => {
    stage = await Stage.open();
    stage.simulator.answers.set("GET_INFO", () => picture);
    const raw = await stage.stream("anna");
    await until(() => messages(raw).length > 0, "the picture");
    const head = raw.text.slice(0, raw.text.indexOf("\r\n\r\n")).toLowerCase();
    expect(head).toContain("content-type: text/event-stream\r\n");
    expect(head).toContain("cache-control: no-cache\r\n");
    expect(head).toContain("x-accel-buffering: no");
    expect(raw.text).toContain(`data:${JSON.stringify(JSON.stringify(picture))}\r\n\r\n`);
    await until(() => messages(raw).length > 1, "a heartbeat", 8000);
    expect(messages(raw)[1]).toEqual({ event: "heartbeat" } as unknown as Message);
    const news = events("21.5");
    stage.simulator.once("GET_EVENTS", news);
    await until(() => messages(raw).length > 2, "news");
    expect(messages(raw).at(-1)).toEqual(news);
    raw.reset();
    await until(() => stage.asked("DISCONNECT", "anna").length === 1, "DISCONNECT");
  }, 15_000);

  test("that comes without a CONNECT, as after a restart of the gateway, brings a new configuration", async () => {
    stage = await Stage.open();
    const raw = await stage.stream("anna");
    await until(() => messages(raw).length > 0, "the picture");
    const { plugin } = stage.simulator;
    const anna = plugin.phones.get("anna");
    if (anna !== undefined) plugin.edit(anna);
    await until(() => messages(raw).length > 1, "what is new");
    expect(messages(raw)[1]).toMatchObject({
      type: "CONFIG_AND_INFOS",
      payload: { config: { payload: { configVersion: 2 } } },
    });
    raw.reset();
  });

  test("of a key that nobody has says so, and ends", async () => {
    stage = await Stage.open();
    const answer = await fetch(`${stage.url}${core}/php/eventServer.php?apiKey=${apiKeyOf("nobody")}`);
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
    const exception = { type: "EXCEPTION", payload: { message: "Error with 'SSE' method Can't find eqLogic" } };
    expect(await answer.text()).toBe(`data:${JSON.stringify(JSON.stringify(exception))}\r\n\r\n`);
  });

  test("PHP 15: an equipment that is disabled is told of once, and goes on when it is enabled", async () => {
    stage = await Stage.open();
    stage.simulator.answers.set("GET_INFO", () => picture);
    stage.simulator.answers.set("GET_EVENTS", () => ({ type: "EQUIPMENT_DISABLE" }));
    const raw = await stage.stream("anna");
    await until(() => messages(raw).some(({ type }) => type === "EQUIPMENT_DISABLE"), "that it is disabled");
    await until(() => stage.asked("GET_EVENTS").length > 1, "asked again", 8000);
    expect(messages(raw).filter(({ type }) => type === "EQUIPMENT_DISABLE")).toHaveLength(1);
    stage.simulator.answers.set("GET_EVENTS", () => events("1"));
    await until(() => messages(raw).some(({ type }) => type === "SET_EVENTS"), "enabled", 10_000);
    raw.reset();
  }, 25_000);

  test("ends without a DISCONNECT when a newer one comes, or the phone is set to another transport", async () => {
    stage = await Stage.open();
    stage.simulator.answers.set("GET_INFO", () => picture);
    const first = await stage.stream("anna");
    const second = await stage.stream("anna");
    await until(() => first.text.endsWith("0\r\n\r\n"), "the end of the first");
    stage.simulator.answers.set("SET_WEBSOCKET", () => ({ type: "GET_WEBSOCKET", payload: { useWs: "1" } }));
    await stage.ask("SET_WEBSOCKET", { apiKey: apiKeyOf("anna"), value: 1 });
    await until(() => second.text.endsWith("0\r\n\r\n"), "the end of the second");
    await Bun.sleep(100);
    expect(stage.asked("DISCONNECT")).toEqual([]);
  });
});

test("A WebSocket has its answers from the plugin's replies where the plugin is on another machine", async () => {
  stage = await Stage.open({ port: false });
  const anna = await stage.enter("anna");
  stage.simulator.answers.set("GET_CMD_INFO", () => ({ type: "SET_CMD_INFO", payload: [] }));
  const id = anna.ask("GET_CMD_INFO");
  expect(await anna.hears("SET_CMD_INFO")).toEqual({ type: "SET_CMD_INFO", payload: [], id });
  stage.simulator.once("GET_EVENTS", events("5"));
  await anna.hears("CMD_INFO");
  const stranger = await stage.visit();
  stranger.ask("CONNECT", { apiKey: "0".repeat(32) });
  await stranger.hears("EXCEPTION");
  expect((await stranger.ends()).code).toBe(1000);
});
