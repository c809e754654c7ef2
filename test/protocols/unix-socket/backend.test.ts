import { expect, test } from "bun:test";
import { endedAfterEach } from "../../ended-after-each.ts";
import { openStage } from "./gateway.ts";
import { MemoryJournal } from "./journal.ts";
import { BackendPeer, DevicePeer, settle } from "./peers.ts";

const stage = endedAfterEach(openStage, (opened) => opened.stop());

test("a sender that writes one JSON and reads one reply gets OK, without a newline, and may go on", async () => {
  const { path } = await stage();
  const backend = await BackendPeer.open(path);
  backend.send({ action: "multicast", data: 1 });
  await backend.hears("OK");
  backend.send({ action: "multicast", data: 2 });
  await backend.hears("OK");
});

test("OK means that it was JSON and not null, and nothing more", async () => {
  const { path } = await stage();
  const backend = await BackendPeer.open(path);
  for (const text of [
    "5 ",
    "[]",
    '"x"',
    "false",
    "{}",
    '{"action":"dance","data":1}',
    '{"action":"sendToDevice","data":1}',
  ]) {
    backend.send(text);
    await backend.hears("OK");
  }
  backend.send("null");
  await backend.hears("ERR");
});

test("several values in one write get their replies in order, in one write", async () => {
  const { path } = await stage();
  const backend = await BackendPeer.open(path);
  const chunks: string[] = [];
  backend.socket.on("data", (chunk: Buffer) => chunks.push(chunk.toString()));
  backend.send('{"action":"multicast","data":1}{"id":7}null{"action":"multicast","data":2}\n');
  const line = '{"id":7,"ok":false,"error":{"code":104,"name":"method_not_found",';
  while (!backend.replies.endsWith("ERROK")) await settle(1);
  expect(backend.replies).toStartWith(`OK${line}`);
  expect(backend.replies).toEndWith("}\nERROK");
  expect(chunks).toHaveLength(1);
});

test("a piece of very many commands, some of them none, is obeyed and answered in order", async () => {
  const { path } = await stage();
  const backend = await BackendPeer.open(path);
  const numbers = Array.from({ length: 500 }, (_, number) => number);
  const channel = (number: number): string => (number % 2 === 0 ? "even" : `odd/${number}`);
  const written = numbers.map((id) =>
    id % 7 === 3 ? "null" : JSON.stringify({ id, action: "sendToChannel", channel: channel(id), data: id }),
  );
  backend.send(written.join("\n"));
  backend.halfClose();
  await backend.sees();
  const expected = numbers.map((id) => {
    if (id % 7 === 3) return "ERR";
    const before = numbers.slice(0, id).filter((one) => one % 7 !== 3 && channel(one) === channel(id));
    return `${JSON.stringify({ id, ok: true, offset: before.length + 1, sessions: 0 })}\n`;
  });
  expect(backend.replies).toBe(expected.join(""));
});

test("what came before a half-close is answered, and then the connection ends", async () => {
  const { path } = await stage();
  const backend = await BackendPeer.open(path);
  backend.send({ action: "multicast", data: 1 }, "12");
  backend.halfClose();
  await backend.hears("OKOK");
  await backend.sees();
});

test("an incomplete value gets ERR at half-close", async () => {
  const { path } = await stage();
  const backend = await BackendPeer.open(path);
  backend.send('{"action":"multicast",');
  backend.halfClose();
  await backend.hears("ERR");
  await backend.sees();
});

test("an incomplete value gets ERR after two seconds of silence, not before, and the next one is obeyed", async () => {
  const { path, clock } = await stage();
  const backend = await BackendPeer.open(path);
  backend.send('{"action":');
  await settle();
  await clock.advance(1500);
  backend.send('"multicast",');
  await settle();
  await clock.advance(1999);
  await settle();
  expect(backend.replies).toBe("");
  await clock.advance(1);
  await backend.hears("ERR");
  backend.send({ action: "multicast", data: 1 });
  await backend.hears("OK");
});

