/** Listening by URL, with real clients. Each sentence of docs/channel-url.md that holds on every streaming transport. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { until } from "../../transports/raw-client.ts";
import { clients, type Listening, openWs, poll, publish, refusalOf } from "./clients.ts";
import { openGateway, type TestGateway } from "./gateway.ts";

let gateway: TestGateway;
const listenings: Listening[] = [];
let channels = 0;
/** A channel of this test's own. */
const fresh = (prefix = "listen"): string => `${prefix}/c${++channels}`;

beforeAll(async () => {
  gateway = await openGateway();
});
afterAll(async () => {
  for (const listening of listenings) listening.leave();
  await until(() => gateway.hub.sessions.size === 0, "all sessions gone");
  await gateway.stop();
});
afterEach(() => {
  expect(gateway.errors).toEqual([]);
});

for (const client of clients) {
  const listen = async (path: string, headers: Readonly<Record<string, string>> = {}): Promise<Listening> => {
    const listening = await client.listen(gateway, `/channels/${path}`, { headers });
    listenings.push(listening);
    return await listening.isLive();
  };

  describe(client.name, () => {
    test("hears at once that it is open, how often it gets a sign of life, and from which cursor on it is live", async () => {
      const listening = await listen(fresh());
      expect(listening.messages).toEqual([
        { hello: true, heartbeat: 25 },
        { live: true, cursor: expect.stringMatching(/^[!-~]{1,63}$/) },
      ]);
    });

    test("hears every publication in order, as the same object that a poll gives", async () => {
      const channel = fresh();
      const listening = await listen(channel);
      const texts = [1, "two", null, { three: "drei\nÜ 🏠 \r\n \u2028" }, [4], "data: 5\n\nid: x\n"];
      for (const data of texts) await publish(gateway, channel, data, { "hearthwire-tags": "a=b" });
      const heard = await listening.hearsPublications(texts.length);
      expect(heard.map(({ data }) => data)).toEqual(texts);
      const { publications } = await poll(gateway, `/channels/${channel}?history=10`);
      expect(heard).toEqual(publications);
      expect(heard.map(({ offset }) => offset)).toEqual([1, 2, 3, 4, 5, 6]);
    });

    test("gets the last n publications first with ?history=n", async () => {
      const channel = fresh();
      for (let n = 1; n <= 5; n++) await publish(gateway, channel, n);
      const listening = await listen(`${channel}?history=3`);
      expect(Object.keys(listening.messages.at(-1) ?? {})).toContain("live");
      await publish(gateway, channel, 6);
      await listening.hearsPublications(4);
      expect(listening.data).toEqual([3, 4, 5, 6]);
    });

    test("hears several channels and patterns in one, each publication once", async () => {
      const base = fresh();
      const listening = await listen(`${base}/a,${base}/b,${base}/*,${base}/x/**`);
      for (const name of ["a", "b", "c", "x/y/z", "d/e"]) await publish(gateway, `${base}/${name}`, name);
      await publish(gateway, `${base}/a`, "last");
      await listening.hearsPublications(5);
      expect(listening.data).toEqual(["a", "b", "c", "x/y/z", "last"]);
    });

    test("hears nothing reserved by a wildcard", async () => {
      const owner = gateway.key({ subscribe: ["**", "$inner/x"], publish: ["$inner/x", "**"] });
      const listening = await listen("**", { authorization: `Bearer ${owner}` });
      const exact = await listen("$inner/x", { authorization: `Bearer ${owner}` });
      await publish(gateway, "$inner/x", 1, { authorization: `Bearer ${owner}` });
      await publish(gateway, fresh(), "last");
      await exact.hearsPublications(1);
      await listening.hears(() => listening.data.includes("last"), "the last publication");
      expect(listening.publications.filter(({ channel }) => channel?.startsWith("$"))).toEqual([]);
    });

    test.each([
      ["Last-Event-ID", (cursor: string) => ["", { "last-event-id": cursor }] as const],
      ["?last_event_id=", (cursor: string) => [`?last_event_id=${cursor}`, {}] as const],
      ["?lastEventId=", (cursor: string) => [`?lastEventId=${cursor}`, {}] as const],
      ["?since=", (cursor: string) => [`?since=${cursor}`, {}] as const],
      ["both, of which the header is newer", (cursor: string) => ["?since=x.1", { "last-event-id": cursor }] as const],
    ])("that comes back with %s gets everything missed on all its channels, and nothing twice", async (_, how) => {
      const base = fresh();
      const first = await listen(`${base}/*,${base}/x/y`);
      await publish(gateway, `${base}/a`, "a1");
      await publish(gateway, `${base}/b`, "b1");
      await first.hearsPublications(2);
      first.leave();
      await publish(gateway, `${base}/a`, "a2");
      await publish(gateway, `${base}/x/y`, "y1");
      await publish(gateway, `${base}/new`, "n1");
      const [query, headers] = how(first.publications.at(-1)?.cursor ?? "");
      const second = await listen(`${base}/*,${base}/x/y${query}`, headers);
      await publish(gateway, `${base}/a`, "a3");
      await second.hearsPublications(4);
      expect(second.data).toEqual(["a2", "y1", "n1", "a3"]);
      expect(second.has("gap")).toBe(false);
    });

    test("that comes back at any cursor loses nothing and hears nothing twice", async () => {
      const base = fresh();
      const cursors: string[] = [];
      for (let n = 0; n < 6; n++) {
        await publish(gateway, `${base}/${n % 2}`, n);
        cursors.push((await poll(gateway, `/channels/${base}/*`)).cursor);
      }
      for (const [at, cursor] of cursors.entries()) {
        const listening = await listen(`${base}/*?since=${cursor}`);
        expect(listening.data).toEqual([0, 1, 2, 3, 4, 5].slice(at + 1));
        listening.leave();
      }
    });

    test("hears first of the gap where what it missed is no longer there, then what is left", async () => {
      const channel = fresh("short");
      const { cursor } = await poll(gateway, `/channels/${channel}`);
      for (let n = 1; n <= 5; n++) await publish(gateway, channel, n);
      const listening = await listen(`${channel}?since=${cursor}`);
      expect(listening.messages.map((message) => message.data ?? Object.keys(message)[0])).toEqual([
        "hello",
        "gap",
        3,
        4,
        5,
        "live",
      ]);
      expect(listening.notice("gap")).toEqual({ gap: true, channels: [channel] });
    });

    test.each(["abcdefgh.5", "nonsense", "..", "🏠", "x".repeat(300)])(
      "that comes with a cursor of another run or none of ours (%s) hears of a gap",
      async (cursor) => {
        const base = fresh();
        await publish(gateway, `${base}/a`, 1);
        const listening = await listen(`${base}/*?since=${encodeURIComponent(cursor)}`);
        expect(listening.has("gap")).toBe(true);
        expect(listening.data).toEqual([1]);
      },
    );

    test("gets a map as it is, then `live`, then its changes", async () => {
      const channel = fresh("maps");
      await publish(gateway, `${channel}?key=a`, 1);
      await publish(gateway, `${channel}?key=b`, 2);
      await publish(gateway, `${channel}?key=a`, 3);
      const listening = await listen(channel);
      expect(listening.publications.map(({ key, data }) => [key, data])).toEqual([
        ["b", 2],
        ["a", 3],
      ]);
      expect(Object.keys(listening.messages.at(-1) ?? {})).toContain("live");
      await fetch(`${gateway.url}/channels/${channel}?key=b`, { method: "DELETE" });
      await listening.hearsPublications(3);
      expect(listening.publications[2]).toMatchObject({ key: "b", removed: true, data: null });
    });

    test("that comes back to a map gets the changes, or after a gap the map whole", async () => {
      const channel = fresh("maps");
      await publish(gateway, `${channel}?key=a`, 1);
      const { cursor } = await poll(gateway, `/channels/${channel}`);
      await publish(gateway, `${channel}?key=b`, 2);
      const changes = await listen(`${channel}?since=${cursor}`);
      expect(changes.publications).toMatchObject([{ key: "b", data: 2 }]);
      expect(changes.publications).toHaveLength(1);
      const whole = await listen(`${channel}?since=abcdefgh.1`);
      expect(whole.has("gap")).toBe(true);
      expect(whole.publications).toMatchObject([{ key: "a" }, { key: "b" }]);
    });

    test("misses nothing and hears nothing twice while others publish as it comes and goes", async () => {
      const base = fresh();
      let published = 0;
      let stop = false;
      const publishing = (async () => {
        while (!stop) await publish(gateway, `${base}/${published % 3}`, published++);
      })();
      const heard: unknown[] = [];
      let { cursor } = await poll(gateway, `/channels/${base}/*`);
      const missed = (await poll(gateway, `/channels/${base}/*?history=100`)).publications.map(({ data }) => data);
      heard.push(...missed.filter((data) => Number(data) < 0));
      const from = missed.length;
      for (let visit = 0; visit < 5; visit++) {
        const listening = await client.listen(gateway, `/channels/${base}/*?since=${cursor}`);
        const least = published + 5;
        await listening.hears(() => Number(listening.data.at(-1) ?? -1) >= least, "new publications");
        listening.leave();
        heard.push(...listening.data);
        cursor = listening.publications.at(-1)?.cursor ?? cursor;
      }
      stop = true;
      await publishing;
      const first = Number(heard[0]);
      expect(first).toBeLessThanOrEqual(from);
      expect(heard).toEqual(Array.from(heard, (_, at) => first + at));
    });

    test.each([
      ["/channels/a%20b", [400, 107, "bad_request"]],
      ["/channels/a/**/b", [400, 107, "bad_request"]],
      ["/channels/a/x*", [400, 107, "bad_request"]],
      ["/channels/", [400, 107, "bad_request"]],
      ["/channels", [400, 107, "bad_request"]],
      ["/channels/a,", [400, 107, "bad_request"]],
      ["/channels/a?heartbeat=14", [400, 107, "bad_request"]],
      ["/channels/a?heartbeat=301", [400, 107, "bad_request"]],
      ["/channels/a?heartbeat=soon", [400, 107, "bad_request"]],
      ["/channels/a?history=-1", [400, 107, "bad_request"]],
      ["/channels/a?history=all", [400, 107, "bad_request"]],
      [`/channels/${"n".repeat(256)}`, [413, 106, "limit_exceeded"]],
      [`/channels/${Array.from({ length: 101 }, (_, at) => `n${at}`).join(",")}`, [413, 106, "limit_exceeded"]],
      ["/channels/a?ticket=unknown", [401, 101, "unauthorized"]],
    ] as const)("is refused what makes no sense (%#) before anything is opened", async (path, refusal) => {
      const accept = client.name.includes("JSON lines") ? "application/x-ndjson" : "text/event-stream";
      const headers = client.oneWay
        ? { accept }
        : {
            upgrade: "websocket",
            connection: "Upgrade",
            "sec-websocket-version": "13",
            "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
          };
      expect(await refusalOf(fetch(`${gateway.url}${path}`, { headers }))).toEqual(refusal);
    });
  });
}

