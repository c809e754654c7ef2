/** The whole table of the plugin's methods, through the gateway, by each transport. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import type { PhoneEquipment } from "../../../simulators/jeedomconnect/equipment.ts";
import { type PhoneTransport, phoneTransports } from "../../../simulators/jeedomconnect/line.ts";
import type { Message } from "../../../simulators/jeedomconnect/message.ts";
import { methods } from "../../../simulators/jeedomconnect/methods.ts";
import type { Phone } from "../../../simulators/jeedomconnect/phone.ts";
import { until } from "../../transports/raw-client.ts";
import { editing, methodTable, ofVisits, type Row, type Shape } from "./method-table.ts";
import { Stage } from "./stage.ts";

let stage: Stage;
let rows: readonly Row[];
beforeEach(async () => {
  stage = await Stage.open({ hears: true });
  const { house, users } = stage.jeedom;
  rows = methodTable(house, users.all.get("admin")?.key ?? "");
});
afterEach(async () => {
  expect(stage.gateway.errors).toEqual([]);
  await stage.stop();
});

test("The simulated plugin has each method of the table, and no other", () => {
  expect([...methods].sort()).toEqual([...rows.map(({ method }) => method), ...ofVisits].sort());
});

const hasMembers = (value: unknown, members: string): boolean =>
  typeof value === "object" &&
  value !== null &&
  Object.keys(value).sort().join(" ") === members.split(" ").sort().join(" ");

function hasShape(value: unknown, shape: Shape): boolean {
  if (shape === "none") return value === undefined || value === null;
  if (typeof shape === "string") return typeof value === (shape === "text" ? "string" : shape);
  if ("object" in shape) return hasMembers(value, shape.object);
  return Array.isArray(value) && value.every((one) => hasMembers(one, shape.list));
}

/** What is wrong with an answer; `undefined`: nothing. */
function faultOf({ method, reply }: Row, answer: Message | undefined): unknown {
  const isRight = answer?.type === reply?.type && (reply === undefined || hasShape(answer?.payload, reply.payload));
  return isRight ? undefined : [method, JSON.stringify(answer)?.slice(0, 200)];
}

/** Over a WebSocket nothing comes of a method without an answer: then the next one has its own. */
async function ask(phone: Phone, { method, params, reply }: Row): Promise<Message | undefined> {
  if (reply !== undefined || phone.transport !== "websocket") return phone.ask(method, params);
  const before = stage.simulator.count(method);
  await phone.tell(method, params);
  await until(() => stage.simulator.count(method) > before, method);
  return undefined;
}

async function askAll(transport: PhoneTransport): Promise<{ phone: Phone; equipment: PhoneEquipment }> {
  const { phone, equipment } = await stage.connected("dora", transport);
  const faults: unknown[] = [];
  for (const row of rows) faults.push(faultOf(row, await ask(phone, row)));
  expect(faults.filter((fault) => fault !== undefined)).toEqual([]);
  return { phone, equipment };
}

test.each(phoneTransports)(
  "By %s each method is answered as it is documented",
  async (transport) => {
    const { phone, equipment } = await askAll(transport);
    const version = 1 + editing.length + 1;
    expect(equipment.config?.payload.configVersion).toBe(version);
    await until(() => phone.picture.configVersion === version, "the configuration that was changed", 10_000);
    expect(phone.heard.filter(({ type }) => type === "EXCEPTION")).toEqual([]);
    expect([equipment.battery, equipment.kept.get("picovoiceKey"), equipment.geofences.size]).toEqual([50, "p", 0]);

    const flag = transport === "websocket" ? "1" : "0";
    expect(await phone.ask("SET_WEBSOCKET", { value: Number(flag) })).toEqual({
      type: "GET_WEBSOCKET",
      payload: { useWs: flag },
      ...(transport === "websocket" ? { id: expect.any(String) } : {}),
    });
    expect((await phone.ask("GET_NEW_APIKEY"))?.type).toBe("EXCEPTION");
    await phone.disconnect();
    await until(() => equipment.connected === 0, "the phone is gone");
  },
  30_000,
);

/** Why a phone is not welcomed, in the order in which the plugin looks: what it says of itself, and what its equipment is like. */
const refusals: readonly (readonly [type: string, params: object, equipment: (phone: PhoneEquipment) => object])[] = [
  ["BAD_DEVICE", {}, () => ({ deviceId: "another" })],
  ["EQUIPMENT_DISABLE", {}, () => ({ enabled: false })],
  ["BAD_TYPE_VERSION", { appTypeVersion: "beta" }, () => ({})],
  ["APP_VERSION_ERROR", { appVersion: "1.0.0" }, () => ({})],
  ["PLUGIN_VERSION_ERROR", { pluginRequire: "9.0.0" }, () => ({})],
  ["EMPTY_CONFIG_FILE", {}, () => ({ config: undefined })],
  ["FORMAT_VERSION_ERROR", {}, ({ config }) => ({ config: { ...config, formatVersion: undefined } })],
];

test.each(phoneTransports)(
  "By %s each reason not to be welcomed is told; a WebSocket is closed then",
  async (transport) => {
    for (const [type, params, change] of refusals) {
      const introduction = { appVersion: "1.7.9", ...params };
      const { phone, equipment } = stage.phone(`phone of ${type}`, transport, { introduction });
      Object.assign(equipment, change(equipment));
      expect((await phone.connect())?.type).toBe(type);
      if (transport !== "websocket") continue;
      await until(() => phone.ended !== undefined, "the end of its WebSocket");
      expect(phone.ended).toBe(`1000 ${type}`);
    }
  },
);

test.each(phoneTransports)("By %s a key that was replaced gets the new one, once", async (transport) => {
  const { plugin } = stage.simulator;
  const phone = plugin.add("old");
  const { apiKey: old } = phone;
  const apiKey = plugin.regenerate(phone);
  const connect = async () => (await stage.phone("old", transport, { apiKey: old }).phone.connect()) ?? {};
  expect(await connect()).toMatchObject({ type: "SET_NEW_APIKEY", payload: { apiKey } });
  const message = "Error with 'CONNECT' method Can't find eqLogic";
  expect(await connect()).toMatchObject({ type: "EXCEPTION", payload: { message } });
});
