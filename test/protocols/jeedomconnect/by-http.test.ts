/** What phones get by HTTP: questions, their event stream, files and pictures; and faults of the plugin's PHP that end here. */
import { afterEach, describe, expect, test } from "bun:test";
import { RawClient, until } from "../../transports/raw-client.ts";
import { events, keyOf, type Message } from "./plugin-end.ts";
import { Stage } from "./stage.ts";

const folder = "/plugins/JeedomConnect/core";
let stage: Stage;
afterEach(async () => {
  expect(stage.gateway.errors).toEqual([]);
  await stage.stop();
});

async function post(body: unknown, at = stage.url): Promise<unknown> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const answer = await fetch(`${at.replace(/\/$/, "")}${folder}/api/JeedomConnect.api.php`, {
    method: "POST",
    body: text,
  });
  expect(answer.status).toBe(200);
  return answer.json();
}

let ids = 0;
async function ask(method: string, params: object): Promise<unknown> {
  const { result } = (await post({ jsonrpc: "2.0", id: ++ids, method, params })) as { result: unknown };
  return result;
}

async function openStream(name: string): Promise<RawClient> {
  const raw = await RawClient.connect(Number(new URL(stage.url).port));
  await raw.send(`GET ${folder}/php/eventServer.php?apiKey=${keyOf(name)} HTTP/1.1\r\nHost: x\r\n\r\n`);
  await until(() => raw.text.includes("\r\n\r\n"), "the stream's head");
  return raw;
}

/** What was sent on a stream, decoded twice. */
function messages({ text }: RawClient): readonly Message[] {
  return [...text.matchAll(/data:(".*")\r\n\r\n/g)].map(([, data = ""]) => JSON.parse(JSON.parse(data) as string));
}

const picture: Message = { type: "SET_INFO", payload: { cmdInfo: [], scInfo: [], objInfo: [] } };

describe("JSON-RPC", () => {
  test("is passed on with its id and its result, on the main listener too, without a say in where the answer goes", async () => {
    stage = await Stage.open();
    stage.plugin.answers.set("GET_CMD_INFO", () => ({ type: "SET_CMD_INFO", payload: [] }));
    const question = {
      jsonrpc: "2.0",
      id: "x",
      method: "GET_CMD_INFO",
      params: { apiKey: keyOf("anna"), connexionFrom: "WS" },
    };
    const answer = { jsonrpc: "2.0", id: "x", result: { type: "SET_CMD_INFO", payload: [] } };
    expect(await post(question)).toEqual(answer);
    expect(await post(question, stage.gateway.url)).toEqual(answer);
    expect(stage.plugin.of("GET_CMD_INFO").map(({ key, params }) => [key, params["connexionFrom"]])).toEqual([
      [null, undefined],
      [null, undefined],
    ]);
    expect(await ask("SET_BATTERY", { apiKey: keyOf("anna"), level: 5 })).toBe("ok");
  });

  test("has an answer also when the plugin has none", async () => {
    stage = await Stage.open();
    await stage.plugin.stop();
    expect(await ask("GET_INFO", { apiKey: keyOf("anna") })).toEqual({
      type: "EXCEPTION",
      payload: { message: "Cannot reach Jeedom's plugin now" },
    });
  });

  test("PHP 17: another version of JSON-RPC, and what is none, is an error and not a status of 500", async () => {
    stage = await Stage.open();
    expect(await post({ jsonrpc: "1.0", id: 7, method: "PING", params: {} })).toEqual({
      jsonrpc: "2.0",
      id: 7,
      error: { code: -32600, message: "Cannot make sense of it: `jsonrpc` must be 2.0" },
    });
    expect(await post("nonsense")).toMatchObject({ id: null, error: { code: -32600 } });
  });

  test("PHP 14: who guesses at passwords is told to wait", async () => {
    stage = await Stage.open({ yaml: "limits: { wrong_keys: 2 }" });
    stage.plugin.answers.set("CHECK_AUTHENT", () => ({ type: "EXCEPTION", payload: { message: "Wrong" } }));
    for (let tries = 0; tries < 10; tries++) await ask("CHECK_AUTHENT", { login: "admin", password: String(tries) });
    expect(stage.plugin.of("CHECK_AUTHENT").length).toBeLessThan(6);
  });

  test("PHP 16: an action that a polling phone had no answer with comes again; one that it had does not", async () => {
    stage = await Stage.open();
    await ask("CONNECT", { apiKey: keyOf("anna") });
    const action: Message = { type: "ACTIONS", payload: [{ action: "toaster", message: "hello" }] };
    const { promise: held, resolve } = Promise.withResolvers<void>();
    stage.plugin.answers.set("GET_EVENTS", async () => {
      await held;
      stage.plugin.answers.delete("GET_EVENTS");
      return action;
    });
    const gone = new AbortController();
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "GET_EVENTS", params: { apiKey: keyOf("anna") } });
    const lost = fetch(`${stage.url}${folder}/api/JeedomConnect.api.php`, {
      method: "POST",
      body,
      signal: gone.signal,
    });
    lost.catch(() => undefined);
    await until(() => stage.plugin.of("GET_EVENTS").length === 1, "the question");
    gone.abort();
    await Bun.sleep(50);
    resolve();
    await Bun.sleep(50);
    expect(await ask("GET_EVENTS", { apiKey: keyOf("anna") })).toEqual(action);
    expect(await ask("GET_EVENTS", { apiKey: keyOf("anna") })).toMatchObject({ type: "SET_EVENTS" });
  });

  test("GET_EVENTS of a polling phone that asks twice at once reach the plugin one after the other", async () => {
    stage = await Stage.open();
    await ask("CONNECT", { apiKey: keyOf("anna") });
    stage.plugin.answers.set("GET_EVENTS", async () => {
      await Bun.sleep(50);
      return events("1");
    });
    await Promise.all(Array.from({ length: 4 }, () => ask("GET_EVENTS", { apiKey: keyOf("anna") })));
    expect(stage.plugin.overlaps).toBe(0);
  });
});

