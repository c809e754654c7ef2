// The device client of docs/ in a real browser: a page of its own, a gateway, and networks that let through less and less.

import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { freePort } from "../free-port.ts";
import { launchBrowser } from "./browser.mts";
import { GatewayProcess } from "./gateway-process.mts";

const root = new URL("../..", import.meta.url).pathname;

let browser: Browser;
let gateway: GatewayProcess;
let network: Network;
/** Where the gateway says that it is found in the house. */
const homePort = freePort();
const pages = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: serveFile });

function serveFile({ url }: Request): Response {
  const { pathname } = new URL(url);
  if (pathname === "/") return new Response("<!doctype html>", { headers: { "content-type": "text/html" } });
  if (!/^\/(docs|dashboard)\/[\w-]+\.js$/.test(pathname)) return new Response(null, { status: 404 });
  return new Response(Bun.file(join(root, pathname)));
}

/** A way to the gateway that can be cut, and that can be one through which WebSockets or streams do not come. */
class Network {
  readonly #server;
  webSockets = true;
  streams = true;

  /** WebSockets that are open. */
  sockets = 0;

  constructor(target: string, port = 0) {
    this.#server = Bun.serve<{ upstream: WebSocket; waiting: string[] }>({
      port,
      hostname: "127.0.0.1",
      idleTimeout: 0,
      fetch: (request, server) => {
        const { pathname, search } = new URL(request.url);
        const to = target.replace(/\/$/, "") + pathname + search;
        if (request.headers.get("upgrade") === "websocket") {
          if (!this.webSockets) return new Response("No WebSockets here", { status: 502 });
          const upstream = new WebSocket(to.replace("http", "ws"));
          return server.upgrade(request, { data: { upstream, waiting: [] } })
            ? undefined
            : new Response("", { status: 400 });
        }
        if (!this.streams && request.headers.get("accept")?.includes("event-stream")) {
          return new Response("No streams here", { status: 502 });
        }
        return fetch(to, { method: request.method, headers: request.headers, body: request.body });
      },
      websocket: {
        open: (socket) => {
          this.sockets++;
          const { upstream, waiting } = socket.data;
          upstream.onopen = () => {
            for (const message of waiting) upstream.send(message);
          };
          upstream.onmessage = ({ data }) => void socket.send(String(data));
          upstream.onclose = ({ code, reason }) => socket.close(code < 3000 ? 1000 : code, reason);
        },
        message({ data: { upstream, waiting } }, message) {
          if (upstream.readyState === WebSocket.OPEN) upstream.send(message);
          else waiting.push(String(message));
        },
        close: ({ data: { upstream } }) => {
          this.sockets--;
          upstream.close();
        },
      },
    });
  }

  get address(): { http: string; websocket: string } {
    const host = `127.0.0.1:${this.#server.port}`;
    return { http: `http://${host}`, websocket: `ws://${host}` };
  }

  async cut(): Promise<void> {
    await this.#server.stop(true);
  }
}

beforeAll(async () => {
  browser = await launchBrowser();
  gateway = await GatewayProcess.start(`
origins: ["http://127.0.0.1:${pages.port}"]
addresses: { internal: { http: "http://127.0.0.1:${homePort}" } }
`);
});
beforeEach(() => {
  network = new Network(gateway.url);
});
afterAll(async () => {
  await browser?.close();
  await gateway?.remove();
  await pages.stop(true);
});

interface Code {
  readonly device: string;
  readonly key: string;
}

const nowhere = { http: "http://127.0.0.1:1", websocket: "ws://127.0.0.1:1" };

async function ask(path: string, method: string, body: object): Promise<unknown> {
  const headers = { authorization: `Bearer ${gateway.key}`, "content-type": "application/json" };
  const response = await fetch(new URL(path, gateway.url), { method, headers, body: JSON.stringify(body) });
  return response.json();
}

async function addDevice(): Promise<Code> {
  const { connection, key } = (await ask("admin/devices", "POST", { name: "tablet" })) as {
    connection: Code;
    key: string;
  };
  return { ...connection, key };
}

