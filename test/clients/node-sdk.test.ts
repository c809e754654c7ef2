import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { TestGateway } from "../http/gateway.ts";

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await TestGateway.start("channels: { room/*: { presence: true, history: { size: 10, ttl: 1m } } }\n");
});
afterAll(() => gateway.stop());

test.each([
  ["json", "websocket"],
  ["json", "http_stream"],
  ["json", "sse"],
  ["protobuf", "websocket"],
])(
  "The official SDK in Node, in %s, by %s where what it tries before is blocked: every method, and recovery",
  async (build, transport) => {
    const all = ["room/*"];
    const { key } = await gateway.newKey({ subscribe: all, publish: all, presence: all, history: all, call: ["time"] });
    await gateway.ask("/api/history_remove", { method: "POST", key: gateway.admin, body: { channel: "room/node" } });
    const script = join(import.meta.dir, "node-sdk.mjs");
    const child = Bun.spawn(["node", script, build, transport, gateway.url, key], { stdout: "pipe", stderr: "pipe" });
    const [said, complaints] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    expect([await child.exited, complaints]).toEqual([0, ""]);
    expect(JSON.parse(said)).toEqual({
      transport,
      presence: 1,
      stats: { numClients: 1, numUsers: 1 },
      history: [{ n: 1 }],
      rpc: "number",
      refused: 103,
      heard: [{ n: 1 }, { n: 2 }],
    });
  },
  20_000,
);
