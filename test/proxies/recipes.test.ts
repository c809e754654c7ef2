/** The recipes of docs/proxies.md, run by the real proxies, with real clients through them. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { parseConfig } from "../../src/config/load.ts";
import { TestGateway } from "../http/gateway.ts";
import { clients, type Listening } from "../protocols/channel-url/clients.ts";
import { until } from "../transports/raw-client.ts";
import { idleTimes, type RunningRecipe, runRecipe } from "./recipes.ts";

const long = process.env["HEARTHWIRE_LONG"] === "1";
const programs = ["nginx", "apache", "caddy"] as const;
const places = ["", "/push"] as const;

const open = "anonymous: { subscribe: [demo/**], publish: [demo/**] }\n";
/** Longer than any test, so that no heartbeat pushes out what a proxy holds back. */
const silent = "heartbeat: 10m\n";

function asked(
  { url, ca }: RunningRecipe,
  path: string,
  init: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Response> {
  const headers = { "content-type": "application/json", ...init.headers };
  return fetch(`${url}${path}`, { ...init, headers, redirect: "manual", tls: { ca: readFileSync(ca, "utf8") } });
}

describe.each(programs.flatMap((program) => places.map((below) => [program, below] as const)))(
  "By %s at '%s'",
  (program, below) => {
    let gateway: TestGateway;
    let recipe: RunningRecipe;

    beforeAll(async () => {
      gateway = await TestGateway.start(`${open}${silent}trusted_proxies: [127.0.0.1]\n`);
      recipe = await runRecipe(program, { gateway: Number(new URL(gateway.url).port), below });
    });

    afterAll(async () => {
      await recipe?.stop();
      await gateway.stop();
    });

    const publish = async (data: unknown): Promise<void> => {
      const body = JSON.stringify(data);
      const response = await asked(recipe, "/channels/demo/proxied", { method: "POST", body });
      expect(response.status).toBe(200);
    };

    /** Apache looks at the client of a stream only when it has something for it. */
    const noticed = async (): Promise<void> => {
      const gone = (): boolean => gateway.gateway.status().sessions === 0;
      for (let tries = 0; program === "apache" && tries < 100 && !gone(); tries++) {
        await publish({ tries });
        await Bun.sleep(5);
      }
      await until(gone, "the end of its session");
    };

    test.each(clients.map((client) => [client.name, client] as const))(
      "what is published is heard at once, one by one, by %s, and its leaving is noticed",
      async (_, client) => {
        const listening = await client.listen(recipe, "/channels/demo/proxied", { ca: recipe.ca });
        await listening.isLive();
        for (const at of [1, 2, 3]) {
          await publish({ at });
          await listening.hearsPublications(at);
        }
        expect(listening.data).toEqual([{ at: 1 }, { at: 2 }, { at: 3 }]);
        listening.leave();
        await noticed();
      },
    );

    test("a poll is answered by the publication that it waits for", async () => {
      const { cursor } = (await (await asked(recipe, "/channels/demo/proxied")).json()) as { cursor: string };
      const waiting = asked(recipe, `/channels/demo/proxied?since=${cursor}&wait=60`);
      await until(() => gateway.gateway.status().sessions === 1, "the waiting poll");
      await publish("polled");
      expect(await (await waiting).json()).toMatchObject({ publications: [{ data: "polled" }] });
    });

    test("a body of 4 MiB comes through, and what the gateway says to so large a publication", async () => {
      const refused = await asked(recipe, "/channels/demo/large", {
        method: "POST",
        body: "1".padStart(4 * 1024 * 1024),
      });
      expect([refused.status, await refused.json()]).toMatchObject([413, { error: { code: 106 } }]);
    });

    test("names with letters of any script, percents and encoded slashes stay what they are", async () => {
      for (const name of ["k%C3%BCche", "a%25b", "plus+plus", "c%2Fd"]) {
        const straight = await gateway.ask(`/channels/demo/${name}`, { method: "POST", body: 1 });
        const proxied = await asked(recipe, `/channels/demo/${name}`, { method: "POST", body: "2" });
        const { channel } = straight.body as { channel: string };
        expect([name, await proxied.json()]).toMatchObject([name, { channel, offset: 2 }]);
      }
    });

    test("the page comes with all that it needs, and speaks with the gateway as its own", async () => {
      const page = `${below}/`;
      if (below !== "") {
        const { status, headers } = await asked({ ...recipe, url: new URL(recipe.url).origin }, below);
        expect([status, new URL(headers.get("location") ?? "", recipe.url).pathname]).toEqual([308, page]);
      }
      const html = await (await asked(recipe, "/")).text();
      const links = Array.from(html.matchAll(/(?:href|src)="([^"#]+)"/g), ([, link = ""]) => link);
      expect(links.length).toBeGreaterThan(2);
      for (const link of links) {
        const { pathname } = new URL(link, `${recipe.url}/`);
        expect(pathname).toStartWith(page);
        expect([link, (await asked(recipe, pathname.slice(below.length))).status]).toEqual([link, 200]);
      }
      const { origin } = new URL(recipe.url);
      const own = await asked(recipe, "/channels/demo/proxied", { headers: { origin } });
      expect([own.status, own.headers.get("access-control-allow-origin")]).toEqual([200, origin]);
      const strange = await asked(recipe, "/channels/demo/proxied", { headers: { origin: "https://evil.example" } });
      expect(strange.status).toBe(403);
    });
  },
);

describe.each(programs)("Whose address it is, behind %s", (program) => {
  const visitor = "127.0.0.2";
  let gateway: TestGateway;
  let careless: TestGateway;
  let recipe: RunningRecipe;
  let unbelieved: RunningRecipe;

  beforeAll(async () => {
    const only = `anonymous: { subscribe: [demo/**] }\nprotocols: { channel-url: { open_to: [${visitor}] } }\n`;
    gateway = await TestGateway.start(`${only}trusted_proxies: [127.0.0.1]\n`);
    careless = await TestGateway.start(only);
    const before = ({ url }: TestGateway): Promise<RunningRecipe> =>
      runRecipe(program, { gateway: Number(new URL(url).port), below: "" });
    recipe = await before(gateway);
    unbelieved = await before(careless);
  });

  afterAll(async () => {
    await Promise.all([recipe?.stop(), unbelieved?.stop()]);
    await Promise.all([gateway.stop(), careless.stop()]);
  });

  /** The status of a poll that comes from an address of this machine. */
  const statusFrom = async (address: string, url: string, headers: readonly string[] = []): Promise<number> => {
    const told = headers.flatMap((header) => ["-H", header]);
    const curl = Bun.spawn(
      [
        "curl",
        "-4ks",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        "--interface",
        address,
        ...told,
        `${url}/channels/demo/a`,
      ],
      { stdout: "pipe" },
    );
    return Number(await new Response(curl.stdout).text());
  };

  test("the visitor's own is believed from a trusted proxy, not the proxy's", async () => {
    expect(await statusFrom(visitor, recipe.url)).toBe(200);
    expect(await statusFrom("127.0.0.3", recipe.url)).toBe(401);
  });

  test("one that the visitor made up is not believed, neither through the proxy nor past it", async () => {
    for (const forged of [
      `X-Forwarded-For: ${visitor}`,
      `X-Forwarded-For: ${visitor}, 127.0.0.1`,
      `Forwarded: for=${visitor}`,
    ])
      for (const url of [recipe.url, gateway.url.replace("localhost", "127.0.0.1")])
        expect([forged, url, await statusFrom("127.0.0.3", url, [forged])]).toEqual([forged, url, 401]);
  });

  test("nobody's is believed from a proxy that is not trusted", async () => {
    expect(await statusFrom(visitor, unbelieved.url)).toBe(401);
    expect(await statusFrom(visitor, careless.url.replace("localhost", "127.0.0.1"))).toBe(200);
  });
});

describe.each(programs)("A silent connection through %s", (program) => {
  // The long runs wait as long as the recipe says, the short ones a twelfth of it: a busy machine may be late by seconds.
  const times = long ? { heartbeat: 25, idle: undefined } : { heartbeat: 2, idle: 6 };
  const silence = times.heartbeat * 5000;

  test("may be silent for longer than two heartbeats, and than a poll may wait", () => {
    const heartbeat = parseConfig({ text: "data: /x\nunix_socket: false\n" }).heartbeat / 1000;
    const times = idleTimes(program);
    expect(times.length > 0).toBe(program !== "caddy");
    for (const time of times) {
      expect(time).toBeGreaterThan(2 * heartbeat);
      expect(time).toBeGreaterThan(60);
    }
  });

  test(
    "lives by its heartbeats for longer than the proxy waits",
    async () => {
      const gateway = await TestGateway.start(`${open}heartbeat: ${times.heartbeat}s\n`);
      const { idle } = times;
      const recipe = await runRecipe(program, {
        gateway: Number(new URL(gateway.url).port),
        below: "",
        ...(idle === undefined ? {} : { idle }),
      });
      const heard: Listening[] = await Promise.all(
        clients.map((client) => client.listen(recipe, "/channels/demo/silent", { ca: recipe.ca })),
      );
      for (const listening of heard) await listening.isLive();
      // Silence itself is what is tested: nothing can be waited for but time.
      await Bun.sleep(silence);
      await asked(recipe, "/channels/demo/silent", { method: "POST", body: "1" });
      for (const listening of heard) {
        await listening.hearsPublications(1);
        expect(listening.ended).toBeUndefined();
        listening.leave();
      }
      await recipe.stop();
      await gateway.stop();
    },
    silence + 20_000,
  );
});
