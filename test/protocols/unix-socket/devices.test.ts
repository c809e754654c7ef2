import { expect, test } from "bun:test";
import { endedAfterEach } from "../../ended-after-each.ts";
import { House, openStage } from "./gateway.ts";
import { MemoryJournal } from "./journal.ts";
import { BackendPeer, DevicePeer, settle } from "./peers.ts";

const stage = endedAfterEach(openStage, (opened) => opened.stop());

const hb = '{"action":"hb"}';
const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });

test("a device is told its id at once, and then gets bare data and nothing else", async () => {
  const { path, url } = await stage();
  const device = await DevicePeer.open(url);
  const id = await device.id();
  expect(id).toMatch(/^[A-Za-z0-9_~]{15}$/);
  const backend = await BackendPeer.open(path);
  backend.send({ action: "sendToDevice", device: id, data: { a: 1 } });
  await device.hears('{"a":1}');
  backend.send({ action: "multicast", data: "all" });
  await device.hears('"all"');
  backend.send(
    { action: "subscribe", device: id, channel: "news" },
    { action: "sendToChannel", channel: "news", data: [] },
  );
  await device.hears("[]");
  backend.send(
    { action: "unsubscribe", device: id, channel: "news" },
    { action: "sendToChannel", channel: "news", data: [] },
  );
  backend.send({ action: "sendToDevice", device: id, data: 1 });
  await device.hears("1");
});

test("any path serves devices, with any Origin of this network or none", async () => {
  const { url } = await stage();
  for (const path of ["/", "/devices", "/some/where?x=1"])
    expect(await (await DevicePeer.open(url, {}, path)).id()).toHaveLength(15);
});

test("a heartbeat goes to all every 60 s, whatever else they were sent", async () => {
  const { path, url, clock } = await stage();
  const device = await DevicePeer.open(url);
  await device.id();
  const backend = await BackendPeer.open(path);
  await clock.advance(59_000);
  backend.send({ action: "multicast", data: 1 });
  await device.hears("1");
  await clock.advance(1000);
  await device.hears(hb);
  // The pong to the ping of the same minute.
  await settle();
  await clock.advance(60_000);
  await device.hears(hb);
});

test("what a device says is ignored", async () => {
  const { path, url } = await stage();
  const device = await DevicePeer.open(url);
  const id = await device.id();
  for (const text of ["hello", "{}", '{"action":"subscribe"}', "null", ""]) device.socket.send(text);
  device.socket.send(new Uint8Array([1, 2, 3]));
  await settle();
  const backend = await BackendPeer.open(path);
  backend.send({ action: "sendToDevice", device: id, data: 1 });
  await device.hears("1");
});

test("a device that shows its key is told its own id, and keeps its channels over reconnects", async () => {
  const { path, url, house } = await stage();
  const key = house.device("kitchenTablet01");
  const device = await DevicePeer.open(url);
  const first = await device.id();
  device.socket.send(JSON.stringify({ apiKey: key }));
  expect(await device.id()).toBe("kitchenTablet01");
  const backend = await BackendPeer.open(path);
  backend.send({ action: "subscribe", device: "kitchenTablet01", channel: "news" });
  await backend.hears("OK");
  await device.leave();
  const again = await DevicePeer.open(url, bearer(key));
  expect(await again.id()).toBe("kitchenTablet01");
  backend.send({ action: "sendToChannel", channel: "news", data: 1 });
  await again.hears("1");
  await backend.hears("OK");
  expect(await backend.ask({ action: "sendToDevice", device: first, data: 2 })).toMatchObject({ sessions: 0 });
});

test("a device receives what was sent to it while it was away, once, and nothing that it had", async () => {
  const { path, url, house } = await stage();
  const key = house.device("phone");
  const backend = await BackendPeer.open(path);
  const device = await DevicePeer.open(url, bearer(key));
  await device.id();
  backend.send({ action: "subscribe", device: "phone", channel: "news" });
  backend.send({ action: "sendToDevice", device: "phone", data: "before" });
  await device.hears('"before"');
  await device.leave();
  await settle();
  backend.send({ action: "sendToDevice", device: "phone", data: 1 });
  backend.send({ action: "sendToChannel", channel: "news", data: 2 });
  backend.send({ action: "multicast", data: 3 });
  await settle();
  const again = await DevicePeer.open(url, bearer(key));
  await again.id();
  const missed = [await again.next(), await again.next(), await again.next()];
  expect(missed.sort()).toEqual(["1", "2", "3"]);
  backend.send({ action: "sendToDevice", device: "phone", data: 4 });
  await again.hears("4");
});

