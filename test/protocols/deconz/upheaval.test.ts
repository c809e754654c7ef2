/** Drops, restarts and silence upstream: nothing is lost that was not told of, and the maps are the truth after each. */
import { expect, test } from "bun:test";
import { Centrifuge, type PublicationContext } from "centrifuge";
import fc from "fast-check";
import { parseObject } from "../../../src/core/json.ts";
import { readEvent } from "../../../src/protocols/deconz/events.ts";
import { Mirror } from "../../../src/protocols/deconz/mirror.ts";
import { Pulse } from "../../../src/protocols/deconz/pulse.ts";
import { endedAfterEach } from "../../ended-after-each.ts";
import { FakeClock } from "../../fakes/clock.ts";
import { until } from "../../transports/raw-client.ts";
import { eventually, openStage, Peer, type Stage, truthOf, withoutEtags } from "./stage.ts";

const long = process.env["HEARTHWIRE_LONG"] === "1";
/** Between upheavals, in ms: a minute in all for the long run. */
const quiet = long ? 10_000 : 900;

const open = endedAfterEach(openStage, (stage) => stage.stop());

async function connect(stage: Stage, token: string): Promise<Centrifuge> {
  const client = new Centrifuge(`${stage.gateway.url.replace("http", "ws")}/connection/websocket`, {
    token,
    websocket: WebSocket,
    minReconnectDelay: 20,
    maxReconnectDelay: 100,
  });
  client.connect();
  await client.ready();
  return client;
}

/** 200 events a second, each with a number of its own. */
class Bustle {
  number = 0;
  readonly #timer: ReturnType<typeof setInterval>;
  paused = false;

  constructor({ simulator: { house } }: Stage) {
    this.#timer = setInterval(() => {
      if (this.paused) return;
      for (let each = 0; each < 5; each++) {
        const id = String(1 + (this.number % 30));
        house.change("sensors", id, "state", { eventduration: ++this.number });
      }
    }, 25);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

async function mapsAreTrue(stage: Stage, bustle: Bustle): Promise<void> {
  bustle.paused = true;
  await stage.becomes("connected");
  const differences = async (): Promise<string[]> => {
    const wrong: string[] = [];
    for (const [kind, resources] of Object.entries(truthOf(stage.simulator))) {
      if (!Bun.deepEquals(withoutEtags(await stage.map(kind)), resources)) wrong.push(kind);
    }
    return wrong;
  };
  await eventually(async () => (await differences()).length === 0, "the maps to be the truth");
  bustle.paused = false;
}

test(
  "200 events a second with four drops and a restart on another port",
  async () => {
    const stage = await open({ simulator: { webSocketPort: 0 } });
    const client = await connect(stage, await stage.key());
    const heard: (number | "gap")[] = [];
    const subscription = client.newSubscription("deconz/events", { recoverable: true });
    subscription.on("publication", ({ data, tags }: PublicationContext) => {
      if (tags?.["gap"] === "upstream") heard.push("gap");
      const { state } = data as { state?: { eventduration?: number } };
      if (state?.eventduration !== undefined) heard.push(state.eventduration);
    });
    subscription.subscribe();
    await subscription.ready();
    const bustle = new Bustle(stage);
    for (let upheaval = 0; upheaval < 5; upheaval++) {
      await Bun.sleep(quiet / 2);
      // The client has troubles of its own, which recovery hides.
      client.disconnect();
      client.connect();
      await Bun.sleep(quiet / 2);
      if (upheaval === 2) await stage.simulator.restart(0, 300);
      else stage.simulator.dropSockets();
      stage.simulator.house.addGroup(`Room ${upheaval}`, true);
      await stage.becomes("lost");
      await mapsAreTrue(stage, bustle);
    }
    await Bun.sleep(100);
    bustle.stop();
    await until(() => heard.at(-1) === bustle.number, `event ${bustle.number}; heard ${heard.at(-1)}`);
    expect(heard.filter((one) => one === "gap")).toHaveLength(5);
    let last = 0;
    let mayLack = false;
    for (const one of heard) {
      if (one === "gap") mayLack = true;
      else {
        if (one <= last || (!mayLack && one !== last + 1)) throw new Error(`${one} came after ${last} without a gap`);
        last = one;
        mayLack = false;
      }
    }
    expect(stage.gateway.errors).toEqual([]);
    client.disconnect();
  },
  long ? 180_000 : 40_000,
);

test("a connection that brings neither event nor pong is given up after 50 s", () => {
  const clock = new FakeClock();
  let pings = 0;
  let silent = 0;
  const socket = { send: () => undefined, ping: () => void pings++, end: () => undefined };
  const pulse = new Pulse(clock, socket, () => void silent++);
  clock.advance(45_000);
  pulse.beat();
  clock.advance(45_000);
  expect([pings, silent]).toEqual([6, 0]);
  clock.advance(15_000);
  expect([silent, clock.timers]).toEqual([1, 0]);
});

test("a gateway whose WebSocket cannot be had is polled, says so, and its changes are events all the same", async () => {
  const stage = await open({ waits: false });
  stage.simulator.deaf = true;
  stage.simulator.dropSockets();
  await stage.becomes("polling");
  expect(await stage.state()).toMatchObject({ last_error: expect.stringContaining("so it is asked every 5 s") });
  const key = await stage.key();
  expect((await stage.rest(`/api/${key}/lights`)).status).toBe(200);
  const peer = await new Peer(`ws://${stage.host}/`).opens();
  const told: string[] = [];
  stage.simulator.heard = (frame) => told.push(frame);
  stage.simulator.house.change("lights", "1", "state", { bri: 7 });
  await eventually(async () => JSON.stringify((await stage.map("lights"))["1"]).includes('"bri":7'), "the next poll");
  expect(await peer.hears(1)).toEqual(told);
}, 20_000);

