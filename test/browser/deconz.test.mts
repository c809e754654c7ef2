// A deCONZ house in a real browser: its rooms on our page, and the documentation's example on somebody else's.
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser } from "playwright-core";
import { openStage, type Stage } from "../protocols/deconz/stage.ts";
import { launchBrowser, visit } from "./browser.mts";

let browser: Browser;
let stage: Stage;
const page = (): string => `<!doctype html><title>Wall</title><ul></ul><script>
  const ws = new WebSocket("ws://${stage.host}");
  const note = (text) => document.querySelector("ul").append(Object.assign(document.createElement("li"), { textContent: text }));
  ws.onopen = () => note("open");
  ws.onclose = () => note("closed");
  ws.onmessage = (msg) => note(JSON.stringify(JSON.parse(msg.data).state));
</script>`;
const serve = () =>
  Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => new Response(page(), { headers: { "content-type": "text/html" } }),
  });
const wall = serve();
const other = serve();

beforeAll(async () => {
  browser = await launchBrowser();
  stage = await openStage({
    listener: `origins: ["http://127.0.0.1:${wall.port}"]`,
    yaml: "anonymous: { subscribe: [deconz/**] }",
  });
});

afterAll(async () => {
  await browser.close();
  await stage.stop();
  await wall.stop(true);
  await other.stop(true);
});

test("the first page shows the rooms of the house, and what happens in them", async () => {
  const { page: opened, complaints } = await visit(browser, `${stage.gateway.url}/?channel=deconz/**`);
  const kitchen = opened.locator(".room", { hasText: "Kitchen" });
  await kitchen.locator("li", { hasText: "Counter left" }).waitFor();
  expect(await opened.locator(".room").count()).toBe(9);
  stage.simulator.house.change("lights", "2", "state", { on: true, bri: 127 });
  await kitchen.locator("li.on", { hasText: "50 %" }).waitFor();
  stage.simulator.house.renameGroup("1", "Cuisine");
  await opened.locator(".room", { hasText: "Cuisine" }).waitFor();
  expect(complaints).toEqual([]);
}, 30_000);

test("the documentation's example runs on a page of a listed origin, and on no other", async () => {
  const { page: listed } = await visit(browser, `http://127.0.0.1:${wall.port}/`);
  await listed.locator("li", { hasText: "open" }).waitFor();
  stage.simulator.house.change("sensors", "1", "state", { buttonevent: 2002 });
  await listed.locator("li", { hasText: '"buttonevent":2002' }).waitFor();
  const { page: stranger } = await visit(browser, `http://localhost:${other.port}/`);
  await stranger.locator("li", { hasText: "closed" }).waitFor();
  expect(await stranger.locator("li", { hasText: "open" }).count()).toBe(0);
}, 30_000);