test("what was sent meanwhile arrives over a restart of the gateway as well", async () => {
  const house = new House();
  const journal = new MemoryJournal();
  const key = house.device("phone");
  const before = await stage({ house, journal });
  const device = await DevicePeer.open(before.url, bearer(key));
  await device.id();
  const backend = await BackendPeer.open(before.path);
  backend.send({ action: "subscribe", device: "phone", channel: "kept/news" });
  backend.send({ action: "sendToDevice", device: "phone", data: "heard" });
  await device.hears('"heard"');
  await device.leave();
  await settle();
  backend.send({ action: "sendToDevice", device: "phone", data: "missed" });
  backend.send({ action: "sendToChannel", channel: "kept/news", data: "news" });
  await backend.hears("OKOKOKOK");
  await before.stop();
  const after = await stage({ house, journal });
  const again = await DevicePeer.open(after.url, bearer(key));
  expect(await again.id()).toBe("phone");
  expect([await again.next(), await again.next()].sort()).toEqual(['"missed"', '"news"']);
  await settle();
  expect(again.heard).toEqual([]);
});

test("a connection that broke gets again what it did not confirm, and not what it did", async () => {
  const { path, url, house, clock } = await stage();
  const key = house.device("phone");
  const device = await DevicePeer.open(url, bearer(key));
  await device.id();
  const backend = await BackendPeer.open(path);
  backend.send({ action: "sendToDevice", device: "phone", data: "confirmed" });
  await device.hears('"confirmed"');
  // A ping, whose answer tells that all before it has arrived.
  await clock.advance(15_000);
  await settle();
  backend.send({ action: "sendToDevice", device: "phone", data: "perhaps" });
  await device.hears('"perhaps"');
  device.socket.terminate();
  await settle();
  const again = await DevicePeer.open(url, bearer(key));
  await again.id();
  await again.hears('"perhaps"');
});

test("an absent device gets of a channel only what came after it was subscribed", async () => {
  const { path, url, house } = await stage();
  const key = house.device("phone");
  const backend = await BackendPeer.open(path);
  const news = { action: "sendToChannel", channel: "news" };
  backend.send({ ...news, data: "too early" }, { action: "sendToDevice", device: "phone", data: "inbox" });
  backend.send({ action: "subscribe", device: "phone", channel: "news" }, { ...news, data: "news" });
  await backend.hears("OKOKOKOK");
  const device = await DevicePeer.open(url, bearer(key));
  await device.id();
  await device.hears('"inbox"', '"news"');
  await settle();
  expect(device.heard).toEqual([]);
});

test("an absent device that was unsubscribed gets nothing of the channel", async () => {
  const { path, url, house } = await stage();
  const key = house.device("phone");
  const backend = await BackendPeer.open(path);
  const about = { device: "phone", channel: "news" };
  backend.send({ action: "subscribe", ...about }, { action: "unsubscribe", ...about });
  backend.send({ action: "sendToChannel", channel: "news", data: 1 });
  await backend.hears("OKOKOK");
  const device = await DevicePeer.open(url, bearer(key));
  await device.id();
  await settle();
  expect(device.heard).toEqual([]);
  expect(house.devices.find("phone")).toMatchObject({ channels: [], settings: {} });
});

test("both connections of one device hear, and a subscription acts on both", async () => {
  const { path, url, house } = await stage();
  const key = house.device("phone");
  const both = [await DevicePeer.open(url, bearer(key)), await DevicePeer.open(url, bearer(key))];
  for (const device of both) await device.id();
  const backend = await BackendPeer.open(path);
  expect(await backend.ask({ action: "subscribe", device: "phone", channel: "c" })).toMatchObject({ sessions: 2 });
  expect(await backend.ask({ action: "sendToChannel", channel: "c", data: 1 })).toMatchObject({ sessions: 2 });
  for (const device of both) await device.hears("1");
});

