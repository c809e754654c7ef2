// What can be called, by plain HTTP, and the document that describes all that is answered.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { refusal, TestGateway } from "./gateway.ts";

let gateway: TestGateway;
let backend: Bun.Server<undefined>;
/** What the backend was asked last, and what it answers. */
let asked: { readonly headers: Headers; readonly body: string } | undefined;
let answering: () => Response | Promise<Response> = () => Response.json({ done: true });

beforeAll(async () => {
  backend = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      asked = { headers: request.headers, body: await request.text() };
      return answering();
    },
  });
  const at = (timeout: string): string =>
    `{ url: "http://127.0.0.1:${backend.port}/calls", timeout: ${timeout}, max_size: 1KB }`;
  gateway = await TestGateway.start(`
anonymous: { subscribe: [demo/**] }
calls: { "app.*": ${at("20s")}, "hasty.*": ${at("100ms")}, "down.**": { url: "http://127.0.0.1:1/" } }
`);
});
afterAll(async () => {
  await gateway.stop();
  await backend.stop(true);
});

const call = (method: string, body?: unknown, key = gateway.admin) =>
  gateway.ask(`/calls/${method}`, { method: "POST", key, ...(body === undefined ? {} : { body }) });

describe("Calls by HTTP", () => {
  test("answer with the time, the channels that may be listened to, and the devices", async () => {
    const { body } = await call("time");
    expect((body as { time: number }).time).toBeWithin(Date.now() - 5000, Date.now() + 5000);
    await gateway.ask("/channels/home/a", { method: "POST", key: gateway.admin, body: "1" });
    const channels = { channels: [{ channel: "home/a", listeners: 0 }] };
    expect(await call("channels", { pattern: "home/*" })).toMatchObject({ status: 200, body: channels });
    expect(await call("channels", { pattern: 1 })).toMatchObject(refusal(400, 107, expect.any(String)) as object);
    await gateway.ask("/admin/devices", { method: "POST", key: gateway.admin, body: { name: "tablet" } });
    const { body: told } = await call("devices");
    expect(told).toEqual({ devices: [{ id: expect.any(String), name: "tablet", sessions: 0 }] });
    const { body: methods } = await gateway.ask("/calls", { key: gateway.admin });
    expect(methods).toEqual({ methods: ["channels", "devices", "time"] });
  });

  test("need the grant, and a key to have it", async () => {
    const { key } = await gateway.newKey({ call: ["app.*"], subscribe: ["home/*"] });
    expect(await call("time", undefined, key)).toMatchObject(refusal(403, 103, expect.any(String)) as object);
    const stranger = await gateway.ask("/calls/time", { method: "POST" });
    expect(stranger).toMatchObject(refusal(401, 101, expect.any(String)) as object);
    expect((await call("app.light", {}, key)).status).toBe(200);
    expect(await call("none")).toMatchObject(refusal(404, 104, expect.any(String)) as object);
    expect(await call("time", "{")).toMatchObject(refusal(400, 107, expect.any(String)) as object);
  });
});

describe("A backend's method", () => {
  test("is asked with parameters as they were written and who calls, and its answer passes as it is", async () => {
    const { key, id } = await gateway.newKey({ call: ["app.*"] });
    answering = () => new Response('{"n":\n1.50}');
    expect((await call("app.light", '{"level":1.10}', key)).text).toBe('{"n":1.50}');
    answering = () => new Response('{"n":1.50}');
    expect((await call("app.light", '{"level":1.10}', key)).text).toBe('{"n":1.50}');
    expect(asked?.body).toBe(`{"method":"app.light","params":{"level":1.10},"user":{"id":"${id}","name":"test"}}`);
    expect(asked?.headers.get("hearthwire-user")).toBe(id);
    expect(asked?.headers.get("hearthwire-method")).toBe("app.light");
    answering = () => new Response(null, { status: 204 });
    expect((await call("app.light")).text).toBe("null");
  });

  test.each([
    [400, 400, 107, "not so"],
    [403, 403, 103, "not so"],
    [404, 404, 104, "not so"],
    [429, 429, 111, "not so"],
    [500, 503, 108, expect.any(String)],
    [302, 503, 108, expect.any(String)],
  ])("that answers %i is refused with %i", async (status, told, code, message) => {
    answering = () => Response.json({ error: { message: "not so" } }, { status });
    expect(await call("app.light")).toMatchObject(refusal(told, code, message) as object);
  });

  test("that is late, too long, no JSON or not there is not available, and says no more than that", async () => {
    const unavailable = refusal(503, 108, expect.stringContaining("Cannot call")) as object;
    answering = () => Bun.sleep(1000).then(() => new Response("1"));
    expect(await call("hasty.light")).toMatchObject(unavailable);
    answering = () => Response.json("x".repeat(2000));
    expect(await call("app.light")).toMatchObject(unavailable);
    answering = () => new Response("<html>");
    expect(await call("app.light")).toMatchObject(unavailable);
    expect(await call("down.a.b")).toMatchObject(unavailable);
    expect((await call("down.a.b")).text).not.toContain("127.0.0.1");
  });

  test("is not asked with more than its limit", async () => {
    expect(await call("app.light", "x".repeat(10))).toMatchObject({ status: 400 });
    expect(await call("app.light", JSON.stringify("x".repeat(2000)))).toMatchObject(
      refusal(413, 106, expect.any(String)) as object,
    );
  });
});

test("The document of the API tells of channels, devices, calls and the server API, and refers to nothing that is not there", async () => {
  const { body, text } = await gateway.ask("/openapi.json");
  const { openapi, paths, components } = body as {
    openapi: string;
    paths: Record<string, Record<string, { responses: object }>>;
    components: { schemas: Record<string, unknown> };
  };
  expect(openapi).toBe("3.1.0");
  for (const path of [
    "/channels/{channel}",
    "/devices",
    "/calls/{method}",
    "/api/publish",
    "/api/batch",
    "/admin/keys",
  ]) {
    expect(Object.values(paths[path] ?? {})[0]?.responses).toBeObject();
  }
  for (const [, name] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
    expect(Object.keys(components.schemas)).toContain(name ?? "");
  }
});

test.each(["/calls", "/sessions", "/admin/keys", "/health/live"])(
  "What is answered at %s, which depends on who asks and when, is stored nowhere",
  async (path) => {
    const { headers } = await gateway.ask(path, { key: gateway.admin });
    expect(headers.get("cache-control")).toBe("no-store");
  },
);
