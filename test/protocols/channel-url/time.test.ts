/** What the protocol does as time goes by: heartbeats, the end of old streams, and polls that wait. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Journal } from "../../../src/ports.ts";
import {
  httpAnswer,
  opcodes,
  RawClient,
  type ServerFrame,
  serverFrames,
  until,
  upgradeHead,
} from "../../transports/raw-client.ts";
import { clients, type Listening, openWs, type Poll, poll, publish } from "./clients.ts";
import { openGateway, type TestGateway } from "./gateway.ts";

let gateway: TestGateway;
const listenings: Listening[] = [];
beforeEach(async () => {
  gateway = await openGateway({ maxAge: 600_000 });
});
afterEach(async () => {
  for (const listening of listenings.splice(0)) listening.leave();
  await gateway.stop();
  expect(gateway.errors).toEqual([]);
});

function beats({ messages }: Listening): number {
  return messages.filter((message) => "heartbeat" in message && !("hello" in message)).length;
}

for (const client of clients) {
  const listen = async (path: string): Promise<Listening> => {
    const listening = await client.listen(gateway, `/channels/${path}`);
    listenings.push(listening);
    return await listening.isLive();
  };

  describe(client.name, () => {
    test("gets a heartbeat at the interval that was announced", async () => {
      const listening = await listen("a");
      expect(listening.notice("hello")).toEqual({ hello: true, heartbeat: 25 });
      for (let count = 1; count <= 2; count++) {
        await gateway.clock.advance(26_000);
        await until(() => beats(listening) === count, `heartbeat ${count}`);
      }
      expect(listening.messages.at(-1)).toEqual({ heartbeat: 25 });
    });

    test.each([15, 300])("may ask for a heartbeat every %d s", async (seconds) => {
      const listening = await listen(`a?heartbeat=${seconds}`);
      expect(listening.notice("hello")).toEqual({ hello: true, heartbeat: seconds });
      await gateway.clock.advance((seconds - 1) * 1000);
      await publish(gateway, "other", 1);
      expect(beats(listening)).toBe(0);
      await gateway.clock.advance(2000);
      await until(() => beats(listening) === 1, "the heartbeat");
      expect(listening.messages.at(-1)).toEqual({ heartbeat: seconds });
    });

    test("is never left in silence for much longer than the interval, also after something else was sent", async () => {
      const listening = await listen("a");
      let silence = 0;
      let heard = listening.messages.length;
      for (let second = 1; second <= 80; second++) {
        await gateway.clock.advance(1000);
        if (second === 10) await publish(gateway, "a", second);
        // What left in this second arrives before the answer to a request that was sent after it.
        await poll(gateway, "/channels/none");
        await Bun.sleep(client.name.startsWith("curl") ? 5 : 1);
        silence = listening.messages.length > heard ? 0 : silence + 1;
        heard = listening.messages.length;
        expect(silence).toBeLessThanOrEqual(30);
      }
    });

    if (client.oneWay) {
      test("ends in good order after `max_age`, with the cursor to go on from", async () => {
        const listening = await listen("a");
        await publish(gateway, "a", 1);
        await publish(gateway, "elsewhere", 2);
        await gateway.clock.advance(601_000);
        await listening.isEnded();
        const end = listening.messages.at(-1);
        expect(end).toEqual({ end: true, cursor: expect.any(String) });
        if (client.name.includes("event")) expect(listening.lastId).toBe(end?.cursor ?? "");
        await publish(gateway, "a", 3);
        const again = await listen(`a?since=${end?.cursor}`);
        expect(again.data).toEqual([3]);
        expect(again.has("gap")).toBe(false);
      });
    }
  });
}

test("a WebSocket whose peer answers pings lives on beyond `max_age`; one that does not is ended", async () => {
  const { listening, socket } = await openWs(gateway, "/channels/a");
  listenings.push(listening);
  await listening.isLive();
  let pings = 0;
  socket.on("ping", () => pings++);
  for (let count = 1; count <= 30; count++) {
    await gateway.clock.advance(26_000);
    await until(() => pings >= count, "the ping");
    // The pong must be there before the clock goes on.
    await poll(gateway, "/channels/none");
  }
  expect(listening.ended).toBeUndefined();
  socket.pause();
  await gateway.clock.advance(100_000);
  await until(() => gateway.hub.sessions.size === 0, "the end of the session");
});

test("a WebSocket whose peer reads and answers no ping is told 3012 after two intervals", async () => {
  const client = await RawClient.connect(Number(new URL(gateway.url).port));
  await client.send(upgradeHead("/channels/a"));
  const frames = (): ServerFrame[] => serverFrames(httpAnswer(client.bytes)?.rest ?? Buffer.alloc(0));
  await until(() => frames().some(({ payload }) => payload.includes('"live"')), "being live");
  for (let interval = 1; interval <= 2; interval++) {
    await gateway.clock.advance(25_000);
    await until(() => frames().filter(({ opcode }) => opcode === opcodes.ping).length === interval, "the ping");
  }
  expect(client.closed).toBeFalse();
  await gateway.clock.advance(26_000);
  await until(() => client.closed, "the end");
  const { opcode, payload } = frames().at(-1) ?? {};
  expect(opcode).toBe(opcodes.close);
  expect(payload?.readUInt16BE(0)).toBe(3012);
  expect(payload?.toString("utf8", 2)).toBe("No sign of life");
});

describe("a poll", () => {
  /** A poll that waits, once the gateway has it. */
  async function waiting(path: string, signal?: AbortSignal): Promise<{ readonly answer: Promise<Poll> }> {
    const before = gateway.hub.sessions.size;
    const answer = fetch(`${gateway.url}/channels/${path}`, signal === undefined ? {} : { signal }).then(
      async (response) => (await response.json()) as Poll,
    );
    answer.catch(() => undefined);
    await until(() => gateway.hub.sessions.size > before, "the waiting poll");
    return { answer };
  }

  test("without `since` is answered at once: maps, the history that was asked for, and the cursor", async () => {
    await publish(gateway, "maps/a?key=k", 1);
    for (const n of [2, 3]) await publish(gateway, "b", n);
    const plain = await poll(gateway, "/channels/maps/a,b?wait=60");
    expect(plain.publications.map(({ data }) => data)).toEqual([1]);
    const { publications } = await poll(gateway, "/channels/maps/a,b?history=1");
    expect(publications.map(({ data }) => data)).toEqual([1, 3]);
    expect(plain).toEqual({ publications: plain.publications, cursor: expect.stringMatching(/^[!-~]{1,63}$/) });
  });

  test("is answered at once without `wait`, and at once when something was missed", async () => {
    const { cursor } = await poll(gateway, "/channels/a");
    expect(await poll(gateway, `/channels/a?since=${cursor}`)).toEqual({ publications: [], cursor });
    await publish(gateway, "a", 1);
    const { publications } = await poll(gateway, `/channels/a?since=${cursor}&wait=60`);
    expect(publications.map(({ data }) => data)).toEqual([1]);
  });

  test("that waits is answered as soon as there is something, with all that the turn brought", async () => {
    const { cursor } = await poll(gateway, "/channels/a/*");
    const waits = await waiting(`a/*?since=${cursor}&wait=60`);
    const items = [1, 2, 3].map((n) => ({ channel: `a/${n % 2}`, data: n }));
    await fetch(`${gateway.url}/channels`, { method: "POST", body: JSON.stringify(items) });
    const answer = await waits.answer;
    expect(answer.publications.map(({ data }) => data)).toEqual([1, 2, 3]);
    expect(answer.cursor).toBe(answer.publications.at(-1)?.cursor ?? "");
    expect(gateway.hub.sessions.size).toBe(0);
    expect((await poll(gateway, `/channels/a/*?since=${answer.cursor}`)).publications).toEqual([]);
  });

  test("that waits in vain is answered empty at the end of its wait, with a cursor", async () => {
    const { cursor } = await poll(gateway, "/channels/a");
    const waits = await waiting(`a?since=${cursor}&wait=20`);
    await publish(gateway, "elsewhere", 1);
    await gateway.clock.advance(19_000);
    expect(gateway.hub.sessions.size).toBe(1);
    await gateway.clock.advance(2000);
    const answer = await waits.answer;
    expect(answer.publications).toEqual([]);
    await publish(gateway, "a", 2);
    const { publications } = await poll(gateway, `/channels/a?since=${answer.cursor}`);
    expect(publications.map(({ data }) => data)).toEqual([2]);
    expect(gateway.hub.sessions.size).toBe(0);
  });

  test("that is aborted leaves nothing behind", async () => {
    const { cursor } = await poll(gateway, "/channels/a");
    const abort = new AbortController();
    await waiting(`a?since=${cursor}&wait=60`, abort.signal);
    expect(gateway.hub.listeners("a")).toBe(1);
    abort.abort();
    await until(() => gateway.hub.sessions.size === 0, "the end of the session");
    expect(gateway.hub.listeners("a")).toBe(0);
    await publish(gateway, "a", 1);
  });

  test("in a loop gets everything, in order per channel, and nothing twice", async () => {
    let { cursor } = await poll(gateway, "/channels/loop/*");
    const heard: unknown[] = [];
    const publishing = (async () => {
      for (let n = 0; n < 100; n++) await publish(gateway, `loop/${n % 3}`, n);
    })();
    while (heard.length < 100) {
      const answer = await poll(gateway, `/channels/loop/*?since=${cursor}&wait=60`);
      expect(answer.gap).toBeUndefined();
      heard.push(...answer.publications.map(({ data }) => data));
      ({ cursor } = answer);
    }
    await publishing;
    expect(heard).toEqual(Array.from({ length: 100 }, (_, at) => at));
  });

  test("tells of a gap first, at once, with what is left", async () => {
    const { cursor } = await poll(gateway, "/channels/short/a");
    for (let n = 1; n <= 5; n++) await publish(gateway, "short/a", n);
    const answer = await poll(gateway, `/channels/short/a?since=${cursor}&wait=60`);
    expect(answer).toMatchObject({ gap: true, channels: ["short/a"] });
    expect(answer.publications.map(({ data }) => data)).toEqual([3, 4, 5]);
    expect(Object.keys(answer)[0]).toBe("gap");
    expect((await poll(gateway, `/channels/short/a?since=${answer.cursor}`)).gap).toBeUndefined();
  });

  test("may come back with any of the names of `since`", async () => {
    const { cursor } = await poll(gateway, "/channels/a");
    await publish(gateway, "a", 1);
    for (const query of [`since=${cursor}`, `last_event_id=${cursor}`, `lastEventId=${cursor}`]) {
      expect((await poll(gateway, `/channels/a?${query}`)).publications).toHaveLength(1);
    }
    expect((await poll(gateway, "/channels/a", { "last-event-id": cursor })).publications).toHaveLength(1);
  });

  test.each(["wait=61", "wait=-1", "wait=long", "history=10001"])("with %s is refused", async (query) => {
    expect((await fetch(`${gateway.url}/channels/a?${query}`)).status).toBe(400);
  });

  test("whose key is revoked ends", async () => {
    const key = gateway.key({ subscribe: ["**"] });
    const { cursor } = await poll(gateway, "/channels/a");
    const answer = fetch(`${gateway.url}/channels/a?since=${cursor}&wait=60`, { headers: { "x-api-key": key } });
    await until(() => gateway.hub.sessions.size === 1, "the waiting poll");
    gateway.revoke(key);
    expect(await (await answer).json()).toMatchObject({ publications: [], cursor: expect.any(String) });
  });
});