describe("the heads of streams", () => {
  const head = async (accept: string): Promise<Headers> => {
    const abort = new AbortController();
    const { headers, body } = await fetch(`${gateway.url}/channels/a`, { headers: { accept }, signal: abort.signal });
    await body?.cancel();
    abort.abort();
    return headers;
  };

  test.each(["text/event-stream", "application/x-ndjson"])(
    "of %s tell proxies to keep nothing back",
    async (accept) => {
      const headers = await head(accept);
      expect(headers.get("content-type")).toBe(`${accept}; charset=utf-8`);
      expect(headers.get("cache-control")).toContain("no-transform");
      expect(headers.get("x-accel-buffering")).toBe("no");
    },
  );

  test("are chosen among several types that a client takes", async () => {
    expect((await head("text/html, text/event-stream;q=0.9")).get("content-type")).toContain("text/event-stream");
    expect((await head("*/*")).get("content-type")).toContain("application/json");
  });
});

describe("server-sent events", () => {
  test("carry the cursor of each publication as `id:`, and the name of each notice as `event:`", async () => {
    const channel = fresh();
    await publish(gateway, channel, 1);
    const abort = new AbortController();
    const response = await fetch(`${gateway.url}/channels/${channel}?history=1`, {
      headers: { accept: "text/event-stream" },
      signal: abort.signal,
    });
    const pieces = response.body?.pipeThrough(new TextDecoderStream()) as ReadableStream<string>;
    let text = "";
    const reading = (async () => {
      for await (const part of pieces) {
        text += part;
      }
    })().catch(() => undefined);
    await until(() => text.includes("live"), "`live`");
    abort.abort();
    await reading;
    const [publication] = (await poll(gateway, `/channels/${channel}?history=1`)).publications;
    const { cursor } = publication ?? {};
    const [, retry = ""] = /^retry: (\d+)$/m.exec(text) ?? [];
    expect(Number(retry)).toBeWithin(1000, 5000);
    expect(text).toBe(
      `event: hello\ndata: {"hello":true,"heartbeat":25}\nretry: ${retry}\n\n` +
        `id: ${cursor}\ndata: ${JSON.stringify(publication)}\n\n` +
        `id: ${cursor}\nevent: live\ndata: {"live":true,"cursor":"${cursor}"}\n\n`,
    );
  });
});

