/** Calls to Jeedom, and what it does not allow. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { openStage, type Stage } from "./stage.ts";

let stage: Stage;
let key: string;
beforeAll(async () => {
  stage = await openStage();
  key = await stage.key();
});
afterAll(() => stage.stop());

async function call(method: string, body: unknown, by = key): Promise<{ status: number; body: unknown }> {
  const { status, body: answer } = await stage.gateway.ask(`/calls/${method}`, {
    method: "POST",
    key: by,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status, body: answer };
}

function actionOf(generic: string): number {
  const { commands } = stage.simulator.house.building;
  return [...commands.values()].find(({ plan }) => plan.genericType === generic)?.id ?? 0;
}

describe("A call", () => {
  test("runs commands, alone and several, with options", async () => {
    expect((await call("jeedom.exec", { id: actionOf("LIGHT_ON") })).body).toEqual("ok");
    const [light = 0, other = 0] = stage.simulator.house.infos("LIGHT_STATE");
    expect((await call("jeedom.exec", { id: String(light) })).body).toMatchObject({ value: 1 });
    expect((await call("jeedom.exec", { id: [light, other] })).body).toMatchObject({ [light]: { value: 1 } });
    await call("jeedom.exec", { id: actionOf("LIGHT_SLIDER"), options: { slider: 35 } });
    const [brightness = 0] = stage.simulator.house.infos("LIGHT_BRIGHTNESS");
    expect(stage.simulator.house.command(brightness).state).toBe(35);
    await stage.sees(async () => (await stage.map("commands"))[brightness]?.["value"] === 35, "the event");
  });

  test("runs, stops, enables and disables scenarios", async () => {
    const scenario = stage.simulator.house.building.scenarios.get(2);
    expect((await call("jeedom.scenario", { id: 2, do: "disable" })).status).toBe(200);
    expect(scenario?.isActive).toBe(false);
    await call("jeedom.scenario", { id: 2, do: "enable" });
    expect((await call("jeedom.scenario", { id: 2, do: "run" })).body).toBe(true);
    expect([scenario?.isActive, scenario?.lastLaunch === ""]).toEqual([true, false]);
    await stage.sees(async () => (await stage.map("scenarios"))["2"]?.["last_launch"] !== "", "the event");
  });

  test("says to Jeedom what one would say", async () => {
    const { body } = await call("jeedom.ask", { query: "Allume la cuisine" });
    expect(body).toEqual({ reply: "Je n'ai pas compris : Allume la cuisine" });
  });

  test("is refused in our words where Jeedom refuses, or where it makes no sense", async () => {
    const { house } = stage.simulator;
    house.command(actionOf("ALARM_ARMED")).code = "1234";
    house.command(actionOf("ALARM_RELEASED")).needsConfirmation = true;
    const refused: [string, unknown, number][] = [
      ["jeedom.exec", { id: 99_999 }, 102],
      ["jeedom.exec", { id: "1; DROP" }, 107],
      ["jeedom.exec", {}, 107],
      ["jeedom.exec", { id: actionOf("ALARM_ARMED") }, 103],
      ["jeedom.exec", { id: actionOf("ALARM_RELEASED") }, 107],
      ["jeedom.scenario", { id: 99, do: "run" }, 102],
      ["jeedom.scenario", { id: 1, do: "explode" }, 107],
      ["jeedom.ask", { query: 7 }, 107],
    ];
    for (const [method, params, code] of refused) {
      const { body } = await call(method, params);
      expect([method, params, body]).toMatchObject([method, params, { error: { code } }]);
    }
    expect((await call("jeedom.exec", { id: actionOf("ALARM_ARMED"), codeAccess: "1234" })).status).toBe(200);
    expect((await call("jeedom.exec", { id: actionOf("ALARM_RELEASED"), confirmAction: 1 })).status).toBe(200);
  });

  test("needs the grant, and a Jeedom that answers", async () => {
    const reader = await stage.key({ subscribe: ["jeedom/**"] });
    expect(await call("jeedom.exec", { id: 1 }, reader)).toMatchObject({ status: 403, body: { error: { code: 103 } } });
    stage.simulator.trouble = "html";
    expect(await call("jeedom.ask", { query: "?" })).toMatchObject({ status: 503, body: { error: { code: 108 } } });
    stage.simulator.trouble = undefined;
  });
});

test("health, status and metrics tell how the bridge is", async () => {
  const { gateway } = stage;
  await stage.becomes("connected");
  expect((await gateway.ask("/health")).text).not.toContain("Bridge jeedom");
  const { body } = await gateway.ask("/admin/status", { key: gateway.admin });
  expect((body as { bridges: unknown }).bridges).toMatchObject([
    { name: "jeedom", state: "connected", since: expect.any(Number), last_event_at: expect.any(Number) },
  ]);
  const { text } = await gateway.ask("/metrics", { key: gateway.admin });
  expect(text).toContain('hearthwire_upstream_state{bridge="jeedom",state="connected"} 1');
  expect(text).toMatch(/hearthwire_upstream_last_event_seconds\{bridge="jeedom"\} \d+/);
  await stage.simulator.cut();
  await stage.becomes("lost");
  expect((await gateway.ask("/health")).text).toContain("Bridge jeedom is lost since ");
});
