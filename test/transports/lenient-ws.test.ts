/** The lenient listener and npm's `ws`, which runs in Node: all that is legal RFC 6455 goes both ways. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Inlet, Outlet } from "../../src/ports.ts";
import { type LenientListener, listenLeniently } from "../../src/transports/lenient-websocket.ts";
import { systemClock } from "../../src/transports/system.ts";
import { FakeLog } from "../fakes/log.ts";

const log = new FakeLog();
let listener: LenientListener;
const ends: { readonly code: number; readonly reason: string }[] = [];

/** Sends back what it hears; `close <code> <reason>` makes it say goodbye. */
class Echo implements Inlet {
  readonly #outlet: Outlet;

  constructor(outlet: Outlet) {
    this.#outlet = outlet;
  }

  message(data: string | Uint8Array): void {
    const text = typeof data === "string" ? data : `bytes ${Buffer.from(data).toString("hex")}`;
    const { framing } = this.#outlet;
    const [, code, reason] = /^close (\d+) (.*)$/.exec(text) ?? [];
    if (text === "ping me") this.#outlet.ping();
    if (code === undefined) this.#outlet.write(framing.join([framing.frame(text)]));
    else this.#outlet.end(Number(code), reason ?? "", false);
  }
  alive(): void {
    // A pong.
  }
  drained(): void {
    // Nothing waits here.
  }
  ended(code: number, reason: string): void {
    ends.push({ code, reason });
  }
}

beforeAll(() => {
  const at = { hostname: "127.0.0.1", port: 0 };
  listener = listenLeniently({ at, clock: systemClock, log, visit: (visit) => visit.webSocket((o) => new Echo(o)) });
});

afterAll(async () => {
  await listener.stop(true);
  expect(log.errors).toEqual([]);
});

/** Runs a client; what it prints is JSON. */
async function client(script: string): Promise<unknown> {
  const text = `
    import WebSocket from "ws";
    const open = (options) => new Promise((resolve, reject) => {
      const ws = new WebSocket("ws://127.0.0.1:${listener.port}/", options);
      ws.heard = [];
      ws.on("message", (data, binary) => ws.heard.push(binary ? { binary: data.toString("hex") } : data.toString()));
      ws.on("error", reject);
      ws.on("open", () => resolve(ws));
    });
    const once = (ws, name) => new Promise((resolve) => ws.once(name, (...all) => resolve(all)));
    const hears = async (ws, count) => { while (ws.heard.length < count) await once(ws, "message"); return ws.heard; };
    ${script}`;
  const child = Bun.spawn(["node", "--input-type=module", "-e", text], {
    stdout: "pipe",
    stderr: "pipe",
    timeout: 20_000,
  });
  const [out, errors] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  expect(errors).toBe("");
  return JSON.parse(out);
}

test("texts of every length form, with every alphabet, masked, come back as they were", async () => {
  const all = await client(`
    const ws = await open();
    const texts = [0, 1, 125, 126, 127, 65535].map((n) => "x".repeat(n)).concat("é ü 🏠", "\\ufeffbom", "\\0", JSON.stringify("ascii"));
    for (const text of texts) ws.send(text);
    const heard = await hears(ws, texts.length);
    console.log(JSON.stringify(texts.map((text, at) => text === heard[at])));
    ws.terminate();`);
  expect(all).toEqual(Array(10).fill(true));
});

test("random texts and bytes in random fragments, with pings between them", async () => {
  const result = await client(`
    const ws = await open();
    let seed = 7;
    const random = (most) => (seed = (seed * 48271) % 2147483647) % most;
    const alphabet = [..."abc é🏠\\n\\u2028"];
    const expected = [];
    let pongs = 0, pings = 0;
    ws.on("pong", (data) => { if (data.toString() === "p" + pongs) pongs++; });
    for (let message = 0; message < 200; message++) {
      const binary = random(4) === 0;
      const whole = Array.from({ length: random(300) }, () => alphabet[random(alphabet.length)]).join("");
      const bytes = Buffer.from(whole);
      let at = 0;
      for (let more = random(4); more > 0; more--) {
        const next = at + random(bytes.length - at + 1);
        ws.send(bytes.subarray(at, next), { fin: false, binary });
        at = next;
        if (random(3) === 0) ws.ping("p" + pings++);
        if (random(5) === 0) await new Promise(setImmediate);
      }
      ws.send(bytes.subarray(at), { fin: true, binary });
      expected.push(binary ? "bytes " + bytes.toString("hex") : whole);
    }
    const heard = await hears(ws, expected.length);
    while (pongs < pings) await once(ws, "pong");
    console.log(JSON.stringify({ same: JSON.stringify(heard) === JSON.stringify(expected), pongs: pongs === pings && pings > 20 }));
    ws.terminate();`);
  expect(result).toEqual({ same: true, pongs: true });
});

test("our ping is answered, and `ws` takes compression for not agreed on", async () => {
  const result = await client(`
    const ws = await open({ perMessageDeflate: true });
    const pinged = once(ws, "ping");
    ws.send("ping me");
    const [data] = await pinged;
    console.log(JSON.stringify([data.toString(), ws.extensions]));
    ws.terminate();`);
  expect(result).toEqual(["ping", ""]);
});

test.each([1000, 1001, 3000, 3500, 4999])("a close with %d goes both ways, with its reason", async (code) => {
  ends.length = 0;
  const result = await client(`
    const ours = await open();
    ours.close(${code}, "réason");
    const [closed] = await once(ours, "close");
    const theirs = await open();
    theirs.send("close ${code} goodbye é");
    const [told, reason] = await once(theirs, "close");
    console.log(JSON.stringify([closed, told, reason.toString()]));`);
  expect(result).toEqual([code, code, "goodbye é"]);
  expect(ends).toEqual([
    { code, reason: "réason" },
    { code, reason: "goodbye é" },
  ]);
});

test("a close without a code is answered without one", async () => {
  const result = await client(`
    const ws = await open();
    ws.close();
    const [code] = await once(ws, "close");
    console.log(JSON.stringify(code));`);
  expect(result).toBe(1005);
});

test("a message over the limit is told with 1009", async () => {
  const result = await client(`
    const ws = await open();
    ws.send("x".repeat(65536));
    const [code] = await once(ws, "close");
    console.log(JSON.stringify(code));`);
  expect(result).toBe(1009);
});
