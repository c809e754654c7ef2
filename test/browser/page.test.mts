// The first page in a real browser, against a real gateway.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { launchBrowser, type Visit, visit } from "./browser.mts";
import { GatewayProcess } from "./gateway-process.mts";

const transports = ["websocket", "sse", "json-lines", "long-poll"] as const;
const wrongKey = "hw_wrongkey_AAAAAAAAAAAAAAAAAAAAAAAA";

let browser: Browser;
let gateway: GatewayProcess;
let visits: Visit[] = [];
/** What the browser itself says of requests that were meant to fail. */
let expected: RegExp | undefined;

beforeAll(async () => {
  [browser, gateway] = await Promise.all([
    launchBrowser(),
    GatewayProcess.start(`
anonymous: { subscribe: [home/**, demo/**], publish: [demo/**] }
protocols: { channel-url: { open_to: [127.0.0.0/8] } }
channels:
  home/lights: { kind: map }
  demo/map: { kind: map }
  demo/kept: { durable: true }
`),
  ]);
});

afterAll(async () => {
  await browser.close();
  await gateway.remove();
});

afterEach(async () => {
  const complaints = visits.flatMap((each) => each.complaints).filter((text) => !expected?.test(text));
  await Promise.all(visits.map(({ page }) => page.context().close()));
  visits = [];
  expected = undefined;
  expect(complaints).toEqual([]);
});

async function open(query = "", options: BrowserContextOptions = {}): Promise<Page> {
  const opened = await visit(browser, gateway.url + query, options);
  visits.push(opened);
  return opened.page;
}

/** Opened and live. */
async function listenTo(channel: string, transport = "websocket"): Promise<Page> {
  const page = await open(`?channel=${encodeURIComponent(channel)}&transport=${transport}`);
  await state(page, "live");
  return page;
}

async function state(page: Page, name: string): Promise<void> {
  await page.locator(`#state[data-state="${name}"]`).waitFor();
}

async function listed(page: Page, text: string): Promise<void> {
  await page.locator("#log > li", { hasText: text }).first().waitFor();
}

async function says(page: Page, id: string, text: string | RegExp): Promise<void> {
  await page.locator(`#${id}`, { hasText: text }).waitFor();
}

