/** Every row of the event table, from the gateway's frame to what a peer hears and what the maps hold. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { until } from "../../transports/raw-client.ts";
import { eventually, openStage, Peer, type Stage, truthOf, withoutEtags } from "./stage.ts";

let stage: Stage;
let peer: Peer;
let told: string[];

beforeAll(async () => {
  stage = await openStage();
  peer = await new Peer(`ws://${stage.host}/`).opens();
  told = [];
  stage.simulator.heard = (frame) => told.push(frame);
});

afterAll(() => stage.stop());

const sensor = '"uniqueid":"00:15:8d:00:01:00:00:07-01-0402"';
const light = '"uniqueid":"00:15:8d:00:01:00:00:01-01"';

/** What the gateway emits, whether existing clients know it or not. */
const rows: readonly (readonly [name: string, frame: string])[] = [
  [
    "a sensor's state",
    `{"e":"changed","id":"1","r":"sensors","state":{"buttonevent":2002,"lastupdated":"2019-08-09T10:12:13.123"},"t":"event",${sensor}}`,
  ],
  [
    "a sensor's config",
    `{"config":{"battery":null,"on":true,"pending":["delay"],"reachable":true,"schedule":{}},"e":"changed","id":"1","r":"sensors","t":"event",${sensor}}`,
  ],
  [
    "a sensor's attributes",
    `{"attr":{"name":"Switch é <b>","swversion":"3"},"e":"changed","id":"1","r":"sensors","t":"event",${sensor}}`,
  ],
  [
    "a sensor's capabilities",
    `{"capabilities":{"otau":{"file_version":5}},"e":"changed","id":"1","r":"sensors","t":"event",${sensor}}`,
  ],
  [
    "that a sensor was heard",
    `{"attr":{"lastseen":"2024-05-01T10:00Z"},"e":"changed","id":"1","r":"sensors","t":"event",${sensor}}`,
  ],
  [
    "a light's state",
    `{"e":"changed","id":"1","r":"lights","state":{"alert":"none","bri":1,"colormode":"ct","ct":350,"on":true,"reachable":true,"xy":[0.1234,0.4321]},"t":"event",${light}}`,
  ],
  ["a light's config", `{"config":{"groups":["1","2"]},"e":"changed","id":"1","r":"lights","t":"event",${light}}`],
  ["a light's attributes", `{"attr":{"name":"Counter"},"e":"changed","id":"1","r":"lights","t":"event",${light}}`],
  [
    "a light's capabilities",
    `{"capabilities":{"color":{"ct":{"max":454,"min":250}}},"e":"changed","id":"1","r":"lights","t":"event",${light}}`,
  ],
  [
    "a light's name at the top level, as old gateways do",
    `{"e":"changed","id":"1","name":"Old","r":"lights","t":"event",${light}}`,
  ],
  [
    "that a light was heard",
    `{"attr":{"lastseen":"2024-05-01T10:00Z"},"e":"changed","id":"1","r":"lights","t":"event",${light}}`,
  ],
  ["a group's state", `{"e":"changed","id":"1","r":"groups","state":{"all_on":false,"any_on":true},"t":"event"}`],
  ["a group's name at the top level", `{"e":"changed","id":"1","name":"Kitchen and hall","r":"groups","t":"event"}`],
  [
    "the group of all lights as 65520",
    `{"e":"changed","id":"65520","r":"groups","state":{"all_on":false,"any_on":true},"t":"event"}`,
  ],
  [
    "an alarm system's state",
    `{"e":"changed","id":"1","r":"alarmsystems","state":{"armstate":"arming_away","seconds_remaining":30},"t":"event"}`,
  ],
  [
    "an alarm system's config",
    `{"config":{"armmode":"armed_away","configured":true},"e":"changed","id":"1","r":"alarmsystems","t":"event"}`,
  ],
  ["an alarm system's attributes", `{"attr":{"name":"House"},"e":"changed","id":"1","r":"alarmsystems","t":"event"}`],
  [
    "a sensor that was added",
    `{"e":"added","id":"90","r":"sensors","sensor":{"config":{"on":true},"id":"90","name":"New","state":{"lastupdated":"none"},"type":"ZHAPresence","uniqueid":"00:90"},"t":"event","uniqueid":"00:90"}`,
  ],
  [
    "a light that was added",
    `{"e":"added","id":"91","light":{"id":"91","name":"New","state":{"on":false},"type":"Dimmable light","uniqueid":"00:91"},"r":"lights","t":"event","uniqueid":"00:91"}`,
  ],
  ["a group that was added, without a body", `{"e":"added","id":"92","r":"groups","t":"event"}`],
  ["a sensor that was deleted", `{"e":"deleted","id":"90","r":"sensors","t":"event","uniqueid":"00:90"}`],
  ["a light that was deleted", `{"e":"deleted","id":"91","r":"lights","t":"event","uniqueid":"00:91"}`],
  ["a group that was deleted", `{"e":"deleted","id":"92","r":"groups","t":"event"}`],
  ["a scene that a switch called", `{"e":"scene-called","gid":"1","r":"scenes","scid":"2","t":"event"}`],
  [
    "members that nobody knows",
    `{"e":"changed","future":[1,2],"id":"1","r":"sensors","state":{"unheard":{"of":1.50}},"t":"event",${sensor}}`,
  ],
];

