import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { everyRight } from "../../../src/core/access.ts";
import { Bare, type Json, until } from "./clients.ts";
import { openGateway, type TestGateway } from "./gateway.ts";

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await openGateway({ limits: { unauthenticated: 1000 }, heartbeat: 1 });
});
afterAll(async () => {
  expect(gateway.log.errors).toEqual([]);
  await gateway.stop();
});

function errorOf(reply: Json): unknown {
  return (reply["error"] as Json | undefined)?.["code"];
}

describe("A message", () => {
  test("may have many commands, and what they bring comes in one, replies before publications", async () => {
    const bare = await Bare.open(gateway.ws);
    bare.send(
      { id: 1, connect: {} },
      { id: 2, subscribe: { channel: "one/frame" } },
      { id: 3, publish: { channel: "one/frame", data: { n: 1 } } },
      { id: 4, publish: { channel: "one/frame", data: { n: 2 } } },
      { id: 5, ping: {} },
    );
    await until(() => bare.frames.length > 0, "a frame");
    const [frame] = bare.frames;
    expect(frame?.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, undefined, undefined]);
    expect(bare.pushes).toMatchObject([
      { channel: "one/frame", pub: { data: { n: 1 }, offset: 1 } },
      { channel: "one/frame", pub: { data: { n: 2 }, offset: 2 } },
    ]);
    expect(bare.frames).toHaveLength(1);
    bare.close();
  });

  test("keeps its data digit for digit", async () => {
    const bare = await Bare.connected(gateway);
    await bare.ask({ id: 2, subscribe: { channel: "digits" } });
    const texts: string[] = [];
    bare.socket.addEventListener("message", ({ data }) => texts.push(String(data)));
    bare.socket.send('{"id":3,"publish":{"data": {"n":1.50,"big":12345678901234567890} ,"channel":"digits"}}');
    await until(() => texts.some((text) => text.includes('"data":{"n":1.50,"big":12345678901234567890}')), "the data");
    bare.close();
  });
});

describe("A peer is sent away", () => {
  const nonsense: readonly (readonly [string, string | Uint8Array<ArrayBuffer>])[] = [
    ["no JSON", "{"],
    ["a list", "[]"],
    ["a number", "1"],
    ["an unknown method", '{"id":1,"dance":{}}'],
    ["no method", '{"id":1}'],
    ["no id", '{"connect":{}}'],
    ["an id that is none", '{"id":-1,"connect":{}}'],
    ["an id of text", '{"id":"1","connect":{}}'],
    ["parameters that are none", '{"id":1,"connect":1}'],
    ["another command before connect", '{"id":1,"subscribe":{"channel":"a"}}'],
    ["send before connect", '{"send":{"data":1}}'],
    ["bytes", new Uint8Array([1, 2, 3])],
    ["two connects", '{"id":1,"connect":{}}\n{"id":2,"connect":{}}'],
  ];
  test.each(nonsense)("with 3501 for %s", async (_, message) => {
    const bare = await Bare.open(gateway.ws);
    bare.socket.send(message);
    expect(await bare.closes()).toBe(3501);
  });

  test("with 3502 when it does not connect in time", async () => {
    const bare = await Bare.open(gateway.ws);
    expect(await bare.closes()).toBe(3502);
  });

  test("with 3012 when it answers no ping, and stays when it does", async () => {
    const silent = await Bare.connected(gateway);
    const answering = await Bare.connected(gateway);
    answering.socket.addEventListener("message", ({ data }) => {
      if (data === "{}") answering.socket.send("{}");
    });
    expect(silent.replies[0]).toMatchObject({ connect: { ping: 1, pong: true } });
    expect(await silent.closes()).toBe(3012);
    expect(silent.replies.some((reply) => Object.keys(reply).length === 0)).toBe(true);
    const pings = (): number => answering.replies.filter((reply) => Object.keys(reply).length === 0).length;
    const before = pings();
    await until(() => pings() > before || answering.closed !== undefined, "one more ping");
    expect(answering.closed).toBeUndefined();
    answering.close();
  }, 15_000);

  test("with 3010 when a publication of a channel is missing that the gateway subscribed it to", async () => {
    const principal = { id: "ada", name: "ada", rights: everyRight };
    const authenticate = () => ({ principal, channels: ["fleeting/own"] });
    const forgetful = await openGateway({ maxChannels: 3, seams: { authenticate } });
    const bare = await Bare.connected(forgetful, { token: "any" });
    for (const n of [1, 2]) await forgetful.publish("fleeting/own", n);
    // Others take its place: it begins anew, at 1 again.
    for (const name of ["a", "b", "c", "d"]) await forgetful.publish(`fleeting/${name}`, 0);
    await forgetful.publish("fleeting/own", 1);
    expect(await bare.closes()).toBe(3010);
    expect(bare.pushes.map(({ pub }) => (pub as Json)["data"])).toEqual([1, 2]);
    await forgetful.stop();
  });

  test("with 3500 for a key that is none", async () => {
    const bare = await Bare.open(gateway.ws);
    bare.send({ id: 1, connect: { token: "hw_nobody_0000000000000000000000" } }, { id: 2, ping: {} });
    expect(await bare.closes()).toBe(3500);
  });
});

