// Makes the pictures of the page in docs/: node_modules/.bin/bun test/browser/screenshots.mts
import { Simulator } from "../../simulators/deconz/server.ts";
import { launchBrowser, visit } from "./browser.mts";
import { GatewayProcess } from "./gateway-process.mts";

const docs = new URL("../../docs/", import.meta.url).pathname;
const desk = { viewport: { width: 1360, height: 940 } };
const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 };
const pictures = [
  { file: "page.png", options: { ...desk, colorScheme: "light" } },
  { file: "page-dark.png", options: { ...desk, colorScheme: "dark" } },
  { file: "page-phone.png", options: { ...phone, colorScheme: "light" } },
] as const;

// Livelier than in the demo, so that a picture is soon worth taking.
const simulator = new Simulator({ port: 0, keys: ["PICTURES00"], speed: 20 });
simulator.start();
const gateway = await GatewayProcess.start(`
anonymous: { subscribe: [home/**] }
protocols: { channel-url: { open_to: [127.0.0.0/8] } }
bridges:
  home: { type: deconz, url: "${simulator.url}", key: PICTURES00 }
`);
const browser = await launchBrowser();
await Promise.all(
  pictures.map(async ({ file, options }) => {
    const { page } = await visit(browser, gateway.url, options);
    page.setDefaultTimeout(30_000);
    await page.locator("#log > li").nth(24).waitFor();
    await page.screenshot({ path: docs + file });
  }),
);
await browser.close();
await gateway.remove();
await simulator.stop();
