/** The limits of the configuration, as a peer meets them. */
import { afterEach, expect, test } from "bun:test";
import { refusal, TestGateway } from "./gateway.ts";

let gateway: TestGateway | undefined;
afterEach(async () => {
  await gateway?.stop();
  gateway = undefined;
});

const open = "anonymous: { subscribe: ['**'], publish: ['**'] }\n";

async function start(limits: string): Promise<TestGateway> {
  gateway = await TestGateway.start(`${open}limits: ${limits}\n`);
  return gateway;
}

/** How a WebSocket ends, or its first message. */
function firstOf(url: string, key?: string): Promise<string> {
  return new Promise((resolve) => {
    const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
    const socket = new WebSocket(url.replace("http", "ws"), { headers } as never);
    socket.addEventListener("message", ({ data }) => resolve(String(data)), { once: true });
    socket.addEventListener("close", ({ code }) => resolve(String(code)), { once: true });
  });
}

test("limits.wrong_keys: who guesses keys is slowed, and whoever has one goes on", async () => {
  const { ask, admin } = await start("{ wrong_keys: 3 }").then((it) => ({ ask: it.ask.bind(it), admin: it.admin }));
  expect((await ask("/admin/status", { key: admin })).status).toBe(200);
  const guess = (at: number) => ask("/admin/status", { key: `hw_guess${at}0000_${"x".repeat(24)}` });
  const statuses = await Promise.all([1, 2, 3, 4, 5, 6].map(async (at) => (await guess(at)).status));
  expect(statuses.sort()).toEqual([401, 401, 401, 429, 429, 429]);
  const refused = await guess(7);
  expect(refused).toMatchObject(refusal(429, 111, "Cannot take more wrong keys now: over the rate limit") as object);
  expect(refused.headers.get("retry-after")).toBe("1");
  expect((await ask("/admin/status", { key: admin })).status).toBe(200);
});

test("limits.connections: one more WebSocket from an address is closed with 3504", async () => {
  const { url } = await start("{ connections: { address: 2 } }");
  const place = `${url}/channels/a`;
  expect(await firstOf(place)).toContain('"hello":true');
  expect(await firstOf(place)).toContain('"hello":true');
  expect(await firstOf(place)).toBe("3504");
});

test("limits.connections.key: one more WebSocket by the same key is closed with 3504, by another it is not", async () => {
  const it = await start("{ connections: { key: 1 } }");
  const [{ key: one }, { key: other }] = [
    await it.newKey({ subscribe: ["**"] }),
    await it.newKey({ subscribe: ["**"] }),
  ];
  const place = `${it.url}/channels/a`;
  expect(await firstOf(place, one)).toContain('"hello":true');
  expect(await firstOf(place, one)).toBe("3504");
  expect(await firstOf(place, other)).toContain('"hello":true');
});

test("limits.subscriptions: a session that asks for more is refused", async () => {
  const it = await start("{ subscriptions: 2 }");
  expect(await firstOf(`${it.url}/channels/a,b`)).toContain('"hello":true');
  const text = "Cannot listen to more than 2 channels at once";
  expect(await it.ask("/channels/a,b,c?wait=0")).toMatchObject(refusal(413, 106, text) as object);
});

test("limits.publication, limits.body and limits.publish_rate: what is larger or faster is refused", async () => {
  const it = await start("{ publication: 1000, body: 3000, publish_rate: { address: 2, key: 3 } }");
  const { key } = await it.newKey({ publish: ["**"] });
  const post = async (size: number, by?: string) =>
    (await it.ask("/channels/a", { method: "POST", body: "x".repeat(size), ...(by === undefined ? {} : { key: by }) }))
      .status;
  expect([await post(1001), await post(3001)]).toEqual([413, 413]);
  const socket = new WebSocket(`${it.url.replace("http", "ws")}/channels/a`);
  await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
  const closed = new Promise((resolve) => socket.addEventListener("close", resolve, { once: true }));
  socket.send("x".repeat(4000));
  await closed;
  const statuses = async (by?: string) => [await post(9, by), await post(9, by), await post(9, by), await post(9, by)];
  expect((await statuses()).filter((status) => status === 429).length).toBeGreaterThan(0);
  expect(await statuses(key)).toEqual([200, 200, 200, 429]);
});

test("limits.unauthenticated: who shows no key in time where one is needed is closed with 3502", async () => {
  gateway = await TestGateway.start("limits: { unauthenticated: 100ms }\n");
  const begun = performance.now();
  const socket = new WebSocket(`${gateway.url.replace("http", "ws")}/channels/closed`);
  const code = await new Promise((resolve) => socket.addEventListener("close", (event) => resolve(event.code)));
  expect([code, performance.now() - begun < 3000]).toEqual([3502, true]);
});

test("limits.accept_rate: what comes faster is answered 503 with Retry-After; requests are not", async () => {
  const it = await start("{ accept_rate: 2 }");
  const poll = () => it.ask("/channels/a?wait=0");
  const stream = () => fetch(`${it.url}/channels/a`, { headers: { accept: "text/event-stream" } });
  const first = [await stream(), await stream()];
  expect(first.map(({ status }) => status)).toEqual([200, 200]);
  const refused = await stream();
  expect(refused.status).toBe(503);
  expect(refused.headers.get("retry-after")).toBe("1");
  expect((await poll()).status).toBe(200);
  for (const { body } of first) await body?.cancel();
});

test("limits.publish_bytes and limits.channels_per_key: publications above them are refused", async () => {
  const it = await start("{ publish_bytes: { address: 100 }, channels_per_key: 2 }");
  const post = (channel: string, size: number) =>
    it.ask(`/channels/${channel}`, { method: "POST", body: "x".repeat(size) });
  expect((await post("a", 90)).status).toBe(200);
  expect(await post("a", 90)).toMatchObject(
    refusal(429, 111, "Cannot take more bytes now: over the rate limit") as object,
  );
  const { key } = await it.newKey({ publish: ["**"] });
  const put = (channel: string) => it.ask(`/channels/${channel}`, { method: "POST", key, body: "x" });
  for (const channel of ["b", "c", "b"]) expect((await put(channel)).status).toBe(200);
  expect(await put("d")).toMatchObject(
    refusal(413, 106, "Cannot publish on d: the key began 2 channels already") as object,
  );
});

test("limits.commands: what one session sends faster is refused, also within one message of several commands", async () => {
  const { url } = await start("{ commands: 3 }");
  const socket = new WebSocket(`${url.replace("http", "ws")}/connection/websocket`);
  await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
  const answers: string[] = [];
  const all = new Promise((resolve) => {
    socket.addEventListener("message", ({ data }) => {
      answers.push(...String(data).split("\n"));
      if (answers.length >= 5) resolve(undefined);
    });
  });
  const commands = [2, 3, 4, 5].map((id) => JSON.stringify({ id, rpc: { method: "time" } }));
  socket.send(['{"id":1,"connect":{}}', ...commands].join("\n"));
  await all;
  socket.close();
  const codes = answers.map((answer) => (JSON.parse(answer) as { error?: { code: number } }).error?.code);
  expect(codes.slice(3)).toEqual([111, 111]);
});
