import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { refusal, TestGateway } from "./gateway.ts";

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await TestGateway.start(`
public_url: https://push.example.org/home/
addresses: { internal: { http: "http://192.168.1.5:8642" } }
`);
});
afterAll(() => gateway.stop());

interface Added {
  readonly id: string;
  readonly key: string;
}

const asAdmin = (path: string, method: string, body?: unknown) =>
  gateway.ask(path, { method, key: gateway.admin, ...(body === undefined ? {} : { body }) });
const add = async (name: string): Promise<Added> =>
  (await asAdmin("/admin/devices", "POST", { name })).body as unknown as Added;

const internal = { http: "http://192.168.1.5:8642", websocket: "ws://192.168.1.5:8642" };
const external = { http: "https://push.example.org/home", websocket: "wss://push.example.org/home" };

/** A session of a device on its inbox, or on what else its key may read. */
async function connect(key: string, channel: string): Promise<Connection> {
  const socket = new WebSocket(`${gateway.url.replace("http", "ws")}/channels/${channel}`, [
    "hearthwire",
    `hearthwire.key.${key}`,
  ]);
  const connection = new Connection(socket);
  await connection.until((message) => "hello" in message || "live" in message || "cursor" in message);
  return connection;
}

class Connection {
  readonly #messages: Record<string, unknown>[] = [];
  readonly closed: Promise<CloseEvent>;
  readonly #socket: WebSocket;
  #heard: () => void = () => undefined;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => {
      this.#messages.push(JSON.parse(String(data)) as Record<string, unknown>);
      this.#heard();
    };
    this.closed = new Promise((resolve) => {
      socket.onclose = resolve;
    });
  }

  async until(wanted: (message: Record<string, unknown>) => boolean): Promise<Record<string, unknown>> {
    for (;;) {
      const found = this.#messages.find(wanted);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
    }
  }

  async close(): Promise<void> {
    this.#socket.close();
    await this.closed;
  }
}

describe("A device", () => {
  test("is told with its own key how to connect, and nobody else is", async () => {
    const { id, key } = await add("tablet");
    const path = `/devices/${id}/connection`;
    const answer = await gateway.ask(path, { key });
    expect(answer.body).toEqual({ device: id, name: "tablet", transport: "auto", internal, external });
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect((await asAdmin(path, "GET")).body).toEqual(answer.body);
    const other = await add("other");
    expect(await gateway.ask(path, { key: other.key })).toMatchObject(refusal(403, 103, expect.any(String)) as object);
    expect(await gateway.ask(path)).toMatchObject(refusal(401, 101, expect.any(String)) as object);
    expect((await asAdmin("/devices/nobody/connection", "GET")).status).toBe(404);
  });

  test("gets with its key all that its QR code says", async () => {
    const { body } = await asAdmin("/admin/devices", "POST", { name: "phone" });
    expect(body).toMatchObject({ connection: { name: "phone", transport: "auto", internal, external } });
    expect((await asAdmin("/admin/addresses", "GET")).body).toEqual({ internal, external });
  });

  test("hears at once of a change of its transport, and of one that changes nothing it hears nothing", async () => {
    const { id, key } = await add("hall");
    const inbox = await connect(key, `$device/${id}`);
    await asAdmin(`/admin/devices/${id}`, "PATCH", { settings: { transport: "auto", room: "hall" } });
    expect((await asAdmin(`/admin/devices/${id}`, "PATCH", { settings: { transport: "polling" } })).status).toBe(200);
    const { data, offset } = await inbox.until((message) => "data" in message);
    const told = { device: id, name: "hall", transport: "polling", internal, external };
    expect({ data, offset }).toEqual({ data: { connection: told }, offset: 1 });
    expect((await gateway.ask(`/devices/${id}/connection`, { key })).body).toEqual(told);
    await inbox.close();
  });

  test("cannot be given a transport that there is not", async () => {
    const { id } = await add("tablet");
    const refused = await asAdmin(`/admin/devices/${id}`, "PATCH", { settings: { transport: "pigeon" } });
    const message = "Cannot set the transport pigeon: use auto, websocket, sse, polling";
    expect(refused).toMatchObject(refusal(400, 107, message) as object);
  });
});

describe("The state of devices", () => {
  test("is a map in which their coming and going are publications", async () => {
    const { id, key } = await add("chip");
    // A wildcard does not reach it: who may see devices come and go has a grant that names it.
    const watching = await gateway.newKey({ subscribe: ["$devices/state"] });
    const watcher = await connect(watching.key, "$devices/state");
    const ofChip = (connected: boolean) => (message: Record<string, unknown>) =>
      message["key"] === id && (message["data"] as { connected?: boolean } | null)?.connected === connected;
    const session = await connect(key, `$device/${id}`);
    const here = (await watcher.until(ofChip(true)))["data"];
    expect(here).toMatchObject({ transport: "websocket", protocol: "channel-url", address: "127.0.0.1" });
    await session.close();
    expect((await watcher.until(ofChip(false)))["data"]).toMatchObject({ transport: "websocket" });
    const { body } = await asAdmin("/admin/devices", "GET");
    const { devices } = body as { devices: { id: string; last_seen?: number; sessions: number; state: object }[] };
    const listed = devices.find((one) => one.id === id);
    expect(listed).toMatchObject({ sessions: 0, state: { connected: false }, last_seen: expect.any(Number) });
    await asAdmin(`/admin/devices/${id}`, "DELETE");
    await watcher.until((message) => message["key"] === id && message["removed"] === true);
    await watcher.close();
  });

  test("has what the device says of itself: its app and its battery", async () => {
    const { id, key } = await add("phone");
    const path = `/devices/${id}/state`;
    const told = await gateway.ask(path, { method: "PUT", key, body: { app: "background", battery: 81 } });
    expect(told.body).toMatchObject({ connected: false, app: "background", battery: 81 });
    const next = await gateway.ask(path, { method: "PUT", key, body: { app: "active" } });
    expect(next.body).toMatchObject({ app: "active", battery: 81 });
    for (const body of [{ battery: 101 }, { app: "asleep" }, { mood: 1 }, "no JSON", [], null]) {
      expect((await gateway.ask(path, { method: "PUT", key, body })).status).toBe(400);
    }
    expect((await gateway.ask(path, { method: "PUT", body: {} })).status).toBe(401);
  });

  test("a device of one session keeps its newest, others all of theirs", async () => {
    const { id, key } = await add("wall");
    const [first, second] = [await connect(key, `$device/${id}`), await connect(key, `$device/${id}`)];
    await asAdmin(`/admin/devices/${id}`, "PATCH", { settings: { single_session: "true" } });
    const newest = await connect(key, `$device/${id}`);
    expect((await first.closed).code).toBe(3503);
    expect((await second.closed).code).toBe(3503);
    const { body } = await gateway.ask("/sessions", { key: gateway.admin });
    const { sessions } = body as { sessions: { device?: string }[] };
    expect(sessions.filter(({ device }) => device === id)).toHaveLength(1);
    await newest.close();
  });
});
