/** `hearthwire doctor` before proxies that are wrong in one thing each, and before right ones. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Home, type Outcome } from "../cli/command-line.ts";
import { freePort } from "../free-port.ts";
import { TestGateway } from "../http/gateway.ts";
import { makeChain } from "./certificates.ts";
import { type ProxyOptions, startProxy } from "./proxy.ts";
import { runRecipe } from "./recipes.ts";

interface Said {
  readonly good: boolean;
  readonly findings: readonly {
    readonly what: string;
    readonly state: string;
    readonly seen: string;
    readonly change?: string;
  }[];
}

let home: Home;
let gateway: TestGateway;
let upstream: number;
const folder = mkdtempSync(join(tmpdir(), "hearthwire-doctor-"));
const ends: (() => Promise<void>)[] = [];

beforeAll(async () => {
  home = new Home();
  gateway = await TestGateway.start(
    "trusted_proxies: [127.0.0.1]\nheartbeat: 2s\nanonymous: { subscribe: [demo/**], publish: [demo/**] }\n",
  );
  upstream = Number(new URL(gateway.url).port);
});

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

afterAll(async () => {
  await home.clear();
  await gateway.stop();
  rmSync(folder, { recursive: true });
});

async function proxied(
  program: ProxyOptions["program"],
  config: (port: number) => string,
  modules: string[] = [],
): Promise<string> {
  const port = freePort();
  const proxy = await startProxy({ program, config: config(port), port, modules });
  ends.push(() => proxy.stop());
  return `localhost:${port}`;
}

/** All that the recipe has, but for what a test puts in the place of a line. */
function nginx(location: string, { to = upstream, path = "/", rest = "" } = {}): Promise<string> {
  return proxied(
    "nginx",
    (port) => `server {
  listen ${port};
  listen [::]:${port};
  ${rest}
  location ${path} {
    proxy_pass http://127.0.0.1:${to};
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    ${location}
  }
}`,
  );
}

const upgrade = "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $http_connection;";

async function doctor(url: string, ...words: string[]): Promise<Said> {
  const { code, stdout, stderr } = await home.spawn(["--json", "doctor", url, ...words]).outcome();
  const said = JSON.parse(stdout) as Said;
  expect([code, stderr]).toEqual([said.good ? 0 : 1, expect.anything()]);
  return said;
}

/** The one thing that is wrong. */
async function onlyFault(url: string, ...words: string[]): Promise<Said["findings"][number] | undefined> {
  const { findings } = await doctor(url, ...words);
  const faults = findings.filter(({ state }) => state !== "good");
  expect(faults.map(({ what }) => what)).toHaveLength(1);
  return faults[0];
}

describe("All is called good", () => {
  test.each(["nginx", "apache", "caddy"] as const)("behind %s by the recipe, below a path", async (program) => {
    const recipe = await runRecipe(program, { gateway: upstream, below: "/push" });
    ends.push(() => recipe.stop());
    const { findings, good } = await doctor(recipe.url, "--ca", recipe.ca);
    expect([findings, good]).toEqual([expect.anything(), true]);
    const tried = ["Address", "Certificate", "Gateway", "Clock", "Pages", "WebSocket", "Streams", "Silence"];
    expect(findings.map(({ what }) => what)).toEqual(tried);
  });

  test("of a gateway without a proxy, in words for a person", async () => {
    const { code, stdout } = (await home.spawn(["doctor", gateway.url, "--no-silence"]).outcome()) as Outcome;
    expect(stdout).toContain("good   Streams     events come at once\n");
    expect(code).toBe(0);
  });
});