describe("A command is refused", () => {
  const refused: readonly (readonly [number, string, Json])[] = [
    [103, "subscribing without a grant", { subscribe: { channel: "$device/x" } }],
    [103, "publishing without a grant", { publish: { channel: "$device/x", data: 1 } }],
    [103, "subscribing to more than is granted", { subscribe: { channel: "$secret" } }],
    [104, "calling what is not there", { rpc: { method: "dance", data: {} } }],
    [105, "subscribing twice", { subscribe: { channel: "twice" } }],
    [106, "publishing too much", { publish: { channel: "a", data: "x".repeat(70_000) } }],
    [106, "a name that is too long", { subscribe: { channel: "x".repeat(300) } }],
    [107, "subscribing to nothing", { subscribe: {} }],
    [107, "a name that is none", { subscribe: { channel: "a//b" } }],
    [107, "a channel that is no text", { subscribe: { channel: 1 } }],
    [107, "publishing nothing", { publish: { channel: "a" } }],
    [107, "an offset before the first", { subscribe: { channel: "a", recover: true, offset: -1 } }],
    [107, "a key on a stream", { publish: { channel: "a", key: "k", data: 1 } }],
    [107, "no key on a map", { publish: { channel: "maps/a", data: 1 } }],
    [107, "a removal without key", { publish: { channel: "maps/a", type: 1, removed: true } }],
    [107, "a map that is none", { subscribe: { channel: "a", type: 1, phase: 2 } }],
    [107, "an unknown delta", { subscribe: { channel: "a", delta: "xor" } }],
    [107, "a filter that is none", { subscribe: { channel: "a", tf: { op: "xor", nodes: [{}] } } }],
    [107, "a filter with delta", { subscribe: { channel: "a", delta: "fossil", tf: { key: "k", cmp: "ex" } } }],
    [108, "presence where there is none", { presence: { channel: "a" } }],
    [108, "presence counts where there are none", { presence_stats: { channel: "a" } }],
    [108, "a subscription of an unknown type", { subscribe: { channel: "a", type: 4 } }],
    [112, "history since another epoch", { history: { channel: "a", limit: 1, since: { offset: 1, epoch: "x" } } }],
    [112, "a map since another epoch", { subscribe: { channel: "maps/a", type: 1, phase: 1, epoch: "x", offset: 1 } }],
    [
      112,
      "a stream that has to be whole",
      { subscribe: { channel: "b", flag: 2, recover: true, epoch: "x", offset: 1 } },
    ],
  ];
  test.each(refused)("with %d for %s, and the session goes on", async (code, _, command) => {
    const bare = await Bare.connected(gateway);
    await bare.ask({ id: 2, subscribe: { channel: "twice" } });
    expect(errorOf(await bare.ask({ id: 3, ...command }))).toBe(code);
    expect(await bare.ask({ id: 4, ping: {} })).toEqual({ id: 4, ping: {} });
    bare.close();
  });

  test("with 110 for a key that has expired", async () => {
    const bare = await Bare.open(gateway.ws);
    const token = gateway.key({ subscribe: ["**"] }, { expires: Date.now() - 1 });
    expect(errorOf(await bare.ask({ id: 1, connect: { token } }))).toBe(110);
    bare.close();
  });

  test("with 111, which may pass, over the rate", async () => {
    const slow = await openGateway({ rate: 1 });
    const bare = await Bare.connected(slow);
    await bare.ask({ id: 2, publish: { channel: "a", data: 1 } });
    const reply = await bare.ask({ id: 3, publish: { channel: "a", data: 1 } });
    expect(reply).toMatchObject({ error: { code: 111, temporary: true } });
    bare.close();
    await slow.stop();
  });
});

