import { expect, test } from "bun:test";
import { phoneTransports } from "../../../simulators/jeedomconnect/line.ts";
import { runScenario } from "../../../simulators/jeedomconnect/scenario.ts";
import { until } from "../../transports/raw-client.ts";
import { Stage, type StageOptions } from "./stage.ts";

/** A round of asking may be as long as `action_delay`, and after loss of the network a round of pings. */
const patience = 15_000;

async function endOf(transport: (typeof phoneTransports)[number], options: StageOptions): Promise<string> {
  const stage = await Stage.open({ hears: true, bridge: "action_delay: 250ms", ...options });
  try {
    const { phone, equipment } = stage.phone("dora", transport);
    const { plugin } = stage.simulator;
    const waits = (condition: () => boolean, what: string): Promise<void> =>
      until(condition, `${transport}: ${what}`, patience);
    const text = await runScenario({ phone, equipment, plugin, until: waits });
    expect(stage.simulator.overlaps).toBe(0);
    return text;
  } finally {
    await stage.stop();
  }
}

async function theSame(options: StageOptions): Promise<void> {
  const [sse = "", polling, websocket] = await Promise.all(phoneTransports.map((one) => endOf(one, options)));
  expect(polling).toBe(sse);
  expect(websocket).toBe(sse);
  expect(JSON.parse(sse)).toMatchObject({
    actions: { length: 4 },
    exceptions: [],
    config: { payload: { configVersion: 2 } },
  });
}

test("A phone's day ends with the same picture over SSE, polling and WebSocket", () => theSame({}), 60_000);

test(
  "and so it does on the main listener, where no bridge tells of Jeedom's events",
  () => theSame({ hears: false, main: true }),
  60_000,
);