/** What `document.hidden` says, as a phone in a pocket or another tab in front makes it. */
async function hide(page: Page, hidden: boolean): Promise<void> {
  await page.evaluate((now) => {
    Object.defineProperty(document, "hidden", { configurable: true, value: now });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);
}

describe.each(transports)("By %s", (transport) => {
  test("a publication by HTTP is shown at once", async () => {
    const page = await listenTo("demo/hello", transport);
    await gateway.publish("demo/hello", { greeting: `by ${transport}` });
    await listed(page, `greeting by ${transport}`);
    await says(page, "vital-received", "1");
    await says(page, "vital-last", "now");
  });

  test("a key opens what is closed to strangers", async () => {
    const page = await listenTo("demo/hello", transport);
    await page.fill("#channel", "secret/safe");
    await page.fill("#key", gateway.key);
    await page.click("text=Listen");
    await state(page, "live");
    await gateway.publish("secret/safe", `open by ${transport}`);
    await listed(page, `open by ${transport}`);
    expect(page.url()).not.toContain("hw_");
  });

  test("a wrong key is refused with what to do about it", async () => {
    expected = /401/;
    const page = await listenTo("demo/hello", transport);
    await page.fill("#key", wrongKey);
    await page.click("text=Listen");
    await state(page, "refused");
    await says(page, "trouble-text", "Key missing, wrong or revoked");
    await says(page, "trouble-advice", "Enter a valid key below");
    expect(await page.getAttribute("#trouble-doc", "href")).toMatch(/^docs\/codes#\d+$/);
    await page.fill("#key", "");
    await page.click("text=Listen");
    await state(page, "live");
    expect(await page.isVisible("#trouble")).toBeFalse();
  });

  test("it comes back to a gateway that was killed, and gets what it is owed", async () => {
    expected = /WebSocket connection|ERR_|404|502|Failed to load/;
    const page = await listenTo("demo/kept", transport);
    await gateway.publish("demo/kept", `before the end, ${transport}`);
    await listed(page, `before the end, ${transport}`);
    await gateway.kill();
    await state(page, "waiting");
    await says(page, "state-countdown", /in \d+ s/);
    await gateway.start();
    await gateway.publish("demo/kept", `after it, ${transport}`);
    await state(page, "live");
    await listed(page, `after it, ${transport}`);
    expect(await page.locator("#log > li", { hasText: `before the end, ${transport}` }).count()).toBe(1);
    expect(await page.textContent("#vital-gaps")).toBe("0");
  });
});

test("Changing the transport goes on from the cursor: nothing is shown twice and nothing is missing", async () => {
  const page = await listenTo("demo/switch");
  for (const [index, transport] of [...transports, "websocket"].entries()) {
    await page.check(`input[value="${transport}"]`, { force: true });
    await gateway.publish("demo/switch", `number ${index}`);
    await listed(page, `number ${index}`);
  }
  expect(await page.locator("#log > li").count()).toBe(5);
  expect(page.url()).toContain("transport=websocket");
});

test("A gateway that kept nothing is known by the gap in the list", async () => {
  expected = /WebSocket connection|ERR_/;
  const page = await listenTo("demo/fleeting");
  await gateway.publish("demo/fleeting", "first");
  await listed(page, "first");
  await gateway.kill();
  await state(page, "waiting");
  await gateway.start();
  await state(page, "live");
  await says(page, "vital-gaps", "1");
  await listed(page, "Some publications are lost here: demo/fleeting");
  await says(page, "notice-text", "Some are lost for good");
});

test("Without a channel in its URL the page opens on the house, and shows its rooms", async () => {
  await gateway.publish(
    "home/lights",
    { room: "Kitchen", name: "Counter", on: true, brightness: 70 },
    "kitchen/counter",
  );
  const page = await open();
  await state(page, "live");
  const card = page.locator(".room", { hasText: "Kitchen" });
  await card.locator(".on", { hasText: "Counter" }).waitFor();
  await gateway.publish(
    "home/lights",
    { room: "Kitchen", name: "Counter", on: false, brightness: 70 },
    "kitchen/counter",
  );
  await card.locator("li", { hasText: "off" }).waitFor();
  await gateway.removeKey("home/lights", "kitchen/counter");
  await card.waitFor({ state: "detached" });
});

test("A map is a table of its keys: values change in place, and removed keys go", async () => {
  await gateway.publish("demo/map", 1, "apples");
  await gateway.publish("demo/map", 2, "pears");
  const page = await listenTo("demo/map");
  const rows = page.locator(".map tbody tr");
  await rows.nth(1).waitFor();
  expect(await page.locator("#log > li").count()).toBe(0);
  await gateway.publish("demo/map", 30, "apples");
  await rows.getByText("30", { exact: true }).waitFor();
  expect(await rows.count()).toBe(2);
  await gateway.removeKey("demo/map", "pears");
  await rows.filter({ hasText: "pears" }).waitFor({ state: "detached" });
  await says(page, "maps", "1 key");
});

test("The page publishes text, JSON and map keys, and says what became of it", async () => {
  const page = await listenTo("demo/**");
  await page.fill("#publish-channel", "demo/from-page");
  await page.fill("#publish-data", "plain words");
  await says(page, "publish-kind", "as text");
  await page.click("#publish button");
  await says(page, "publish-result", "Published on demo/from-page");
  await listed(page, "plain words");
  await page.fill("#publish-data", '{"count": 3}');
  await says(page, "publish-kind", "as JSON");
  await page.press("#publish-data", "Control+Enter");
  await listed(page, "count 3");
  await page.fill("#publish-channel", "demo/map");
  await page.fill("#publish-key", "from-page");
  await page.click("#publish button");
  await page.locator(".map tr", { hasText: "from-page" }).getByRole("button").click();
  expect(await page.inputValue("#publish-data")).toBe('{\n  "count": 3\n}');
});

test("Channels that there are, and channels that were heard of, are suggested", async () => {
  await gateway.publish("demo/unheard", 1);
  const page = await listenTo("demo/suggested");
  await gateway.publish("demo/suggested", 1);
  await listed(page, "demo/suggested");
  await page.focus("#publish-channel");
  for (const name of ["demo/suggested", "demo/unheard"]) {
    await page.locator(`#channels option[value='${name}']`).waitFor({ state: "attached" });
  }
});

test("A publication that is refused says why", async () => {
  expected = /40[13]/;
  const page = await listenTo("demo/**");
  await page.fill("#publish-channel", "secret/safe");
  await page.fill("#publish-data", "x");
  await page.click("#publish button");
  await says(page, "publish-result", /Cannot publish/);
});

test("Whoever comes back to the page is told what came while they were away", async () => {
  const page = await listenTo("demo/away");
  const connections: string[] = [];
  page.on("websocket", (socket) => connections.push(socket.url()));
  await hide(page, true);
  const left = Date.now();
  for (let count = 0; count < 7; count++) await gateway.publish("demo/away", count);
  await page.waitForFunction((since) => Date.now() - since > 1050, left);
  await hide(page, false);
  await says(page, "notice-text", "7 publications while you were away");
  expect(connections).toHaveLength(1);
  expect(connections[0]).toContain("since=");
  await page.click("#notice-close");
  expect(await page.isVisible("#notice")).toBeFalse();
});

test("The list can be paused, opened and cleared, and stays bounded", async () => {
  const page = await listenTo("demo/many");
  await page.click("#pause");
  for (let count = 0; count < 210; count++) await gateway.publish("demo/many", count);
  await says(page, "pause", "Go on (210 new)");
  expect(await page.locator("#log > li").count()).toBe(0);
  await page.click("#pause");
  await listed(page, "209");
  expect(await page.locator("#log > li").count()).toBe(200);
  await page.locator("#log summary").first().click();
  await page.locator("#log pre", { hasText: '"offset": 210' }).waitFor();
  await page.click("#clear");
  expect(await page.isVisible("#log-empty")).toBeTrue();
});

test("Arrow keys go through the list, which is one stop of the tab key", async () => {
  const page = await listenTo("demo/keys");
  for (const word of ["one", "two", "three"]) await gateway.publish("demo/keys", word);
  await listed(page, "three");
  await page.focus("#clear");
  const focused = (): Promise<string | null | undefined> => page.evaluate(() => document.activeElement?.textContent);
  await page.keyboard.press("Tab");
  expect(await focused()).toEndWith("three");
  await page.keyboard.press("ArrowDown");
  expect(await focused()).toEndWith("two");
  await page.keyboard.press("End");
  expect(await focused()).toEndWith("one");
  await page.keyboard.press("Tab");
  expect(await page.evaluate(() => document.activeElement?.id)).toBe("publish-channel");
});

test("What is published is text to the page, whatever it looks like", async () => {
  const page = await listenTo("demo/markup");
  await gateway.publish("demo/markup", "<img src=x onerror=alert(1)>");
  await listed(page, "<img src=x onerror=alert(1)>");
  expect(await page.locator("#log img").count()).toBe(0);
});

test("On a phone nothing is wider than the screen", async () => {
  const page = await open("", { viewport: { width: 360, height: 740 } });
  await state(page, "live");
  await gateway.publish("home/lights", { words: "long".repeat(40) }, "a/very/long/key/that/does/not/end/soon");
  await listed(page, "longlong");
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
});

test("Every field has a label, and the keyboard reaches everything", async () => {
  const page = await listenTo("demo/**");
  for (const label of ["Channel or pattern", "WebSocket", "API key", "Map key", "Data"]) {
    expect(await page.getByLabel(label).count()).toBe(1);
  }
  const reached: string[] = [];
  while (!reached.includes("publish-data") && reached.length < 40) {
    await page.keyboard.press("Tab");
    reached.push(await page.evaluate(() => document.activeElement?.id || document.activeElement?.textContent || ""));
  }
  expect(reached).toContain("channel");
  expect(reached).toContain("key");
  expect(reached).toContain("pause");
  expect(reached).toContain("publish-data");
});