describe("Commands", () => {
  test("are obeyed in their order also when one takes its time", async () => {
    const { promise, resolve: finish } = Promise.withResolvers<string>();
    const rpc = (): Promise<string> => promise;
    const patient = await openGateway({ seams: { rpc } });
    const bare = await Bare.connected(patient);
    bare.send({ id: 2, rpc: { method: "wait" } }, { id: 3, ping: {} });
    bare.send({ id: 4, ping: {} });
    await bare.isRead();
    expect(bare.replies.map(({ id }) => id)).toEqual([1]);
    finish('{"after":"all"}');
    await until(() => bare.replies.length === 4, "the replies");
    expect(bare.replies.slice(1)).toEqual([
      { id: 2, rpc: { data: { after: "all" } } },
      { id: 3, ping: {} },
      { id: 4, ping: {} },
    ]);
    bare.close();
    await patient.stop();
  });

  test("tell who published, to those who asked by a key too", async () => {
    const token = gateway.key({ subscribe: ["told"], publish: ["told"] });
    const bare = await Bare.connected(gateway, { token });
    await bare.ask({ id: 2, subscribe: { channel: "told" } });
    await bare.ask({ id: 3, publish: { channel: "told", data: 1 } });
    await until(() => bare.pushes.length > 0, "the publication");
    const [{ connect }] = bare.replies as [{ connect: { client: string } }];
    expect(bare.pushes[0]).toMatchObject({ pub: { info: { user: token.split("_")[1], client: connect.client } } });
    bare.close();
  });

  test("read history forwards, backwards and from a place", async () => {
    const bare = await Bare.connected(gateway);
    for (let n = 1; n <= 5; n++) await gateway.publish("past", n);
    const history = async (query: Json): Promise<readonly unknown[]> => {
      const reply = await bare.ask({ id: bare.replies.length + 10, history: { channel: "past", ...query } });
      const { publications, offset } = reply["history"] as { publications: readonly Json[]; offset: number };
      expect(offset).toBe(5);
      return publications.map(({ data }) => data);
    };
    expect(await history({})).toEqual([]);
    expect(await history({ limit: 2 })).toEqual([1, 2]);
    expect(await history({ limit: -1 })).toEqual([1, 2, 3, 4, 5]);
    expect(await history({ limit: 2, reverse: true })).toEqual([5, 4]);
    expect(await history({ limit: 2, since: { offset: 3, epoch: "" } })).toEqual([4, 5]);
    expect(await history({ limit: 9, since: { offset: 3, epoch: "" }, reverse: true })).toEqual([2, 1]);
    bare.close();
  });

  test("unsubscribe, and nothing comes any more", async () => {
    const bare = await Bare.connected(gateway);
    await bare.ask({ id: 2, subscribe: { channel: "leaving" } });
    expect(await bare.ask({ id: 3, unsubscribe: { channel: "leaving" } })).toEqual({ id: 3, unsubscribe: {} });
    await gateway.publish("leaving", 1);
    await bare.ask({ id: 4, ping: {} });
    expect(bare.pushes).toEqual([]);
    expect(await bare.ask({ id: 5, subscribe: { channel: "leaving" } })).toMatchObject({ id: 5, subscribe: {} });
    bare.close();
  });

  test("subscribe to a pattern, and come back to it", async () => {
    const bare = await Bare.connected(gateway);
    const reply = await bare.ask({ id: 2, subscribe: { channel: "house/*" } });
    await gateway.publish("house/door", "open");
    await until(() => bare.pushes.length > 0, "the publication");
    const { epoch } = reply["subscribe"] as { epoch: string };
    const [push] = bare.pushes as [{ channel: string; pub: { offset: number } }];
    expect(push).toMatchObject({ channel: "house/*", pub: { channel: "house/door", data: "open" } });
    bare.close();
    await gateway.publish("house/door", "shut");
    const again = await Bare.connected(gateway);
    const recover = { recover: true, epoch, offset: push.pub.offset };
    expect(await again.ask({ id: 2, subscribe: { channel: "house/*", ...recover } })).toMatchObject({
      subscribe: { recovered: true, was_recovering: true, publications: [{ data: "shut", channel: "house/door" }] },
    });
    again.close();
  });
});