test("a stranger that turns out to be a device hears no more under its first name", async () => {
  const { path, url, house } = await stage();
  const key = house.device("phone");
  const device = await DevicePeer.open(url);
  const first = await device.id();
  const backend = await BackendPeer.open(path);
  backend.send({ action: "subscribe", device: first, channel: "c" });
  await backend.hears("OK");
  device.socket.send(JSON.stringify({ apiKey: key }));
  await device.id();
  expect(await backend.ask({ action: "sendToChannel", channel: "c", data: 1 })).toMatchObject({ sessions: 0 });
  backend.send({ action: "multicast", data: 2 });
  await device.hears("2");
});

test("where strangers may not come, a device is told an id, has 3 s for its key, and hears nothing before", async () => {
  const { path, url, house, clock } = await stage({ strangers: false });
  const backend = await BackendPeer.open(path);
  const silent = await DevicePeer.open(url);
  await silent.id();
  const device = await DevicePeer.open(url);
  await device.id();
  expect(await backend.ask({ action: "multicast", data: "secret" })).toMatchObject({ sessions: 0 });
  device.socket.send(JSON.stringify({ apiKey: house.device("phone") }));
  expect(await device.id()).toBe("phone");
  await clock.advance(4000);
  expect(await silent.seesClose()).toMatchObject({ code: 3502 });
  expect(device.closed).toBeUndefined();
  backend.send({ action: "multicast", data: 1 });
  await device.hears("1");
  expect(silent.heard).toEqual([]);
});

test("a wrong key ends the connection, and so does one that may not be a device", async () => {
  const { url, house } = await stage({ strangers: false });
  for (const [key, code] of [
    ["hw_wrong_0123456789abcdef", 3500],
    [house.key({ publish: ["**"] }), 3507],
  ] as const) {
    const device = await DevicePeer.open(url);
    device.socket.send(JSON.stringify({ apiKey: key }));
    expect((await device.seesClose()).code).toBe(code);
    const asked = await fetch(`http://${url}/devices`, {
      headers: { upgrade: "websocket", connection: "Upgrade", ...bearer(key) },
    });
    expect([401, 403]).toContain(asked.status);
  }
});

test("a key that may hear what all devices hear may connect without being one", async () => {
  const { url, house, path } = await stage({ strangers: false });
  const device = await DevicePeer.open(url, bearer(house.key({ subscribe: ["$devices"] })));
  await device.id();
  const backend = await BackendPeer.open(path);
  backend.send({ action: "multicast", data: 1 });
  await device.hears("1");
});

test("a subscription to what a device hears anyway changes nothing", async () => {
  const { url, path, house } = await stage();
  const device = await DevicePeer.open(url, bearer(house.device("phone")));
  await device.id();
  const backend = await BackendPeer.open(path);
  for (const channel of ["$devices", "$device/phone"]) {
    backend.send(
      { action: "subscribe", device: "phone", channel },
      { action: "unsubscribe", device: "phone", channel },
    );
  }
  backend.send({ action: "multicast", data: 1 }, { action: "sendToDevice", device: "phone", data: 2 });
  await device.hears("1", "2");
  expect(house.devices.find("phone")?.channels).toEqual([]);
});

test("a subscriber of a map gets what it holds, then changes, and no null where a key is removed", async () => {
  const { url, path } = await stage();
  const device = await DevicePeer.open(url);
  const id = await device.id();
  const backend = await BackendPeer.open(path);
  const lamps = { action: "sendToChannel", channel: "maps/lamps" };
  backend.send({ ...lamps, key: "a", data: 1 }, { ...lamps, key: "b", data: 2 }, { ...lamps, key: "a", data: 3 });
  backend.send({ action: "subscribe", device: id, channel: "maps/lamps" }, { ...lamps, key: "c", data: 4 });
  backend.send({ ...lamps, key: "c", removed: true }, { ...lamps, key: "a", data: 5 });
  await device.hears("2", "3", "4", "5");
});

test("two hundred devices get a multicast, each once", async () => {
  const { url, path } = await stage();
  const devices = await Promise.all(Array.from({ length: 200 }, () => DevicePeer.open(url)));
  for (const device of devices) await device.id();
  const backend = await BackendPeer.open(path);
  expect(await backend.ask({ action: "multicast", data: "x" })).toMatchObject({ sessions: 200 });
  for (const device of devices) await device.hears('"x"');
  await settle();
  expect(devices.every((device) => device.heard.length === 0)).toBe(true);
});
