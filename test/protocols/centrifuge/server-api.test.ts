// Backends: POST /api/<method>, over real HTTP, and what clients see of it.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Calls } from "../../../src/core/calls.ts";
import { serverShapes } from "../../../src/protocols/centrifuge/server-shapes.ts";
import { FakeJournal } from "../../fakes/journal.ts";
import { Bare, type Json, until } from "./clients.ts";
import { openGateway, type TestGateway } from "./gateway.ts";

let gateway: TestGateway;
let admin = "";

beforeAll(async () => {
  const calls = new Calls();
  calls.register("echo", (params, by) => `{"params":${params},"by":${JSON.stringify(by.id)}}`);
  gateway = await openGateway({ calls, journal: new FakeJournal() });
  admin = gateway.key({ admin: ["**"] });
});
afterAll(() => gateway.stop());

interface Asked {
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

async function raw(method: string, body: unknown, { key = admin, headers = {} }: Asked = {}) {
  const response = await fetch(`${gateway.url}/api/${method}`, {
    method: "POST",
    headers: { ...(key === "" ? {} : { "x-api-key": key }), ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, text, body: JSON.parse(text) as Json };
}

/** The answer's body, of a request that was answered 200. */
async function api(method: string, body: unknown = {}, asked: Asked = {}): Promise<Json> {
  const answer = await raw(method, body, asked);
  expect(answer.status).toBe(200);
  return answer.body;
}

const errorOf = (code: number) => ({ error: { code, message: expect.any(String) } });

describe("Publishing", () => {
  test("answers with the place, and reaches subscribers digit by digit", async () => {
    const client = await Bare.connected(gateway);
    await client.ask({ id: 2, subscribe: { channel: "news/digits" } });
    const body = '{"channel":"news/digits","data":{"n":12345678901234567890.50},"tags":{"a":"b"}}';
    expect((await raw("publish", body)).body).toEqual({ result: { offset: 1, epoch: expect.any(String) } });
    await until(() => client.pushes.length === 1, "the publication");
    expect(client.pushes[0]).toMatchObject({ pub: { tags: { a: "b" }, offset: 1 } });
    const { text } = await raw("history", { channel: "news/digits", limit: 1 });
    expect(text).toContain("12345678901234567890.50");
    client.close();
  });

  test("happens once for one idempotency key", async () => {
    const first = await api("publish", { channel: "news/once", data: 1, idempotency_key: "k" });
    expect(await api("publish", { channel: "news/once", data: 1, idempotency_key: "k" })).toEqual(first);
    expect(await api("publish", { channel: "news/once", data: 1, idempotency_key: "l" })).not.toEqual(first);
  });

  test("in many channels answers for each", async () => {
    const { result } = await api("broadcast", { channels: ["many/1", "many/ 2", "maps/1"], data: { a: 1 } });
    expect(result).toEqual({
      responses: [{ result: { offset: 1, epoch: expect.any(String) } }, errorOf(107), errorOf(107)],
    });
  });

  test("takes JSON in base64, map keys, and `null` for what is not said", async () => {
    const b64data = Buffer.from('{"x":1}').toString("base64");
    expect(await api("publish", { channel: "news/base", b64data, tags: null })).toHaveProperty("result");
    expect(await api("publish", { channel: "news/base", data: null })).toHaveProperty("result");
    expect(await api("publish", { channel: "news/base", b64data: "AAAA" })).toEqual(errorOf(107));
    expect(await api("publish", { channel: "news/base" })).toEqual(errorOf(107));
    expect(await api("publish", { channel: "maps/api", key: "k", data: 1 })).toHaveProperty("result");
    expect(await api("publish", { channel: "maps/api", key: "k", removed: true })).toHaveProperty("result");
  });

  test.each(["news/skipped", "kept/skipped", "fleeting/skipped", "value/skipped"])(
    "that skips the history of %s reaches who is there, without an offset, and nobody later",
    async (channel) => {
      const client = await Bare.connected(gateway);
      await client.ask({ id: 2, subscribe: { channel } });
      await api("publish", { channel, data: "kept" });
      expect(await api("publish", { channel, data: "skipped", skip_history: true })).toEqual({ result: {} });
      await api("publish", { channel, data: "kept too" });
      await until(() => client.pushes.length === 3, "all three");
      const pubs = client.pushes.map(({ pub }) => pub as Json);
      expect(pubs.map(({ data, offset }) => [data, offset])).toEqual([
        ["kept", 1],
        ["skipped", undefined],
        ["kept too", 2],
      ]);
      const { result } = await api("history", { channel, limit: -1 });
      const { publications } = result as { publications: readonly Json[] };
      expect(publications.map(({ data }) => data)).not.toContain("skipped");
      client.close();
    },
  );

  test("that skips the history does so in each channel of a broadcast; a map refuses it", async () => {
    const asked = { channels: ["news/both", "maps/both"], data: 1, skip_history: true };
    expect(await api("broadcast", asked)).toEqual({ result: { responses: [{ result: {} }, errorOf(107)] } });
    const keyed = { channel: "maps/both", key: "k", data: 1, skip_history: true };
    expect(await api("publish", keyed)).toEqual(errorOf(107));
    expect(await api("publish", { ...keyed, skip_history: false })).toHaveProperty("result.offset", 1);
  });
});

describe("Who asks", () => {
  test("needs a key, in either header, and is told so with status 401", async () => {
    for (const key of ["", "hw_nobody_AAAAAAAAAAAAAAAAAAAAAAAA"]) {
      const answer = await raw("info", {}, { key });
      expect(answer).toMatchObject({ status: 401, body: errorOf(101) });
    }
    const headers = { authorization: `apikey ${admin}` };
    expect(await api("info", {}, { key: "", headers })).toHaveProperty("result");
  });

  test("may do what the key's grants say; with `admin`, everything, reserved channels included", async () => {
    const key = gateway.key({ publish: ["a/*"], subscribe: ["a/*"] });
    expect(await api("publish", { channel: "a/1", data: 1 }, { key })).toHaveProperty("result");
    expect(await api("history", { channel: "a/1", limit: 5 }, { key })).toHaveProperty("result");
    expect(await api("publish", { channel: "b/1", data: 1 }, { key })).toEqual(errorOf(103));
    for (const method of ["subscribe", "unsubscribe"]) {
      expect(await api(method, { user: "u", channel: "a/1" }, { key })).toEqual(errorOf(103));
    }
    for (const method of ["disconnect", "refresh"])
      expect(await api(method, { user: "u" }, { key })).toEqual(errorOf(103));
    expect(await api("info", {}, { key })).toEqual(errorOf(103));
    expect(await api("history_remove", { channel: "a/1" }, { key })).toEqual(errorOf(103));
    expect(await api("rpc", { method: "echo" }, { key })).toEqual(errorOf(103));
    expect(await api("channels", {}, { key })).toEqual({ result: { channels: { "a/1": { num_clients: 0 } } } });
    expect(await api("publish", { channel: "$user/ada", data: 1 })).toHaveProperty("result");
  });
});

describe("Errors", () => {
  test("stand in the answer, or are its status where that is asked for", async () => {
    const headers = { "X-Centrifugo-Error-Mode": "transport" };
    expect(await api("publish", { channel: "x y", data: 1 })).toEqual(errorOf(107));
    const answer = await raw("publish", { channel: "x y", data: 1 }, { headers });
    expect(answer).toMatchObject({ status: 400, body: { code: 107, message: expect.any(String) } });
    expect((await raw("presence", { channel: "news/a" }, { headers })).status).toBe(503);
    expect(await raw("batch", { commands: [{ publish: {} }] }, { headers })).toMatchObject({
      status: 200,
      body: { replies: [errorOf(107)] },
    });
  });

  test("are of HTTP for what is no request at all", async () => {
    expect(await raw("publish", "{")).toMatchObject({ status: 400, body: errorOf(107) });
    expect(await raw("publish", "[]")).toMatchObject({ status: 400, body: errorOf(107) });
    expect(await raw("fly", {})).toMatchObject({ status: 404, body: errorOf(104) });
    const got = await fetch(`${gateway.url}/api/info`, { headers: { "x-api-key": admin } });
    expect(got.status).toBe(404);
  });
});

describe("The sessions of a user", () => {
  async function userWith(name: string): Promise<{ client: Bare; id: string; user: string }> {
    const key = gateway.key({ subscribe: ["own/**"] });
    const client = await Bare.open(gateway.ws);
    const reply = await client.ask({ id: 1, connect: { token: key, name } });
    return { client, id: (reply["connect"] as { client: string }).client, user: key.split("_")[1] ?? "" };
  }

  test("are subscribed and unsubscribed, and told so", async () => {
    const { client, user } = await userWith("a");
    await gateway.publish("given/1", "before");
    const since = { offset: 0, epoch: "" };
    expect(await api("subscribe", { user, channel: "given/1", data: { why: 1 }, recover_since: since })).toEqual({
      result: {},
    });
    await until(() => client.pushes.length === 1, "the push");
    const told = {
      recoverable: true,
      data: { why: 1 },
      recovered: true,
      publications: [{ data: "before", offset: 1 }],
    };
    expect(client.pushes[0]).toMatchObject({ channel: "given/1", subscribe: told });
    expect(await api("subscribe", { user, channel: "given/1" })).toEqual({ result: {} });
    await gateway.publish("given/1", "after");
    await until(() => client.pushes.length === 2, "the publication");
    expect(client.pushes[1]).toMatchObject({ channel: "given/1", pub: { data: "after", offset: 2 } });
    expect(await api("unsubscribe", { user, channel: "given/1" })).toEqual({ result: {} });
    await until(() => client.pushes.length === 3, "the end");
    expect(client.pushes[2]).toMatchObject({ channel: "given/1", unsubscribe: { code: 2000 } });
    await gateway.publish("given/1", "unheard");
    await client.ask({ id: 9, ping: {} });
    expect(client.pushes.length).toBe(3);
    client.close();
  });

  test("end with the code that was wished for, except those that may stay", async () => {
    const first = await userWith("a");
    const second = await userWith("b");
    expect(await api("disconnect", { user: first.user, whitelist: [first.id] })).toEqual({ result: {} });
    await api("disconnect", { user: second.user, disconnect: { code: 4500, reason: "no more" } });
    expect(await second.client.closes()).toBe(4500);
    expect(second.client.closed?.reason).toBe("no more");
    await first.client.ask({ id: 2, ping: {} });
    await api("disconnect", { user: first.user });
    expect(await first.client.closes()).toBe(3503);
    expect(await api("disconnect", { user: "" })).toEqual(errorOf(107));
  });

  test("are told when they end now, or are ended", async () => {
    const { client, user } = await userWith("a");
    const expire_at = Math.floor(Date.now() / 1000) + 100;
    expect(await api("refresh", { user, expire_at })).toEqual({ result: {} });
    await until(() => client.pushes.length === 1, "the push");
    expect(client.pushes[0]).toMatchObject({ refresh: { expires: true, ttl: expect.any(Number) } });
    await api("refresh", { user });
    await until(() => client.pushes.length === 2, "the second");
    expect(client.pushes[1]).toEqual({ refresh: {} });
    await api("refresh", { user, expired: true });
    expect(await client.closes()).toBe(3005);
  });
});

test("Presence, its figures, channels and nodes tell who is there", async () => {
  const client = await Bare.connected(gateway);
  await client.ask({ id: 2, subscribe: { channel: "rooms/1" } });
  const { result } = await api("presence", { channel: "rooms/1" });
  expect(Object.values((result as { presence: Json }).presence)).toEqual([{ user: "", client: expect.any(String) }]);
  expect(await api("presence_stats", { channel: "rooms/1" })).toEqual({ result: { num_clients: 1, num_users: 1 } });
  expect(await api("presence", { channel: "news/1" })).toEqual(errorOf(108));
  expect(await api("channels", { pattern: "rooms/*" })).toEqual({
    result: { channels: { "rooms/1": { num_clients: 1 } } },
  });
  expect(await api("channels", { pattern: "**/x" })).toEqual(errorOf(107));
  const info = (await api("info"))["result"] as { nodes: Json[] };
  expect(info.nodes).toEqual([
    expect.objectContaining({ num_clients: 1, num_subs: 1, num_channels: 1, version: "Hearthwire test" }),
  ]);
  client.close();
});

test("History is read forwards and backwards, and forgotten while its place goes on", async () => {
  for (const data of [1, 2, 3]) await api("publish", { channel: "past/1", data });
  const read = async (more: object): Promise<unknown[]> => {
    const { result } = await api("history", { channel: "past/1", limit: -1, ...more });
    return (result as { publications: Json[] }).publications.map(({ data }) => data);
  };
  expect(await read({})).toEqual([1, 2, 3]);
  expect(await read({ reverse: true, limit: 2 })).toEqual([3, 2]);
  const { epoch } = (await api("history", { channel: "past/1" }))["result"] as { epoch: string };
  expect(await read({ since: { offset: 1, epoch } })).toEqual([2, 3]);
  expect(await api("history", { channel: "past/1", since: { offset: 1, epoch: "old" } })).toEqual(errorOf(112));
  expect(await api("history_remove", { channel: "past/1" })).toEqual({ result: {} });
  expect(await read({})).toEqual([]);
  expect(await api("publish", { channel: "past/1", data: 4 })).toMatchObject({ result: { offset: 4, epoch } });
  await api("publish", { channel: "kept/1", data: 1 });
  expect(await api("history_remove", { channel: "kept/1" })).toEqual({ result: {} });
  expect(await api("history", { channel: "kept/1", limit: 1 })).toMatchObject({
    result: { publications: [], offset: 1 },
  });
});

test("A call is answered for a backend as for a client", async () => {
  const { text } = await raw("rpc", '{"method":"echo","params":{"n":1.10}}');
  expect(text).toContain('{"result":{"data":{"params":{"n":1.10},"by":');
  expect(await api("rpc", { method: "none" })).toEqual(errorOf(104));
});

test.each([false, true])("A batch is answered in its order (parallel: %j)", async (parallel) => {
  const commands = [
    { publish: { channel: `batch/${parallel}`, data: { n: 1 } } },
    { fly: {} },
    { batch: { commands: [] } },
    { publish: { channel: "x y", data: 1 } },
    { history: { channel: `batch/${parallel}`, limit: parallel ? 0 : 1 } },
  ];
  const { replies } = (await api("batch", { commands, parallel })) as { replies: Json[] };
  expect(replies).toEqual([
    { publish: { offset: 1, epoch: expect.any(String) } },
    errorOf(104),
    errorOf(104),
    errorOf(107),
    { history: expect.objectContaining({ offset: 1 }) },
  ]);
});

test("Older libraries are answered at /api, one command a line", async () => {
  const ask = async (body: string): Promise<Json[]> => {
    const headers = { authorization: `apikey ${admin}` };
    const response = await fetch(`${gateway.url}/api`, { method: "POST", headers, body });
    return (await response.text()).split("\n").map((line) => JSON.parse(line) as Json);
  };
  const commands = [
    '{"method":"publish","params":{"channel":"old/1","data":{"n":1.10}}}',
    '{"method":"fly","params":{}}',
    '{"method":"publish"}',
    "nonsense",
    '{"method":"history","params":{"channel":"old/1","limit":1}}',
  ];
  expect(await ask(`${commands.join("\n")}\n`)).toEqual([
    { result: { offset: 1, epoch: expect.any(String) } },
    errorOf(104),
    errorOf(107),
    errorOf(107),
    { result: expect.objectContaining({ offset: 1 }) },
  ]);
  expect(await ask("")).toEqual([errorOf(107)]);
});

test("Arbitrary bodies are answered with a result or an error of theirs, never with a fault of ours", async () => {
  const methods = Object.keys(serverShapes).filter((method) => method !== "disconnect" && method !== "refresh");
  const name = fc.constantFrom(
    "channel",
    "channels",
    "data",
    "b64data",
    "user",
    "limit",
    "since",
    "commands",
    "tags",
    "key",
  );
  const fields = fc.dictionary(name, fc.oneof(fc.jsonValue(), fc.constantFrom("news/1", ["news/1"], "**", "$user/a")));
  const body = fc.oneof(
    fc.string(),
    fields.map((given) => JSON.stringify(given)),
  );
  await fc.assert(
    fc.asyncProperty(fc.constantFrom("", ...methods), body, async (method, text) => {
      const response = await fetch(`${gateway.url}/api${method === "" ? "" : `/${method}`}`, {
        method: "POST",
        headers: { "x-api-key": admin },
        body: text,
      });
      expect([200, 400]).toContain(response.status);
      for (const line of (await response.text()).split("\n")) {
        const answer = JSON.parse(line) as { readonly error?: { readonly code: number } };
        expect(answer.error?.code).not.toBe(100);
      }
    }),
    { numRuns: 400 },
  );
  expect(gateway.log.errors).toEqual([]);
});

test("Every method of the list is there", () => {
  const list =
    "publish broadcast subscribe unsubscribe disconnect refresh presence presence_stats history history_remove channels info batch rpc";
  expect(Object.keys(serverShapes).sort()).toEqual(list.split(" ").sort());
});
