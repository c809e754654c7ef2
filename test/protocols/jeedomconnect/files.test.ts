/** Files that phones bring and pictures of cameras, which are passed on with limits: of size, of time, of how many at once. */
import { afterEach, describe, expect, test } from "bun:test";
import { apiKeyOf } from "../../../simulators/jeedomconnect/equipment.ts";
import { RawClient, until } from "../../transports/raw-client.ts";
import { core, Stage } from "./stage.ts";

let stage: Stage;
afterEach(async () => {
  expect(stage.gateway.errors).toEqual([]);
  await stage.stop();
});

const from = (address: string) => ({ headers: { "x-forwarded-for": address } });
const upload = async (names: readonly string[], size = 1, init: RequestInit = {}): Promise<number> => {
  const form = new FormData();
  form.append("apiKey", apiKeyOf("anna"));
  for (const name of names) form.append("files[]", new File([new Uint8Array(size)], name));
  return (await fetch(`${stage.url}${core}/api/upload.api.php`, { ...init, method: "POST", body: form })).status;
};
const show = (name: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${stage.url}${core}/php/snapshot.php?apiKey=${apiKeyOf(name)}&id=5&more=1`, init);
const state = () => stage.gateway.gateway.status().bridges.get("jc")?.state;

/** The page answers nothing until its visitor has gone. `now`: how many wait; `all`: how many have come. */
function stall(page: string): { readonly now: () => number; readonly all: () => number } {
  let [now, all] = [0, 0];
  stage.simulator.pages.set(page, ({ signal }) => {
    now++;
    all++;
    return new Promise((resolve) => {
      signal.addEventListener("abort", () => {
        now--;
        resolve(new Response(""));
      });
    });
  });
  return { now: () => now, all: () => all };
}

const image = { headers: { "content-type": "image/jpeg" } };
const endless = (): ReadableStream<Uint8Array> =>
  new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(1024 * 1024)) });

describe("Uploads", () => {
  test("PHP 13: of pictures and sounds are passed on; of programs and what nobody knows they are not", async () => {
    stage = await Stage.open();
    expect(await upload(["a picture.PNG"])).toBe(200);
    expect(await upload(["../../../evil.jpg"])).toBe(200);
    for (const name of ["shell.php", "shell.php.jpg", "x.phtml", ".htaccess", "x", "x.exe", "x.pHp5"]) {
      expect([name, await upload([name])]).toEqual([name, 400]);
    }
    const { uploads } = stage.simulator.plugin;
    expect([...uploads.keys()]).toEqual(["/data/files/a picture.PNG", "/data/files/evil.jpg"]);
  });

  test("of more than 32 MiB, said or not said beforehand, or of more than 20 files, are refused", async () => {
    stage = await Stage.open();
    expect(await upload(["large.mp4"], 33 * 1024 * 1024)).toBe(413);
    const unsaid = { method: "POST", body: endless(), duplex: "half" };
    expect((await fetch(`${stage.url}${core}/api/upload.api.php`, unsaid as RequestInit)).status).toBe(413);
    const names = Array.from({ length: 21 }, (_, at) => `${at}.jpg`);
    expect(await upload(names)).toBe(413);
    expect(await upload(names.slice(1))).toBe(200);
    expect(stage.simulator.plugin.uploads.size).toBe(20);
  });

  test("are two at once from one address, and more when they have been passed on", async () => {
    stage = await Stage.open();
    const held = Promise.withResolvers<void>();
    let passing = 0;
    stage.simulator.pages.set("upload.api.php", async () => {
      passing++;
      await held.promise;
      return Response.json({});
    });
    const first = [upload(["a.jpg"]), upload(["b.jpg"])];
    await until(() => passing === 2, "two uploads");
    expect(await upload(["c.jpg"])).toBe(429);
    held.resolve();
    expect(await Promise.all(first)).toEqual([200, 200]);
    expect(await upload(["c.jpg"])).toBe(200);
  });

  test("are four at once in all, whoever brings them", async () => {
    stage = await Stage.open({ yaml: "trusted_proxies: [127.0.0.1]\n" });
    const waiting = stall("upload.api.php");
    const gone = new AbortController();
    for (const address of ["10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.2"])
      upload(["a.jpg"], 1, { ...from(address), signal: gone.signal }).catch(() => undefined);
    await until(() => waiting.now() === 4, "four uploads");
    expect(await upload(["a.jpg"], 1, from("10.0.0.3"))).toBe(429);
    gone.abort();
    await until(() => waiting.now() === 0, "that they are given up");
  });

  test("to which the plugin says something huge, or no, come to nothing, and the bridge stays", async () => {
    stage = await Stage.open();
    stage.simulator.pages.set("upload.api.php", () => new Response(endless()));
    expect(await upload(["a.jpg"])).toBe(503);
    stage.simulator.pages.set("upload.api.php", () => new Response("no", { status: 500 }));
    expect(await upload(["a.jpg"])).toBe(503);
    expect(state()).toBe("connected");
  });
});

describe("Pictures", () => {
  test("come as the plugin made them, asked for by what it knows, and are nothing else than pictures", async () => {
    stage = await Stage.open();
    const asked: string[] = [];
    const bytes = new Uint8Array([0xff, 0xd8, 0xff]);
    let type = "image/jpeg";
    stage.simulator.pages.set("snapshot.php", ({ url }) => {
      asked.push(new URL(url).search);
      return new Response(bytes, { headers: { "content-type": type, "set-cookie": "PHPSESSID=x", server: "Apache" } });
    });
    const answer = await show("anna");
    expect(answer.headers.get("content-type")).toBe("image/jpeg");
    expect([answer.headers.get("set-cookie"), answer.headers.get("server")]).toEqual([null, null]);
    expect(await answer.bytes()).toEqual(bytes);
    expect(asked).toEqual([`?apiKey=${apiKeyOf("anna")}&id=5`]);
    type = "text/html";
    expect((await show("anna")).status).toBe(503);
  });

  test("of the plugin's own folder are shown, tame, and nothing that is beside it", async () => {
    stage = await Stage.open();
    const asked: string[] = [];
    const found = ({ url }: Request): Response => {
      asked.push(new URL(url).pathname);
      return new Response("<svg/>", { headers: { "content-type": "image/svg+xml" } });
    };
    const names = ["Zo%C3%A9%20(2).svg", "Salon%20%26%20cuisine%2C%201.svg"];
    for (const name of [...names, "x.png", "x.php"]) stage.simulator.pages.set(name, found);
    const data = "/plugins/JeedomConnect/data";
    for (const name of names) {
      const image = await fetch(`${stage.url}${data}/img/user_files/${name}`);
      expect([image.status, image.headers.get("content-security-policy")]).toEqual([200, "sandbox"]);
      expect(asked.splice(0)).toEqual([`${data}/img/user_files/${name}`]);
    }
    for (const path of [
      "img/../x.png",
      "img/%2e%2e/x.png",
      "img/..%2Fx.png",
      "img//x.png",
      "img/x.php",
      "img/x.php/x.png",
      "img/%ff/x.png",
      "qrcodes/x.png",
    ]) {
      const raw = await RawClient.connect(Number(new URL(stage.url).port));
      await raw.send(`GET ${data}/${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      await until(() => raw.text.includes("\r\n\r\n"), "an answer");
      expect([path, raw.text.split("\r\n")[0]]).toEqual([path, "HTTP/1.1 404 Not Found"]);
    }
    expect((await fetch(`${stage.url}${data}/img/none.png`)).status).toBe(404);
    expect(asked).toEqual([]);
  });

  test("of more than 8 MiB, said or not said beforehand, are not passed on", async () => {
    stage = await Stage.open();
    stage.simulator.pages.set("snapshot.php", () => new Response(new Uint8Array(9 * 1024 * 1024), image));
    expect((await show("anna")).status).toBe(503);
    stage.simulator.pages.set("snapshot.php", () => new Response(endless(), image));
    expect((await show("anna")).status).toBe(503);
    expect(state()).toBe("connected");
  });

  test("are six at once of one phone and twelve in all, and a phone that has gone waits for none", async () => {
    stage = await Stage.open();
    const waiting = stall("snapshot.php");
    const gone = new AbortController();
    const six = (name: string): void => {
      for (let count = 0; count < 6; count++) show(name, { signal: gone.signal }).catch(() => undefined);
    };
    six("anna");
    await until(() => waiting.now() === 6, "six pictures");
    const refused = await show("anna");
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "1"]);
    six("ben");
    await until(() => waiting.now() === 12, "twelve pictures");
    expect((await show("cleo")).status).toBe(429);
    gone.abort();
    await until(() => waiting.now() === 0, "that the plugin is asked no more");
    stage.simulator.pages.delete("snapshot.php");
    expect((await show("anna")).status).toBe(200);
    expect([waiting.all(), state()]).toEqual([12, "connected"]);
  });

  test("of the plugin's own folder are 24 at once from one address and 48 in all", async () => {
    stage = await Stage.open({ yaml: "trusted_proxies: [127.0.0.1]\n" });
    const waiting = stall("x.png");
    const gone = new AbortController();
    const see = (address: string, signal?: AbortSignal): Promise<Response> =>
      fetch(`${stage.url}/plugins/JeedomConnect/data/img/x.png`, { ...from(address), ...(signal && { signal }) });
    for (const [at, address] of ["10.0.0.1", "10.0.0.2"].entries()) {
      for (let count = 0; count < 24; count++) see(address, gone.signal).catch(() => undefined);
      await until(() => waiting.now() === 24 * (at + 1), "24 more images");
      expect((await see("10.0.0.1")).status).toBe(429);
    }
    expect((await see("10.0.0.3")).status).toBe(429);
    gone.abort();
    await until(() => waiting.now() === 0, "that the plugin is asked no more");
  });

  test("that stall are waited for 15 s; the bridge, and who asks for something else, notice nothing", async () => {
    stage = await Stage.open();
    const waiting = stall("snapshot.php");
    const begun = performance.now();
    const stalled = show("anna");
    await until(() => waiting.now() === 1, "the question");
    expect(await upload(["a.jpg"])).toBe(200);
    const { phone } = await stage.connected("dora", "websocket");
    await stage.changeSeenBy([phone]);
    expect((await stalled).status).toBe(503);
    expect(performance.now() - begun).toBeLessThan(17_000);
    await until(() => waiting.now() === 0, "that the plugin is asked no more");
    expect(state()).toBe("connected");
  }, 25_000);
});
