/** Who is there, and why somebody does not receive. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { SessionView } from "../../src/http/api-sessions.ts";
import { RawClient, until } from "../transports/raw-client.ts";
import { refusal, TestGateway } from "./gateway.ts";

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await TestGateway.start("channels: { 'latest/**': { queue: latest } }\n");
});
afterAll(() => gateway.stop());

async function sessions(query = ""): Promise<readonly SessionView[]> {
  const { body } = await gateway.ask(`/sessions${query}`, { key: gateway.admin });
  return (body as { sessions: readonly SessionView[] }).sessions;
}

function hears(socket: WebSocket, part: string): Promise<unknown> {
  return new Promise((resolve) => {
    socket.addEventListener("message", ({ data }) => {
      if (String(data).includes(part)) resolve(data);
    });
  });
}

/** A WebSocket that is live. */
async function connect(path: string, key: string): Promise<WebSocket> {
  const socket = new WebSocket(gateway.url.replace("http", "ws") + path, ["hearthwire", `hearthwire.key.${key}`]);
  await hears(socket, '"live":true');
  return socket;
}

describe("GET /sessions", () => {
  test("tells of each session who it is, how it is connected, what it listens to and what it was refused", async () => {
    const { key, id } = await gateway.newKey({ subscribe: ["house/*", "yard"] });
    const socket = await connect("/channels/house/*,yard", key);
    const begun = Date.now();
    socket.send('{"id":1,"channel":"yard","data":2}');
    await hears(socket, '"code":103');
    const [session, ...others] = await sessions();
    expect(others).toEqual([]);
    expect(session).toEqual({
      id: expect.any(String),
      since: expect.any(Number),
      address: "127.0.0.1",
      transport: "websocket",
      protocol: "channel-url",
      key: id,
      name: "test",
      grants: { subscribe: ["house/*", "yard"] },
      subscriptions: ["yard", "house/*"],
      slow: false,
      queued_bytes: 0,
      queued_ms: 0,
      dropped: 0,
      last_in: expect.any(Number),
      last_out: expect.any(Number),
      refusals: 1,
      last_refusal: {
        code: 103,
        name: "permission_denied",
        message: "Cannot publish on yard: no such grant",
        doc: "/docs/codes#103",
        time: expect.any(Number),
      },
    });
    for (const time of [session?.last_in, session?.last_out, session?.last_refusal?.time]) {
      expect(time).toBeGreaterThanOrEqual(begun);
    }
    expect(await gateway.ask(`/sessions/${session?.id}`, { key: gateway.admin })).toMatchObject({
      status: 200,
      body: { id: session?.id, key: id },
    });
    socket.close();
    await until(async () => (await sessions()).length === 0, "the session is gone");
    expect(await gateway.ask(`/sessions/${session?.id}`, { key: gateway.admin })).toMatchObject({ status: 404 });
  });

  test("picks those that do not read, with what waits for them, for how long, and what was dropped", async () => {
    const { key } = await gateway.newKey({ subscribe: ["latest/*"] });
    const reading = await connect("/channels/latest/a", key);
    const stopped = await RawClient.connect(Number(new URL(gateway.url).port));
    const head = ["GET /channels/latest/a HTTP/1.1", "Host: x", `X-API-Key: ${key}`, "Accept: text/event-stream"];
    await stopped.send([...head, "", ""].join("\r\n"));
    await stopped.receives((text) => text.includes('"live":true'), "that it is live");
    expect(await sessions("?slow=true")).toEqual([]);
    stopped.stopReading();
    const body = "x".repeat(500_000);
    await until(
      async () => {
        await gateway.ask("/channels/latest/a", { method: "POST", key: gateway.admin, body });
        return ((await sessions("?slow=true"))[0]?.dropped ?? 0) > 2;
      },
      "it is slow",
      20_000,
    );
    const [slow, ...others] = await sessions("?slow=true");
    expect(others).toEqual([]);
    expect(slow).toMatchObject({ transport: "sse", slow: true, subscriptions: ["latest/a"] });
    expect(slow?.queued_bytes).toBeGreaterThan(500_000);
    expect(slow?.queued_ms).toBeGreaterThan(0);
    expect((await sessions("?slow=false")).map(({ transport }) => transport)).toEqual(["websocket"]);
    stopped.reset();
    reading.close();
  });

  test("needs the grant `admin`", async () => {
    const { key } = await gateway.newKey({ subscribe: ["**"] });
    expect(await gateway.ask("/sessions", { key })).toMatchObject(refusal(403, 103, expect.any(String)) as object);
    expect(await gateway.ask("/sessions/x", {})).toMatchObject(refusal(401, 101, expect.any(String)) as object);
  });
});
