import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { EventSource } from "eventsource";
import { Bare, type Json, sdk, until } from "./clients.ts";
import { openGateway, type TestGateway } from "./gateway.ts";

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await openGateway({ heartbeat: 1, limits: { unauthenticated: 1000 } });
});
afterAll(async () => {
  expect(gateway.log.errors).toEqual([]);
  await gateway.stop();
});

/** Lines of a streamed response, as they come. */
class Lines {
  readonly objects: Json[] = [];
  status = 0;
  ended = false;
  readonly #stop = new AbortController();

  async open(path: string, init: RequestInit): Promise<this> {
    const response = await fetch(`${gateway.url}${path}`, { ...init, signal: this.#stop.signal });
    this.status = response.status;
    void this.#read(response).catch(() => undefined);
    return this;
  }

  async #read(response: Response): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (line.startsWith("retry: ")) continue;
        const text = line.startsWith("data: ") ? line.slice(6) : line;
        if (text !== "") this.objects.push(JSON.parse(text) as Json);
      }
    }
    this.ended = true;
  }

  close(): void {
    this.#stop.abort();
  }
}

/** Waits until the newest session has said so many things more. */
async function isHeard(times: number): Promise<void> {
  const session = [...gateway.hub.sessions].at(-1);
  for (let heard = 0; heard < times; heard++) {
    const before = session?.lastIn ?? 0;
    await until(() => (session?.lastIn ?? 0) > before, "a sign of life");
  }
}

type Way = readonly [path: string, init: RequestInit];

function openBy([path, init]: Way): Promise<Lines> {
  return new Lines().open(path, init);
}

const commands = (...list: Json[]): string => list.map((command) => JSON.stringify(command)).join("\n");

describe.each([
  ["http_stream", (list: string): Way => ["/connection/http_stream", { method: "POST", body: list }]],
  ["sse", (list: string): Way => [`/connection/sse?cf_connect=${encodeURIComponent(list)}`, {}]],
] as const)("%s", (_, request) => {
  test("obeys its first commands, and those that come by /emulation", async () => {
    const stream = await new Lines().open(
      ...request(commands({ id: 1, connect: {} }, { id: 2, subscribe: { channel: "em" } })),
    );
    await until(() => stream.objects.length >= 2, "the replies");
    const [{ connect }] = stream.objects as unknown as [{ connect: { session: string; node: string } }];
    const { session, node } = connect;
    expect(session).toHaveLength(24);
    const data = commands({ id: 3, publish: { channel: "em", data: 1 } }, { id: 4, ping: {} });
    const sent = await fetch(`${gateway.url}/emulation`, {
      method: "POST",
      body: JSON.stringify({ session, node, data }),
    });
    expect(sent.status).toBe(204);
    await until(() => stream.objects.length >= 5, "what came of it");
    expect(stream.objects.slice(2)).toMatchObject([
      { id: 3 },
      { id: 4 },
      { push: { channel: "em", pub: { data: 1 } } },
    ]);
    stream.close();
  });

  test("is told why it ends, since it has no close code", async () => {
    const bad = await openBy(request(commands({ id: 1, connect: { token: "nonsense" } })));
    await until(() => bad.ended, "the end");
    expect(bad.objects).toMatchObject([{ push: { disconnect: { code: 3500, reconnect: false } } }]);
    const mute = await openBy(request(commands({ id: 1, connect: {} })));
    await until(() => mute.ended, "the end of who answers no ping");
    expect(mute.objects.at(-1)).toMatchObject({ push: { disconnect: { code: 3012, reconnect: true } } });
  });
});

test("/emulation knows only its own node, does not tell which sessions there are, and refuses nonsense", async () => {
  const send = (body: string | Uint8Array<ArrayBuffer>, headers = {}): Promise<Response> =>
    fetch(`${gateway.url}/emulation`, { method: "POST", body, headers });
  const node = gateway.hub.run;
  expect((await send(JSON.stringify({ session: "x", node: "elsewhere", data: "{}" }))).status).toBe(404);
  expect((await send(JSON.stringify({ session: "x", node, data: "{}" }))).status).toBe(204);
  for (const body of ["", "{", "null", "[]", '{"session":1}']) expect((await send(body)).status).toBe(400);
  const binary = { "content-type": "application/octet-stream" };
  expect((await send(new Uint8Array([255, 255, 255]), binary)).status).toBe(400);
  expect((await fetch(`${gateway.url}/emulation`)).status).toBe(404);
});

