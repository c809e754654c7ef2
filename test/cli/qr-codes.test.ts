import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PNG } from "pngjs";
import { Home } from "./command-line.ts";

let home: Home;
beforeEach(() => {
  home = new Home();
});
afterEach(() => home.clear());

// Read by another library than the one that reads them in the product. Its types name a browser's, which are not here.
const reader = "qr/decode.js";
const { decodeQR } = (await import(reader)) as {
  decodeQR(image: { width: number; height: number; data: Uint8Array }, options: { timeLimit: number }): string;
};

function inPng(path: string): unknown {
  const { width, height, data } = PNG.sync.read(readFileSync(path));
  return JSON.parse(decodeQR({ width, height, data }, { timeLimit: 10_000 }));
}

/** What is drawn with half blocks, light on dark, as an image of `scale` pixels a block. */
function inTerminal(text: string, scale = 4): unknown {
  const lines = text.split("\n").filter((line) => /^[█▀▄ ]{20,}$/.test(line));
  const rows = lines.flatMap((line) => ["█▀", "█▄"].map((light) => [...line].map((block) => light.includes(block))));
  const side = rows.length * scale;
  const data = new Uint8Array(side * side * 4).fill(255);
  for (const [row, cells] of rows.entries()) {
    for (const [column, light] of cells.entries()) {
      if (light) continue;
      for (let y = row * scale; y < (row + 1) * scale; y++) {
        for (let x = column * scale; x < (column + 1) * scale; x++)
          data.fill(0, (y * side + x) * 4, (y * side + x) * 4 + 3);
      }
    }
  }
  return JSON.parse(decodeQR({ width: side, height: side, data }, { timeLimit: 10_000 }));
}

const environment = { HEARTHWIRE_LISTEN: "192.168.7.8:8642", HEARTHWIRE_PUBLIC_URL: "https://push.example.org" };
const internal = { http: "http://192.168.7.8:8642", websocket: "ws://192.168.7.8:8642" };
const external = { http: "https://push.example.org", websocket: "wss://push.example.org" };

describe("The QR code of a device", () => {
  test("says on the terminal and in a PNG all that the device needs, also beyond ASCII, and is shown once", async () => {
    const { stdout, stderr } = await home.run(["device", "add", "Küche 🍳"], { env: environment });
    const files = readdirSync(home.folder).filter((file) => /\.(png|svg)$/.test(file));
    const id = /Device (\w+) /.exec(stderr)?.[1] ?? "";
    expect(files.sort()).toEqual([`hearthwire-${id}.png`, `hearthwire-${id}.svg`]);
    const code = { device: id, name: "Küche 🍳", transport: "auto", internal, external, key: stdout.trim() };
    expect(inPng(join(home.folder, `hearthwire-${id}.png`))).toEqual(code);
    expect(inTerminal(stderr)).toEqual(code);
    for (const file of files) expect(statSync(join(home.folder, file)).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(home.folder, `hearthwire-${id}.svg`), "utf8")).toStartWith("<svg");
    const kept = readdirSync(home.data).map((file) => readFileSync(join(home.data, file), "latin1"));
    expect(kept.some((content) => content.includes(stdout.trim()))).toBeFalse();
  });

  test("has the new key after device rotate, and the transport that was set", async () => {
    const { id } = (await home.json(["device", "add", "tablet"], { env: environment })) as { id: string };
    expect((await home.run(["device", "set", id, "--transport", "polling"])).code).toBe(0);
    const folder = join(home.folder, "codes");
    mkdirSync(folder);
    const { stdout } = await home.run(["device", "rotate", id, "--qr", folder], { env: environment });
    const code = { device: id, name: "tablet", transport: "polling", internal, external, key: stdout.trim() };
    expect(inPng(join(folder, `hearthwire-${id}.png`))).toEqual(code);
    const wrong = await home.run(["device", "set", id, "--transport", "pigeon"]);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain("auto, websocket, sse, polling");
  });

  test("is not made where it is not wanted, and a folder that is not there is told", async () => {
    const { stderr } = await home.run(["device", "add", "chip", "--no-qr"]);
    expect(stderr).not.toMatch(/█/);
    expect(readdirSync(home.folder).filter((file) => /\.(png|svg)$/.test(file))).toEqual([]);
    const { code, stderr: told } = await home.run(["device", "add", "chip", "--qr", join(home.folder, "nowhere")]);
    expect(code).toBe(1);
    expect(told).toContain("Cannot write the QR code");
  });
});

describe("The QR code of the JeedomConnect app", () => {
  const plugin = {
    useWs: "1",
    polling: "0",
    eqName: "téléphone",
    userName: "anna",
    httpUrl: "https://jeedom.example.org",
    internalHttpUrl: "http://192.168.1.2",
    wsAddress: "ws://jeedom.example.org:8090",
    internalWsAddress: "ws://192.168.1.2:8090",
    apiKey: "0123456789abcdef0123456789abcdef",
    userHash: "f".repeat(64),
  };
  const ours = {
    ...plugin,
    httpUrl: external.http,
    internalHttpUrl: internal.http,
    wsAddress: `${external.websocket}/jeedomconnect`,
    internalWsAddress: `${internal.websocket}/jeedomconnect`,
  };

  test("is made from the plugin's own, as JSON or as its PNG, with our addresses in it", async () => {
    const file = join(home.folder, "plugin.json");
    writeFileSync(file, JSON.stringify(plugin));
    const out = home.folder;
    const made = await home.run(["device", "app-qr", file, "--qr", out], { env: environment });
    expect(made.code).toBe(0);
    const png = join(out, "jeedomconnect.png");
    expect(inPng(png)).toEqual(ours);
    expect(inTerminal(made.stderr)).toEqual(ours);
    const elsewhere = { HEARTHWIRE_LISTEN: "10.0.0.1:80" };
    expect(await home.json(["device", "app-qr", png], { env: elsewhere })).toMatchObject({
      apiKey: plugin.apiKey,
      httpUrl: "http://10.0.0.1:80",
      internalWsAddress: "ws://10.0.0.1:80/jeedomconnect",
    });
  });

  test.each([
    ["no file", undefined, "Cannot read"],
    ["another text", "hello", "is no QR code of the JeedomConnect plugin"],
    ["other JSON", '{"apiKey":5}', "is no QR code of the JeedomConnect plugin"],
    ["a damaged PNG", Buffer.from("\u0089PNG\r\n\u001a\nxx", "latin1"), "Cannot read the image"],
    ["a PNG without a code", PNG.sync.write(new PNG({ width: 50, height: 50 })), "Cannot find a QR code"],
  ])("%s is told", async (_, content, message) => {
    const file = join(home.folder, "given");
    if (content !== undefined) writeFileSync(file, content);
    const { code, stderr } = await home.run(["device", "app-qr", file], { env: environment });
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(message) as string });
  });

  test("cannot be made where no phone can find the gateway", async () => {
    const file = join(home.folder, "plugin.json");
    writeFileSync(file, JSON.stringify(plugin));
    const { code, stderr } = await home.run(["device", "app-qr", file]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("no phone can find") as string });
  });
});
