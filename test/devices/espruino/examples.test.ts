// examples/espruino, and the programs of docs/espruino.md, on a board with a network, pins and a gateway.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { TestGateway } from "../../http/gateway.ts";
import { Board } from "./board.ts";
import { packaged } from "./peers.ts";

const root = new URL("../../../", import.meta.url);
const example = (name: string): string => readFileSync(new URL(`examples/espruino/${name}.js`, root), "utf8");

let gateway: TestGateway;
let key: string;
const boards: Board[] = [];
beforeAll(async () => {
  gateway = await TestGateway.start(`
listeners: [{ listen: 127.0.0.1:0, protocol: espruino }]
channels: { home/lights: { kind: map }, home/sensors: { kind: map } }
`);
  ({ key } = await gateway.newKey({ subscribe: ["home/**"], publish: ["home/**"], call: ["time"] }));
});
afterAll(() => gateway.stop());
afterEach(() => {
  expect(boards.flatMap(({ uncaught }) => uncaught)).toEqual([]);
  for (const board of boards.splice(0)) board.stop();
});

/** A board in a house: what it does to its pins, and a hand on its button. */
class HouseBoard extends Board {
  readonly pins = new Map<string, unknown>();
  readonly slept: number[] = [];
  readonly stored = new Map<string, string>();
  press: () => void = () => undefined;

  constructor() {
    const ports = gateway.gateway.addresses.map(({ url }) => Number(new URL(url).port));
    super({
      routes: { "192.168.0.10:8642": ports[0] ?? 0, "192.168.0.10:8080": ports[1] ?? 0 },
      modules: {
        Storage: {
          read: (name: string) => this.stored.get(name),
          write: (name: string, text: string) => void this.stored.set(name, text),
        },
        Wifi: {
          connect: (_: string, __: object, connected: (error: null) => void) => setTimeout(connected, 0, null),
          getIP: () => ({ ip: "127.0.0.1" }),
        },
      },
      globals: {
        BTN1: "BTN1",
        LED1: "LED1",
        A0: "A0",
        ESP32: { deepSleep: (microseconds: number) => void this.slept.push(microseconds) },
        analogRead: () => 0.5,
        digitalWrite: (pin: string, value: unknown) => void this.pins.set(pin, value),
        setWatch: (task: () => void) => {
          this.press = task;
        },
      },
    });
    boards.push(this);
  }
}

/** Runs a program as its reader would: with a key, and in characters that a board has. */
function house(program: string, shown = key): HouseBoard {
  const board = new HouseBoard();
  board.run("var E = { getTemperature: function () { return 11.5; } };");
  board.run(program.replaceAll("hw_…", shown).replaceAll("…", "..."));
  return board;
}

const kept = async (channel: string): Promise<unknown[]> => {
  const { body } = await gateway.ask(`/channels/${channel}?history=10`, { key: gateway.admin });
  return (body as { publications: { data: unknown }[] }).publications.map(({ data }) => data);
};

function light(on: boolean): Promise<unknown> {
  const headers = { "content-type": "application/json", "hearthwire-map-key": "desk" };
  return gateway.ask("/channels/home/lights", { method: "POST", key: gateway.admin, headers, body: { on } });
}

describe("The examples for boards", () => {
  test("button.js publishes its presses", async () => {
    const board = house(example("button"));
    await board.prints("Ready");
    const { body } = await gateway.ask("/channels/home/button", { key: gateway.admin });
    board.press();
    const { cursor } = body as { cursor: string };
    const heard = await gateway.ask(`/channels/home/button?since=${cursor}&wait=5`, { key: gateway.admin });
    expect(heard.body).toMatchObject({ publications: [{ data: { pressed: true } }] });
  });

  test("light.js is what the map says, from the start and at every change", async () => {
    await light(true);
    const board = house(example("light"));
    await board.until(() => board.pins.get("LED1") === true);
    await light(false);
    await board.until(() => board.pins.get("LED1") === false);
    await light(true);
    await board.until(() => board.pins.get("LED1") === true);
    await gateway.ask("/channels/home/lights?key=desk", { method: "DELETE", key: gateway.admin });
    await board.until(() => board.pins.get("LED1") === false);
  });

  test("sensor.js reports, and sleeps for a minute, also where nobody answers", async () => {
    const board = house(example("sensor"));
    board.run("E.emit('init')");
    await board.until(() => board.slept.length === 1);
    expect(board.slept).toEqual([60_000_000]);
    expect(await kept("home/sensors")).toEqual([{ celsius: 11.5, battery: 0.5 }]);
    const alone = house(example("sensor").replace("192.168.0.10", "nowhere.local"));
    alone.run("E.emit('init')");
    await alone.until(() => alone.slept.length === 1);
  });

  test("page.js serves a page whose switch all browsers see", async () => {
    const board = house(example("page"));
    const port = await board.port(80);
    await board.prints("http://127.0.0.1/");
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toContain("<button id=lamp>");
    const [one, other] = await Promise.all([browser(port), browser(port)]);
    one.ws.send("toggle");
    await Promise.all([one.hears('{"on":true}'), other.hears('{"on":true}')]);
    expect(board.pins.get("LED1")).toBe(true);
    expect([one.heard, other.heard]).toEqual(Array(2).fill(['{"on":false}', '{"on":true}']));
    one.ws.close();
    await board.until(() => board.run("open.length") === 1);
    other.ws.terminate();
    await board.until(() => board.run("open.length") === 0);
  });
});

