import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { refusal, TestGateway } from "./gateway.ts";

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await TestGateway.start(
    "channels: { 'room/**': { presence: true } }\norigins: ['https://house.example']\n",
  );
});
afterAll(() => gateway.stop());

describe("What the gateway answers to everybody", () => {
  test("the page and its files", async () => {
    const page = await gateway.ask("/");
    expect(page.status).toBe(200);
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(page.headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
    expect((await gateway.ask("/page.js")).headers.get("content-type")).toStartWith("text/javascript");
  });

  test("its health: alive, ready, and both in words", async () => {
    expect(await gateway.ask("/health/live")).toMatchObject({ status: 200, body: { live: true } });
    expect(await gateway.ask("/health/ready")).toMatchObject({ status: 200, body: { ready: true, reasons: [] } });
    expect((await gateway.ask("/health")).text).toMatch(/^Hearthwire \S+ has been up for 0 min and is ready\.\n$/);
  });

  test("every code that a refusal links to", async () => {
    const { status, text, headers } = await gateway.ask("/docs/codes");
    expect(status).toBe(200);
    expect(headers.get("content-type")).toStartWith("text/html");
    expect(text).toContain('<tr id="103">');
  });

  test("its own description, in which every route is described", async () => {
    const { status, body } = await gateway.ask("/openapi.json");
    expect(status).toBe(200);
    const { openapi, paths } = body as { openapi: string; paths: Record<string, object> };
    expect(openapi).toBe("3.1.0");
    expect(Object.keys(paths["/admin/devices/{id}"] ?? {})).toEqual(["patch", "delete"]);
    for (const path of Object.keys(paths)) {
      const { status: found } = await gateway.ask(path.replace("{channel}", "room/a").replace("{id}", "x"), {
        method: "get" in (paths[path] ?? {}) ? "GET" : "POST",
        key: gateway.admin,
      });
      expect({ path, found }).not.toEqual({ path, found: 500 });
    }
  });

  test.each(["/nothing", "/index.htm", "/../package.json", "/%2e%2e/package.json", "/.git/config", "/a%00b", "/%"])(
    "%s is not there: 404 with the error object",
    async (path) => {
      expect(await gateway.ask(path)).toMatchObject(
        refusal(404, 102, expect.stringContaining("Cannot find")) as object,
      );
    },
  );

  test("a method that a path does not have is refused, and OPTIONS and HEAD do no harm", async () => {
    const refused = refusal(404, 104, "Cannot PUT /health: there is no such route") as object;
    expect(await gateway.ask("/health", { method: "PUT", body: "" })).toMatchObject(refused);
    expect((await gateway.ask("/nothing", { method: "OPTIONS" })).status).toBe(404);
    expect(await gateway.ask("/health", { method: "HEAD" })).toMatchObject({ status: 200, text: "" });
  });

  test("a page of another origin gets nothing unless it is listed", async () => {
    const other = await gateway.ask("/health", { headers: { origin: "https://elsewhere.example" } });
    expect(other.status).toBe(403);
    const listed = await gateway.ask("/health/live", { headers: { origin: "https://house.example" } });
    expect(listed.headers.get("access-control-allow-origin")).toBe("https://house.example");
  });
});

describe("Tickets", () => {
  test("one stands for its key once", async () => {
    const { key } = await gateway.newKey({ subscribe: ["home/**"] });
    const { body } = await gateway.ask("/tickets", { method: "POST", key });
    const { ticket, expires_in: seconds } = body as { ticket: string; expires_in: number };
    expect(seconds).toBe(30);
    expect((await gateway.ask(`/channels/home/a?ticket=${ticket}`)).status).toBe(200);
    expect((await gateway.ask(`/channels/home/a?ticket=${ticket}`)).status).toBe(401);
  });

  test("there is none without a key", async () => {
    const refused = refusal(401, 101, "Cannot issue a ticket without a key: send one") as object;
    expect(await gateway.ask("/tickets", { method: "POST" })).toMatchObject(refused);
  });
});

describe("Presence", () => {
  test("tells who is in a channel, to who may ask", async () => {
    const { key, id } = await gateway.newKey({ subscribe: ["room/**"], presence: ["room/kitchen"] });
    const leaving = new AbortController();
    const headers = { accept: "text/event-stream", authorization: `Bearer ${key}` };
    const stream = await fetch(`${gateway.url}/channels/room/kitchen`, { headers, signal: leaving.signal });
    await stream.body?.getReader().read();
    const { body, headers: answered } = await gateway.ask("/presence/room/kitchen", { key });
    expect(answered.get("cache-control")).toBe("no-store");
    expect(body).toEqual({ channel: "room/kitchen", members: [{ client: expect.any(String), user: id }] });
    expect((await gateway.ask("/presence/room%2Fkitchen", { key })).body).toEqual(body);
    expect((await gateway.ask("/presence/room/bath", { key })).status).toBe(403);
    leaving.abort();
  });

  test("is refused to strangers, of channels without it, and of names that are none", async () => {
    const key = gateway.admin;
    expect((await gateway.ask("/presence/room/kitchen")).status).toBe(401);
    expect(await gateway.ask("/presence/home/a", { key })).toMatchObject(
      refusal(503, 108, expect.any(String)) as object,
    );
    expect((await gateway.ask("/presence/room//kitchen", { key })).status).toBe(400);
    expect((await gateway.ask("/presence/%zz", { key })).status).toBe(400);
  });
});

describe("The control socket", () => {
  test("serves the same API, and needs no key", async () => {
    const unix = join(gateway.folder, "control.sock");
    expect((await fetch("http://localhost/admin/keys", { unix })).status).toBe(200);
    const published = await fetch("http://localhost/channels/home/a", { unix, method: "POST", body: "x" });
    expect(published.status).toBe(200);
    const ticket = await fetch("http://localhost/tickets", { unix, method: "POST" });
    expect(await ticket.json()).toMatchObject({ expires_in: 30 });
  });
});