describe("Where WebSockets are blocked", () => {
  /** A network that lets no WebSocket through. */
  class Blocked {
    onclose: ((event: { code: number; reason: string }) => void) | undefined;
    onerror: ((event: unknown) => void) | undefined;
    constructor() {
      setTimeout(() => {
        this.onerror?.({});
        this.onclose?.({ code: 1006, reason: "" });
      }, 1);
    }
    send(): void {
      throw new Error("no connection");
    }
    close(): void {
      // There is nothing to close.
    }
  }
  const blockedFetch = (input: string | URL | Request, init?: RequestInit): Promise<Response> =>
    String(input).includes("http_stream") ? Promise.reject(new Error("blocked")) : fetch(input, init);

  test.each([
    ["http_stream", fetch.bind(globalThis)],
    ["sse", blockedFetch],
  ] as const)(
    "the SDK goes on by %s, and recovers there",
    async (transport, through) => {
      const client = sdk(
        [
          { transport: "websocket", endpoint: gateway.ws },
          { transport: "http_stream", endpoint: `${gateway.url}/connection/http_stream` },
          { transport: "sse", endpoint: `${gateway.url}/connection/sse` },
        ],
        { websocket: Blocked, fetch: through, eventsource: EventSource, emulationEndpoint: `${gateway.url}/emulation` },
      );
      const used: string[] = [];
      client.on("connected", (context) => used.push(context.transport));
      const heard: unknown[] = [];
      const sub = client.newSubscription(`fallback/${transport}`);
      sub.on("publication", ({ data }) => heard.push(data));
      client.connect();
      sub.subscribe();
      await sub.ready();
      await sub.publish(1);
      await until(() => heard.length === 1, "the publication");
      // Its pongs come by /emulation: without them it would be ended, and come back.
      await isHeard(3);
      expect(used).toEqual([transport]);
      const { Refused } = await import("../../../src/core/refusals.ts");
      gateway.hub.end(
        () => true,
        () => new Refused("forceReconnect"),
      );
      await gateway.publish(`fallback/${transport}`, 2);
      await until(() => heard.length === 2, "what it missed");
      expect(heard).toEqual([1, 2]);
      client.disconnect();
    },
    15_000,
  );
});

describe("Who only listens", () => {
  const request = { subs: { "only/a": {}, "maps/only": {} }, data: { any: "thing" } };

  test.each([
    [
      "uni_http_stream",
      (): Promise<Lines> =>
        new Lines().open("/connection/uni_http_stream", { method: "POST", body: JSON.stringify(request, null, 2) }),
    ],
    [
      "uni_sse",
      (): Promise<Lines> =>
        new Lines().open(`/connection/uni_sse?cf_connect=${encodeURIComponent(JSON.stringify(request))}`, {}),
    ],
  ] as const)("gets pushes by %s", async (_, open) => {
    await gateway.publish("maps/only", 1, { key: "k" });
    const stream = await open();
    await until(() => stream.objects.length === 1, "the beginning");
    expect(stream.objects[0]).toMatchObject({
      connect: { ping: 1, subs: { "only/a": { recoverable: true }, "maps/only": { publications: [{ key: "k" }] } } },
    });
    expect(stream.objects[0]?.["connect"]).not.toHaveProperty("pong");
    await gateway.publish("only/a", "hello");
    await until(() => stream.objects.length >= 2, "the publication");
    expect(stream.objects[1]).toMatchObject({ channel: "only/a", pub: { data: "hello" } });
    stream.close();
  });

  test("gets pushes by uni_websocket, recovers by connecting again, and needs no pong", async () => {
    const bare = await Bare.open(`${gateway.url.replace("http", "ws")}/connection/uni_websocket`);
    bare.send({ subs: { "only/b": {} } });
    await until(() => bare.replies.length === 1, "the beginning");
    const [{ connect }] = bare.replies as [{ connect: { subs: { "only/b": { epoch: string } } } }];
    await gateway.publish("only/b", 1);
    await until(() => bare.replies.length >= 2, "the publication");
    bare.send({ id: 2, ping: {} });
    await until(() => bare.replies.filter((reply) => Object.keys(reply).length === 0).length >= 3, "three pings");
    expect(bare.closed).toBeUndefined();
    bare.close();
    await gateway.publish("only/b", 2);
    const again = await Bare.open(`${gateway.url.replace("http", "ws")}/connection/uni_websocket`);
    again.send({ subs: { "only/b": { recover: true, epoch: connect.subs["only/b"].epoch, offset: 1 } } });
    await until(() => again.replies.length === 1, "the beginning");
    expect(again.replies[0]).toMatchObject({
      connect: { subs: { "only/b": { recovered: true, publications: [{ data: 2, offset: 2 }] } } },
    });
    again.close();
  });

  test("is told why it may not", async () => {
    const stream = await new Lines().open("/connection/uni_http_stream", {
      method: "POST",
      body: '{"subs":{"$secret":{}}}',
    });
    await until(() => stream.ended, "the end");
    expect(stream.objects).toMatchObject([{ disconnect: { code: 3507, reconnect: false } }]);
    const nonsense = await new Lines().open("/connection/uni_http_stream", { method: "POST", body: "}{" });
    await until(() => nonsense.ended, "the end");
    expect(nonsense.objects).toMatchObject([{ disconnect: { code: 3501 } }]);
  });
});

test("A path or method that is none is refused by HTTP", async () => {
  for (const path of ["/connection", "/connection/other", "/connection/websocket", "/connection/http_stream"]) {
    const { status } = await fetch(`${gateway.url}${path}`);
    expect(status).toBeOneOf([400, 404]);
  }
});
