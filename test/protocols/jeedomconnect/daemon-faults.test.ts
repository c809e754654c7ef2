/** What was wrong with the plugin's daemon, and is not here. Each test is named after the fault. */
import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { apiKeyOf } from "../../../simulators/jeedomconnect/equipment.ts";
import { makeChain } from "../../proxies/certificates.ts";
import { opcodes, RawClient, until } from "../../transports/raw-client.ts";
import { events, Stage } from "./stage.ts";

let stage: Stage;
afterEach(async () => {
  expect(stage.gateway.errors).toEqual([]);
  await stage.stop();
});

describe("Of the daemon's faults", () => {
  test("1: one silent connection, or ten, logs nobody out but itself", async () => {
    stage = await Stage.open();
    const anna = await stage.enter("anna");
    const silent = await Promise.all(Array.from({ length: 10 }, () => stage.visit()));
    const before = performance.now();
    for (const one of silent) expect((await one.ends()).code).toBe(1000);
    expect(performance.now() - before).toBeGreaterThan(2000);
    expect(anna.closed).toBeUndefined();
    stage.simulator.answers.set("GET_CMD_INFO", () => ({ type: "SET_CMD_INFO", payload: [] }));
    anna.ask("GET_CMD_INFO");
    await anna.hears("SET_CMD_INFO");
  }, 15_000);

  test("2: who has only sent CONNECT is nobody, and does not put the real phone out", async () => {
    stage = await Stage.open();
    const anna = await stage.enter("anna");
    const { promise, resolve } = Promise.withResolvers<{ type: string }>();
    stage.simulator.answers.set("CONNECT", () => promise);
    const other = await stage.visit();
    other.ask("CONNECT", { apiKey: apiKeyOf("anna"), deviceId: "another" });
    await until(() => stage.asked("CONNECT").length === 2, "the second CONNECT");
    other.ask("GET_CMD_INFO");
    resolve({ type: "BAD_DEVICE" });
    expect((await other.ends()).code).toBe(1000);
    expect(other.texts.map((text) => JSON.parse(text))).toEqual([{ type: "BAD_DEVICE", id: 1 }]);
    expect(stage.asked("GET_CMD_INFO")).toEqual([]);
    expect(anna.closed).toBeUndefined();
  });

  test("3: a key that nobody knows is answered and closed; a new key reaches its phone", async () => {
    stage = await Stage.open();
    const stranger = await stage.visit();
    stranger.ask("CONNECT", { apiKey: "0".repeat(32) });
    expect(await stranger.hears("EXCEPTION")).toEqual({
      type: "EXCEPTION",
      payload: { message: "Error with 'CONNECT' method Can't find eqLogic" },
      id: 1,
    });
    expect((await stranger.ends()).code).toBe(1000);

    stage.simulator.answers.set("CONNECT", () => ({ type: "SET_NEW_APIKEY", payload: { apiKey: "new" } }));
    const old = await stage.visit();
    old.ask("CONNECT", { apiKey: "1".repeat(32) });
    expect(await old.hears("SET_NEW_APIKEY")).toEqual({ type: "SET_NEW_APIKEY", payload: { apiKey: "new" }, id: 1 });
    expect((await old.ends()).code).toBe(1000);
  });

  test("4: a refused phone and a kicked phone do not silence the right one", async () => {
    stage = await Stage.open();
    const first = await stage.enter("anna");
    const second = await stage.enter("anna");
    expect((await first.ends()).code).toBe(1000);
    stage.simulator.answers.set("CONNECT", () => ({ type: "BAD_DEVICE" }));
    const refused = await stage.visit();
    refused.ask("CONNECT", { apiKey: apiKeyOf("anna"), deviceId: "another" });
    await refused.ends();
    second.ask("GET_CMD_INFO");
    await until(() => stage.asked("GET_CMD_INFO").length === 1, "the phone that is there");
    expect(stage.asked("DISCONNECT")).toEqual([]);
    const before = stage.asked("GET_EVENTS").length;
    await until(() => stage.asked("GET_EVENTS").length > before, "the phone is still asked for");
  });

  test("4: the end of a connection is told once, and never after the CONNECT of the next", async () => {
    stage = await Stage.open();
    const first = await stage.enter("anna");
    first.socket.close();
    await until(() => stage.asked("DISCONNECT").length === 1, "DISCONNECT");
    const { promise, resolve } = Promise.withResolvers<undefined>();
    stage.simulator.answers.set("DISCONNECT", () => promise);
    const second = await stage.enter("anna");
    second.ask("DISCONNECT");
    second.socket.close();
    await until(() => stage.asked("DISCONNECT").length === 2, "DISCONNECT");
    const third = await stage.visit();
    third.ask("CONNECT", { apiKey: apiKeyOf("anna"), deviceId: "anna" });
    await Bun.sleep(100);
    expect(stage.asked("CONNECT")).toHaveLength(2);
    resolve(undefined);
    await third.hears("WELCOME");
    expect(stage.asked("DISCONNECT")).toHaveLength(2);
  });

  test("5: no byte that a phone gets has the plugin's key, or says whose answer it was", async () => {
    stage = await Stage.open();
    stage.simulator.answers.set("GET_LOG", () => ({ type: "SET_LOG", payload: `apikey=${stage.simulator.pluginKey}` }));
    const anna = await stage.enter("anna");
    anna.ask("GET_LOG", { type: "log", id: "x" });
    await anna.hears("SET_LOG");
    const all = anna.texts.join("\n");
    expect(all).not.toContain(stage.simulator.pluginKey);
    expect(all).not.toContain("jeedomApiKey");
    expect(all).not.toContain("eqApiKey");
  });

  test("6: fragments, binary messages, a ping that is no text and a clean close are as RFC 6455 has them", async () => {
    stage = await Stage.open();
    const phone = await stage.raw();
    const text = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "CONNECT", params: { apiKey: apiKeyOf("anna") } });
    await phone.send(opcodes.text, text.slice(0, 10), false);
    await phone.send(opcodes.continuation, text.slice(10, 20), false);
    await phone.send(opcodes.continuation, text.slice(20));
    await phone.hears("WELCOME");
    const ill = Buffer.from([0xff, 0xfe, 0x80]);
    await phone.send(opcodes.ping, ill);
    await until(() => phone.payload(opcodes.pong)?.equals(ill) === true, "its pong");
    await phone.send(opcodes.binary, JSON.stringify({ jsonrpc: "2.0", id: 2, method: "GET_INFO", params: {} }));
    await phone.hears("SET_INFO");
    const normal = Buffer.from([0x03, 0xe8]);
    await phone.send(opcodes.close, normal);
    await until(() => phone.payload(opcodes.close)?.equals(normal) === true, "the echo of the close");
  });

  test("7: a phone that does not read, and a local connection that says nothing, delay nobody", async () => {
    stage = await Stage.open();
    const idle = await RawClient.connect(stage.simulator.socketPort);
    const deaf = await stage.raw("ben");
    deaf.client.stopReading();
    const large = "x".repeat(200_000);
    stage.simulator.answers.set("GET_CONFIG", () => ({ type: "SET_CONFIG", payload: large }));
    const anna = await stage.enter("anna");
    for (let count = 0; count < 40; count++) await deaf.ask("GET_CONFIG");
    for (let count = 0; count < 20; count++) anna.ask("GET_CONFIG");
    await until(() => anna.of("SET_CONFIG").length === 20, "whole answers");
    for (const { payload } of anna.of("SET_CONFIG")) expect(payload).toBe(large);
    expect(idle.closed).toBe(false);
    idle.reset();
    deaf.client.reset();
  }, 15_000);

  test("8: one question for a phone's events at a time, and none for an app in the background", async () => {
    stage = await Stage.open();
    const slow = Promise.withResolvers<void>();
    stage.simulator.answers.set("GET_EVENTS", async () => {
      await slow.promise;
      return events("1");
    });
    const anna = await stage.enter("anna");
    await until(() => stage.asked("GET_EVENTS").length === 1, "the first question");
    await Bun.sleep(1500);
    expect(stage.asked("GET_EVENTS")).toHaveLength(1);
    slow.resolve();
    await anna.hears("CMD_INFO", 2);
    expect(stage.simulator.overlaps).toBe(0);
    const [, second] = stage.asked("GET_EVENTS");
    expect(second?.params["lastReadTimestamp"]).toBeGreaterThan(1_700_000_000);
    anna.ask("SET_APPSTATE", { state: "background" });
    await until(() => stage.asked("SET_APPSTATE").length === 1, "background");
    await Bun.sleep(200);
    const before = stage.asked("GET_EVENTS").length;
    await Bun.sleep(1500);
    expect(stage.asked("GET_EVENTS")).toHaveLength(before);
    anna.ask("SET_APPSTATE", { state: "active" });
    await until(() => stage.asked("GET_EVENTS").length > before, "active again");
  }, 15_000);

  test("9: phones get a close frame when the gateway stops", async () => {
    stage = await Stage.open();
    const anna = await stage.enter("anna");
    stage.simulator.answers.set("GET_INFO", () => ({ type: "SET_INFO", payload: {} }));
    const api = "/plugins/JeedomConnect/core/php/eventServer.php";
    const stream = await fetch(`${stage.url}${api}?apiKey=${apiKeyOf("ben")}`);
    await stage.gateway.gateway.stop();
    expect((await anna.ends()).code).toBe(1001);
    await stream.text();
    // They come again, to whoever is there then: the plugin is not told that they have gone.
    expect(stage.asked("DISCONNECT")).toEqual([]);
  });

  test("10: what makes no sense is answered, and nothing is obeyed before CONNECT", async () => {
    stage = await Stage.open();
    const anna = await stage.visit();
    anna.socket.send("nonsense");
    anna.socket.send("[1]");
    anna.ask("CMD_EXEC", { apiKey: apiKeyOf("anna"), id: "12" });
    await anna.hears("EXCEPTION", 3);
    expect(anna.texts).toEqual([
      '{"type":"EXCEPTION","payload":{"message":"Cannot make sense of a message: it is no JSON"}}',
      '{"type":"EXCEPTION","payload":{"message":"Cannot make sense of a message: it is no JSON object"}}',
      `{"type":"EXCEPTION","payload":{"message":"Error with 'CMD_EXEC' method it came before CONNECT"},"id":1}`,
    ]);
    expect(stage.asked("CMD_EXEC")).toEqual([]);
    anna.ask("CONNECT", { apiKey: apiKeyOf("anna") });
    await anna.hears("WELCOME");
  });
});

test("11: phones come by TLS, and the plugin's key is shown to the plugin alone", async () => {
  const folder = mkdtempSync(join(tmpdir(), "hearthwire-tls-"));
  const { fullchain, privkey } = makeChain(folder);
  const tls = `listeners: [{ listen: "127.0.0.1:0", protocol: jeedomconnect, tls: { cert: ${fullchain}, key: ${privkey} } }]\n`;
  stage = await Stage.open({ listeners: tls });
  expect(stage.url).toStartWith("https:");
  const socket = new WebSocket(`${stage.url.replace("http", "ws")}/`, { tls: { rejectUnauthorized: false } });
  const texts: string[] = [];
  socket.onmessage = ({ data }) => texts.push(String(data));
  await until(() => socket.readyState === WebSocket.OPEN, "a phone");
  socket.send(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "CONNECT", params: { apiKey: apiKeyOf("anna") } }));
  await until(() => texts.length === 1, "WELCOME");
  expect(stage.asked("CONNECT")[0]?.pluginKey).toBe(stage.simulator.pluginKey);
  socket.close();
  rmSync(folder, { recursive: true });
});
