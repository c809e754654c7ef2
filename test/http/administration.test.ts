import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { refusal, TestGateway } from "./gateway.ts";

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await TestGateway.start("anonymous: { subscribe: ['**'], publish: ['**'] }\n");
});
afterAll(() => gateway.stop());

const asAdmin = (path: string, method: string, body?: unknown) =>
  gateway.ask(path, { method, key: gateway.admin, ...(body === undefined ? {} : { body }) });

describe("The administration by HTTP", () => {
  test.each(["/admin/status", "/admin/keys", "/admin/devices", "/admin/nothing"])(
    "%s needs a key (401) with the grant `admin` (403)",
    async (path) => {
      expect(await gateway.ask(path)).toMatchObject(
        refusal(401, 101, "Cannot administrate without a key: send one") as object,
      );
      const { key } = await gateway.newKey({ subscribe: ["**"], publish: ["**"], call: ["**"] });
      expect(await gateway.ask(path, { key })).toMatchObject(refusal(403, 103, expect.any(String)) as object);
      const wrong = gateway.admin.replace(/.$/, (last) => (last === "a" ? "b" : "a"));
      expect(await gateway.ask(path, { key: wrong })).toMatchObject(refusal(401, 101, expect.any(String)) as object);
    },
  );

  test("a key is taken from Authorization, X-API-Key and a cookie", async () => {
    const { admin } = gateway;
    for (const headers of [{ "x-api-key": admin }, { cookie: `other=1; hearthwire_key=${admin}` }]) {
      expect((await gateway.ask("/admin/status", { headers })).status).toBe(200);
    }
  });

  test("a key's text is told once, when it is made, and is nowhere in the list", async () => {
    const made = await asAdmin("/admin/keys", "POST", { name: "phone", grants: { subscribe: ["a"] }, expires_in: 60 });
    expect(made.status).toBe(201);
    expect(made.headers.get("cache-control")).toBe("no-store");
    const { key, id, created, expires } = made.body as { key: string; id: string; created: number; expires: number };
    expect(key).toStartWith(`hw_${id}_`);
    expect(expires - created).toBe(60_000);
    const listed = await asAdmin("/admin/keys", "GET");
    expect(listed.text).toContain(id);
    expect(listed.text).not.toContain(key);
    expect(listed.text).not.toContain("hash");
  });

  test("revoking a key closes it out, and its tickets with it", async () => {
    const { key, id } = await gateway.newKey({ presence: ["**"] });
    const { body } = await gateway.ask("/tickets", { method: "POST", key });
    expect((await asAdmin(`/admin/keys/${id}`, "DELETE")).status).toBe(204);
    expect((await gateway.ask("/tickets", { method: "POST", key })).status).toBe(401);
    const { ticket } = body as { ticket: string };
    expect((await gateway.ask(`/channels/a?ticket=${ticket}`)).status).toBe(401);
    expect(await asAdmin(`/admin/keys/${id}`, "DELETE")).toMatchObject(refusal(404, 102, expect.any(String)) as object);
  });

  test("a device's key hears its inbox and what it was granted, and goes with it", async () => {
    const { body } = await asAdmin("/admin/devices", "POST", { name: "chip", grants: { publish: ["sensors/*"] } });
    const { id, key } = body as { id: string; key: string };
    expect((await gateway.ask(`/channels/$device/${id}`, { key })).status).toBe(200);
    expect((await gateway.ask("/channels/$device/other", { key })).status).toBe(403);
    expect((await gateway.ask("/channels/sensors/a", { method: "POST", key, body: "1" })).status).toBe(200);
    const rotated = await asAdmin(`/admin/devices/${id}/rotate`, "POST");
    expect((await gateway.ask(`/channels/$device/${id}`, { key })).status).toBe(401);
    const { key: newKey } = rotated.body as { key: string };
    expect((await gateway.ask(`/channels/$device/${id}`, { key: newKey })).status).toBe(200);
    expect((await asAdmin(`/admin/devices/${id}`, "DELETE")).status).toBe(204);
    expect((await gateway.ask(`/channels/$device/${id}`, { key: newKey })).status).toBe(401);
  });

  test("a device says how many sessions it has", async () => {
    const { body } = await asAdmin("/admin/devices", "POST", { name: "tablet" });
    const { id, key } = body as { id: string; key: string };
    const leaving = new AbortController();
    const headers = { accept: "text/event-stream", authorization: `Bearer ${key}` };
    const stream = await fetch(`${gateway.url}/channels/$device/${id}`, { headers, signal: leaving.signal });
    await stream.body?.getReader().read();
    const { body: listed } = await asAdmin("/admin/devices", "GET");
    expect((listed as { devices: unknown[] }).devices).toContainEqual(expect.objectContaining({ id, sessions: 1 }));
    leaving.abort();
  });

  test("settings that belong to a protocol are neither shown nor to be set", async () => {
    const { body } = await asAdmin("/admin/devices", "POST", { name: "tablet" });
    const { id } = body as { id: string };
    const { status } = await asAdmin(`/admin/devices/${id}`, "PATCH", { settings: { "unix-socket/since/a": "x" } });
    expect(status).toBe(400);
    const changed = await asAdmin(`/admin/devices/${id}`, "PATCH", { settings: { a: "1", b: "2" } });
    expect(changed.body).toMatchObject({ settings: { a: "1", b: "2" } });
    const again = await asAdmin(`/admin/devices/${id}`, "PATCH", { name: "wall", settings: { a: null } });
    expect(again.body).toMatchObject({ name: "wall", settings: { b: "2" } });
  });
});

