import { expect, test } from "bun:test";
import { endedAfterEach } from "../../ended-after-each.ts";
import { openStage, type Stage } from "./gateway.ts";
import { DevicePeer } from "./peers.ts";

const stage = endedAfterEach(openStage, (opened) => opened.stop());

function post({ url }: Stage, body: unknown, key?: string): Promise<Response> {
  return fetch(`http://${url}/devices`, {
    method: "POST",
    body: typeof body === "string" ? body : JSON.stringify(body),
    headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
  });
}

test("one command is answered as in the id form, a list by a list in its order", async () => {
  const opened = await stage();
  const { house, url } = opened;
  const key = house.key({ publish: ["**", "$devices"] });
  const device = await DevicePeer.open(url);
  await device.id();
  const one = await post(opened, '{"action":"multicast","data":1.0}', key);
  expect([one.status, await one.json()]).toEqual([200, { ok: true, offset: 1, sessions: 1 }]);
  await device.hears("1.0");
  const list = await post(opened, [{ id: "a", action: "sendToChannel", channel: "c", data: 1 }, { id: "b" }, 5], key);
  expect(list.status).toBe(200);
  expect(await list.json()).toMatchObject([
    { id: "a", ok: true, offset: 1, sessions: 0 },
    { id: "b", ok: false, error: { code: 104 } },
    { ok: false, error: { code: 107 } },
  ]);
});

test("the caller's key must hold the grant: publish on the channel, the inbox, or $devices", async () => {
  const opened = await stage();
  const { house } = opened;
  const key = house.key({ publish: ["news", "$device/phone"] });
  house.device("phone");
  const asked = async (command: object, by?: string): Promise<number> => (await post(opened, command, by)).status;
  expect(await asked({ action: "sendToChannel", channel: "news", data: 1 }, key)).toBe(200);
  expect(await asked({ action: "sendToChannel", channel: "other", data: 1 }, key)).toBe(403);
  expect(await asked({ action: "sendToDevice", device: "phone", data: 1 }, key)).toBe(200);
  expect(await asked({ action: "sendToDevice", device: "other", data: 1 }, key)).toBe(403);
  expect(await asked({ action: "multicast", data: 1 }, key)).toBe(403);
  expect(await asked({ action: "multicast", data: 1 }, house.key({ publish: ["**"] }))).toBe(403);
  expect(await asked({ action: "subscribe", device: "phone", channel: "news" }, key)).toBe(200);
  expect(await asked({ action: "subscribe", device: "phone", channel: "other" }, key)).toBe(403);
  expect(await asked({ action: "unsubscribe", device: "phone", channel: "other" }, house.key({ admin: ["**"] }))).toBe(
    200,
  );
  expect(await asked({ action: "subscribe", device: "nobody", channel: "news" }, key)).toBe(404);
  expect(await asked({ action: "multicast", data: 1 })).toBe(401);
});

test("a list is passed on digit for digit, and however deep it is nested", async () => {
  const opened = await stage();
  const key = opened.house.key({ publish: ["$devices"] });
  const device = await DevicePeer.open(opened.url);
  await device.id();
  const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
  const command = (data: string): string => `{"action":"multicast","id":${data},"data": ${data}}`;
  const answer = await post(opened, `[ ${command("1.0")} ,${command('"a,]"')},\n${command(deep)}]`, key);
  expect(await answer.text()).toStartWith('[{"id":1.0,"ok":true,');
  await device.hears("1.0", '"a,]"', deep);
  expect(await (await post(opened, " [ ] ", key)).text()).toBe("[]");
  expect(opened.errors).toEqual([]);
});

test("what anonymous peers may do, they may do here", async () => {
  const opened = await stage({ anonymous: { publish: ["demo/**"] } });
  expect((await post(opened, { action: "sendToChannel", channel: "demo/a", data: 1 })).status).toBe(200);
});

test("bad bodies, other methods and haste get the one error object", async () => {
  const opened = await stage({ rate: 1, body: 1000 });
  const key = opened.house.key({ publish: ["$devices"] });
  const multicast = { action: "multicast", data: 1 };
  const bad = await post(opened, "{", key);
  expect([bad.status, await bad.json()]).toMatchObject([400, { error: { code: 107 } }]);
  expect((await post(opened, { data: "x".repeat(2000) }, key)).status).toBe(413);
  expect((await fetch(`http://${opened.url}/devices`)).status).toBe(400);
  expect((await post(opened, multicast, key)).status).toBe(200);
  const hasty = await post(opened, multicast, key);
  expect(hasty.status).toBe(429);
  expect(hasty.headers.get("retry-after")).toBe("1");
  expect(await hasty.json()).toMatchObject({ ok: false, error: { code: 111 } });
});
