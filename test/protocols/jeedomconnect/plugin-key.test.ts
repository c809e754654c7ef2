/** The plugin's key stays between the plugin and the gateway. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { type AddressInfo, createConnection, createServer, type Server } from "node:net";
import { phoneTransports } from "../../../simulators/jeedomconnect/line.ts";
import { until } from "../../transports/raw-client.ts";
import { Stage } from "./stage.ts";

let stage: Stage;
let tap: Server;
/** What the gateway said to phones, by connection. */
let said: Buffer[][];
let http: string;

beforeEach(async () => {
  stage = await Stage.open({ hears: true });
  said = [];
  tap = createServer((phone) => {
    const gateway = createConnection(Number(new URL(stage.url).port), "127.0.0.1");
    const chunks: Buffer[] = [];
    said.push(chunks);
    gateway.on("data", (chunk: Buffer) => void chunks.push(chunk));
    phone.pipe(gateway).pipe(phone);
    for (const end of [phone, gateway]) end.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => void tap.listen(0, "127.0.0.1", resolve));
  http = `http://127.0.0.1:${(tap.address() as AddressInfo).port}`;
});
afterEach(async () => {
  await stage.stop();
  tap.close();
});

test("No byte that leaves contains the plugin's key, also where the plugin says it", async () => {
  const { simulator, jeedom } = stage;
  const { pluginKey } = simulator;
  const where = { http, websocket: http.replace("http", "ws") };
  const [text = 0] = jeedom.house.infos("THERMOSTAT_MODE");
  for (const transport of phoneTransports) {
    const { phone, equipment } = await stage.connected(`${transport} phone`, transport, where);
    await phone.ask("GET_INFO");
    expect((await phone.ask("NO_SUCH_METHOD"))?.type).toBe("EXCEPTION");
    // As a script might write it that reads the plugin's configuration.
    jeedom.house.set(text, `${transport}: ${pluginKey}`);
    await until(() => phone.picture.text.includes(`"${transport}: `), `the value by ${transport}`);
    simulator.plugin.act(equipment, { action: "toaster", message: `${transport} says ${pluginKey}` });
    await until(() => phone.picture.text.includes(`${transport} says `), `the action by ${transport}`, 8000);
    const refused = stage.phone(`${transport} phone`, transport, { ...where, deviceId: "stolen" });
    expect((await refused.phone.connect())?.type).toBe("BAD_DEVICE");
  }
  const { apiKey } = stage.phone("sse phone", "sse").equipment;
  const core = `${http}/plugins/JeedomConnect/core`;
  const form = new FormData();
  form.set("apiKey", apiKey);
  form.set("file", new File(["abc"], `${pluginKey}.txt`));
  expect((await fetch(`${core}/api/upload.api.php`, { method: "POST", body: form })).status).toBe(200);
  expect((await fetch(`${core}/php/snapshot.php?apiKey=${apiKey}&id=1`)).status).toBe(200);
  simulator.trouble = "500";
  await fetch(`${core}/php/snapshot.php?apiKey=${apiKey}&id=1`);
  await fetch(`${core}/api/JeedomConnect.api.php`, { method: "POST", body: "{}" });
  simulator.trouble = undefined;

  const streams = said.map((chunks) => Buffer.concat(chunks).toString("latin1"));
  const all = streams.join("\n");
  expect(["WELCOME", "CMD_INFO", "ACTIONS", "BAD_DEVICE", "SET_FILES"].filter((type) => !all.includes(type))).toEqual(
    [],
  );
  // Not shown where it fails: the key would be in what this prints.
  expect(streams.some((stream) => stream.includes(pluginKey))).toBe(false);
  const logged = [...stage.gateway.errors, ...stage.gateway.warnings];
  expect(logged.some((line) => line.includes(pluginKey))).toBe(false);
}, 60_000);