test("a bare number is answered after two seconds of silence", async () => {
  const { path, clock } = await stage();
  const backend = await BackendPeer.open(path);
  backend.send("5");
  await settle();
  expect(backend.replies).toBe("");
  await clock.advance(2000);
  await backend.hears("OK");
});

test("a syntax error is one ERR up to the next newline, and silence ends it as well", async () => {
  const { path, clock } = await stage();
  const backend = await BackendPeer.open(path);
  backend.send("{oops ");
  await backend.hears("ERR");
  backend.send("and more {} [] null");
  await settle();
  backend.send('\n{"action":"multicast","data":1}');
  await backend.hears("OK");
  backend.send("{oops again");
  await backend.hears("ERR");
  await clock.advance(2000);
  backend.send({ action: "multicast", data: 1 });
  await backend.hears("OK");
});

test("a megabyte in one command arrives, one over the limit is one ERR", async () => {
  const { path, url } = await stage();
  const device = await DevicePeer.open(url);
  await device.id();
  const backend = await BackendPeer.open(path);
  const data = "x".repeat((1 << 20) - 100);
  backend.send({ action: "multicast", data });
  await backend.hears("OK");
  await device.hears(JSON.stringify(data));
  backend.send(`${JSON.stringify({ action: "multicast", data: "x".repeat(1 << 20) })}\n`, {
    action: "multicast",
    data: 1,
  });
  await backend.hears("ERROK");
  await device.hears("1");
});

test("a durable channel that cannot keep it is an ERR, and replies keep their order around it", async () => {
  const journal = new MemoryJournal();
  const { path, errors } = await stage({ journal });
  const backend = await BackendPeer.open(path);
  let release = (): void => undefined;
  journal.held = new Promise((resolve) => {
    release = resolve;
  });
  journal.full = true;
  backend.send(
    { action: "sendToChannel", channel: "kept/a", data: 1 },
    { action: "sendToChannel", channel: "a", data: 1 },
    "null",
  );
  await settle();
  expect(backend.replies).toBe("");
  release();
  await backend.hears("ERROKERR");
  journal.full = false;
  backend.send({ action: "sendToChannel", channel: "kept/a", data: 1 });
  await backend.hears("OK");
  expect(errors).toEqual([]);
});

test("durable publications are answered when they are kept, also to who half-closed meanwhile", async () => {
  const journal = new MemoryJournal();
  const { path } = await stage({ journal });
  const backend = await BackendPeer.open(path);
  let release = (): void => undefined;
  journal.held = new Promise((resolve) => {
    release = resolve;
  });
  backend.send({ action: "sendToChannel", channel: "kept/a", data: 1 });
  backend.halfClose();
  await settle();
  expect(backend.ended).toBe(false);
  release();
  await backend.hears("OK");
  await backend.sees();
});

test("a durable channel without a journal is an ERR", async () => {
  const { path } = await stage();
  const backend = await BackendPeer.open(path);
  backend.send({ action: "sendToChannel", channel: "kept/a", data: 1 });
  await backend.hears("ERR");
});

test("a command with an id is told the offset and how many sessions were there", async () => {
  const { path, url } = await stage();
  const devices = [await DevicePeer.open(url), await DevicePeer.open(url)];
  const [first = ""] = await Promise.all(devices.map((device) => device.id()));
  const backend = await BackendPeer.open(path);
  expect(await backend.ask({ action: "multicast", data: 1 })).toEqual({ id: 1, ok: true, offset: 1, sessions: 2 });
  expect(await backend.ask({ action: "subscribe", device: first, channel: "c" })).toEqual({
    id: 1,
    ok: true,
    sessions: 1,
  });
  const sent = { action: "sendToChannel", channel: "c", data: 1 };
  expect(await backend.ask(sent)).toEqual({ id: 1, ok: true, offset: 1, sessions: 1 });
  expect(await backend.ask({ action: "sendToDevice", device: first, data: 1 })).toMatchObject({
    ok: true,
    sessions: 1,
  });
  expect(await backend.ask({ action: "sendToDevice", device: "nobody", data: 1 })).toMatchObject({
    ok: true,
    sessions: 0,
  });
  const missing = await backend.ask({ action: "subscribe", device: "nobody", channel: "c" });
  expect(missing).toMatchObject({ id: 1, ok: false, error: { code: 102, name: "unknown_channel" } });
  expect(await backend.ask({ action: "sendToChannel", data: 1 })).toMatchObject({ ok: false, error: { code: 107 } });
});

