/** Whose an answer is that the plugin brings to the port of this machine. */
import { afterEach, expect, test } from "bun:test";
import { apiKeyOf } from "../../../simulators/jeedomconnect/equipment.ts";
import type { Message } from "../../../simulators/jeedomconnect/message.ts";
import { until } from "../../transports/raw-client.ts";
import { Stage } from "./stage.ts";

let stage: Stage;
afterEach(async () => {
  expect(stage.gateway.errors).toEqual([]);
  await stage.stop();
});

test("No phone gets the answer to another's question, whatever id it gives its own", async () => {
  stage = await Stage.open();
  const anna = await stage.enter("anna");
  const ben = await stage.enter("ben");
  const held = Promise.withResolvers<Message>();
  stage.simulator.answers.set("GET_PICOKEY", () => held.promise);
  anna.ask("GET_PICOKEY");
  await until(() => stage.asked("GET_PICOKEY").length === 1, "the question");
  const id = stage.asked("GET_PICOKEY")[0]?.id;
  const located = Promise.withResolvers<undefined>();
  stage.simulator.answers.set("GEOLOC", () => located.promise);
  ben.socket.send(JSON.stringify({ jsonrpc: "2.0", id, method: "GEOLOC", params: { timestamp: "2023-11-14" } }));
  await until(() => stage.asked("GEOLOC").length === 1, "the place");
  held.resolve({ type: "SET_PICOKEY", payload: { picovoiceKey: "p" } });
  await anna.hears("SET_PICOKEY");
  located.resolve(undefined);
  expect(ben.of("SET_PICOKEY")).toEqual([]);
  expect(stage.asked("GEOLOC")[0]?.id).toBe(apiKeyOf("ben"));
});

test("A key that nobody knows is refused, and not the phone that comes in the same moment", async () => {
  stage = await Stage.open();
  const held = Promise.withResolvers<void>();
  await stage.enter("anna");
  const { answers } = stage.simulator;
  answers.set("CONNECT", async ({ apiKey }) => {
    if (apiKey !== apiKeyOf("anna"))
      return { type: "EXCEPTION", payload: { message: "Error with 'CONNECT' method Can't find eqLogic" } };
    await held.promise;
    return { type: "WELCOME", payload: {} };
  });
  const anna = await stage.visit();
  anna.ask("CONNECT", { apiKey: apiKeyOf("anna"), deviceId: "anna" });
  await until(() => stage.asked("CONNECT").length === 2, "the phone");
  const stranger = await stage.visit();
  stranger.ask("CONNECT", { apiKey: "0".repeat(32) });
  expect((await stranger.hears("EXCEPTION")).payload).toEqual({
    message: "Error with 'CONNECT' method Can't find eqLogic",
  });
  held.resolve();
  await anna.hears("WELCOME");
  expect(anna.of("EXCEPTION")).toEqual([]);
});

test("A new key that may be one of several phones' is told to none of them", async () => {
  stage = await Stage.open();
  const { simulator } = stage;
  const [welcome, said] = [Promise.withResolvers<void>(), Promise.withResolvers<Message>()];
  simulator.answers.set("CONNECT", async ({ apiKey }) => {
    if (apiKey === apiKeyOf("ben")) await welcome.promise;
    return { type: "WELCOME", payload: {} };
  });
  simulator.answers.set("GET_PICOKEY", () => said.promise);
  const ben = await stage.visit();
  ben.ask("CONNECT", { apiKey: apiKeyOf("ben"), deviceId: "ben" });
  await until(() => stage.asked("CONNECT").length === 1, "ben's CONNECT");
  const anna = await stage.enter("anna");
  anna.ask("GET_PICOKEY");
  await until(() => stage.asked("GET_PICOKEY").length === 1, "anna's question");
  const unnamed = { type: "SET_NEW_APIKEY", payload: { apiKey: "new" }, jeedomApiKey: simulator.pluginKey };
  await simulator.tellDaemon(JSON.stringify(unnamed));
  welcome.resolve();
  said.resolve({ type: "SET_PICOKEY", payload: { picovoiceKey: "p" } });
  await Promise.all([ben.hears("WELCOME"), anna.hears("SET_PICOKEY")]);
  expect([...ben.of("SET_NEW_APIKEY"), ...anna.of("SET_NEW_APIKEY")]).toEqual([]);
});
