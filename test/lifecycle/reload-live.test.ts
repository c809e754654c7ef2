/** What `hearthwire reload` brings about in parts of the gateway that have much of their own. */
import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { SignJWT } from "jose";
import { Simulator } from "../../simulators/jeedom/server.ts";
import { Home } from "../cli/command-line.ts";
import { until } from "../transports/raw-client.ts";
import { House } from "./house.ts";

// A process starts in each of these, and commands one after another.
setDefaultTimeout(60_000);

let home: Home;
beforeEach(() => {
  home = new Home();
});
afterEach(() => home.clear());

const open = "anonymous: { subscribe: [house/**], publish: [house/**] }\n";
const json = { "content-type": "application/json" };

describe("A reload takes up", () => {
  test("limits of connections and of how fast they come, for those who are there too", async () => {
    const house = await new House(home).start(open);
    await house.listen("house/hall");
    await house.listen("house/hall");
    const stream = async (): Promise<number> => {
      const ending = new AbortController();
      const { signal } = ending;
      const { status } = await fetch(`${house.url}/channels/house/hall`, {
        headers: { accept: "text/event-stream" },
        signal,
      });
      ending.abort();
      return status;
    };
    await house.reload(`${open}limits: { connections: { address: 2 } }\n`);
    expect(await stream()).toBe(429);
    await house.reload(`${open}limits: { connections: { address: 3 } }\n`);
    expect(await stream()).toBe(200);
    await house.reload(`${open}limits: { accept_rate: 1 }\n`);
    const statuses = [await stream(), await stream(), await stream()];
    expect(statuses).toContain(503);
    await house.reload(`${open}limits: { accept_rate: 0 }\n`);
    expect(await stream()).toBe(200);
  });

  test("addresses, of which devices hear at once, and after a restart too, by which public_url is taken up", async () => {
    const { id, key } = (await home.json(["device", "add", "tablet", "--no-qr"])) as { id: string; key: string };
    const house = await new House(home).start("");
    const heard = async (): Promise<readonly unknown[]> => {
      const url = `${house.url}/channels/$device/${id}?history=10`;
      const { publications } = (await (await fetch(url, { headers: { "x-api-key": key } })).json()) as {
        publications: { data: { connection: { external?: { http: string } } } }[];
      };
      return publications.map(({ data }) => data.connection.external?.http);
    };
    await house.reload('addresses: { external: { http: "https://a.example.org" } }\n');
    await until(async () => (await heard()).at(-1) === "https://a.example.org", "the first address");
    await house.command?.end();
    await house.start("public_url: https://b.example.org\n");
    await until(async () => (await heard()).at(-1) === "https://b.example.org", "the second address");
  });

  test("limits of channels by key, of wrong keys and of commands", async () => {
    const house = await new House(home).start(open);
    const { key } = (await home.json(["key", "create", "writer", "--publish", "house/**"])) as { key: string };
    const begin = (channel: string): Promise<number> =>
      house.status(`/channels/${channel}`, { method: "POST", headers: { "x-api-key": key }, body: "1" });
    expect(await begin("house/a")).toBe(200);
    await house.reload(`${open}limits: { channels_per_key: 1, wrong_keys: 1 }\n`);
    expect([await begin("house/a"), await begin("house/b")]).toEqual([200, 413]);
    await house.reload(`${open}limits: { channels_per_key: 2, wrong_keys: 1 }\n`);
    expect([await begin("house/b"), await begin("house/c")]).toEqual([200, 413]);
    const wrong = { headers: { "x-api-key": "hw_none_none" } };
    const statuses = [1, 2, 3].map(() => house.status("/channels/house/a", wrong));
    expect(new Set(await Promise.all(statuses))).toEqual(new Set([401, 429]));
    const socket = new WebSocket(`${house.url.replace("http", "ws")}/channels/house/a`);
    const heard: string[] = [];
    socket.onmessage = ({ data }) => heard.push(String(data));
    await new Promise((resolve) => {
      socket.onopen = resolve;
    });
    await house.reload(`${open}limits: { commands: 1 }\n`);
    for (let count = 0; count < 5; count++) socket.send(`{"channel":"house/a","data":${count}}`);
    await until(() => heard.some((text) => text.includes('"code":111')), "the refusal");
    socket.close();
  });

  test("calls: a method that is there from now on, at another place later, and no longer", async () => {
    const backends = ["one", "two"].map((name) =>
      Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => Response.json({ name }) }),
    );
    const house = await new House(home).start(open);
    const { key } = (await home.json(["key", "create", "caller", "--call", "**"])) as { key: string };
    const call = async (): Promise<unknown> => {
      const headers = { ...json, "x-api-key": key };
      const response = await fetch(`${house.url}/calls/app.name`, { method: "POST", headers, body: "{}" });
      return response.status === 200 ? await response.json() : response.status;
    };
    expect(await call()).toBe(404);
    for (const [at, name] of ["one", "two"].entries()) {
      const url = `http://127.0.0.1:${backends[at]?.port}/`;
      await house.reload(`${open}calls: { "app.*": { url: "${url}" } }\n`);
      expect(await call()).toEqual({ name });
    }
    await house.reload(open);
    expect(await call()).toBe(404);
    for (const backend of backends) await backend.stop(true);
  });

  test("tokens: a secret is believed from now on, and the one before no longer", async () => {
    const house = await new House(home).start(open);
    const sign = (secret: string): Promise<string> =>
      new SignJWT({ sub: "ada", grants: { subscribe: ["news/*"] } })
        .setProtectedHeader({ alg: "HS256" })
        .setExpirationTime("5m")
        .sign(new TextEncoder().encode(secret));
    const secrets = ["the secret of an application", "another secret of an application"] as const;
    const [one, other] = [await sign(secrets[0]), await sign(secrets[1])];
    const statuses = async (): Promise<number[]> =>
      await Promise.all(
        [one, other].map((token) =>
          house.status("/channels/news/a", { headers: { authorization: `Bearer ${token}` } }),
        ),
      );
    expect(await statuses()).toEqual([401, 401]);
    await house.reload(`${open}tokens: { hmac: [${secrets[0]}] }\n`);
    expect(await statuses()).toEqual([200, 401]);
    await house.reload(`${open}tokens: { hmac: [${secrets[1]}] }\n`);
    expect(await statuses()).toEqual([401, 200]);
  });

  test("addresses: devices that are there hear at once where the gateway is found now", async () => {
    const house = await new House(home).start(open);
    const { id, key } = (await home.json(["device", "add", "hall"])) as { id: string; key: string };
    const socket = new WebSocket(`${house.url.replace("http", "ws")}/channels/$device/${id}`, {
      headers: { authorization: `Bearer ${key}` },
    } as never);
    const told = new Promise<string>((resolve) => {
      socket.onmessage = ({ data }) => String(data).includes('"connection"') && resolve(String(data));
    });
    await new Promise((resolve) => {
      socket.onopen = resolve;
    });
    const external = "addresses: { external: { http: https://push.example.org } }\n";
    expect(await house.reload(`${open}${external}`)).toMatchObject({
      changed: ["addresses.external.http"],
      needs_restart: [],
    });
    expect(JSON.parse(await told)).toMatchObject({
      data: { connection: { external: { http: "https://push.example.org", websocket: "wss://push.example.org" } } },
    });
    socket.close();
  });

  test("a Jeedom: it is read from then on, with another key it says that it is refused, and then it is gone", async () => {
    const simulator = new Simulator({ waitPollingTime: 50 }).start();
    const house = await new House(home).start(open);
    const bridge = (key: string): string =>
      `bridges: { house: { type: jeedom, url: "${simulator.url}", key: ${key} } }\n`;
    const states = async (): Promise<unknown[]> => {
      const { bridges } = (await home.json(["status"])) as { bridges: { name: string; state: string }[] };
      return bridges.map(({ name, state }) => `${name} ${state}`);
    };
    const becomes = async (...wanted: string[]): Promise<void> => {
      for (let found: unknown[] = ["?"]; !Bun.deepEquals(found, wanted); found = await states());
    };
    await house.reload(open + bridge(simulator.users.apiKey));
    await becomes("house connected");
    const commands = await house.listen("house/commands");
    expect(await commands.next()).toContain('"key":');
    await house.reload(open + bridge("nobodys"));
    await becomes("house refused");
    await house.reload(open + bridge(simulator.users.apiKey));
    await becomes("house connected");
    expect(await house.reload(open)).toMatchObject({ changed: ["bridges.house"] });
    await becomes();
    await simulator.stop();
  });
});
