/** The recipe of docs/phones.md for the app JeedomConnect, run by nginx, where Jeedom is behind the same name. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { phoneTransports } from "../../simulators/jeedomconnect/line.ts";
import { Stage } from "../protocols/jeedomconnect/stage.ts";
import { until } from "../transports/raw-client.ts";
import { block, type RunningRecipe, runRecipe } from "./recipes.ts";

let stage: Stage;
let recipe: RunningRecipe;
let ca: string;

beforeAll(async () => {
  stage = await Stage.open({ hears: true, main: true, yaml: "trusted_proxies: [127.0.0.1]\n" });
  const itsJeedom = `location / { proxy_pass ${stage.simulator.url}; }\n`;
  recipe = await runRecipe("nginx", {
    gateway: Number(new URL(stage.url).port),
    below: "",
    locations: block("nginx-location", "phones.md") + itsJeedom,
  });
  ca = readFileSync(recipe.ca, "utf8");
});
afterAll(async () => {
  await recipe?.stop();
  await stage.stop();
});

const through = () => ({ http: recipe.url, websocket: `${recipe.url.replace("http", "ws")}/jeedomconnect`, ca });

test.each(phoneTransports)(
  "A phone by %s is welcomed, sees what happens, acts and says goodbye",
  async (transport) => {
    const { phone, equipment } = await stage.connected(`phone by ${transport}`, transport, through());
    await stage.changeSeenBy([phone]);
    const { plugin } = stage.simulator;
    expect(plugin.act(equipment, { action: "toaster", message: "Bonjour" })).toBe(true);
    await until(() => phone.picture.actions.length === 1, "the action", 8000);
    expect((await phone.ask("GET_SC_INFO"))?.type).toBe("SET_SC_INFO");
    await phone.disconnect();
    await until(() => equipment.connected === 0, "the phone is gone");
  },
  30_000,
);

test("Files larger than nginx takes by itself, and pictures, come through; the plugin's pages are Jeedom's as before", async () => {
  const { apiKey } = stage.phone("files", "sse").equipment;
  const core = `${recipe.url}/plugins/JeedomConnect/core`;
  const tls = { ca };
  const form = new FormData();
  form.set("apiKey", apiKey);
  form.set("file", new File([new Uint8Array(3_000_000)], "film.mp4"));
  expect((await fetch(`${core}/api/upload.api.php`, { method: "POST", body: form, tls })).status).toBe(200);
  const picture = await fetch(`${core}/php/snapshot.php?apiKey=${apiKey}&id=1`, { tls });
  expect([picture.status, picture.headers.get("content-type")]).toEqual([200, "image/jpeg"]);
  stage.simulator.pages.set("JeedomConnect.js", () => new Response("its page"));
  const page = await fetch(`${recipe.url}/plugins/JeedomConnect/desktop/js/JeedomConnect.js`, { tls });
  expect(await page.text()).toBe("its page");
});