describe("The event stream", () => {
  test("begins with the picture, tells what happens in JSON that is a text, and that it lives", async () => {
    stage = await Stage.open();
    stage.plugin.answers.set("GET_INFO", () => picture);
    const raw = await openStream("anna");
    await until(() => messages(raw).length > 0, "the picture");
    const head = raw.text.slice(0, raw.text.indexOf("\r\n\r\n")).toLowerCase();
    expect(head).toContain("content-type: text/event-stream\r\n");
    expect(head).toContain("cache-control: no-cache\r\n");
    expect(head).toContain("x-accel-buffering: no");
    expect(raw.text).toContain(`data:${JSON.stringify(JSON.stringify(picture))}\r\n\r\n`);
    await until(() => messages(raw).length > 1, "a heartbeat", 8000);
    expect(messages(raw)[1]).toEqual({ event: "heartbeat" } as unknown as Message);
    const news = events("21.5");
    stage.plugin.once("GET_EVENTS", news);
    await until(() => messages(raw).length > 2, "news");
    expect(messages(raw).at(-1)).toEqual(news);
    raw.reset();
    await until(() => stage.plugin.of("DISCONNECT", "anna").length === 1, "DISCONNECT");
  }, 15_000);

  test("of a key that nobody has says so, and ends", async () => {
    stage = await Stage.open();
    const answer = await fetch(`${stage.url}${folder}/php/eventServer.php?apiKey=${keyOf("nobody")}`);
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
    const exception = { type: "EXCEPTION", payload: { message: "Error with 'SSE' method Can't find eqLogic" } };
    expect(await answer.text()).toBe(`data:${JSON.stringify(JSON.stringify(exception))}\r\n\r\n`);
  });

  test("PHP 15: an equipment that is disabled is told of once, and goes on when it is enabled", async () => {
    stage = await Stage.open();
    stage.plugin.answers.set("GET_INFO", () => picture);
    stage.plugin.answers.set("GET_EVENTS", () => ({ type: "EQUIPMENT_DISABLE" }));
    const raw = await openStream("anna");
    await until(() => messages(raw).some(({ type }) => type === "EQUIPMENT_DISABLE"), "that it is disabled");
    await until(() => stage.plugin.of("GET_EVENTS").length > 1, "asked again", 8000);
    expect(messages(raw).filter(({ type }) => type === "EQUIPMENT_DISABLE")).toHaveLength(1);
    stage.plugin.answers.set("GET_EVENTS", () => events("1"));
    await until(() => messages(raw).some(({ type }) => type === "SET_EVENTS"), "enabled", 10_000);
    raw.reset();
  }, 25_000);

  test("ends without a DISCONNECT when a newer one comes, or the phone is set to another transport", async () => {
    stage = await Stage.open();
    stage.plugin.answers.set("GET_INFO", () => picture);
    const first = await openStream("anna");
    const second = await openStream("anna");
    await until(() => first.text.endsWith("0\r\n\r\n"), "the end of the first");
    stage.plugin.answers.set("SET_WEBSOCKET", () => ({ type: "GET_WEBSOCKET", payload: { useWs: "1" } }));
    await ask("SET_WEBSOCKET", { apiKey: keyOf("anna"), value: 1 });
    await until(() => second.text.endsWith("0\r\n\r\n"), "the end of the second");
    await Bun.sleep(100);
    expect(stage.plugin.of("DISCONNECT")).toEqual([]);
  });
});

