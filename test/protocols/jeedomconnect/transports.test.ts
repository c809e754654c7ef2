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

/** The state must not depend on who tells of values either: the hub, or the plugin alone, on the main listener this time. */
const ways: readonly StageOptions[] = [{}, { hears: false, main: true }];

test("A phone's day ends with the same picture over SSE, polling and WebSocket, with values from the hub and without", async () => {
  const ends = ways.flatMap((options) => phoneTransports.map((transport) => endOf(transport, options)));
  const [first = "", ...others] = await Promise.all(ends);
  for (const other of others) expect(other).toBe(first);
  expect(JSON.parse(first)).toMatchObject({
    actions: { length: 4 },
    exceptions: [],
    config: { payload: { configVersion: 2 } },
  });
}, 90_000);
