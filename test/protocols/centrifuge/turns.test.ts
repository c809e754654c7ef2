import { expect, test } from "bun:test";
import type { Clock, SettingsOf } from "../../../src/ports.ts";
import { systemClock } from "../../../src/transports/system.ts";
import { stream } from "../../fakes/channels.ts";
import { settle } from "../../fakes/clock.ts";
import type { FakeOutlet } from "../../fakes/outlet.ts";
import { Stage } from "./unread.ts";

test("What 1,000 subscribers are owed by a turn is encoded once, joined once, and written once to each", async () => {
  const stage = new Stage(() => stream);
  const outlets = [];
  for (let n = 0; n < 1000; n++) outlets.push(await stage.open({ id: 2, subscribe: { channel: "flood" } }));
  stage.publish("flood", "for newcomers");
  stage.hub.flush();
  for (let n = 0; n < 100; n++) stage.publish("flood", n);
  stage.hub.flush();
  const [first] = outlets;
  const payload = first?.writes.at(-1);
  expect(payload?.parts).toHaveLength(1);
  expect(String(payload?.parts[0]).split("\n")).toHaveLength(100);
  for (const outlet of outlets) {
    expect(outlet.writes).toHaveLength(3);
    expect(outlet.writes.at(-1)).toBe(payload as NonNullable<typeof payload>);
  }
});

test("Sessions with the same several subscriptions share what they are owed of them", async () => {
  const stage = new Stage(() => stream);
  const outlets = [];
  for (let n = 0; n < 10; n++) {
    outlets.push(await stage.open({ id: 2, subscribe: { channel: "a" } }, { id: 3, subscribe: { channel: "b" } }));
  }
  stage.publish("a", 1);
  stage.publish("b", 2);
  stage.publish("a", 3);
  stage.hub.flush();
  const payload = outlets[0]?.writes.at(-1);
  expect(String(payload?.parts[0]).match(/"data":\d/g)).toEqual(['"data":1', '"data":2', '"data":3']);
  for (const outlet of outlets) expect(outlet.writes.at(-1)).toBe(payload as NonNullable<typeof payload>);
});

test.each([
  { what: "pages of a map", command: { channel: "map", type: 1, phase: 2, limit: 1000 } },
  { what: "changes of a map", command: { channel: "map", type: 1, phase: 1, recover: true, offset: 1000 } },
  { what: "a map as a whole", command: { channel: "map" } },
  { what: "a map by a pattern", command: { channel: "*" } },
  { what: "a stream that they missed", command: { channel: "stream", recover: true, offset: 1000 } },
])("A crowd is told of $what in turns between which others are heard, first come first", async ({ command }) => {
  const history = { size: 5000, ttl: 600_000 };
  const next: (() => void)[] = [];
  const atEndOfTurn: Clock["atEndOfTurn"] = (task) => next.push(task);
  const settingsOf: SettingsOf = (channel) => ({ ...stream, kind: channel === "map" ? "map" : "stream", history });
  const stage = new Stage(settingsOf, { clock: { ...systemClock, atEndOfTurn } });
  const calm = await stage.open({ id: 2, subscribe: { channel: "calm/voice" } });
  for (let n = 0; n < 2000; n++) {
    stage.publish("map", n, `${n}`);
    stage.publish("stream", n);
  }
  const crowd: FakeOutlet[] = [];
  for (let n = 0; n < 50; n++) crowd.push(await stage.open({ id: 2, subscribe: command }));
  const isTold = ({ received }: FakeOutlet): boolean => received.some((text) => text.includes('"id":2'));
  const counts = [crowd.filter(isTold).length];
  while (!crowd.every(isTold)) {
    stage.publish("calm/voice", counts.length);
    for (const task of next.splice(0)) task();
    await settle();
    stage.hub.flush();
    expect(calm.received.at(-1)).toContain(`"data":${counts.length}`);
    const count = crowd.filter(isTold).length;
    expect(crowd.slice(0, count).every(isTold)).toBe(true);
    counts.push(count);
  }
  const steps = counts.map((count, at) => count - (counts[at - 1] ?? 0));
  expect(Math.max(...steps)).toBeLessThanOrEqual(3);
});

test("Whoever lost publications of its queue is told to subscribe again (2500), and then recovers them", async () => {
  const stage = new Stage(() => ({ ...stream, queue: "drop-oldest" }));
  const outlet = await stage.open({ id: 2, subscribe: { channel: "lossy" } });
  outlet.stopReading();
  for (let n = 0; n < 50; n++) {
    stage.publish("lossy", n);
    stage.hub.flush();
  }
  outlet.readOn();
  const lines = outlet.received.flatMap((text) => text.split("\n"));
  const told = lines.findIndex((line) => line.includes('"unsubscribe":{"code":2500'));
  expect(told).toBeGreaterThan(0);
  const [reply] = lines.filter((line) => line.includes('"id":2'));
  const { subscribe } = JSON.parse(reply ?? "{}") as { subscribe: { epoch: string } };
  const { epoch } = subscribe;
  stage.say(outlet, { id: 3, subscribe: { channel: "lossy", recover: true, epoch, offset: 1 } });
  expect(outlet.received.at(-1)).toContain('"recovered":true');
  expect(outlet.received.at(-1)).toContain('"data":49');
});

test("A stream that began anew under its subscribers has a hole: they are told (2500) and find their place gone", async () => {
  const stage = new Stage(() => ({ ...stream, history: { size: 0, ttl: 0 } }), { maxChannels: 3 });
  const outlet = await stage.open({ id: 2, subscribe: { channel: "forgotten" } });
  const other = await stage.open({ id: 2, subscribe: { channel: "forgotten", join_leave: true } });
  stage.publish("forgotten", 1);
  stage.publish("forgotten", 2);
  for (const name of ["a", "b", "c", "d"]) stage.publish(name, 0);
  stage.publish("forgotten", 1);
  stage.hub.flush();
  for (const each of [outlet, other]) {
    expect(each.received.at(-1)).toContain('{"push":{"channel":"forgotten","unsubscribe":{"code":2500');
    expect(each.ends).toEqual([]);
    stage.say(each, { id: 3, subscribe: { channel: "forgotten" } });
    expect(each.received.at(-1)).toContain('{"id":3,"subscribe":{');
  }
  stage.publish("forgotten", 2);
  stage.hub.flush();
  expect(outlet.received.at(-1)).toContain('"data":2');
});
