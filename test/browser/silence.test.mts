// What the page does where the network lies: a gateway that says nothing more, and one that is not there.
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser } from "playwright-core";
import { launchBrowser, visit } from "./browser.mts";

const dashboard = new URL("../../dashboard/", import.meta.url).pathname;

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

/** Opens every connection with an announced heartbeat, and never says anything again. */
function silentGateway(): Bun.Server<undefined> & { connections: string[] } {
  const connections: string[] = [];
  const first = `{"hello":true,"heartbeat":1}`;
  const live = `{"live":true,"cursor":"run.${1}"}`;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    development: false,
    fetch(request, self) {
      const { pathname, search } = new URL(request.url);
      if (!pathname.startsWith("/channels")) {
        return new Response(Bun.file(dashboard + (pathname === "/" ? "index.html" : pathname.slice(1))));
      }
      connections.push(search);
      if (self.upgrade(request)) return undefined;
      const sse = request.headers.get("accept") === "text/event-stream";
      const said = sse ? `event: hello\ndata: ${first}\n\nevent: live\ndata: ${live}\n\n` : `${first}\n${live}\n`;
      const body = new ReadableStream({ start: (stream) => stream.enqueue(new TextEncoder().encode(said)) });
      return new Response(body, { headers: { "content-type": sse ? "text/event-stream" : "application/x-ndjson" } });
    },
    websocket: {
      open(socket) {
        socket.send(first);
        socket.send(live);
      },
      message: () => undefined,
    },
  });
  return Object.assign(server, { connections });
}

test.each(["websocket", "sse", "json-lines"])(
  "By %s, two heartbeats of silence end a connection that looks open, and the next one goes on from the cursor",
  async (transport) => {
    const server = silentGateway();
    const { page, complaints } = await visit(browser, `${server.url}?channel=a&transport=${transport}`);
    await page.locator('#state[data-state="live"]').waitFor();
    await page.locator("#log .note", { hasText: "No sign of life for 2 s" }).waitFor();
    while (server.connections.length < 2) await Bun.sleep(5);
    expect(server.connections[1]).toContain("since=run.1");
    expect(complaints).toEqual([]);
    await page.context().close();
    await server.stop(true);
  },
);

test("Where nobody answers, the waits grow, the reason is said, and a button tries at once", async () => {
  const server = silentGateway();
  const { page } = await visit(browser, `${server.url}?channel=a&transport=json-lines`);
  await page.locator('#state[data-state="live"]').waitFor();
  await server.stop(true);
  await page.locator("#trouble-text", { hasText: "The gateway does not answer" }).waitFor();
  await page.locator("#state-countdown", { hasText: /in [12] s/ }).waitFor();
  const tries = page.waitForRequest(/channels/);
  await page.click("#retry");
  await tries;
  await page.context().close();
});

test("The network's return is a reason to try at once", async () => {
  const server = silentGateway();
  const { page } = await visit(browser, `${server.url}?channel=a&transport=json-lines`);
  await page.locator('#state[data-state="live"]').waitFor();
  const again = page.waitForRequest(/channels.*since/);
  await page.evaluate(() => dispatchEvent(new Event("online")));
  await again;
  await page.context().close();
  await server.stop(true);
});
