/** The REST face, as existing clients know it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { RawClient } from "../../transports/raw-client.ts";
import { eventually, openStage, type Stage, truthOf, upstreamKey, withoutEtags } from "./stage.ts";

let stage: Stage;
let key: string;

beforeAll(async () => {
  stage = await openStage();
  key = await stage.key();
});
afterAll(() => stage.stop());

describe("What is read", () => {
  test("comes from the maps and is the gateway's, without a request upstream", async () => {
    const before = stage.simulator.requests;
    const truth = truthOf(stage.simulator);
    for (const kind of ["lights", "sensors", "groups", "alarmsystems"]) {
      const { status, body } = await stage.rest(`/api/${key}/${kind}`);
      expect([status, withoutEtags(body)]).toEqual([200, truth[kind]]);
    }
    const { body } = await stage.rest(`/api/${key}`);
    expect(Object.keys(body as object)).toEqual(
      "alarmsystems config groups lights resourcelinks rules scenes schedules sensors".split(" "),
    );
    expect(withoutEtags((body as { lights: object }).lights)).toEqual(truth["lights"]);
    expect((await stage.rest(`/api/${key}/scenes`)).body).toMatchObject({ "1/1": { name: "Bright" } });
    expect((await stage.rest(`/api/${key}/scenes/1/1`)).body).toMatchObject({ name: "Bright" });
    expect(stage.simulator.requests).toBe(before);
  });

  test("can be asked for by id and by uniqueid", async () => {
    const one = await stage.rest(`/api/${key}/lights/1`);
    const { uniqueid } = one.body as { uniqueid: string };
    expect((await stage.rest(`/api/${key}/lights/${uniqueid}`)).text).toBe(one.text);
    expect((await stage.rest(`/api/${key}/lights/${encodeURIComponent(uniqueid)}`)).text).toBe(one.text);
  });

  test("has an ETag, answers 304 to who has it, and anew after a change", async () => {
    const first = await stage.rest(`/api/${key}/lights`);
    const headers = { "if-none-match": first.headers.get("etag") ?? "" };
    const again = await stage.rest(`/api/${key}/lights`, { headers });
    expect([again.status, again.text]).toEqual([304, ""]);
    stage.simulator.house.change("lights", "2", "state", { bri: 99 });
    await eventually(async () => (await stage.rest(`/api/${key}/lights`, { headers })).status === 200, "the change");
  });

  test("of the config needs no key in its basic form; with a key it tells our port and no key of others", async () => {
    for (const path of ["/api/config", "/api/nobody/config"]) {
      const { status, body } = await stage.rest(path);
      expect([status, Object.keys(body as object).length]).toEqual([200, 11]);
      expect(body).toMatchObject({ bridgeid: "00212EFFFF8642AB", modelid: "deCONZ", name: "Phoscon-GW" });
    }
    const { body, text } = await stage.rest(`/api/${key}/config`);
    expect(body).toMatchObject({
      websocketport: Number(stage.host.split(":")[1]),
      linkbutton: false,
      zigbeechannel: 15,
    });
    expect(Object.keys((body as { whitelist: object }).whitelist)).toEqual([key]);
    expect(text).not.toContain(upstreamKey);
  });

  test("stands under /deconz/api on the main listener, and /api is not there", async () => {
    const at = await stage.gateway.ask(`/deconz/api/${key}/lights/1`);
    expect(at.text).toBe((await stage.rest(`/api/${key}/lights/1`)).text);
    expect((await stage.gateway.ask(`/api/${key}/lights/1`)).status).toBe(404);
  });

  test("has JSON's content type, may be read by any page, never with credentials, and is kept by nobody", async () => {
    for (const method of ["GET", "OPTIONS"]) {
      const { headers, status } = await stage.rest(`/api/${key}/lights`, {
        method,
        headers: { origin: "https://evil.example" },
      });
      expect(status).toBe(200);
      expect(headers.get("access-control-allow-origin")).toBe("*");
      expect(headers.get("access-control-allow-credentials")).toBeNull();
      if (method === "OPTIONS") continue;
      expect(headers.get("content-type")).toBe("application/json; charset=utf-8");
      expect(headers.get("cache-control")).toBe("no-store");
    }
  });
});

describe("What is written", () => {
  test("goes upstream, and its answer comes back as it is", async () => {
    const answer = await stage.rest(`/api/${key}/lights/1/state`, {
      method: "PUT",
      body: { on: true, bri: 5, nonsense: 1 },
    });
    expect([answer.status, answer.text]).toEqual([
      200,
      '[{"success":{"/lights/1/state/on":true}},{"success":{"/lights/1/state/bri":5}},{"error":{"address":"/lights/1/state/nonsense","description":"parameter, nonsense, not available","type":6}}]',
    ]);
    await eventually(
      async () => JSON.stringify((await stage.map("lights"))["1"]).includes('"bri":5'),
      "the change in the map",
    );
    const unknown = await stage.rest(`/api/${key}/lights/999/state`, { method: "PUT", body: { on: true } });
    expect([unknown.status, unknown.body]).toMatchObject([404, [{ error: { type: 3 } }]]);
  });

  test("and has no event is read again soon: a new sensor, a new group, a deleted one", async () => {
    const { body } = await stage.rest(`/api/${key}/groups`, { method: "POST", body: { name: "Loft" } });
    const { id } = (body as [{ success: { id: string } }])[0].success;
    await eventually(async () => id in (await stage.map("groups")), "the group");
    await stage.rest(`/api/${key}/groups/${id}`, { method: "DELETE" });
    await eventually(async () => !(id in (await stage.map("groups"))), "its end");
  });

  test("needs a key with `call`", async () => {
    const reader = await stage.key({ subscribe: ["deconz/**"] });
    const before = stage.simulator.requests;
    for (const [method, path] of [
      ["PUT", "lights/1/state"],
      ["POST", "groups"],
      ["DELETE", "groups/1"],
      ["GET", "capabilities"],
    ]) {
      const { status, body } = await stage.rest(`/api/${reader}/${path}`, {
        method: method ?? "",
        ...(method === "GET" ? {} : { body: {} }),
      });
      expect([status, body]).toMatchObject([403, [{ error: { type: 1 } }]]);
    }
    expect(stage.simulator.requests).toBe(before);
  });

  test("never reaches a path upstream that is not below our key there, however it is written", async () => {
    const up = [
      "../../simulator/down",
      "lights/../../../simulator/down",
      "%2e%2e/%2e%2e/simulator/down",
      "lights/..%2f..%2f..%2fsimulator%2fdown",
      "lights/1%3f/../../../simulator/down",
      "config\\..\\..\\..\\simulator/down",
    ];
    for (const path of up) {
      const client = await RawClient.connect(Number(stage.host.split(":")[1]));
      await client.send(Buffer.from(`POST /api/${key}/${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}`));
      await eventually(async () => client.text.includes("HTTP/1.1"), "an answer");
      expect([path, stage.simulator.unavailable]).toEqual([path, false]);
      client.reset();
    }
  });

  test("unlocks nothing upstream: only an administrator opens pairing, and that is ours", async () => {
    const refused = await stage.rest(`/api/${key}/config`, { method: "PUT", body: { unlock: 60 } });
    expect([refused.status, stage.simulator.keys.unlocked]).toEqual([403, false]);
    const admin = await stage.key({ subscribe: ["deconz/**"], call: ["deconz.*"], admin: ["**"] });
    expect((await stage.rest(`/api/${admin}/config`, { method: "PUT", body: { unlock: 60 } })).text).toBe(
      '[{"success":{"/config/unlock":60}}]',
    );
    expect(stage.simulator.keys.unlocked).toBe(false);
    expect((await stage.rest(`/api/${admin}/config`)).body).toMatchObject({ linkbutton: true });
    await stage.rest(`/api/${admin}/config`, { method: "PUT", body: { unlock: 0 } });
  });
});

describe("Pairing", () => {
  const pair = (body: unknown) => stage.rest("/api", { method: "POST", body });
  const unlock = async (seconds: number): Promise<void> => {
    const admin = await stage.key({ subscribe: ["deconz/**"], call: ["deconz.*"], admin: ["**"] });
    await stage.rest(`/api/${admin}/config`, { method: "PUT", body: { unlock: seconds } });
  };

  test("is refused while nobody opened it, whatever the body is", async () => {
    for (const body of [{ devicetype: "app" }, "{", ""]) {
      const { status, text } = await pair(body);
      expect([status, text]).toEqual([
        403,
        '[{"error":{"address":"/","description":"link button not pressed","type":101}}]',
      ]);
    }
  });

  test("gives a key of ours that may listen and call, the same within 30 s, and no name of the client's own", async () => {
    await unlock(60);
    const { text } = await pair({ devicetype: "my app", username: "wishedwished" });
    const [, made = ""] = /^\[\{"success":\{"username":"(hw_\w{30,})"\}\}\]$/.exec(text) ?? [];
    expect(made.length).toBeGreaterThan(10);
    expect((await pair({ devicetype: "my app" })).text).toBe(text);
    expect((await pair({ devicetype: "other app" })).text).not.toBe(text);
    expect((await pair({ devicetype: "third", username: made })).text).toBe(text);
    expect((await stage.rest(`/api/${made}/lights/1/state`, { method: "PUT", body: { on: false } })).status).toBe(200);
    expect((await pair("[1]")).body).toMatchObject([{ error: { type: 2 } }]);
    expect((await pair({})).body).toMatchObject([{ error: { type: 5 } }]);
    expect((await pair({ devicetype: "x", username: "short" })).body).toMatchObject([{ error: { type: 7 } }]);
    await unlock(0);
    expect((await pair({ devicetype: "my app" })).status).toBe(403);
    const gone = await stage.rest(`/api/${made}/config/whitelist/${made}`, { method: "DELETE" });
    expect(gone.text).toBe(`[{"success":"/config/whitelist/${made} deleted."}]`);
    expect((await stage.rest(`/api/${made}/lights`)).status).toBe(403);
    expect((await stage.rest(`/api/${key}/config/whitelist/${upstreamKey}`, { method: "DELETE" })).text).toBe("[]");
    expect(stage.simulator.keys.owners.has(upstreamKey)).toBe(true);
  });
});

describe("Errors are the documented lists:", () => {
  const cases: readonly (readonly [string, string, unknown, number, number])[] = [
    ["GET", "/api/unknown/lights", undefined, 403, 1],
    ["GET", "/api/hw_0123456789_012345678901234567890123/lights", undefined, 403, 1],
    ["GET", "/api/KEY/nothing", undefined, 404, 4],
    ["GET", "/api/KEY/lights/999", undefined, 404, 3],
    ["GET", "/api/KEY/scenes/9", undefined, 404, 3],
    ["GET", "/api/KEY/lights/%00%ff", undefined, 404, 3],
    ["GET", "/api", undefined, 404, 4],
    ["PUT", "/api/KEY/lights/1/state", "{", 400, 2],
    ["PUT", "/api/KEY/lights/1/state", "[]", 400, 2],
    ["PUT", "/api/KEY/lights/1/state", "", 400, 2],
    ["PUT", "/api/KEY/lights/1/state", { on: "yes" }, 200, 7],
    ["PUT", "/api/KEY/config", { nonsense: 1 }, 400, 6],
    ["PUT", "/api/KEY/config", { zigbeechannel: 12 }, 400, 7],
    ["POST", "/api/KEY/sensors", { name: "x" }, 400, 5],
    ["PUT", "/api/KEY/lights/1/state", { on: true, more: "x".repeat(1_000_000) }, 413, 11],
    ["POST", "/api", "x".repeat(1_000_000), 403, 101],
  ];
  test.each(
    cases.map((row) => [`${row[0]} ${row[1]} is ${row[4]}: ${JSON.stringify(row[2])?.slice(0, 40)}`, row] as const),
  )("%s", async (_, [method, path, body, status, type]) => {
    const answer = await stage.rest(path.replace("KEY", key), { method, ...(body === undefined ? {} : { body }) });
    expect([answer.status, answer.body]).toMatchObject([status, [{ error: { type } }]]);
    expect(answer.headers.get("content-type")).toBe("application/json; charset=utf-8");
  });

  test("whatever is asked, the answer is JSON, an error is a list, and the process lives", async () => {
    const level = fc.oneof(
      fc.constantFrom(
        "lights",
        "sensors",
        "groups",
        "scenes",
        "config",
        "1",
        "state",
        "new",
        "..",
        "%2e",
        "%",
        "whitelist",
      ),
      fc.string({ maxLength: 12 }).map((text) => encodeURIComponent(text.toWellFormed())),
    );
    const request = fc.record({
      method: fc.constantFrom("GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"),
      levels: fc.array(level, { maxLength: 5 }),
      keyed: fc.boolean(),
      body: fc.oneof(fc.json(), fc.string(), fc.constant("{}")),
    });
    await fc.assert(
      fc.asyncProperty(request, async ({ method, levels, keyed, body }) => {
        const path = `/api/${[...(keyed ? [key] : []), ...levels].join("/")}`;
        const answer = await stage.rest(path, {
          method,
          ...(method === "GET" || method === "OPTIONS" ? {} : { body }),
        });
        if (answer.text !== "") expect(answer.body).toBeDefined();
        expect(answer.status).toBeLessThan(500);
      }),
      { numRuns: 300, interruptAfterTimeLimit: 5000 },
    );
    expect((await stage.rest("/api/config")).status).toBe(200);
    expect(stage.gateway.errors).toEqual([]);
  }, 20_000);
});

test("503 for every valid key until the first snapshot and while the upstream is lost; the basic config still answers", async () => {
  const other = await openStage({ simulator: { webSocketPort: "shared" }, waits: false });
  const own = await other.key();
  await other.becomes("connected");
  other.simulator.unavailable = true;
  other.simulator.dropSockets();
  await other.becomes("lost");
  for (const path of ["", "/lights", "/config", "/nothing"]) {
    const { status, body } = await other.rest(`/api/${own}${path}`);
    expect([status, body]).toMatchObject([503, [{ error: { type: 950 } }]]);
  }
  expect((await other.rest("/api/nobody/lights")).status).toBe(403);
  expect((await other.rest("/api/config")).body).toMatchObject({ bridgeid: "00212EFFFF8642AB" });
  other.simulator.unavailable = false;
  await other.becomes("connected");
  expect((await other.rest(`/api/${own}/lights`)).status).toBe(200);
  await other.stop();
}, 20_000);

test("before the gateway was ever heard, the basic config is that of a deCONZ gateway", async () => {
  const other = await openStage({ simulator: { keys: [] }, waits: false });
  await other.becomes("refused");
  expect(await other.state()).toMatchObject({ last_error: expect.stringContaining("hearthwire bridge pair deconz") });
  const { status, body } = await other.rest("/api/config");
  expect([status, (body as { bridgeid: string }).bridgeid.slice(0, 6)]).toEqual([200, "00212E"]);
  expect((await other.rest(`/api/${await other.key()}/lights`)).status).toBe(503);
  await other.stop();
});
