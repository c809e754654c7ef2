// What a board hears and says, byte by byte and with npm's ws.
import { afterEach, describe, expect, test } from "bun:test";
import { packagedServer } from "./peers.ts";
import { atEnd, board, cleanUp, connected, logging } from "./setting.ts";

afterEach(cleanUp);

/** Characters in all texts that an object of the module keeps; its sockets are the firmware's. */
function kept(value: unknown, seen = new Set<unknown>()): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null || seen.has(value) || "write" in value) return 0;
  seen.add(value);
  return Object.values(value).reduce((sum: number, member) => sum + kept(member, seen), 0);
}

describe("Messages", () => {
  test.each([64, 268, 536])("arrive whole in chunks of %i bytes: several in one, one in several", async (chunk) => {
    const { chip, peer } = await connected("{ limit: 70000 }", { chunk });
    const texts = [
      "",
      "a",
      "b".repeat(125),
      "c".repeat(126),
      "d".repeat(127),
      "e".repeat(1000),
      "f".repeat(65_535),
      "g",
    ];
    const header = ({ length }: string): string =>
      length < 126 ? String.fromCharCode(length) : `\x7e${String.fromCharCode(length >> 8, length & 255)}`;
    await peer.send(texts.map((text) => `\x81${header(text)}${text}`).join(""));
    await chip.prints("message g");
    expect(chip.printed.filter((line) => line.startsWith("message"))).toEqual(texts.map((text) => `message ${text}`));
    expect(Math.max(...chip.network.sockets.chunks)).toBeLessThanOrEqual(chunk);
  });

  test("in pieces become one, with pings between them", async () => {
    const { chip, peer } = await connected();
    await peer.send("\x01\x02he\x89\x01!\x00\x02ll\x80\x01o");
    await chip.prints("message hello");
    expect(chip.printed).toEqual(["handshake", "open", "ping !", "message hello"]);
  });

  test("over the limit are passed over and told, and the next one comes", async () => {
    const { chip, peer } = await connected("{ limit: 200 }");
    await peer.send(`\x81\x7e\x00\xc9${"x".repeat(201)}\x81\x02ok`);
    await peer.send(`\x01\x7e\x00\xc8${"x".repeat(200)}\x00\x01y\x80\x01z\x81\x04fine`);
    await chip.prints("message fine");
    const told = "error Cannot take so long a message";
    expect(chip.printed.slice(2)).toEqual([told, "message ok", told, "message fine"]);
  });

  test("that claim 2 GB cost no memory", async () => {
    const { chip, peer } = await connected();
    await peer.send("\x81\x7f\x00\x00\x00\x00\x80\x00\x00\x00");
    for (let i = 0; i < 50; i++) await peer.send("x".repeat(1000));
    await chip.until(() => chip.network.sockets.chunks.reduce((sum, size) => sum + size, 0) > 50_000);
    expect(kept(chip.run("ws"))).toBeLessThan(100);
  });

  test("are text in UTF-8; what a byte has no room for is a question mark, what is no UTF-8 stays", async () => {
    const { chip, peer } = await connected();
    await peer.send("\x81\x0aCaf\xc3\xa9 \xe2\x82\xac\x80");
    await chip.prints("message Caf\xe9 ?\x80");
    chip.run(`ws.send("Caf\\xe9")`);
    await peer.until(({ received }) => received.length >= 11);
    expect(peer.frames().map(({ payload }) => payload)).toEqual(["Caf\xc3\xa9"]);
  });

  test("are sent masked with a new mask each, in one write, as text or the JSON of an object", async () => {
    const { chip, peer } = await connected();
    chip.run(`ws.send("hello world"); ws.send({ a: [1, null] }); ws.send(0);
      ws.broadcast("hi"); ws.broadcast("hi", "Espruino"); ws.join('a "room"');`);
    const frames = peer.frames();
    await peer.until(() => frames.push(...peer.frames()) >= 6);
    expect(frames.map(({ opcode, payload }) => [opcode, payload])).toEqual([
      [1, "hello world"],
      [1, '{"a":[1,null]}'],
      [1, "0"],
      [1, '{"room":"all","msg":"hi"}'],
      [1, '{"room":"Espruino","msg":"hi"}'],
      [1, '{"join":"a \\"room\\""}'],
    ]);
    expect(new Set(frames.map(({ mask }) => mask)).size).toBe(frames.length);
  });

  test("are sent unmasked where masking is off", async () => {
    const { chip, peer } = await connected("{ masking: false }");
    chip.run(`ws.send("hi")`);
    await peer.until(({ received }) => received.length > 0);
    expect(peer.received).toBe("\x81\x02hi");
  });

  test("that cannot be sent are told: before it is open, after its end, too long, or when the board has not sent the last ones", async () => {
    const { chip, peer } = await connected("{ limit: 300 }");
    expect(
      chip.run(
        `[ws.send(Array(65537).join("x")), ws.send(Array(201).join("a")), ws.send(Array(201).join("b"))].join()`,
      ),
    ).toBe("false,true,false");
    await peer.until(({ received }) => received.length >= 208);
    await chip.until(() => chip.run(`ws.send("c")`) === true);
    chip.run("ws.close()");
    expect(chip.run(`ws.send("late")`)).toBe(false);
    expect(chip.run(`new (require("hearthwire"))("127.0.0.1").send("early")`)).toBe(false);
  });

  test("come as raw bytes too", async () => {
    const { chip, peer } = await connected();
    chip.run(`ws.on("rawData", function (bytes) { print(btoa(bytes)); })`);
    await peer.send("\x81\x01x");
    await chip.prints(btoa("\x81\x01x"));
  });
});

test.each([64, 268, 536])("npm's ws and a board with chunks of %i bytes understand each other", async (chunk) => {
  const { port, server } = await packagedServer((ws) => {
    ws.send("User Joined");
    ws.on("message", (data) => {
      for (let i = 0; i < 3; i++) ws.send(`${data}`);
    });
    ws.on("close", (code, reason) => closed.push(`${code} ${reason}`));
  });
  const closed: string[] = [];
  atEnd(() => server.close());
  const chip = board({ chunk });
  chip.run(`var ws = new (require("hearthwire"))("127.0.0.1", { port: ${port} }); ${logging}
    ws.on("open", function () { ws.send("caf\\xe9"); ws.send(Array(1001).join("x")); });`);
  await chip.until(() => chip.printed.filter((line) => line === `message ${"x".repeat(1000)}`).length === 3);
  expect(chip.printed.slice(0, 6)).toEqual([
    "handshake",
    "open",
    "message User Joined",
    "message caf\xe9",
    "message caf\xe9",
    "message caf\xe9",
  ]);
  for (const ws of server.clients) ws.ping("are you there");
  await chip.prints("ping are you there");
  chip.run(`ws.close(4000, "bye")`);
  await chip.until(() => closed.length > 0);
  expect(closed).toEqual(["4000 bye"]);
  expect(chip.uncaught).toEqual([]);
});
