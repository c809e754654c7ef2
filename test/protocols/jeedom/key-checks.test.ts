/** Whose a key is, and what may be seen with it: what the bridge offers its peers, against a simulated Jeedom. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { Simulator } from "../../../simulators/jeedom/server.ts";
import { readEvent } from "../../../src/protocols/jeedom/events.ts";
import { readHosts } from "../../../src/protocols/jeedom/hosts.ts";
import { JsonRpc } from "../../../src/protocols/jeedom/json-rpc.ts";
import { KeyChecks } from "../../../src/protocols/jeedom/key-checks.ts";
import { systemDialer } from "../../../src/transports/dialer.ts";
import { FakeClock } from "../../fakes/clock.ts";

let simulator: Simulator;
let clock: FakeClock;
let checks: KeyChecks;
beforeEach(() => {
  simulator = new Simulator().start();
  clock = new FakeClock();
  checks = new KeyChecks(new JsonRpc(systemDialer, simulator.url, () => simulator.users.apiKey), clock);
});
afterEach(() => simulator.stop());

function about(name: string, option: object) {
  const event = readEvent(JSON.stringify({ datetime: 1, name, option }));
  if (event === undefined) throw new Error("It is no event");
  return event;
}

describe("A key", () => {
  test("of a user shows what the user may see, and what is about nothing in particular", async () => {
    const { key } = simulator.users.add("invité", "restrict", { eqLogic1: "r", scenario2: "r" });
    const sight = await checks.check(key);
    const [seen, hidden] = [...simulator.house.building.commands.values()].filter(({ equipmentId }) => equipmentId < 3);
    const sees = (name: string, option: object): boolean | undefined => sight?.sees(about(name, option));
    expect(sees("cmd::update", { cmd_id: seen?.id })).toBe(true);
    expect(sees("cmd::update", { cmd_id: String(seen?.id) })).toBe(true);
    const other = [...simulator.house.building.commands.values()].find(({ equipmentId }) => equipmentId === 2);
    expect([hidden === undefined, sees("cmd::update", { cmd_id: other?.id })]).toEqual([false, false]);
    expect([sees("eqLogic::update", { eqLogic_id: 1 }), sees("eqLogic::update", { eqLogic_id: 2 })]).toEqual([
      true,
      false,
    ]);
    expect([sees("scenario::update", { scenario_id: 2 }), sees("scenario::update", { scenario_id: 1 })]).toEqual([
      true,
      false,
    ]);
    expect(sees("jeeObject::summary::update", { object_id: "global" })).toBe(true);
    expect(sees("message::refreshMessageNumber", [])).toBe(true);
  });

  test("has the sight of all who have the same rights", async () => {
    const [a, b, c] = ["a", "b", "c"].map((login) => simulator.users.add(login, login === "c" ? "restrict" : "user"));
    const ids = await Promise.all([a, b, c].map(async (user) => (await checks.check(user?.key ?? ""))?.id));
    expect([ids[0] === ids[1], ids[0] === ids[2]]).toEqual([true, false]);
  });

  test("of nobody, of a disabled user, or of the API itself is no user's", async () => {
    const user = simulator.users.add("parti");
    user.enabled = false;
    for (const key of ["", "short", "x".repeat(64), "x".repeat(10_000), user.key, simulator.users.apiKey]) {
      expect(await checks.check(key)).toBeUndefined();
    }
  });

  test("is asked about once a minute, however many come with it", async () => {
    const user = simulator.users.add("anne");
    let asked = 0;
    simulator.asked = (method, by) => {
      if (method === "jeeObject::full" && by.user === user) asked++;
    };
    await Promise.all(Array.from({ length: 50 }, () => checks.check(user.key)));
    clock.advance(59_000);
    expect(await checks.check(user.key)).toBeDefined();
    expect(asked).toBe(1);
    user.enabled = false;
    clock.advance(1000);
    expect(await checks.check(user.key)).toBeUndefined();
    expect(asked).toBe(1);
  });

  test("that Jeedom cannot be asked about now is refused as such, and asked about again", async () => {
    const { key } = simulator.users.add("anne");
    simulator.trouble = "500";
    await expect(checks.check(key)).rejects.toMatchObject({ refusal: { code: 108 } });
    simulator.trouble = undefined;
    expect(await checks.check(key)).toBeDefined();
  });
});

test("Jeedom's internal and external address are asked of it, where the key may", async () => {
  const rpc = (key: string): JsonRpc => new JsonRpc(systemDialer, simulator.url, () => key);
  expect(await readHosts(rpc(simulator.users.apiKey))).toEqual(["192.168.1.20", "maison.example.org"]);
  simulator.config.set("externalAddr", "");
  expect(await readHosts(rpc(simulator.users.apiKey))).toEqual(["192.168.1.20"]);
  expect(await readHosts(rpc("none0of0these0keys0is0known"))).toEqual([]);
});
