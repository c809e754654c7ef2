/** Several servers of one port, one after another. */
import { expect, test } from "bun:test";
import { SharedPort } from "../../src/transports/shared-port.ts";

const { signal } = new AbortController();

function serve(name: string, port = 0): Bun.Server<undefined> {
  return Bun.serve({
    hostname: "127.0.0.1",
    port,
    reusePort: true,
    development: false,
    fetch: () => new Response(name),
  });
}

async function answer(port = 0): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } })).text();
}

test("whichever server leaves first, what comes goes to the latest; those that left go on with what they have", async () => {
  const shared = new SharedPort();
  const first = shared.bind(() => serve("first"));
  const { port } = first;
  expect(await answer(port)).toBe("first");
  const second = shared.bind(() => serve("second", port));
  const third = shared.bind(() => serve("third", port));
  let leaving = true;
  const left = Promise.all([second, first].map((server) => shared.leave(server, signal))).finally(() => {
    leaving = false;
  });
  while (leaving) expect(await answer(port)).toBe("third");
  expect(await left).toEqual([true, true]);
  const fourth = shared.bind(() => serve("fourth", port));
  for (let visit = 0; visit < 50; visit++) expect(await answer(port)).toBe("fourth");
  await Promise.all([first, second, third, fourth].map((server) => server.stop(true)));
}, 20_000);

test("where a server's socket cannot be known, it is to be stopped instead", async () => {
  const shared = new SharedPort();
  const already = serve("already");
  shared.bind(() => already);
  expect(await shared.leave(already, signal)).toBeFalse();
  expect(await answer(already.port)).toBe("already");
  await already.stop(true);
});

test("nobody leaves when it is called off: the next one that is listened with is untouched", async () => {
  const shared = new SharedPort();
  const first = shared.bind(() => serve("first"));
  const second = shared.bind(() => serve("second", first.port));
  const stopping = new AbortController();
  const left = shared.leave(first, stopping.signal);
  stopping.abort();
  await expect(left).rejects.toThrow();
  await first.stop(true);
  expect(await answer(second.port)).toBe("second");
  await second.stop(true);
});
