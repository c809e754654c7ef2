import { expect, test } from "bun:test";
import { everyRight } from "../../src/core/access.ts";
import { BridgeVoice } from "../../src/core/bridge-state.ts";
import { UpstreamGap } from "../../src/core/upstream-gap.ts";
import { Setting } from "./setting.ts";

test("The time in which an upstream was not heard is told once, when it is heard again", async () => {
  const { hub, clock, log } = new Setting();
  const gap = new UpstreamGap(new BridgeVoice({ hub, clock, log, name: "house" }), clock, "house/events");
  gap.close();
  const from = clock.now();
  gap.open(from);
  clock.advance(3000);
  gap.open(clock.now());
  gap.close();
  gap.close();
  const { publications } = await hub.history("house/events", { limit: 10 }, everyRight);
  expect(publications.map(({ data, tags }) => [data, tags])).toEqual([
    [`{"gap":{"from":${from},"to":${from + 3000}}}`, { gap: "upstream" }],
  ]);
});