describe("The programs of docs/espruino.md", () => {
  const page = readFileSync(new URL("docs/espruino.md", root), "utf8");
  const programs = [...page.matchAll(/```js\n([^`]*)```/g)].map(([, program = ""]) => program);
  const program = (words: string): string => programs.find((text) => text.includes(words)) ?? "";

  test("are those that are tried here", () => {
    expect(programs).toHaveLength(5);
  });

  test("talk in a room, as with ws and with the module", async () => {
    const module = house(program("reconnect: true"));
    await module.prints("MSG: User Joined");
    const board = house(program('require("ws")').replace('"ws"', '"hearthwire"'));
    await board.prints("the kettle boils");
    await module.prints("MSG: the kettle boils");
    expect(
      await gateway.ask("/channels/room/kitchen", { method: "POST", key: gateway.admin, body: "Dinner!" }),
    ).toMatchObject({
      status: 200,
    });
    await Promise.all([board.prints("Dinner!"), module.prints("MSG: Dinner!")]);
  });

  test("serve", async () => {
    const board = house(program("createServer"));
    const port = await board.port(80);
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe("Hello\n");
    const ws = new packaged.WebSocket(`ws://127.0.0.1:${port}/`);
    ws.on("open", () => ws.send("hi"));
    expect(`${await new Promise((resolve) => ws.on("message", resolve))}`).toBe("You said hi");
    ws.terminate();
  });

  test("publish, subscribe and call, with the key that is made there", async () => {
    const [, words = ""] = /key create desk-light (.*)/.exec(page) ?? [];
    const options = words.matchAll(/--(\w+)((?: (?!--)\S+)+)/g);
    const grants = Object.fromEntries(
      Array.from(options, ([, verb = "", names = ""]) => [verb, names.trim().split(" ")]),
    );
    await light(false);
    const board = house(program("hub.call"), (await gateway.newKey(grants)).key);
    await board.prints("hall true");
    await board.until(
      () => board.printed.includes("The light is on") && board.printed.some((line) => /^\d{13}$/.test(line)),
    );
    expect(board.printed).toContain("desk false");
    expect(await kept("home/button")).toContainEqual({ pressed: true });
  });

  test("sleep and hear what they missed", async () => {
    const first = house(program("storage.read"));
    await first.until(() => first.stored.has("cursor"));
    await light(true);
    const second = new HouseBoard();
    second.stored.set("cursor", first.stored.get("cursor") ?? "");
    second.run(program("storage.read").replaceAll("hw_…", key));
    await second.until(() => second.stored.get("cursor") !== first.stored.get("cursor"));
    expect(second.printed).toEqual(["desk"]);
  });
});

test("check.js finds that all is well", async () => {
  const board = house(example("check"));
  await board.prints("All is well");
  expect(board.printed).toEqual(["All is well"]);
});

async function browser(port: number) {
  const ws = new packaged.WebSocket(`ws://127.0.0.1:${port}/lamp`, { origin: `http://127.0.0.1:${port}` });
  const heard: string[] = [];
  let changed: () => void = () => undefined;
  ws.on("message", (data) => {
    heard.push(`${data}`);
    changed();
  });
  const hears = async (text: string): Promise<void> => {
    while (!heard.includes(text)) {
      await new Promise<void>((resolve) => {
        changed = resolve;
      });
    }
  };
  await hears('{"on":false}');
  return { ws, heard, hears };
}
