/** Many requests at once: so many are begun in one turn of the event loop, in order, and nobody is lost. */
import { describe, expect, test } from "bun:test";
import type { Inlet, OpenPeer } from "../../src/ports.ts";
import { type HttpListener, listenHttp } from "../../src/transports/http-server.ts";
import { Turnstile } from "../../src/transports/turnstile.ts";
import { FakeLog } from "../fakes/log.ts";
import { RawClient, until } from "./raw-client.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("so many pass in one turn, in the order in which they came; who comes later overtakes nobody", async () => {
  const turnstile = new Turnstile(3);
  const passed: number[] = [];
  const come = (who: number): void => {
    const waits = turnstile.pass();
    if (waits === undefined) passed.push(who);
    else void waits.then(() => passed.push(who));
  };
  for (let who = 1; who <= 8; who++) come(who);
  expect(passed).toEqual([1, 2, 3]);
  await turn();
  come(9);
  expect(passed).toEqual([1, 2, 3, 4, 5, 6]);
  await turn();
  expect(passed).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  await turn();
  for (let who = 10; who <= 13; who++) come(who);
  expect(passed.slice(9)).toEqual([10, 11, 12]);
  await turn();
  expect(passed.at(-1)).toBe(13);
});

describe("many requests at once", () => {
  const crowd = 300;
  const opened = new Set<Inlet>();
  const open: OpenPeer = () => {
    const inlet: Inlet = {
      message: () => undefined,
      alive: () => undefined,
      drained: () => undefined,
      ended: () => opened.delete(inlet),
    };
    opened.add(inlet);
    return inlet;
  };

  /** All of them in one turn, to a server that opens a stream for each. */
  async function ask(begun: () => void): Promise<{ server: HttpListener; clients: RawClient[] }> {
    const server = listenHttp({
      at: { hostname: "127.0.0.1", port: 0 },
      maxMessage: 1000,
      log: new FakeLog(),
      visit: (visit) => {
        begun();
        return visit.sse(open);
      },
    });
    const clients = await Promise.all(Array.from({ length: crowd }, () => RawClient.connect(server.port)));
    for (const client of clients) void client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    return { server, clients };
  }

  test("are begun in several turns, and all are served", async () => {
    let turns = 0;
    let counting = true;
    const count = (): void => {
      turns++;
      if (counting) setImmediate(count);
    };
    count();
    const begunIn: number[] = [];
    const { server, clients } = await ask(() => begunIn.push(turns));
    await Promise.all(clients.map((client) => client.receives((text) => text.startsWith("HTTP/1.1 200"), "its head")));
    const perTurn = Array.from(Map.groupBy(begunIn, (at) => at).values(), (all) => all.length);
    expect(Math.max(...perTurn)).toBeLessThanOrEqual(2 * 64);
    expect(begunIn).toHaveLength(crowd);
    for (const client of clients) client.reset();
    await until(() => opened.size === 0, "all sessions have ended");
    counting = false;
    await server.stop(true);
  });

  test("are not served any more when they have gone while they waited", async () => {
    let begun = 0;
    let all: readonly RawClient[] = [];
    const { server, clients } = await ask(() => {
      if (++begun === 1) for (const client of all) client.reset();
    });
    all = clients;
    await until(() => begun > 0, "the first is begun");
    for (let count = 0; count < 100; count++) await turn();
    expect(begun).toBeLessThan(crowd);
    await until(() => opened.size === 0, "all sessions have ended");
    await server.stop(true);
  });
});
