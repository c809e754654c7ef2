// The official SDK in a real browser: by WebSocket, and where that is blocked by HTTP, with nothing lost in between.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { featuresFound, featuresYaml, prepareFeatures } from "../clients/features.ts";
import { sdkFeatures } from "../clients/sdk-features.mjs";
import { launchBrowser } from "./browser.mts";
import { GatewayProcess } from "./gateway-process.mts";

const sdk = readFileSync(new URL("../../node_modules/centrifuge/dist/centrifuge.js", import.meta.url), "utf8");
const transports = ["websocket", "http_stream", "sse"] as const;

let browser: Browser;
let gateway: GatewayProcess;
beforeAll(async () => {
  [browser, gateway] = await Promise.all([
    launchBrowser(),
    GatewayProcess.start(`anonymous: { subscribe: [demo/**], publish: [demo/**] }\n${featuresYaml}`),
  ]);
});
afterAll(async () => {
  await browser.close();
  await gateway.remove();
});

/** A page of the gateway's own, in which a client has subscribed to `channel`, by the first transport that works. */
async function client(channel: string, blocked: readonly string[]): Promise<Page> {
  const page = await (await browser.newContext({ bypassCSP: true })).newPage();
  page.setDefaultTimeout(8000);
  await page.addInitScript((names) => {
    // As a proxy does it that lets no upgrade through.
    class Blocked extends EventTarget {
      readyState = 3;
      onerror?: (event: Event) => void;
      onclose?: (event: CloseEvent) => void;
      constructor() {
        super();
        setTimeout(() => {
          this.onerror?.(new Event("error"));
          this.onclose?.(new CloseEvent("close", { code: 1006 }));
        });
      }
      close(): void {
        this.readyState = 3;
      }
    }
    if (names.includes("websocket")) Object.assign(globalThis, { WebSocket: Blocked });
    if (names.includes("http_stream")) Object.assign(globalThis, { ReadableStream: undefined });
  }, blocked);
  await page.goto(gateway.url);
  await page.evaluate(`${sdk};0`);
  await page.evaluate(`
    const at = (path) => location.origin + path;
    const ends = [
      { transport: "websocket", endpoint: at("/connection/websocket").replace("http", "ws") },
      { transport: "http_stream", endpoint: at("/connection/http_stream") },
      { transport: "sse", endpoint: at("/connection/sse") },
    ];
    globalThis.heard = [];
    globalThis.told = [];
    globalThis.client = new Centrifuge(ends, { emulationEndpoint: at("/emulation"), minReconnectDelay: 20, maxReconnectDelay: 100 });
    client.on("connected", ({ transport }) => { globalThis.transport = transport; });
    globalThis.sub = client.newSubscription(${JSON.stringify(channel)});
    sub.on("publication", ({ data }) => heard.push(data));
    sub.on("subscribed", ({ wasRecovering, recovered }) => told.push([wasRecovering, recovered]));
    sub.subscribe();
    client.connect();
    sub.ready(8000);
  `);
  return page;
}

const heard = (page: Page, count: number): Promise<unknown> => page.waitForFunction(`heard.length >= ${count}`);

test.each(transports.map((transport, at) => [transport, transports.slice(0, at)] as const))(
  "By %s, with %j blocked, a browser listens, publishes, and recovers what it missed through a restart",
  async (transport, blocked) => {
    const channel = "demo/kept";
    const page = await client(channel, blocked);
    expect(await page.evaluate("transport")).toBe(transport);
    await page.evaluate(`sub.publish({ by: ${JSON.stringify(transport)} })`);
    await heard(page, 1);
    await gateway.publish(channel, "before");
    await heard(page, 2);
    await gateway.kill();
    await page.waitForFunction(`client.state === "connecting"`);
    await gateway.start();
    await gateway.publish(channel, "meanwhile");
    await page.waitForFunction("told.length === 2");
    await gateway.publish(channel, "after");
    await heard(page, 4);
    expect(await page.evaluate("heard")).toEqual([{ by: transport }, "before", "meanwhile", "after"]);
    expect(await page.evaluate("told[1][1]")).toBeTrue();
    await page.context().close();
  },
);

test("In a browser the SDK obeys its methods, renews its token, mirrors a map of 10,000 keys, takes deltas and filters", async () => {
  const about = await prepareFeatures(gateway.url.slice(0, -1), gateway.key);
  const page = await (await browser.newContext({ bypassCSP: true })).newPage();
  await page.goto(gateway.url);
  await page.evaluate(`${sdk};0`);
  expect(await page.evaluate(`(${sdkFeatures})(Centrifuge, {}, ${JSON.stringify(about)})`)).toEqual(featuresFound);
  await page.context().close();
}, 20_000);
