/** What some do is not noticed by the others. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { PhoneEquipment } from "../../../simulators/jeedomconnect/equipment.ts";
import { phoneTransports } from "../../../simulators/jeedomconnect/line.ts";
import type { Phone } from "../../../simulators/jeedomconnect/phone.ts";
import { opcodes, until } from "../../transports/raw-client.ts";
import { Stage } from "./stage.ts";

/** What happens is seen within a second or two, and the silent are sent away after three. */
setDefaultTimeout(30_000);

let stage: Stage;
let others: { readonly phone: Phone; readonly equipment: PhoneEquipment }[];
let quiet: number;

beforeAll(async () => {
  stage = await Stage.open({ hears: true });
  others = await Promise.all(phoneTransports.map((one) => stage.connected(`other by ${one}`, one)));
});
afterAll(() => stage.stop());

const phones = (): Phone[] => others.map(({ phone }) => phone);
/** How often the plugin was told that one of the others has gone, or looks away. */
const partings = (): number =>
  ["DISCONNECT", "SET_APPSTATE"].reduce(
    (total, method) => total + others.reduce((sum, { equipment }) => sum + stage.simulator.count(method, equipment), 0),
    0,
  );

beforeEach(async () => {
  await stage.changeSeenBy(phones());
  quiet = partings();
});
afterEach(async () => {
  await stage.changeSeenBy(phones());
  expect(partings()).toBe(quiet);
  for (const { phone, equipment } of others) {
    expect([phone.ended, phone.picture.exceptions, equipment.connected, equipment.appState]).toEqual([
      undefined,
      [],
      1,
      "active",
    ]);
  }
});

function connectText(equipment: PhoneEquipment): string {
  const params = { apiKey: equipment.apiKey, deviceId: `device of ${equipment.apiKey}` };
  return JSON.stringify({ jsonrpc: "2.0", id: "1", method: "CONNECT", params });
}

describe("Phones that are connected notice nothing of", () => {
  test("a third party that says nothing, nor of ten of them, who are sent away", async () => {
    const silent = await Promise.all(Array.from({ length: 11 }, () => stage.raw()));
    await until(() => silent.every(({ client }) => client.closed), "the silent ones are gone", 8000);
    expect(silent[0]?.payload(opcodes.close)?.readUInt16BE(0)).toBe(1000);
  });

  test("somebody with the key of one of them and another device, nor of one with a key that nobody has", async () => {
    for (const { equipment } of others) {
      const { phone } = stage.phone(equipment.name, "websocket", { deviceId: "stolen" });
      expect((await phone.connect())?.type).toBe("BAD_DEVICE");
      await until(() => phone.ended !== undefined, "the refused one is gone");
      expect(phone.ended).toStartWith("1000");
    }
    const { phone } = stage.phone("other by sse", "websocket", { apiKey: "0".repeat(32) });
    expect((await phone.connect())?.type).toBe("EXCEPTION");
    await until(() => phone.ended !== undefined, "the unknown one is gone");
  });

  test("one that comes again and takes its own place, which goes on hearing all", async () => {
    const older = await stage.connected("twice", "websocket");
    const newer = await stage.connected("twice", "websocket");
    await until(() => older.phone.ended !== undefined, "the older connection ends");
    expect(older.phone.ended).toStartWith("1000");
    await stage.changeSeenBy([newer.phone]);
    expect([newer.phone.ended, newer.equipment.appState, newer.equipment.connected]).toEqual([undefined, "active", 1]);
    expect(stage.simulator.count("DISCONNECT", newer.equipment)).toBe(0);
  });

  test("frames in pieces, which are put together", async () => {
    const phone = await stage.raw();
    const text = connectText(stage.phone("pieces", "websocket").equipment);
    await phone.send(opcodes.text, text.slice(0, 20), false);
    await phone.send(opcodes.ping, "between");
    await phone.send(opcodes.continuation, text.slice(20, 40), false);
    await phone.send(opcodes.continuation, text.slice(40));
    await phone.hears("WELCOME");
    expect(phone.payload(opcodes.pong)?.toString()).toBe("between");
    phone.client.reset();
  });

  test("binary frames and pings that are no UTF-8, after which all goes on", async () => {
    const phone = await stage.raw();
    const noText = new Uint8Array([0xff, 0xfe, 0x00, 0xc3]);
    await phone.send(opcodes.ping, noText);
    await phone.send(opcodes.binary, noText);
    await phone.send(opcodes.text, connectText(stage.phone("bytes", "websocket").equipment));
    await phone.hears("WELCOME");
    expect(phone.payload(opcodes.pong)).toEqual(Buffer.from(noText));
    expect(phone.messages.map(({ type }) => type)).toContain("EXCEPTION");
    await phone.ask("GET_SC_INFO", {}, "2");
    await until(() => phone.messages.some(({ id }) => id === "2"), "an answer");
    phone.client.reset();
  });
});
