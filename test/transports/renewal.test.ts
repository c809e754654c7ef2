/** What becomes of connections when a listener is renewed: with another certificate, or with other limits. */
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { listenHttp } from "../../src/transports/http-server.ts";
import type { LenientOptions } from "../../src/transports/lenient-websocket.ts";
import { listenLeniently } from "../../src/transports/lenient-websocket.ts";
import { systemClock } from "../../src/transports/system.ts";
import { FakeLog } from "../fakes/log.ts";
import { certificateOf, nameAt } from "../tls.ts";
import { httpAnswer, RawClient, until } from "./raw-client.ts";

const at = { hostname: "127.0.0.1", port: 0 };
const request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

test("an idle connection that is never used again ends by its time-out, and its server with it", async () => {
  const before = readdirSync("/proc/self/fd").length;
  const visit = (): Response => new Response("hello");
  const listener = listenHttp({ at, maxMessage: 1000, bodyTime: 1000, log: new FakeLog(), visit });
  const idle = await RawClient.connect(listener.port);
  await idle.send(request);
  await idle.receives((text) => text.endsWith("hello"), "the answer");
  for (let count = 0; count < 5; count++) listener.renew({ bodyTime: 1000 });
  expect(idle.closed).toBeFalse();
  await until(() => idle.closed, "the end of the idle connection", 20_000);
  await until(() => readdirSync("/proc/self/fd").length <= before + 1, "the end of what was replaced", 20_000);
  const late = await RawClient.connect(listener.port);
  await late.send(request);
  await late.receives((text) => text.endsWith("hello"), "the answer");
  await listener.stop(true);
  expect(readdirSync("/proc/self/fd").length).toBeLessThanOrEqual(before + 1);
}, 60_000);

test("a listener that is stopped right after a renewal closes nothing of anybody's later", async () => {
  const visit = (): Response => new Response("hello");
  const listener = listenHttp({ at, maxMessage: 1000, log: new FakeLog(), visit });
  listener.renew({ maxMessage: 2000 });
  await listener.stop(true);
  // It gets the descriptors that are free now.
  const other = listenHttp({ at, maxMessage: 1000, log: new FakeLog(), visit });
  await Bun.sleep(2500);
  const client = await RawClient.connect(other.port);
  await client.send(request);
  await client.receives((text) => text.endsWith("hello"), "the answer");
  await other.stop(true);
}, 20_000);

test("a crowd that leaves no descriptor free while a listener is renewed ends nothing", async () => {
  const code = `
    import { openSync } from "node:fs";
    import { listenHttp } from "./src/transports/http-server.ts";
    const { port, renew } = listenHttp({ at: { hostname: "127.0.0.1", port: 0 }, maxMessage: 1000, log: console, visit: () => new Response("hello") });
    renew({ maxMessage: 2000 });
    const crowd = [];
    try {
      for (;;) crowd.push(openSync("/dev/null", "r"));
    } catch (thrown) {
      if (thrown.code !== "EMFILE") throw thrown;
    }
    setTimeout(async () => {
      for (const fd of crowd) require("node:fs").closeSync(fd);
      console.log(await (await fetch("http://127.0.0.1:" + port)).text());
      process.exit();
    }, 3000);`;
  const command = ["sh", "-c", 'ulimit -n 200; exec "$0" -e "$1"', process.execPath, code];
  const crowded = Bun.spawn(command, { cwd: join(import.meta.dir, "../.."), stderr: "pipe" });
  expect(await new Response(crowded.stdout).text()).toBe("hello\n");
}, 20_000);

test("a listener for boards: what does not speak TLS is let go, costs nobody else, and is no error of ours", async () => {
  const log = new FakeLog();
  const visit: LenientOptions["visit"] = ({ secure }) => new Response(secure ? "by TLS" : "in clear text");
  const listener = listenLeniently({ at, tls: certificateOf("boards"), clock: systemClock, log, visit });
  const plain = await RawClient.connect(listener.port);
  await plain.send(request);
  await until(() => plain.closed, "the end of who speaks no TLS");
  const silent = await RawClient.connect(listener.port);
  silent.reset();
  const board = await RawClient.connect(listener.port, true);
  await board.send(request);
  await until(() => httpAnswer(board.bytes)?.complete === true, "the answer");
  expect(board.text).toEndWith("by TLS");
  expect(await nameAt(listener.port)).toBe("boards");
  listener.renew({ tls: certificateOf("renewed") });
  expect(await nameAt(listener.port)).toBe("renewed");
  expect(() => listener.renew({ tls: { cert: "none", key: "none" } })).toThrow("Cannot listen on 127.0.0.1:");
  expect(await nameAt(listener.port)).toBe("renewed");
  expect(log.errors).toEqual([]);
  await listener.stop(true);
});
