import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { Centrifuge } from "centrifuge";
import { EventSource } from "eventsource";
import { WebSocket as NodeWebSocket } from "ws";
import { Home, type ServingCommand } from "../cli/command-line.ts";

// Several processes start in each of these, one after another.
setDefaultTimeout(60_000);

let home: Home;
beforeEach(() => {
  home = new Home();
});
afterEach(() => home.clear());

const open = ["--anonymous-subscribe", "house/**", "--anonymous-publish", "house/**", "--anonymous-devices", "true"];

function webSocket({ url }: ServingCommand, path: string): Promise<WebSocket> {
  const socket = new WebSocket(`${url.replace("http", "ws")}${path}`);
  return new Promise((resolve, reject) => {
    socket.onmessage = () => resolve(socket);
    socket.onclose = () => reject(new Error(`${path} was closed`));
  });
}

function ending(socket: WebSocket): Promise<{ readonly code: number; readonly at: number }> {
  return new Promise((resolve) => {
    socket.onclose = ({ code }) => resolve({ code, at: performance.now() });
  });
}

describe("SIGTERM", () => {
  test("stops listening at once and sends the sessions away evenly over `drain`, to come back, and ends with 0", async () => {
    const gateway = await home.serve(...open, "--drain", "1s");
    const sockets = await Promise.all(Array.from({ length: 20 }, () => webSocket(gateway, "/channels/house/hall")));
    const ends = sockets.map(ending);
    const began = performance.now();
    gateway.command.signal("SIGTERM");
    await gateway.command.until(() => gateway.command.stderr.includes("Sending sessions away"));
    await expect(fetch(`${gateway.url}/health/live`)).rejects.toThrow();
    const { code } = await gateway.command.outcome();
    const ended = await Promise.all(ends);
    expect(code).toBe(0);
    expect(ended.map((one) => one.code)).toEqual(ended.map(() => 3001));
    const times = ended.map(({ at }) => at - began).toSorted((a, b) => a - b);
    expect(times[0]).toBeLessThan(500);
    expect(times[10]).toBeWithin(300, 900);
    expect(times.at(-1)).toBeWithin(800, 1800);
  });

  test("turns readiness false, and lets those who are still there go on", async () => {
    const gateway = await home.serve(...open, "--drain", "1h");
    const sockets = await Promise.all([1, 2].map(() => webSocket(gateway, "/channels/house/hall?history=0")));
    const ends = sockets.map(ending);
    gateway.command.signal("SIGTERM");
    await Promise.race(ends);
    expect(await home.json(["status"])).toMatchObject({ ready: false, reasons: ["The gateway is stopping"] });
    const heard = new Promise<string>((resolve) => {
      for (const socket of sockets) socket.onmessage = ({ data }) => resolve(String(data));
    });
    expect((await home.run(["publish", "house/hall", "still here"])).code).toBe(0);
    expect(await heard).toContain("still here");
    // The second signal ends what would take an hour.
    const insisting = setInterval(() => gateway.command.signal("SIGTERM"), 50);
    const { code, stderr } = await gateway.command.outcome();
    clearInterval(insisting);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining("Ended at once, at a second signal."),
    });
    expect((await Promise.all(ends)).map((one) => one.code).toSorted()).toEqual([1006, 3001]);
  });

  test("tells every kind of client what brings it back", async () => {
    const gateway = await home.serve(...open, "--drain", "300ms");
    const { url } = gateway;
    const at = url.replace("http", "ws");
    const sdk = new Centrifuge(`${at}/connection/websocket`, { websocket: NodeWebSocket });
    await new Promise<void>((resolve) => {
      sdk.once("connected", () => resolve());
      sdk.connect();
    });
    const reconnecting = new Promise<number>((resolve, reject) => {
      sdk.once("connecting", ({ code }) => resolve(code));
      sdk.once("disconnected", ({ code }) => reject(new Error(`disconnected for good: ${code}`)));
    });
    const source = new EventSource(`${url}/channels/house/hall`);
    await new Promise((resolve) => source.addEventListener("live", resolve));
    const streamed = new Promise<string>((resolve) => {
      source.addEventListener("end", ({ data }) => resolve(String(data)));
    });
    const device = ending(await webSocket(gateway, "/devices"));
    const poll = fetch(`${url}/channels/house/hall?since=${await cursorOf(url)}&wait=60`);
    while (((await home.json(["status"])) as { sessions: number }).sessions < 4);
    gateway.command.signal("SIGTERM");
    const [sdkCode, end, { code: deviceCode }, polled] = await Promise.all([reconnecting, streamed, device, poll]);
    source.close();
    sdk.disconnect();
    expect(sdkCode).toBe(3001);
    expect(JSON.parse(end)).toMatchObject({ end: true, cursor: expect.any(String), error: { code: 3001 } });
    expect(deviceCode).toBe(3001);
    expect(await polled.json()).toMatchObject({ publications: [], cursor: expect.any(String) });
    expect((await gateway.command.outcome()).code).toBe(0);
  });
});

async function cursorOf(url: string): Promise<string> {
  const answer = (await (await fetch(`${url}/channels/house/hall`)).json()) as { cursor: string };
  return answer.cursor;
}

test("SIGINT, which a person waits for, sends all away at once", async () => {
  const gateway = await home.serve(...open, "--drain", "1h");
  const ends = (await Promise.all([1, 2, 3].map(() => webSocket(gateway, "/channels/house/hall")))).map(ending);
  gateway.command.signal("SIGINT");
  expect((await Promise.all(ends)).map(({ code }) => code)).toEqual([3001, 3001, 3001]);
  expect((await gateway.command.outcome()).code).toBe(0);
});