/** As a backend on the gateway's machine does it. Resolves when it is kept. */
async function tell({ device }: Code, data: string): Promise<void> {
  const socket = connect(gateway.socket);
  socket.end(JSON.stringify({ action: "sendToDevice", device, data }));
  const [answer] = (await once(socket, "data")) as [Buffer];
  expect(answer.toString()).toBe("OK");
}

/** A page in which the client runs; it notes what it is told. */
async function open(code: object): Promise<Page> {
  const page = await browser.newPage();
  page.setDefaultTimeout(15_000);
  await page.goto(`http://127.0.0.1:${pages.port}/`);
  await page.evaluate(async (given) => {
    const { DeviceClient } = await import(`${location.origin}/docs/device-client.js`);
    const seen = { data: [] as unknown[], ways: [] as string[], refused: 0 };
    const client = new DeviceClient(given, {
      publication: ({ data }: { data: unknown }) => seen.data.push(data),
      live: ({ transport, base }: { transport: string; base: string }) => seen.ways.push(`${transport} ${base}`),
      refused: () => seen.refused++,
    });
    client.start();
    Object.assign(window, { seen, client });
  }, code);
  return page;
}

const seen = <T,>(page: Page, what: string): Promise<T> => page.evaluate(`seen.${what}`) as Promise<T>;
const until = (page: Page, condition: string): Promise<unknown> => page.waitForFunction(condition);

test("in the house the device comes by WebSocket, and by SSE and then polling where those do not come through", async () => {
  const code = { ...(await addDevice()), internal: network.address, external: nowhere };
  for (const [way, webSockets, streams] of [
    ["websocket", true, true],
    ["sse", false, true],
    ["long-poll", false, false],
  ] as const) {
    Object.assign(network, { webSockets, streams });
    const page = await open(code);
    await until(page, "seen.ways.length > 0");
    expect(await seen<string[]>(page, "ways")).toEqual([`${way} ${network.address.http}/`]);
    await tell(code, `by ${way}`);
    await until(page, `seen.data.includes("by ${way}")`);
    await page.close();
  }
}, 60_000);

test("outside the house it comes from outside, and what it missed on the way is there once, in order", async () => {
  const outside = new Network(gateway.url);
  const code = { ...(await addDevice()), internal: network.address, external: outside.address };
  const page = await open(code);
  await until(page, "seen.ways.length > 0");
  await tell(code, "at home");
  await until(page, "seen.data.length === 1");
  outside.webSockets = false;
  await network.cut();
  await tell(code, "on the way 1");
  await tell(code, "on the way 2");
  await until(page, "seen.ways.length === 2");
  await tell(code, "outside");
  await until(page, `seen.data.includes("outside")`);
  expect(await seen<string[]>(page, "ways")).toEqual([
    `websocket ${code.internal.http}/`,
    `sse ${code.external.http}/`,
  ]);
  expect(await seen<string[]>(page, "data")).toEqual(["at home", "on the way 1", "on the way 2", "outside"]);
  await page.close();
  await outside.cut();
}, 60_000);

test("a device that is set to polling stops its socket, and loses nothing by it", async () => {
  const home = new Network(gateway.url, homePort);
  const code = await addDevice();
  const page = await open(code);
  await until(page, "seen.ways.length === 1");
  await tell(code, "before");
  await ask(`admin/devices/${code.device}`, "PATCH", { settings: { transport: "polling" } });
  await tell(code, "after");
  await until(page, `seen.data.includes("after")`);
  expect(await seen<string[]>(page, "data")).toEqual(["before", "after"]);
  const { http } = home.address;
  expect(await seen<string[]>(page, "ways")).toEqual([`websocket ${http}/`, `long-poll ${http}/`]);
  expect(home.sockets).toBe(0);
  await page.close();
  await home.cut();
}, 60_000);

test("a device whose key is gone stops, and says so", async () => {
  const added = await addDevice();
  const page = await open({ ...added, internal: network.address });
  await until(page, "seen.ways.length === 1");
  await fetch(new URL(`admin/devices/${added.device}`, gateway.url), {
    method: "DELETE",
    headers: { authorization: `Bearer ${gateway.key}` },
  });
  await until(page, "seen.refused === 1");
  await page.close();
}, 60_000);