describe("A proxy that is wrong", () => {
  test("drops the upgrade", async () => {
    expect(await onlyFault(`http://${await nginx("")}`, "--no-silence")).toMatchObject({
      what: "WebSocket",
      seen: "the gateway sees a plain request where a WebSocket should begin",
      change: expect.stringContaining("proxy_set_header Upgrade $http_upgrade;"),
    });
    const apache = await proxied(
      "apache",
      (port) =>
        `<VirtualHost *:${port}>\nProxyPreserveHost On\nProxyPass / http://127.0.0.1:${upstream}/\n</VirtualHost>`,
      ["proxy", "proxy_http"],
    );
    expect(await onlyFault(`http://${apache}`, "--no-silence")).toMatchObject({
      what: "WebSocket",
      change: expect.stringContaining("`upgrade=websocket`"),
    });
  });

  test("holds events back", async () => {
    const at = await nginx(`${upgrade} proxy_ignore_headers X-Accel-Buffering; gzip_types text/event-stream;`);
    const { findings } = await doctor(`http://${at}`);
    expect(findings.filter(({ state }) => state !== "good")).toMatchObject([
      { what: "Streams", change: expect.stringContaining("`proxy_buffering off;`") },
      { what: "Silence", state: "untested" },
    ]);
  }, 20_000);

  test("ends what is silent before the gateway's heartbeat", async () => {
    const at = await nginx(`${upgrade} proxy_read_timeout 1s;`);
    expect(await onlyFault(`http://${at}`)).toMatchObject({
      what: "Silence",
      seen: expect.stringMatching(/^a (WebSocket|stream) that is silent for 1 s is ended, before .* 2 s$/),
      change: expect.stringContaining("proxy_read_timeout 6s;"),
    });
  }, 20_000);

  test("ends what is silent hardly after it", async () => {
    const at = await nginx(`${upgrade} proxy_read_timeout 3s;`);
    expect(await onlyFault(`http://${at}`)).toMatchObject({
      what: "Silence",
      seen: expect.stringContaining("hardly after"),
    });
  }, 20_000);

  test("passes on the path whole", async () => {
    const at = await nginx(upgrade, { path: "/push/" });
    expect(await onlyFault(`http://${at}/push`)).toMatchObject({
      what: "Gateway",
      seen: "it is asked for /push/health/live, and has no such path",
      change: expect.stringContaining("location /push/ { proxy_pass http://127.0.0.1:8642/;"),
    });
  });

  test("does not reach the gateway", async () => {
    const at = await nginx(upgrade, { to: freePort() });
    expect(await onlyFault(`http://${at}`)).toMatchObject({
      what: "Gateway",
      seen: "the proxy does not reach it (502)",
    });
  });

  test("sends on to another address", async () => {
    const at = await nginx(upgrade, { rest: "return 301 https://push.example.org$request_uri;" });
    expect(await onlyFault(`http://${at}/`)).toMatchObject({
      what: "Gateway",
      change: "give clients the address https://push.example.org/",
    });
  });

  test("has the gateway elsewhere", async () => {
    const at = await nginx(upgrade, { rest: "location /push/ { return 404; }" });
    expect(await onlyFault(`http://${at}/push/`)).toMatchObject({
      what: "Gateway",
      change: `use http://${at}/: the gateway is there`,
    });
    const nothing = await nginx(upgrade, { path: "/none", rest: "root /nonexistent;" });
    expect(await onlyFault(`http://${nothing}/`)).toMatchObject({
      what: "Gateway",
      seen: "something else answers here (404)",
    });
  });

  test("does not pass on Host", async () => {
    const at = await nginx(`${upgrade} proxy_set_header Host wrong.example;`);
    expect(await onlyFault(`http://${at}`, "--no-silence")).toMatchObject({
      what: "Pages",
      change: expect.stringContaining("`proxy_set_header Host $http_host;`"),
    });
  });

  test("has another time", async () => {
    const late = createServer(({ url = "" }, answer) => {
      answer.sendDate = false;
      answer.writeHead(url === "/health/live" ? 200 : 404, { date: new Date(Date.now() - 3_600_000).toUTCString() });
      answer.end('{"live":true}');
    });
    await new Promise<void>((resolve) => late.listen(0, "localhost", resolve));
    ends.push(async () => void late.close());
    const { port } = late.address() as AddressInfo;
    const { findings } = await doctor(`http://localhost:${port}`, "--no-silence");
    expect(findings.find(({ what }) => what === "Clock")).toMatchObject({
      state: "wrong",
      seen: expect.stringMatching(/^it is 3(599|600|601) s behind this machine's$/),
    });
  }, 20_000);

  test("is not there", async () => {
    expect(await onlyFault(`http://localhost:${freePort()}`)).toMatchObject({
      what: "Address",
      seen: expect.stringContaining("refuses connections"),
    });
    expect(await onlyFault("https://nobody.invalid")).toMatchObject({
      what: "Address",
      seen: expect.stringContaining("nobody knows"),
    });
    expect(await onlyFault(gateway.url.replace("http", "https"))).toMatchObject({
      what: "Address",
      seen: expect.stringContaining("ends the connection"),
    });
  });
});

describe("A certificate that is wrong", () => {
  async function served(options: Parameters<typeof makeChain>[1], which: "cert" | "fullchain" = "fullchain") {
    const own = mkdtempSync(join(folder, "chain-"));
    const chain = makeChain(own, options);
    const log = join(own, "credentials.log");
    const url = await proxied(
      "nginx",
      (port) => `log_format credentials "$http_authorization$http_x_api_key";
server {
  listen ${port} ssl;
  listen [::]:${port} ssl;
  ssl_certificate ${chain[which]};
  ssl_certificate_key ${chain.privkey};
  access_log ${log} credentials;
  location / { proxy_pass http://127.0.0.1:${upstream}; proxy_http_version 1.1; proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-Proto https; ${upgrade} }
}`,
    );
    return { url: `https://${url}`, ca: chain.root, log };
  }

  test.each([
    ["is for another name", { name: "push.example.org" }, "it is for push.example.org, not for localhost"],
    ["is over", { from: -90, until: -1 }, "it is over"],
    ["is not good yet", { from: 1 }, "it is not good yet"],
    ["should have been renewed", { from: -80, until: 10 }, "it ends on"],
  ] as const)("because it %s", async (_, options, seen) => {
    const { url, ca } = await served(options);
    expect(await onlyFault(url, "--no-silence", "--ca", ca)).toMatchObject({
      what: "Certificate",
      seen: expect.stringContaining(seen),
    });
  });

  test("because the one in between is missing; with it, all is good", async () => {
    const half = await served({}, "cert");
    expect(await onlyFault(half.url, "--no-silence", "--ca", half.ca)).toMatchObject({
      what: "Certificate",
      change: expect.stringContaining("fullchain.pem"),
    });
    const whole = await served({});
    expect((await doctor(whole.url, "--no-silence", "--ca", whole.ca)).good).toBe(true);
  });

  test("gets no key shown, since anybody may have made it; a good one does", async () => {
    const { body } = await gateway.ask("/admin/keys", {
      method: "POST",
      key: gateway.admin,
      body: { name: "doctor", grants: { subscribe: ["**"], publish: ["**"] } },
    });
    const { key } = body as { key: string };
    const { url, ca, log } = await served({});
    await doctor(url, "--no-silence", "--key", key);
    expect(await Bun.file(log).text()).not.toContain(key);
    expect((await doctor(url, "--no-silence", "--key", key, "--ca", ca)).good).toBe(true);
    expect(await Bun.file(log).text()).toContain(key);
  });
});

test("Without rights, streams are told to be untested, and what is needed", async () => {
  const { findings, good } = await doctor(gateway.url, "--channel", "secret/things");
  expect(good).toBe(false);
  expect(findings.filter(({ state }) => state !== "good")).toMatchObject([
    { what: "Streams", state: "untested", change: expect.stringContaining("HEARTHWIRE_KEY") },
    { what: "Silence", state: "untested" },
  ]);
}, 10_000);