test("any JSON is an id, null included, and comes back as it was", async () => {
  const { path } = await stage();
  const backend = await BackendPeer.open(path);
  const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
  for (const id of ["null", '"a"', "12345678901234567890", '{"a":[1]}', deep]) {
    backend.send(`{"action":"subscribe","device":"nobody","channel":"a","id":${id}}`);
    while (!backend.replies.endsWith("\n")) await settle(5);
    expect(backend.replies.startsWith(`{"id":${id},"ok":false,`)).toBe(true);
    backend.replies = "";
  }
});

test("map channels take key, removed and tags", async () => {
  const { path, hub } = await stage();
  const backend = await BackendPeer.open(path);
  const lamp = { action: "sendToChannel", channel: "maps/lamps", key: "hall" };
  expect(await backend.ask({ ...lamp, data: { on: true }, tags: { room: "hall" } })).toMatchObject({ ok: true });
  expect(await backend.ask({ ...lamp, removed: true })).toMatchObject({ ok: true, offset: 2 });
  expect(await backend.ask({ ...lamp, key: 5, data: 1 })).toMatchObject({ ok: false, error: { code: 107 } });
  expect(await backend.ask({ ...lamp, data: 1, tags: [] })).toMatchObject({ ok: false, error: { code: 107 } });
  expect(await backend.ask({ ...lamp, channel: "plain", data: 1 })).toMatchObject({ ok: false, error: { code: 107 } });
  const { everyRight } = await import("../../../src/core/access.ts");
  const page = await hub.history("maps/lamps", { limit: -1 }, everyRight);
  expect(page.publications).toMatchObject([
    { key: "hall", tags: { room: "hall" } },
    { key: "hall", removed: true },
  ]);
});

test("names that no channel has are percent-encoded, and two names never become one", async () => {
  const { path, url } = await stage();
  const device = await DevicePeer.open(url);
  const id = await device.id();
  const backend = await BackendPeer.open(path);
  backend.send({ action: "subscribe", device: id, channel: "living room, all/*" });
  backend.send({ action: "sendToChannel", channel: "living room, all/x", data: 1 });
  backend.send({ action: "sendToChannel", channel: "living room, all/*", data: 2 });
  await backend.hears("OKOKOK");
  await device.hears("2");
});

test("a backend that does not read its replies is made to wait, and loses none of them", async () => {
  const { path } = await stage();
  const backend = await BackendPeer.open(path);
  backend.socket.pause();
  const count = 400_000;
  const before = process.memoryUsage.rss();
  const command = `${JSON.stringify({ id: "x".repeat(40) })}\n`;
  const block = command.repeat(1000);
  for (let sent = 0; sent < count; sent += 1000) backend.socket.write(block);
  await settle(200);
  // What the kernel did not take is still with the sender; the gateway has stopped reading.
  expect(backend.socket.writableLength).toBeGreaterThan((count * command.length) / 2);
  expect(process.memoryUsage.rss() - before).toBeLessThan(200 * 1024 * 1024);
  backend.socket.resume();
  backend.halfClose();
  await settle(10);
  while (!backend.ended) await settle(20);
  expect(backend.replies.split("\n").length - 1).toBe(count);
}, 30_000);

test("300,000 commands arrive and are answered, each once", async () => {
  const { path, hub } = await stage();
  const backend = await BackendPeer.open(path);
  const lines = Array.from({ length: 1000 }, (_, n) =>
    JSON.stringify({ action: "sendToChannel", channel: "a", data: { n } }),
  );
  const block = `${lines.join("\n")}\n`;
  for (let sent = 0; sent < 300; sent++) backend.send(block);
  backend.halfClose();
  while (!backend.ended) await settle(5);
  expect(backend.replies.length).toBe(2 * 300_000);
  expect(hub.delivered).toBe(300_000);
}, 30_000);