describe("publishing by WebSocket", () => {
  test("is answered where the message has an id, and heard by others", async () => {
    const channel = fresh();
    const { listening, send } = await openWs(gateway, `/channels/${channel}`);
    listenings.push(listening);
    await listening.isLive();
    send({ channel, data: { n: 1 } });
    send({ id: 7, channel, data: 2 });
    send({ id: "x", channel: "maps/by-ws", data: 3, key: "k", tags: { a: "b" } });
    await listening.hears(() => listening.messages.filter((message) => "id" in message).length === 2, "two answers");
    expect(listening.data).toEqual([{ n: 1 }, 2]);
    const answers = listening.messages.filter((message) => "id" in message);
    expect(answers).toEqual([
      { id: 7, channel, offset: 2, epoch: expect.any(String) },
      { id: "x", channel: "maps/by-ws", offset: 1, epoch: expect.any(String) },
    ]);
    const { publications } = await poll(gateway, "/channels/maps/by-ws");
    expect(publications).toMatchObject([{ key: "k", data: 3, tags: { a: "b" } }]);
  });

  test("removes a key of a map", async () => {
    const channel = fresh("maps");
    await publish(gateway, `${channel}?key=k`, 1);
    const { listening, send } = await openWs(gateway, `/channels/${channel}`);
    listenings.push(listening);
    send({ channel, key: "k", removed: true });
    await listening.hearsPublications(2);
    expect(listening.publications[1]).toMatchObject({ key: "k", removed: true, data: null });
  });

  test.each([
    ["what", 107],
    ["[1]", 107],
    ["null", 107],
    ["1", 107],
    ["{}", 107],
    ['{"channel":"a"}', 107],
    ['{"channel":"a b","data":1}', 107],
    [`{"channel":"${"n".repeat(256)}","data":1}`, 106],
    ['{"channel":"$inner","data":1}', 101],
    ['{"channel":"a","data":1,"key":"k"}', 107],
    [`{"channel":"a","data":"${"x".repeat(64 * 1024)}"}`, 106],
    [`{"channel":"a","data":${"[".repeat(20_000)}${"]".repeat(20_000)}}`, 0],
    [`${"[".repeat(100_000)}`, 107],
    [`{"channel":"a","data":${"[".repeat(100_000)}${"]".repeat(100_000)}}`, 106],
    [`{"channel":"a","data":1,"id":${"[".repeat(100_000)}${"]".repeat(100_000)}}`, 107],
  ])("of message %# is refused with the error object, and the WebSocket goes on", async (message, code) => {
    const channel = fresh();
    const { listening, send } = await openWs(gateway, `/channels/${channel}`);
    listenings.push(listening);
    await listening.isLive();
    send(message);
    send({ id: 1, channel, data: "after" });
    await listening.hears(() => listening.has("id"), "the answer");
    const { error } = (listening.notice("error") ?? {}) as { error?: { code: number } };
    expect(error?.code ?? 0).toBe(code);
    expect(listening.data).toEqual(["after"]);
  });

  test("with an id that is refused says which", async () => {
    const { listening, send } = await openWs(gateway, `/channels/${fresh()}`);
    listenings.push(listening);
    send({ id: { any: ["thing"] }, channel: "a b", data: 1 });
    await listening.hears(() => listening.has("error"), "the refusal");
    expect(listening.notice("error")).toMatchObject({ id: { any: ["thing"] }, error: { code: 107 } });
  });

  test("of bytes is refused", async () => {
    const { listening, socket } = await openWs(gateway, `/channels/${fresh()}`);
    listenings.push(listening);
    socket.send(new Uint8Array([1, 2, 3]));
    await listening.hears(() => listening.has("error"), "the refusal");
    expect(listening.notice("error")).toMatchObject({ error: { code: 107 } });
  });

  test("of many messages in one packet is obeyed in their order", async () => {
    const channel = fresh();
    const { listening, send } = await openWs(gateway, `/channels/${channel}`);
    listenings.push(listening);
    await listening.isLive();
    for (let id = 1; id <= 200; id++) send({ id, channel, data: id });
    await listening.hears((messages) => messages.filter((message) => "id" in message).length === 200, "all answers");
    expect(listening.data).toEqual(Array.from({ length: 200 }, (_, at) => at + 1));
    expect(listening.messages.filter((m) => "id" in m).map((m) => m["id"])).toEqual(listening.data);
  });
});

describe("presence", () => {
  test("tells of joins and leaves where it was asked for and granted", async () => {
    const channel = fresh("rooms");
    const [client] = clients;
    if (client === undefined) throw new Error("no clients");
    const listening = await (await client.listen(gateway, `/channels/${channel}?presence=true`)).isLive();
    listenings.push(listening);
    const { listening: other } = await openWs(gateway, `/channels/${channel}`);
    await other.isLive();
    other.leave();
    await listening.hears(() => listening.has("leave"), "the leave");
    const { join } = (listening.messages.findLast((message) => "join" in message) ?? {}) as { join?: unknown };
    expect(listening.notice("leave")).toEqual({ leave: join, channel });
    expect(other.has("join")).toBe(false);
  });

  test("needs its grant", async () => {
    const channel = fresh("rooms");
    const key = gateway.key({ subscribe: ["**"] });
    const headers = { accept: "text/event-stream", "x-api-key": key };
    const asked = fetch(`${gateway.url}/channels/${channel}?presence=true`, { headers });
    expect(await refusalOf(asked)).toEqual([403, 103, "permission_denied"]);
  });
});
