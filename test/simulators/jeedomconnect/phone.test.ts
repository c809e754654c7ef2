import { afterEach, beforeEach, expect, test } from "bun:test";
import { Simulator as Jeedom } from "../../../simulators/jeedom/server.ts";
import { Daemon } from "../../../simulators/jeedomconnect/daemon.ts";
import { phoneTransports } from "../../../simulators/jeedomconnect/line.ts";
import { Phone } from "../../../simulators/jeedomconnect/phone.ts";
import { runScenario } from "../../../simulators/jeedomconnect/scenario.ts";
import { Simulator } from "../../../simulators/jeedomconnect/server.ts";
import { until } from "../../transports/raw-client.ts";

/** How often a stream, the daemon and a polling phone look for events. */
const round = 20;
let stop: () => Promise<unknown>;
let start: () => { readonly simulator: Simulator; readonly daemon: Daemon };

beforeEach(() => {
  const running: { stop(): Promise<unknown> }[] = [];
  start = () => {
    const jeedom = new Jeedom().start();
    const simulator = new Simulator({ jeedom, round }).start();
    const daemon = new Daemon(simulator.callback, round);
    simulator.socketPort = daemon.socketPort;
    running.push(daemon, simulator, jeedom);
    return { simulator, daemon };
  };
  stop = () => Promise.all(running.map((one) => one.stop()));
});
afterEach(() => stop());

test("A phone shows the same in the end over each transport to the plugin itself", async () => {
  const texts: string[] = [];
  for (const transport of phoneTransports) {
    const { simulator, daemon } = start();
    const { plugin, url } = simulator;
    const equipment = plugin.add("anna");
    const settings = { http: url, websocket: daemon.url, apiKey: equipment.apiKey, pollPeriod: round };
    const phone = new Phone({ ...settings, transport });
    texts.push(await runScenario({ phone, equipment, plugin, until }));
    expect(phone.picture.actions).toHaveLength(4);
  }
  expect(texts[1]).toBe(texts[0] ?? "");
  expect(texts[2]).toBe(texts[0] ?? "");
  expect(JSON.parse(texts[0] ?? "")).toMatchObject({ exceptions: [], config: { payload: { configVersion: 2 } } });
}, 30_000);

test("A phone that is refused is told why", async () => {
  const { simulator, daemon } = start();
  const { plugin, url } = simulator;
  const { apiKey } = plugin.add("anna", { deviceId: "her telephone" });
  for (const transport of phoneTransports) {
    const phone = new Phone({ http: url, websocket: daemon.url, apiKey, transport, deviceId: "another" });
    expect((await phone.connect())?.type).toBe("BAD_DEVICE");
    phone.loseNetwork();
  }
});