test("what happens while the house is read is neither lost nor undone, and a slow answer stops no event", async () => {
  const stage = await open();
  stage.simulator.slowness = 300;
  stage.simulator.dropSockets();
  await stage.becomes("lost");
  const bustle = new Bustle(stage);
  await Bun.sleep(700);
  stage.simulator.slowness = 0;
  await mapsAreTrue(stage, bustle);
  bustle.stop();
}, 20_000);

test("after a drop only the differences are published", async () => {
  const stage = await open();
  const offset = async (channel: string): Promise<number> => {
    const key = await stage.key();
    const { body } = await stage.gateway.ask(`/channels/deconz/${channel}?history=10000`, { key });
    const { publications } = body as { publications: { offset: number }[] };
    return Math.max(0, ...publications.map((publication) => publication.offset));
  };
  const before = await offset("lights");
  expect(before).toBe(40);
  stage.simulator.deaf = true;
  stage.simulator.unavailable = true;
  stage.simulator.dropSockets();
  await stage.becomes("lost");
  stage.simulator.house.change("lights", "5", "state", { bri: 1 });
  stage.simulator.deaf = false;
  stage.simulator.unavailable = false;
  await stage.becomes("connected");
  expect(await offset("lights")).toBe(before + 1);
}, 20_000);

test("calls are forwarded, and the gateway's lists come back as they are", async () => {
  const stage = await open();
  const client = await connect(stage, await stage.key());
  const set = await client.rpc("deconz.set", {
    resource: "lights",
    id: "1",
    state: { on: true, nonsense: 1 },
    name: "Lamp",
  });
  expect(set.data).toEqual([
    { success: { "/lights/1/state/on": true } },
    { error: { address: "/lights/1/state/nonsense", description: "parameter, nonsense, not available", type: 6 } },
    { success: { "/lights/1/name": "Lamp" } },
  ]);
  expect((await client.rpc("deconz.set", { resource: "groups", id: 1, action: { on: false } })).data).toEqual([
    { success: { "/groups/1/action/on": false } },
  ]);
  expect((await client.rpc("deconz.scene", { group: "1", scene: "2" })).data).toEqual([{ success: { id: "2" } }]);
  expect((await client.rpc("deconz.get", { resource: "lights", id: "1" })).data).toMatchObject({ name: "Lamp" });
  expect((await client.rpc("deconz.get", { resource: "lights", id: "999" })).data).toMatchObject([
    { error: { type: 3 } },
  ]);
  expect(JSON.stringify((await client.rpc("deconz.get", {})).data)).not.toContain("whitelist");
  const refused = async (method: string, params: object): Promise<number> =>
    client.rpc(method, params).then(
      () => 0,
      (error: { code: number }) => error.code,
    );
  expect(await refused("deconz.set", { resource: "nothing", id: "1" })).toBe(107);
  const stepUp = await client.rpc("deconz.set", { resource: "lights", id: "../config", name: "Taken" });
  expect([stepUp.data, stage.simulator.house.config["name"]]).toMatchObject([[{ error: { type: 3 } }], "Phoscon-GW"]);
  expect(await refused("deconz.none", {})).toBe(104);
  expect(await refused("other.set", {})).toBe(103);
  stage.simulator.unavailable = true;
  stage.simulator.dropSockets();
  await stage.becomes("lost");
  expect(await refused("deconz.get", {})).toBe(108);
  client.disconnect();
}, 20_000);

test("whatever a gateway sends as a frame or an answer, the picture and the process live", async () => {
  const value = fc.jsonValue({ maxDepth: 3 });
  const frame = fc.oneof(
    fc.string(),
    fc.json(),
    fc
      .record(
        {
          t: fc.constantFrom("event", "other"),
          e: fc.constantFrom("changed", "added", "deleted", "scene-called", "constructor"),
          r: fc.constantFrom("lights", "sensors", "groups", "scenes", "alarmsystems", "__proto__"),
          id: fc.oneof(fc.constantFrom("1", "65520", "__proto__", "constructor", ""), value),
          state: value,
          attr: value,
          light: value,
          gid: value,
          scid: value,
        },
        { requiredKeys: ["t", "e", "r"] },
      )
      .map((event) => JSON.stringify(event)),
  );
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 20 }), value, (frames, answer) => {
      const mirror = new Mirror({ set: () => undefined, remove: () => undefined, replace: () => undefined });
      const reading = mirror.beginReading();
      const take = (text: string): void => {
        const parsed = parseObject(text);
        const event = parsed === undefined ? undefined : readEvent(parsed);
        if (event !== undefined) mirror.apply(event);
      };
      frames.slice(0, 10).forEach(take);
      mirror.takeWhole(reading, parseObject(JSON.stringify({ lights: answer, groups: answer, config: answer })) ?? {});
      frames.forEach(take);
      for (const kind of ["lights", "groups", "scenes"] as const) JSON.parse(mirror.list(kind));
    }),
    { numRuns: long ? 20_000 : 500 },
  );
  const stage = await open();
  for (const text of fc.sample(frame, 200)) stage.simulator.say(text);
  await eventually(async () => "1" in (await stage.map("alarmsystems")), "the maps");
  expect(stage.gateway.errors).toEqual([]);
}, 60_000);