test("history goes by its age: a cursor older than it is a gap", async () => {
  const { cursor } = await poll(gateway, "/channels/a");
  await publish(gateway, "a", 1);
  await gateway.clock.advance(600_001);
  expect(await poll(gateway, `/channels/a?since=${cursor}`)).toMatchObject({ gap: true, publications: [] });
});

test("a stream that ends before anything was published since a restart gives a cursor that is good", async () => {
  const publication = { channel: "kept/a", offset: 1, seq: 10, time: gateway.clock.now(), data: "1" };
  const kept = [
    { channel: "kept/a", kind: "stream", since: 0, offset: 1, trimmedSeq: 0, publications: [publication], entries: [] },
  ] as const;
  const none = async (): Promise<void> => undefined;
  const journal: Journal = {
    epoch: "e",
    rules: undefined,
    runs: [],
    nextSeq: 1000,
    load: () => kept,
    begin: () => undefined,
    rule: () => undefined,
    reserve: none,
    append: none,
    trim: () => undefined,
    forget: () => undefined,
    close: none,
  };
  const restarted = await openGateway({ journal, maxAge: 60_000 });
  const client = clients.find(({ oneWay }) => oneWay);
  const listening = await client?.listen(restarted, "/channels/kept/a");
  await listening?.isLive();
  await restarted.clock.advance(61_000);
  await listening?.isEnded();
  const end = listening?.notice("end");
  expect(end?.cursor).toBe(listening?.notice("live")?.cursor ?? "");
  expect(await poll(restarted, `/channels/kept/a?since=${end?.cursor}`)).toMatchObject({ publications: [] });
  await restarted.stop();
});