describe("Input that the administration cannot use", () => {
  const grants = { subscribe: ["a"] };
  test.each([
    [{ grants }, "Cannot use `name`: it is missing"],
    [{ name: 7, grants }, "Cannot use `name`: it must be a text"],
    [{ name: "", grants }, "Cannot use `name`: it must have at least 1"],
    [{ name: "a", grants: { subscribe: "home" } }, "Cannot use `grants.subscribe`: it must be a list"],
    [{ name: "a", grants: { listen: ["a"] } }, "Cannot use `grants.listen`: there is no such field"],
    [
      { name: "a", grants: { publish: ["a", "a//b"] } },
      "Cannot use `grants.publish[1]`: it is no pattern: it has an empty level",
    ],
    [{ name: "a", grants, expires_in: 0.5 }, "Cannot use `expires_in`: it must be whole"],
    [[], "Cannot use the body: it must be an object"],
    ["{nearly", "Cannot parse the body: it is not JSON"],
    ["", "Cannot parse the body: it is not JSON"],
  ])("%j is refused: %s", async (body, message) => {
    expect(await asAdmin("/admin/keys", "POST", body)).toMatchObject(refusal(400, 107, message) as object);
  });

  test("a body that is too large is refused with 413, and one that is not UTF-8 with 400", async () => {
    expect((await asAdmin("/admin/keys", "POST", "x".repeat(70_000))).status).toBe(413);
    const headers = { authorization: `Bearer ${gateway.admin}` };
    const body = new Uint8Array([0xff, 0xfe]);
    expect((await fetch(`${gateway.url}/admin/keys`, { method: "POST", headers, body })).status).toBe(400);
  });

  test("whatever is sent, it is answered by the API or refused by the one error object, never by an internal error", async () => {
    const id = fc.string({ maxLength: 20 }).map((text) => encodeURIComponent(text.toWellFormed()));
    const path = fc.oneof(
      fc.constantFrom("/admin/keys", "/admin/devices", "/tickets"),
      fc.tuple(fc.constantFrom("/admin/keys/", "/admin/devices/", "/presence/"), id).map((parts) => parts.join("")),
    );
    const body = fc.oneof(
      fc.json(),
      fc.string(),
      fc
        .record({ name: fc.anything(), grants: fc.anything(), settings: fc.anything() })
        .map((value) => JSON.stringify(value)),
    );
    const method = fc.constantFrom("POST", "PATCH", "PUT", "DELETE", "GET");
    await fc.assert(
      fc.asyncProperty(path, method, body, async (at, how, what) => {
        const hasBody = how !== "GET";
        const answer = await gateway.ask(at, {
          method: how,
          key: gateway.admin,
          ...(hasBody ? { body: what ?? "" } : {}),
        });
        expect(answer.status).not.toBe(500);
        if (answer.status >= 400) expect(answer.body).toHaveProperty("error.doc");
      }),
      { numRuns: 300 },
    );
    expect(gateway.errors).toEqual([]);
    expect((await gateway.ask("/health/ready")).status).toBe(200);
  });
});