describe("Files", () => {
  const upload = async (name: string): Promise<number> => {
    const form = new FormData();
    form.append("apiKey", keyOf("anna"));
    form.append("file", new File(["x"], name));
    return (await fetch(`${stage.url}${folder}/api/upload.api.php`, { method: "POST", body: form })).status;
  };

  test("PHP 13: pictures and sounds are passed on; programs and what nobody knows are not", async () => {
    stage = await Stage.open();
    expect(await upload("a picture.PNG")).toBe(200);
    expect(await upload("../../../evil.jpg")).toBe(200);
    for (const name of ["shell.php", "shell.php.jpg", "x.phtml", ".htaccess", "x", "x.exe", "x.pHp5"]) {
      expect([name, await upload(name)]).toEqual([name, 400]);
    }
    expect(stage.plugin.files).toEqual(["a picture.PNG", "evil.jpg"]);
  });

  test("that are larger than 32 MiB are refused", async () => {
    stage = await Stage.open();
    const body = new Uint8Array(33 * 1024 * 1024);
    const answer = await fetch(`${stage.url}${folder}/api/upload.api.php`, { method: "POST", body });
    expect(answer.status).toBe(413);
  });

  test("of cameras are pictures, asked for by what the plugin knows", async () => {
    stage = await Stage.open();
    const at = `${stage.url}${folder}/php/snapshot.php?apiKey=${keyOf("anna")}&id=5&more=1`;
    const answer = await fetch(at);
    expect(answer.headers.get("content-type")).toBe("image/jpeg");
    expect(await answer.bytes()).toEqual(stage.plugin.picture);
    expect(stage.plugin.snapshots).toEqual([`?apiKey=${keyOf("anna")}&id=5`]);
    stage.plugin.pictureType = "text/html";
    expect((await fetch(at)).status).toBe(503);
    stage.plugin.pictureType = "image/jpeg";
    stage.plugin.picture = new Uint8Array(9 * 1024 * 1024);
    expect((await fetch(at)).status).toBe(503);
  });
});

test("A WebSocket has its answers from the plugin's replies where the plugin is on another machine", async () => {
  stage = await Stage.open({ port: false });
  const anna = await stage.enter("anna");
  stage.plugin.answers.set("GET_CMD_INFO", () => ({ type: "SET_CMD_INFO", payload: [] }));
  const id = anna.ask("GET_CMD_INFO");
  expect(await anna.hears("SET_CMD_INFO")).toEqual({ type: "SET_CMD_INFO", payload: [], id });
  stage.plugin.once("GET_EVENTS", events("5"));
  await anna.hears("CMD_INFO");
  const stranger = await stage.visit();
  stranger.ask("CONNECT", { apiKey: "0".repeat(32) });
  await stranger.hears("EXCEPTION");
  expect((await stranger.ends()).code).toBe(1000);
});
