/** Publishing by URL: POST, DELETE, batches. Each sentence of docs/channel-url.md, over real sockets. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { clients, poll, publish, refusalOf } from "./clients.ts";
import { openGateway, type TestGateway } from "./gateway.ts";

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await openGateway();
});
afterAll(() => gateway.stop());
afterEach(() => {
  expect(gateway.errors).toEqual([]);
});

function post(
  path: string,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return fetch(`${gateway.url}${path}`, { method: "POST", headers, body: body as string });
}

const json = { "content-type": "application/json" };

async function lastOf(channel: string): Promise<Record<string, unknown>> {
  const { publications } = await poll(gateway, `/channels/${channel}?history=1`);
  const last = publications.at(-1);
  if (last === undefined) throw new Error(`${channel} is empty`);
  return { ...last };
}

describe("POST on a channel", () => {
  test("publishes, and answers with the publication's place", async () => {
    const first = await publish(gateway, "post/place", { on: true });
    const second = await publish(gateway, "post/place", { on: false });
    expect(first).toEqual({ channel: "post/place", offset: 1, epoch: expect.any(String) });
    expect(second).toEqual({ ...first, offset: 2 });
    expect(await lastOf("post/place")).toEqual({
      channel: "post/place",
      offset: 2,
      data: { on: false },
      time: gateway.clock.now(),
      cursor: expect.stringMatching(/^[!-~]{1,63}$/),
    });
  });

  test("of what is transient reaches who listens, in no place of the channel, and nobody later", async () => {
    await publish(gateway, "post/passing", 1);
    const { cursor } = await poll(gateway, "/channels/post/passing");
    const listening = await (await clients[0]?.listen(gateway, "/channels/post/passing"))?.isLive();
    const answer = await post("/channels/post/passing?transient=true", '"now"', json);
    expect(await answer.json()).toEqual({ channel: "post/passing", offset: 0, epoch: expect.any(String) });
    expect(await listening?.hearsPublications(1)).toMatchObject([{ offset: 0, data: "now" }]);
    listening?.leave();
    const batch = '[{"channel":"post/passing","data":2,"transient":true},{"channel":"post/passing","data":3}]';
    expect(await (await post("/channels", batch, json)).json()).toMatchObject([{ offset: 0 }, { offset: 2 }]);
    const { publications } = await poll(gateway, `/channels/post/passing?since=${cursor}`);
    expect(publications).toMatchObject([{ offset: 2, data: 3 }]);
    for (const query of ["maps/passing?key=k&transient=true", "post/passing?transient=1"]) {
      expect(await refusalOf(await post(`/channels/${query}`, "1", json))).toEqual([400, 107, "bad_request"]);
    }
    expect(await poll(gateway, `/channels/post/passing?since=${cursor}`)).toMatchObject({ publications });
  });

  test.each([
    ["application/json", '{"a":1}', { a: 1 }],
    ["application/json; charset=utf-8", " [1, 2]\n", [1, 2]],
    ["application/vnd.house+json", "null", null],
    ["APPLICATION/JSON", '"text"', "text"],
    ["text/plain", '{"a":1}', '{"a":1}'],
    ["text/plain; charset=utf-8", "a\nb\r\n", "a\nb\r\n"],
    ["application/octet-stream", "häuslich 🏠", "häuslich 🏠"],
    ["application/x-www-form-urlencoded", "a=b", "a=b"],
    ["text/plain", "", ""],
  ])("of the type %s takes %j as %j", async (type, body, data) => {
    expect((await post("/channels/post/types", body, { "content-type": type })).status).toBe(200);
    expect((await lastOf("post/types"))["data"]).toEqual(data);
  });

  test("without a type takes the body as text", async () => {
    const response = await fetch(`${gateway.url}/channels/post/untyped`, {
      method: "POST",
      body: new Uint8Array([0x7b, 0x7d]),
    });
    expect(response.status).toBe(200);
    expect((await lastOf("post/untyped"))["data"]).toBe("{}");
  });

  test("keeps the publisher's spelling of numbers and its order of members", async () => {
    const body = '{"z":1.50,"a":12345678901234567890,"a":1e2}';
    await post("/channels/post/spelling", body, json);
    const text = await (await fetch(`${gateway.url}/channels/post/spelling?history=1`)).text();
    expect(text).toContain(`"data":${body}`);
  });

  test("sets a map key by header or by query, the header first", async () => {
    await publish(gateway, "maps/post", 1, { "hearthwire-map-key": "by header" });
    await publish(gateway, "maps/post?key=by%20query%20%C3%A9", 2);
    await publish(gateway, "maps/post?key=no", 3, { "hearthwire-map-key": "first" });
    const { publications } = await poll(gateway, "/channels/maps/post");
    expect(publications.map(({ key, data }) => [key, data])).toEqual([
      ["by header", 1],
      ["by query é", 2],
      ["first", 3],
    ]);
  });

  test("carries tags, percent-decoded", async () => {
    await publish(gateway, "post/tags", 1, { "hearthwire-tags": "room=kitchen, of=the%20house%2C%20%C3%A9" });
    expect((await lastOf("post/tags"))["tags"]).toEqual({ room: "kitchen", of: "the house, é" });
  });

  test("takes a channel whose name is percent-encoded, and one of other alphabets", async () => {
    expect((await publish(gateway, "post%2Fencoded", 1)).channel).toBe("post/encoded");
    expect((await publish(gateway, encodeURI("post/Küche 🏠".replace(" ", "_")), 1)).channel).toBe("post/Küche_🏠");
  });

  test("by PUT is the same", async () => {
    const response = await fetch(`${gateway.url}/channels/post/put`, { method: "PUT", body: "x" });
    expect([response.status, await response.json()]).toMatchObject([200, { channel: "post/put", offset: 1 }]);
  });

  test.each([
    ["/channels/post/bad", "{", json, [400, 107, "bad_request"]],
    ["/channels/post/bad", "", json, [400, 107, "bad_request"]],
    ["/channels/post/bad", "[".repeat(50_000), json, [400, 107, "bad_request"]],
    ["/channels/post/bad", new Uint8Array([0xff, 0xfe]), {}, [400, 107, "bad_request"]],
    ["/channels/post/bad", "x".repeat(64 * 1024 + 1), {}, [413, 106, "limit_exceeded"]],
    ["/channels/post/bad?key=k", "1", json, [400, 107, "bad_request"]],
    ["/channels/maps/bad", "1", json, [400, 107, "bad_request"]],
    ["/channels/maps/bad?key=", "1", json, [400, 107, "bad_request"]],
    [`/channels/maps/bad?key=${"k".repeat(256)}`, "1", json, [400, 107, "bad_request"]],
    ["/channels/a,b", "1", json, [400, 107, "bad_request"]],
    ["/channels/a/*", "1", json, [400, 107, "bad_request"]],
    ["/channels/**", "1", json, [400, 107, "bad_request"]],
    ["/channels/a//b", "1", json, [400, 107, "bad_request"]],
    ["/channels/a/", "1", json, [400, 107, "bad_request"]],
    ["/channels//a", "1", json, [400, 107, "bad_request"]],
    ["/channels/a%20b", "1", json, [400, 107, "bad_request"]],
    ["/channels/a%2Cb", "1", json, [400, 107, "bad_request"]],
    ["/channels/a%00b", "1", json, [400, 107, "bad_request"]],
    ["/channels/a%C2%85b", "1", json, [400, 107, "bad_request"]],
    ["/channels/a%ff", "1", json, [400, 107, "bad_request"]],
    ["/channels/a%", "1", json, [400, 107, "bad_request"]],
    [`/channels/${"n".repeat(256)}`, "1", json, [413, 106, "limit_exceeded"]],
    [`/channels/${encodeURIComponent("é".repeat(128))}`, "1", json, [413, 106, "limit_exceeded"]],
    ["/channels/post/bad", "1", { ...json, "hearthwire-tags": "room" }, [400, 107, "bad_request"]],
    ["/channels/post/bad", "1", { ...json, "hearthwire-tags": "a=b=c" }, [400, 107, "bad_request"]],
    ["/channels/post/bad", "1", { ...json, "hearthwire-tags": "=b" }, [400, 107, "bad_request"]],
    ["/channels/post/bad", "1", { ...json, "hearthwire-tags": "a=%ff" }, [400, 107, "bad_request"]],
    ["/channels/post/bad", "1", { ...json, "idempotency-key": "k".repeat(256) }, [400, 107, "bad_request"]],
  ] as const)("that makes no sense (%#) is refused, and leaves nothing", async (path, body, headers, refusal) => {
    expect(await refusalOf(post(path, body, headers))).toEqual(refusal);
    const channels = await gateway.hub.channels("**");
    expect(channels.filter((name) => name.includes("bad"))).toEqual([]);
  });

  test("of a channel of 255 bytes is taken", async () => {
    expect((await post(`/channels/${"n".repeat(255)}`, "1", json)).status).toBe(200);
  });

  test("of reserved names needs a grant that names them", async () => {
    expect(await refusalOf(post("/channels/$inner/x", "1", json))).toEqual([401, 101, "unauthorized"]);
  });
});

describe("an Idempotency-Key", () => {
  const once = (key: string, data: unknown, channel = "post/once"): ReturnType<typeof publish> =>
    publish(gateway, channel, data, { "idempotency-key": key });

  test("publishes once, and gives the same answer for five minutes", async () => {
    const first = await once("a", 1);
    await gateway.clock.advance(5 * 60_000 - 1);
    expect(await once("a", 2)).toEqual(first);
    expect(await once("b", 3)).toEqual({ ...first, offset: first.offset + 1 });
    const { publications } = await poll(gateway, "/channels/post/once?history=10");
    expect(publications.map(({ data }) => data)).toEqual([1, 3]);
  });

  test("is forgotten after five minutes", async () => {
    const first = await once("c", 1);
    await gateway.clock.advance(5 * 60_000);
    expect((await once("c", 2)).offset).toBe(first.offset + 1);
  });

  test("of another key's owner is another", async () => {
    const [one, other] = [gateway.key({ publish: ["**"] }), gateway.key({ publish: ["**"] })];
    const by = (key: string): ReturnType<typeof publish> =>
      publish(gateway, "post/owners", 1, { "idempotency-key": "k", authorization: `Bearer ${key}` });
    const [first, second] = [await by(one), await by(other)];
    expect(second.offset).toBe(first.offset + 1);
    expect(await by(one)).toEqual(first);
  });

  test("of a refused publication can be tried again", async () => {
    const headers = { ...json, "idempotency-key": "r" };
    expect((await post("/channels/maps/once", "1", headers)).status).toBe(400);
    expect((await post("/channels/maps/once?key=k", "1", headers)).status).toBe(200);
  });

  test("works for DELETE", async () => {
    await publish(gateway, "maps/once-removed", 1, { "hearthwire-map-key": "k" });
    const remove = async (): Promise<unknown> => {
      const path = `${gateway.url}/channels/maps/once-removed?key=k`;
      return (await fetch(path, { method: "DELETE", headers: { "idempotency-key": "d" } })).json();
    };
    const first = await remove();
    await publish(gateway, "maps/once-removed", 2, { "hearthwire-map-key": "k" });
    expect(await remove()).toEqual(first);
    expect((await poll(gateway, "/channels/maps/once-removed")).publications).toHaveLength(1);
  });
});

describe("DELETE", () => {
  const remove = (path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
    fetch(`${gateway.url}${path}`, { method: "DELETE", headers });

  test("takes a key out of a map, and tells whoever listens", async () => {
    await publish(gateway, "maps/removed", { on: true }, { "hearthwire-map-key": "lamp" });
    const { cursor } = await poll(gateway, "/channels/maps/removed");
    const response = await remove("/channels/maps/removed?key=lamp");
    expect([response.status, await response.json()]).toMatchObject([200, { channel: "maps/removed", offset: 2 }]);
    expect((await poll(gateway, "/channels/maps/removed")).publications).toEqual([]);
    expect((await poll(gateway, `/channels/maps/removed?since=${cursor}`)).publications).toMatchObject([
      { key: "lamp", removed: true, data: null, offset: 2 },
    ]);
  });

  test("of a key by header, or of one that is not there, is answered all the same", async () => {
    await publish(gateway, "maps/removed-too", 1, { "hearthwire-map-key": "lamp" });
    expect((await remove("/channels/maps/removed-too", { "hearthwire-map-key": "lamp" })).status).toBe(200);
    const again = await remove("/channels/maps/removed-too?key=lamp");
    expect([again.status, await again.json()]).toMatchObject([200, { offset: 2 }]);
  });

  test.each([
    ["/channels/maps/removed", [400, 107, "bad_request"]],
    ["/channels/stream?key=a", [400, 107, "bad_request"]],
    ["/channels/maps/a,maps/b?key=a", [400, 107, "bad_request"]],
    ["/channels", [400, 107, "bad_request"]],
  ] as const)("of %s is refused", async (path, refusal) => {
    expect(await refusalOf(remove(path))).toEqual(refusal);
  });
});

describe("a batch", () => {
  const batch = (items: unknown): Promise<Response> => post("/channels", JSON.stringify(items), json);

  test("publishes its items, with a result for each in their order", async () => {
    const response = await batch([
      { channel: "batch/a", data: { n: 1 } },
      { channel: "batch/a", data: null, tags: { t: "x" } },
      { channel: "a b", data: 1 },
      { channel: "maps/batch", data: 1, key: "k" },
      { channel: "maps/batch", key: "k", removed: true },
      { channel: "$inner", data: 1 },
      "nonsense",
      { channel: "batch/a", data: 3 },
    ]);
    expect(response.status).toBe(200);
    const results = (await response.json()) as { offset?: number; error?: { code: number; doc: string } }[];
    expect(results.map(({ offset, error }) => offset ?? error?.code)).toEqual([1, 2, 107, 1, 2, 101, 107, 3]);
    expect(results[2]?.error).toMatchObject({ code: 107, name: "bad_request", doc: "/docs/codes#107" });
    const { publications } = await poll(gateway, "/channels/batch/a?history=10");
    expect(publications).toMatchObject([{ data: { n: 1 } }, { data: null, tags: { t: "x" } }, { data: 3 }]);
  });

  test("of nothing is answered with nothing", async () => {
    expect(await (await batch([])).json()).toEqual([]);
  });

  test("refuses an item that is too large alone", async () => {
    const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    const items = `[{"channel":"batch/deep","data":${deep}},{"channel":"batch/deep","data":1}]`;
    expect(await (await post("/channels", items, json)).json()).toMatchObject([
      { error: { code: 106 } },
      { offset: 1 },
    ]);
  });

  test("takes what is nested deeply as it is", async () => {
    const deep = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;
    const response = await post("/channels", `[{"channel":"batch/nested","data":${deep}}]`, json);
    expect(await response.json()).toMatchObject([{ offset: 1 }]);
  });

  test("keeps every digit of the publishers' numbers", async () => {
    const channel = "batch/digits";
    await post("/channels", `[{"channel":"${channel}","data":{"big":12345678901234567890,"exact":1.0}}]`, json);
    const kept = await (await fetch(`${gateway.url}/channels/${channel}?history=1`)).text();
    expect(kept).toContain('"data":{"big":12345678901234567890,"exact":1.0}');
  });

  test.each([
    ['{"channel":"a","data":1}', [400, 107, "bad_request"]],
    ["[", [400, 107, "bad_request"]],
    ["", [400, 107, "bad_request"]],
    ["null", [400, 107, "bad_request"]],
    ["x".repeat(256 * 1024 + 1), [413, 106, "limit_exceeded"]],
    [`[${"0,".repeat(10_000)}0]`, [413, 106, "limit_exceeded"]],
  ] as const)("that is none (%#) is refused as a whole", async (body, refusal) => {
    expect(await refusalOf(post("/channels", body, json))).toEqual(refusal);
  });

  test.each([
    [{ data: 1 }],
    [{ channel: 1, data: 1 }],
    [{ channel: "batch/bad" }],
    [{ channel: "batch/bad", data: 1, key: 1 }],
    [{ channel: "maps/batch", data: 1, key: "" }],
    [{ channel: "maps/batch", removed: true }],
    [{ channel: "batch/bad", data: 1, tags: [] }],
    [{ channel: "batch/bad", data: 1, tags: { a: 1 } }],
    [{ channel: "batch/bad", data: 1, tags: Object.fromEntries(Array.from({ length: 33 }, (_, at) => [at, "x"])) }],
    [{ channel: "batch/bad", data: 1, tags: { a: "x".repeat(256) } }],
    [null],
    [[]],
    [{ channel: "batch/bad", data: "x".repeat(64 * 1024) }],
    [{ channel: "batch/bad", data: JSON.parse("[".repeat(20_000) + "]".repeat(20_000)), tags: [1] }],
  ])("with an item that makes no sense (%#) refuses that item alone", async (item) => {
    const response = await batch([item, { channel: "batch/good", data: 1 }]);
    const results = (await response.json()) as { offset?: number; error?: { code: number } }[];
    expect(results[0]?.error?.code).toBeOneOf([106, 107]);
    expect(results[1]?.offset).toBeGreaterThan(0);
  });
});

describe("the rate limit", () => {
  test("refuses with 429 and Retry-After, per key and per address, and lets in again when the time is over", async () => {
    const limited = await openGateway({ rate: 2 });
    const once = (headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
      fetch(`${limited.url}/channels/a`, { method: "POST", body: "x", headers });
    const statuses: number[] = [];
    for (let count = 0; count < 3; count++) statuses.push((await once()).status);
    expect(statuses).toEqual([200, 200, 429]);
    const refused = await once();
    expect(refused.headers.get("retry-after")).toBe("1");
    expect(await refusalOf(refused)).toEqual([429, 111, "too_many_requests"]);
    const key = limited.key({ publish: ["**"] });
    expect((await once({ "x-api-key": key })).status).toBe(200);
    await limited.clock.advance(1000);
    expect((await once()).status).toBe(200);
    expect(limited.errors).toEqual([]);
    await limited.stop();
  });
});

describe("methods that are none of ours", () => {
  test.each(["PATCH", "OPTIONS"])("such as %s are refused with the error object", async (method) => {
    expect(await refusalOf(fetch(`${gateway.url}/channels/a`, { method }))).toEqual([404, 104, "method_not_found"]);
  });

  test("such as HEAD are refused without a body", async () => {
    const response = await fetch(`${gateway.url}/channels/a`, { method: "HEAD" });
    expect([response.status, await response.text()]).toEqual([404, ""]);
  });

  test.each(["/channel/a", "/channelsa", "/nothing"])("unknown paths such as %s are refused with 404", async (path) => {
    expect(await refusalOf(fetch(`${gateway.url}${path}`))).toEqual([404, 102, "unknown_channel"]);
  });
});

describe("a listener of its own", () => {
  test("takes channels at any path, and below /channels as well", async () => {
    const alone = await openGateway({ alone: true });
    for (const path of ["house/light", "channels/house/light", "channelsandmore/x", "channels"]) {
      const response = await fetch(`${alone.url}/${path}`, { method: "POST", body: "[]" });
      const told = (await response.json()) as { channel?: string };
      expect(told).toEqual(
        path === "channels" ? [] : expect.objectContaining({ channel: path.replace(/^channels\//, "") }),
      );
    }
    await alone.stop();
  });
});