describe("A peer hears, byte for byte as the gateway said it,", () => {
  test.each(rows)("%s", async (_, frame) => {
    const before = peer.frames.length;
    stage.simulator.say(frame);
    await peer.hears(before + 1);
    expect(peer.frames.slice(before)).toEqual([frame]);
  });

  test("and nothing that existing clients do not know: other kinds, no events, tells of holes, and what others publish", async () => {
    const before = peer.frames.length;
    const strange = [
      "",
      "hello",
      "[]",
      "null",
      '{"type":"hello"}',
      '{"t":"event"}',
      '{"e":"changed","id":"1","r":"devices","t":"event"}',
      '{"e":"renamed","id":"1","r":"lights","t":"event"}',
      '{"e":"added","id":"1","r":"alarmsystems","t":"event"}',
      '{"e":"scene-called","gid":"1","r":"lights","scid":"1","t":"event"}',
      '{"e":"changed","r":"lights","state":{},"t":"event"}',
      '{"e":"__proto__","id":"1","r":"lights","t":"event"}',
    ];
    for (const frame of strange) stage.simulator.say(frame);
    const publisher = await stage.key({ publish: ["deconz/events"] });
    await stage.gateway.ask("/channels/deconz/events", { method: "POST", key: publisher, body: '"noise"' });
    const last = rows[0]?.[1] ?? "";
    stage.simulator.say(last);
    await peer.hears(before + 1);
    await Bun.sleep(20);
    expect(peer.frames.slice(before)).toEqual([last]);
  });
});

describe("What events mean for the maps:", () => {
  const change = (body: object): void => stage.simulator.say(JSON.stringify({ t: "event", ...body }));
  const entry = async (kind: string, id: string): Promise<Record<string, unknown>> =>
    (await stage.map(kind))[id] as Record<string, unknown>;
  const settled = async (): Promise<void> => {
    const before = peer.frames.length;
    stage.simulator.say(rows[0]?.[1] ?? "");
    await peer.hears(before + 1);
  };

  test("sections are merged, attributes lie at the top level, unknown members stay", async () => {
    change({ e: "changed", r: "sensors", id: "2", state: { presence: true, novel: 1 } });
    change({ e: "changed", r: "sensors", id: "2", config: { sensitivity: 3 } });
    change({ e: "changed", r: "sensors", id: "2", attr: { name: "Eye" } });
    change({ e: "changed", r: "sensors", id: "2", capabilities: { tested: true } });
    change({ e: "changed", r: "groups", id: "2", name: "Salon" });
    change({ e: "changed", r: "alarmsystems", id: "1", state: { armstate: "armed_stay" } });
    await settled();
    expect(await entry("sensors", "2")).toMatchObject({
      name: "Eye",
      state: { presence: true, novel: 1, lastupdated: "none" },
      config: { sensitivity: 3, on: true },
      capabilities: { tested: true },
      type: "ZHAPresence",
    });
    expect(await entry("groups", "2")).toMatchObject({ name: "Salon", type: "LightGroup" });
    expect(await entry("alarmsystems", "1")).toMatchObject({
      state: { armstate: "armed_stay", seconds_remaining: 30 },
    });
  });

  test("added and deleted are what they say, and a body that is missing is fetched", async () => {
    const { house } = stage.simulator;
    house.addLight("77", "1");
    const sensorId = house.addSensor({ type: "ZHAPresence", name: "Attic presence" }, true);
    const groupId = house.addGroup("Attic", true);
    await eventually(async () => (await entry("groups", groupId)) !== undefined, "the group's body");
    const truth = truthOf(stage.simulator) as Record<string, Record<string, unknown>>;
    expect(withoutEtags(await entry("groups", groupId))).toEqual(truth["groups"]?.[groupId]);
    expect(withoutEtags(await entry("lights", "77"))).toEqual(truth["lights"]?.["77"]);
    expect(withoutEtags(await entry("sensors", sensorId))).toEqual(truth["sensors"]?.[sensorId]);
    house.remove("lights", "77");
    house.removeGroup(groupId);
    await settled();
    expect([await entry("lights", "77"), await entry("groups", groupId)]).toEqual([undefined, undefined] as never);
  });

  test("the group of all lights is 0, fetched when it is first told of, and in no list of the REST face", async () => {
    change({ e: "changed", r: "groups", id: "65520", state: { all_on: false, any_on: true } });
    await eventually(async () => "0" in (await stage.map("groups")), "the group of all lights");
    expect(await entry("groups", "0")).toMatchObject({ name: "All" });
    expect("65520" in (await stage.map("groups"))).toBe(false);
    const key = await stage.key();
    expect(Object.keys((await stage.rest(`/api/${key}/groups`)).body as object)).not.toContain("0");
    expect((await stage.rest(`/api/${key}/groups/0`)).body).toMatchObject({ name: "All" });
  });

  test("scenes are entries of their own, by group and scene, and a call of one is no state", async () => {
    expect(await entry("scenes", "1/2")).toMatchObject({ gid: "1", id: "2", name: "Evening" });
    const before = await stage.map("scenes");
    stage.simulator.say('{"e":"scene-called","gid":"1","r":"scenes","scid":"2","t":"event"}');
    await settled();
    expect(await stage.map("scenes")).toEqual(before);
  });

  test("an event about an unknown resource is asked for once, and not again while the gateway does not know it", async () => {
    const before = stage.simulator.requests;
    for (let at = 0; at < 10; at++) change({ e: "changed", r: "lights", id: "555", state: { on: true } });
    await settled();
    await until(() => stage.simulator.requests > before, "the request");
    for (let at = 0; at < 10; at++) change({ e: "changed", r: "lights", id: "555", state: { on: true } });
    await settled();
    expect(stage.simulator.requests).toBe(before + 1);
  });
});

test("a returning client does not see an old press of a button as new: presses are in the events alone", async () => {
  const key = await stage.key();
  const watcher = await new Peer(`ws://${stage.gateway.url.slice(7)}/channels/deconz/events`, {
    "x-api-key": key,
  }).opens();
  await watcher.hears(1);
  expect(watcher.frames.join()).not.toContain("buttonevent");
  watcher.socket.close();
});
