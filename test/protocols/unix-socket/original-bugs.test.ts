/** One test for each bug that the original has (../shared/protocols/unix-socket.md, 6.3). */
import { expect, test } from "bun:test";
import { existsSync, statSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { endedAfterEach } from "../../ended-after-each.ts";
import { openStage } from "./gateway.ts";
import { BackendPeer, DevicePeer, settle } from "./peers.ts";

const stage = endedAfterEach(openStage, (opened) => opened.stop());

/** A WebSocket that reads nothing and answers no ping. */
async function silentDevice(url: string): Promise<Socket> {
  const [host = "", port] = url.split(":");
  const socket = connect({ host, port: Number(port) });
  socket.on("error", () => undefined);
  const head = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"];
  const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
  socket.write(["GET / HTTP/1.1", `Host: ${url}`, ...head, key, "", ""].join("\r\n"));
  await settle();
  socket.pause();
  return socket;
}

test("bug 1, no framing: a JSON in two pieces or beyond a read, and two in one piece, each get one reply", async () => {
  const { path, url } = await stage();
  const device = await DevicePeer.open(url);
  await device.id();
  const backend = await BackendPeer.open(path);
  backend.send('{"action":"multicast","da');
  await settle();
  backend.send('ta":"é');
  await settle();
  backend.send('"}');
  await backend.hears("OK");
  await device.hears('"é"');
  backend.send({ action: "multicast", data: 1 }, { action: "multicast", data: 2 });
  await backend.hears("OKOK");
  await device.hears("1", "2");
  const large = "x".repeat(300_000);
  backend.send({ action: "multicast", data: large });
  await backend.hears("OK");
  await device.hears(JSON.stringify(large));
});

test("bug 1, no framing: a character that is cut in two arrives whole", async () => {
  const { path, url } = await stage();
  const device = await DevicePeer.open(url);
  await device.id();
  const backend = await BackendPeer.open(path);
  const bytes = Buffer.from('{"action":"multicast","data":"€😀"}');
  for (let at = 0; at < bytes.length; at++) {
    backend.bytes(bytes.subarray(at, at + 1));
    if (at > 28) await settle(3);
  }
  await backend.hears("OK");
  await device.hears('"€😀"');
});

test("bug 2, the server does not run: ours does, and takes its file along when it stops", async () => {
  const opened = await stage();
  expect(existsSync(opened.path)).toBe(true);
  await opened.stop();
  expect(existsSync(opened.path)).toBe(false);
});

test("bug 3, anybody may write to the socket: only owner and group may", async () => {
  const { path } = await stage();
  expect(statSync(path).mode & 0o777).toBe(0o660);
});

test("bug 4, loose comparison: a device or channel is the same text or another one", async () => {
  const { path, url } = await stage();
  const device = await DevicePeer.open(url);
  const id = await device.id();
  const backend = await BackendPeer.open(path);
  backend.send({ action: "subscribe", device: id, channel: "0e1" });
  for (const wrong of [
    true,
    0,
    1,
    [id],
    { id },
    "0",
    ` ${id}`,
    id.toLowerCase() === id ? id.toUpperCase() : id.toLowerCase(),
  ]) {
    backend.send({ action: "sendToDevice", device: wrong, data: "device" });
  }
  for (const wrong of [true, 0, "0e2", "0", "00e1", ["0e1"]]) {
    backend.send({ action: "sendToChannel", channel: wrong, data: "channel" });
    backend.send({ action: "subscribe", device: true, channel: wrong });
  }
  backend.send({ action: "sendToChannel", channel: "0e1", data: "right" });
  await device.hears('"right"');
  await settle();
  expect(device.heard).toEqual([]);
});

test("bug 5, arrays and scalars: they are JSON, so OK, and do nothing", async () => {
  const { path, errors } = await stage();
  const backend = await BackendPeer.open(path);
  backend.send(
    { action: "sendToDevice", device: [], data: 1 },
    { action: "subscribe", device: ["a"], channel: {}, data: 1 },
    { action: ["multicast"], data: 1 },
    "5 ",
    '"multicast"',
  );
  await backend.hears("OKOKOKOKOK");
  expect(errors).toEqual([]);
});

test("bug 6, everything is lost at reconnect: with its key a device keeps id, channels and what it missed", async () => {
  const { path, url, house } = await stage();
  const headers = { authorization: `Bearer ${house.device("tablet")}` };
  const backend = await BackendPeer.open(path);
  const device = await DevicePeer.open(url, headers);
  await device.id();
  expect(await backend.ask({ action: "subscribe", device: "tablet", channel: "news" })).toMatchObject({ sessions: 1 });
  await device.leave();
  await settle();
  const missed = await backend.ask({ action: "sendToChannel", channel: "news", data: "missed" });
  expect(missed).toMatchObject({ ok: true, sessions: 0 });
  const again = await DevicePeer.open(url, headers);
  expect(await again.id()).toBe("tablet");
  await again.hears('"missed"');
});

test("bug 6, whoever connects hears multicasts: not where strangers are not welcome", async () => {
  const { path, url } = await stage({ strangers: false });
  const device = await DevicePeer.open(url);
  await device.id();
  const backend = await BackendPeer.open(path);
  backend.send({ action: "multicast", data: "secret" });
  await backend.hears("OK");
  await settle();
  expect(device.heard).toEqual([]);
});

test("bug 7, encoding anew: what was written is passed on, digit for digit", async () => {
  const { path, url } = await stage();
  const device = await DevicePeer.open(url);
  await device.id();
  const backend = await BackendPeer.open(path);
  const texts = ["{}", "1.0", "12345678901234567890", '"http://a/é"', '{"b":1,"a":2}', "[1e3]", "false", '""', "0"];
  for (const text of texts) backend.send(`{"action":"multicast","data": ${text} }`);
  await device.hears(...texts);
});

test("bug 8, no backpressure: a device that does not read is dropped, and delays nobody", async () => {
  const { path, url, hub } = await stage();
  const stuck = await silentDevice(url);
  const device = await DevicePeer.open(url);
  await device.id();
  expect(hub.sessions.size).toBe(2);
  const backend = await BackendPeer.open(path);
  for (let n = 0; n < 30; n++) {
    backend.send({ action: "multicast", data: "x".repeat(500_000) });
    await backend.hears("OK");
    expect((await device.next()).length).toBe(500_002);
  }
  expect(hub.sessions.size).toBe(1);
  stuck.destroy();
}, 20_000);

test("bug 8, a one-way heartbeat: a peer that answers no ping is dropped", async () => {
  const { url, hub, clock } = await stage();
  const dead = await silentDevice(url);
  expect(hub.sessions.size).toBe(1);
  await clock.advance(200_000);
  expect(hub.sessions.size).toBe(0);
  dead.destroy();
});

test("bug 9, an empty frame where encoding fails: no data, no frame", async () => {
  const { path, url } = await stage();
  const device = await DevicePeer.open(url);
  const id = await device.id();
  const backend = await BackendPeer.open(path);
  backend.send(
    '{"action":"multicast"}',
    '{"action":"multicast","data":null}',
    '{"action":"multicast","data":"\\ud800"}',
    `{"action":"sendToDevice","device":"${id}"}`,
  );
  await backend.hears("OKOKOKOK");
  await device.hears('"\\ud800"');
  await settle();
  expect(device.heard).toEqual([]);
});

test("bug 10, unsubscribing leaves holes: channels come and go in any order, twice too", async () => {
  const { path, url, house } = await stage();
  const device = await DevicePeer.open(url, { authorization: `Bearer ${house.device("tablet")}` });
  await device.id();
  const backend = await BackendPeer.open(path);
  const about = (action: string, channel: string): object => ({ action, device: "tablet", channel, data: true });
  for (const channel of ["a", "b", "c", "a"]) backend.send(about("subscribe", channel));
  for (const channel of ["b", "b", "x"]) backend.send(about("unsubscribe", channel));
  for (const channel of ["a", "b", "c"]) backend.send({ action: "sendToChannel", channel, data: channel });
  await device.hears('"a"', '"c"');
  expect(house.devices.find("tablet")?.channels).toEqual(["a", "c"]);
});
